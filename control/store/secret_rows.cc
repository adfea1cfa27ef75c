// SQL of secrets. A removed one leaves its version behind, without a value.
#include "control/store/secret_rows.h"

#include <openssl/crypto.h>

#include "absl/strings/str_cat.h"

namespace sluice::store {
namespace {

std::string BoundTo(int64_t tenant_uid, std::string_view path) {
  return absl::StrCat("tenant ", tenant_uid, " ", std::string(path));
}

}  // namespace

std::map<std::string, uint64_t> SecretVersions(Database& database, int64_t tenant_uid) {
  std::map<std::string, uint64_t> versions;
  Statement select(database, "SELECT path, version FROM secret WHERE tenant = ? AND sealed IS NOT NULL");
  select.Bind(tenant_uid);
  while (select.Step()) versions[select.Text(0)] = static_cast<uint64_t>(select.Integer(1));
  return versions;
}

std::optional<std::string> LoadSecret(Store& store, int64_t tenant_uid, std::string_view path) {
  Statement select(store.database(),
                   "SELECT sealed FROM secret WHERE tenant = ? AND path = ? AND sealed IS NOT NULL");
  select.Bind(tenant_uid).Bind(path);
  if (!select.Step()) return std::nullopt;
  return store.sealing().Unseal(select.Blob(0), BoundTo(tenant_uid, path));
}

bool SaveSecret(Store& store, int64_t tenant_uid, std::string_view path, std::string_view value) {
  auto stored = LoadSecret(store, tenant_uid, path);
  const bool equal = stored && stored->size() == value.size() &&
                     CRYPTO_memcmp(stored->data(), value.data(), value.size()) == 0;
  if (stored) OPENSSL_cleanse(stored->data(), stored->size());
  if (equal) return false;
  Statement(store.database(),
            "INSERT INTO secret VALUES (?, ?, 1, ?) "
            "ON CONFLICT (tenant, path) DO UPDATE SET version = version + 1, sealed = excluded.sealed")
      .Bind(tenant_uid)
      .Bind(path)
      .BindBlob(store.sealing().Seal(value, BoundTo(tenant_uid, path)))
      .Run();
  return true;
}

bool RemoveSecret(Store& store, int64_t tenant_uid, std::string_view path) {
  Statement(store.database(),
            "UPDATE secret SET sealed = NULL, version = version + 1 WHERE tenant = ? AND path = ? AND sealed "
            "IS NOT NULL")
      .Bind(tenant_uid)
      .Bind(path)
      .Run();
  return store.database().Changes() != 0;
}

}  // namespace sluice::store
