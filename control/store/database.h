// SQLite as values: a database, its statements, and a transaction that rolls
// back unless it is committed. Errors stick to the database until the
// transaction ends, so that callers check once, at Commit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::store {

// Not thread-safe: one thread at a time.
class Database {
 public:
  // Opens or creates the file with mode 0600, in WAL mode with synchronous=FULL
  // and secure_delete. A second instance is kept out; a backup is not.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that answer nothing; an error sticks.
  void Execute(const char* sql);
  // The first error since the last BeginTransaction or TakeError.
  const absl::Status& error() const { return error_; }
  absl::Status TakeError();
  int64_t LastInsertId() const;
  int64_t Changes() const;
  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  friend class Transaction;
  Database(std::string path, sqlite3* handle, int lock_fd)
      : path_(std::move(path)), handle_(handle), lock_fd_(lock_fd) {}
  void Remember(int code);

  std::string path_;
  sqlite3* handle_;
  int lock_fd_;
  int depth_ = 0;  // of transactions
  absl::Status error_;
};

class Statement {
 public:
  // `sql` is one of ours, so failing to prepare it is an invariant broken
  // (unless the file is damaged, which sticks as an error).
  Statement(Database& database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Parameters are bound in order, from the first after each Reset.
  Statement& Bind(int64_t value);
  Statement& Bind(std::string_view text);
  Statement& BindBlob(std::string_view bytes);
  Statement& BindNull();

  // The next row; false at the end or after an error.
  bool Step();
  // Steps to the end and makes the statement ready for the next parameters.
  void Run();
  void Reset();

  int64_t Integer(int column) const;
  std::string Text(int column) const;
  // Borrowed until the next Step.
  std::string_view Blob(int column) const;
  bool IsNull(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int next_ = 1;
};

// Inside another one it is a part of that: it can still fail and be rolled back alone, and
// what it commits is durable, or gone, with the outermost. They end in the reverse order.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Durable when it answers OK and is the outermost; otherwise nothing of it happened.
  [[nodiscard]] absl::Status Commit();

 private:
  void RollBack();

  Database& database_;
  const bool outermost_;
  bool open_ = true;
};

}  // namespace sluice::store
