// The one place that calls SQLite.
#include "control/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "proto/net/check.h"

namespace sluice::store {
namespace {

absl::StatusCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status FileError(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("state database ", path, ": ", std::strerror(errno)));
}

// Secrets may be in the file: nobody else reads it, whatever the umask is. The
// lock keeps a second instance out and lets sqlite3's own backup in. The
// descriptor must stay open for as long as SQLite has the file open: closing any
// descriptor of a file drops the POSIX locks that SQLite holds on it.
absl::StatusOr<int> LockPrivately(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return FileError(path);
  absl::Status status;
  if (fchmod(fd, 0600) != 0) status = FileError(path);
  if (status.ok() && flock(fd, LOCK_EX | LOCK_NB) != 0)
    status =
        errno == EWOULDBLOCK
            ? absl::UnavailableError(absl::StrCat("state database ", path, " is in use by another process"))
            : FileError(path);
  if (status.ok()) return fd;
  close(fd);
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  const auto lock = LockPrivately(path);
  if (!lock.ok()) return lock.status();
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(path, handle, *lock));
  if (code != SQLITE_OK) {
    database->Remember(code);
    return database->TakeError();
  }
  sqlite3_extended_result_codes(handle, 1);
  // A backup by another process holds locks for moments only.
  constexpr int kBusyMs = 2000;
  sqlite3_busy_timeout(handle, kBusyMs);
  database->Execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;"
      "PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY; BEGIN IMMEDIATE; COMMIT");
  if (!database->error_.ok()) return database->TakeError();
  return database;
}

Database::~Database() {
  sqlite3_close(handle_);
  close(lock_fd_);
}

void Database::Remember(int code) {
  if (!error_.ok()) return;
  error_ = absl::Status(CodeOf(code),
                        absl::StrCat("state database ", path_, ": ",
                                     handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory"));
}

void Database::Execute(const char* sql) {
  if (!error_.ok()) return;
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Remember(code);
}

absl::Status Database::TakeError() {
  absl::Status error = std::move(error_);
  error_ = absl::OkStatus();
  return error;
}

int64_t Database::LastInsertId() const {
  return sqlite3_last_insert_rowid(handle_);
}
int64_t Database::Changes() const {
  return sqlite3_changes64(handle_);
}

Statement::Statement(Database& database, const char* sql) : database_(database) {
  if (!database_.error_.ok()) return;
  const int code = sqlite3_prepare_v2(database_.handle_, sql, -1, &handle_, nullptr);
  if (code != SQLITE_OK) database_.Remember(code);
  SLUICE_CHECK((code & 0xff) != SQLITE_ERROR);
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Statement& Statement::Bind(int64_t value) {
  if (handle_ != nullptr) SLUICE_CHECK(sqlite3_bind_int64(handle_, next_++, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::Bind(std::string_view text) {
  if (handle_ != nullptr)
    SLUICE_CHECK(sqlite3_bind_text64(handle_, next_++, text.data(), text.size(), SQLITE_TRANSIENT,
                                     SQLITE_UTF8) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindBlob(std::string_view bytes) {
  // A null pointer would be NULL, not an empty blob.
  const char* at = bytes.empty() ? "" : bytes.data();
  if (handle_ != nullptr)
    SLUICE_CHECK(sqlite3_bind_blob64(handle_, next_++, at, bytes.size(), SQLITE_TRANSIENT) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindNull() {
  if (handle_ != nullptr) SLUICE_CHECK(sqlite3_bind_null(handle_, next_++) == SQLITE_OK);
  return *this;
}

bool Statement::Step() {
  if (handle_ == nullptr || !database_.error_.ok()) return false;
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.Remember(code);
  return false;
}

void Statement::Run() {
  while (Step()) {
  }
  Reset();
}

void Statement::Reset() {
  if (handle_ != nullptr) sqlite3_reset(handle_);
  next_ = 1;
}

int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string Statement::Text(int column) const {
  return std::string(Blob(column));
}

std::string_view Statement::Blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, sqlite3_column_bytes(handle_, column));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

Transaction::Transaction(Database& database) : database_(database), outermost_(database.depth_ == 0) {
  ++database_.depth_;
  if (outermost_) database_.error_ = absl::OkStatus();
  database_.Execute(outermost_ ? "BEGIN IMMEDIATE" : "SAVEPOINT part");
}

Transaction::~Transaction() {
  if (!open_) return;
  RollBack();
  --database_.depth_;
  if (outermost_) database_.error_ = absl::OkStatus();
}

void Transaction::RollBack() {
  // The innermost savepoint of a name is meant where there are several.
  const char* sql = outermost_ ? "ROLLBACK" : "ROLLBACK TO part; RELEASE part";
  sqlite3_exec(database_.handle_, sql, nullptr, nullptr, nullptr);
}

absl::Status Transaction::Commit() {
  SLUICE_CHECK(open_);
  // After an error there is nothing to keep.
  if (database_.error_.ok()) database_.Execute(outermost_ ? "COMMIT" : "RELEASE part");
  open_ = false;
  --database_.depth_;
  if (database_.error_.ok()) return absl::OkStatus();
  RollBack();
  // What failed inside fails the whole, unless its opener rolls it back.
  return outermost_ ? database_.TakeError() : database_.error_;
}

}  // namespace sluice::store
