// Opening the store: schema and key check.
#include "control/store/store.h"

#include <iterator>

#include "absl/strings/str_cat.h"

namespace sluice::store {
namespace {

constexpr int64_t kApplicationId = 0x534c5547;  // "SLUG"
constexpr int64_t kSchemaVersion = 3;
constexpr char kKeyCheck[] = "sluice key check";

// Static routes have rows of their own, so that a change is a delta; a set is
// filled unseen and becomes the tenant's by one update of `tenant.static_set`.
constexpr char kSchema[] = R"(
CREATE TABLE gateway (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  generation INTEGER NOT NULL, update_us INTEGER NOT NULL, spec BLOB NOT NULL);
CREATE TABLE tenant (
  uid INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
  generation INTEGER NOT NULL, create_us INTEGER NOT NULL, update_us INTEGER NOT NULL,
  manager TEXT NOT NULL, diverged INTEGER NOT NULL, vrf INTEGER NOT NULL,
  spec BLOB NOT NULL, static_version INTEGER NOT NULL, static_set INTEGER NOT NULL);
CREATE TABLE connection (
  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE, name TEXT NOT NULL, position INTEGER NOT NULL,
  connection INTEGER NOT NULL, interface INTEGER NOT NULL, policer_in INTEGER NOT NULL, policer_out INTEGER NOT NULL,
  spec BLOB NOT NULL, PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE number (
  kind INTEGER NOT NULL, value INTEGER NOT NULL, released_us INTEGER, PRIMARY KEY (kind, value)) WITHOUT ROWID;
CREATE TABLE secret (
  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE, path TEXT NOT NULL, version INTEGER NOT NULL,
  sealed BLOB, PRIMARY KEY (tenant, path)) WITHOUT ROWID;
CREATE TABLE static_set (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL);
CREATE TABLE static_route (
  static_set INTEGER NOT NULL, prefix BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (static_set, prefix)) WITHOUT ROWID;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time_us INTEGER NOT NULL, who TEXT NOT NULL, method TEXT NOT NULL,
  object TEXT NOT NULL, tenant TEXT NOT NULL, changes TEXT NOT NULL, result TEXT NOT NULL,
  break_glass INTEGER NOT NULL);
CREATE INDEX audit_of_tenant ON audit (tenant, id);
CREATE TABLE key_check (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL);
CREATE TABLE underlay_interface (name TEXT NOT NULL PRIMARY KEY, interface INTEGER NOT NULL) WITHOUT ROWID;
)";

// Of virtual networks; a mapping set is filled unseen like a static set. Since schema 3.
constexpr char kVirtualNetworkSchema[] = R"(
CREATE TABLE virtual_network (
  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE, name TEXT NOT NULL,
  mappings_version INTEGER NOT NULL, mapping_set INTEGER NOT NULL, PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE virtual_subnet (
  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE, virtual_network TEXT NOT NULL, name TEXT NOT NULL,
  interface INTEGER NOT NULL, PRIMARY KEY (tenant, virtual_network, name)) WITHOUT ROWID;
CREATE TABLE mapping_set (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL);
CREATE TABLE mapping (
  mapping_set INTEGER NOT NULL, prefix BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (mapping_set, prefix)) WITHOUT ROWID;
)";

// kUpgrades[i] leads from schema i + 1 to the next.
constexpr const char* kUpgrades[] = {
    "CREATE TABLE underlay_interface (name TEXT NOT NULL PRIMARY KEY, interface INTEGER NOT NULL) WITHOUT "
    "ROWID",
    kVirtualNetworkSchema,
};
static_assert(std::size(kUpgrades) == kSchemaVersion - 1);

int64_t Pragma(Database& database, const char* sql) {
  Statement statement(database, sql);
  return statement.Step() ? statement.Integer(0) : 0;
}

absl::Status Create(Database& database, const Sealing& sealing) {
  Transaction transaction(database);
  database.Execute(kSchema);
  database.Execute(kVirtualNetworkSchema);
  database.Execute(
      absl::StrCat("PRAGMA application_id=", kApplicationId, "; PRAGMA user_version=", kSchemaVersion)
          .c_str());
  Statement(database, "INSERT INTO key_check VALUES (1, ?)")
      .BindBlob(sealing.Seal(kKeyCheck, "key check"))
      .Run();
  return transaction.Commit();
}

bool FitsKey(Database& database, const Sealing& sealing) {
  Statement statement(database, "SELECT sealed FROM key_check");
  return statement.Step() && sealing.Unseal(statement.Blob(0), "key check") == kKeyCheck;
}

absl::Status CheckKey(Database& database, const Sealing& sealing, const std::string& key_file) {
  if (FitsKey(database, sealing)) return absl::OkStatus();
  if (!database.error().ok()) return database.TakeError();
  return absl::FailedPreconditionError(
      absl::StrCat("key file ", key_file, " is not the one that ", database.path(),
                   " was sealed with; restore it from the backup, or run once with --forget-secrets"));
}

// True: it is empty. An error when it is not this program's.
absl::StatusOr<bool> IsFresh(Database& database) {
  const int64_t version = Pragma(database, "PRAGMA user_version");
  const int64_t application = Pragma(database, "PRAGMA application_id");
  const int64_t tables = Pragma(database, "SELECT count(*) FROM sqlite_schema");
  if (!database.error().ok()) return database.TakeError();
  if (version == 0 && application == 0 && tables == 0) return true;
  if (application != kApplicationId)
    return absl::FailedPreconditionError(
        absl::StrCat(database.path(), " is not a state database of sluice-gateway"));
  if (version < 1 || version > kSchemaVersion)
    return absl::FailedPreconditionError(absl::StrCat("state database ", database.path(), " has schema ",
                                                      version, "; this program knows 1 to ", kSchemaVersion));
  return false;
}

// A database of an older program becomes one of this, all or nothing.
absl::Status Upgrade(Database& database) {
  const int64_t version = Pragma(database, "PRAGMA user_version");
  if (version == kSchemaVersion) return absl::OkStatus();
  Transaction transaction(database);
  for (int64_t from = version; from < kSchemaVersion; ++from)
    database.Execute(kUpgrades[static_cast<size_t>(from - 1)]);
  database.Execute(absl::StrCat("PRAGMA user_version=", kSchemaVersion).c_str());
  return transaction.Commit();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& database_file,
                                                   const std::string& key_file) {
  auto database = Database::Open(database_file);
  if (!database.ok()) return database.status();
  const auto fresh = IsFresh(**database);
  if (!fresh.ok()) return fresh.status();
  auto sealing = *fresh ? Sealing::OpenOrCreate(key_file) : Sealing::Open(key_file);
  // A new key would open nothing of what is stored, and look like the one that does.
  if (absl::IsNotFound(sealing.status()))
    return absl::FailedPreconditionError(
        absl::StrCat(sealing.status().message(), ", and ", database_file,
                     " was sealed with it; restore it from the backup, or run once with --forget-secrets"));
  if (!sealing.ok()) return sealing.status();
  const absl::Status status =
      *fresh ? Create(**database, *sealing) : CheckKey(**database, *sealing, key_file);
  if (!status.ok()) return status;
  if (absl::Status upgraded = Upgrade(**database); !upgraded.ok()) return upgraded;
  return std::unique_ptr<Store>(new Store(*std::move(database), *std::move(sealing)));
}

absl::StatusOr<int64_t> Store::ForgetSecrets(const std::string& database_file, const std::string& key_file) {
  auto database = Database::Open(database_file);
  if (!database.ok()) return database.status();
  const auto fresh = IsFresh(**database);
  if (!fresh.ok()) return fresh.status();
  if (*fresh)
    return absl::FailedPreconditionError(absl::StrCat(database_file, " is empty: nothing is sealed"));
  const auto sealing = Sealing::OpenOrCreate(key_file);
  if (!sealing.ok()) return sealing.status();
  if (FitsKey(**database, *sealing))
    return absl::FailedPreconditionError(
        absl::StrCat("key file ", key_file, " opens the secrets of ", database_file, ": nothing to forget"));
  Transaction transaction(**database);
  (*database)->Execute("UPDATE secret SET sealed = NULL, version = version + 1 WHERE sealed IS NOT NULL");
  const int64_t forgotten = (*database)->Changes();
  Statement(**database, "INSERT OR REPLACE INTO key_check VALUES (1, ?)")
      .BindBlob(sealing->Seal(kKeyCheck, "key check"))
      .Run();
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  return forgotten;
}

}  // namespace sluice::store
