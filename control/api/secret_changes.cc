// Planning of secret changes.
#include "control/api/secret_changes.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/store/secret_rows.h"

namespace sluice::api {
namespace {

// "connections/los-angeles/" and "bgp_router.peers/p/" belong to parts of the spec.
bool PartExists(const gateway::v1::TenantSpec& spec, std::string_view path) {
  const auto has_name = [](const auto& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](const auto& each) { return each.name() == name; });
  };
  const std::vector<std::string> steps = absl::StrSplit(std::string(path), '/');
  if (steps.size() == 3 && steps[0] == "connections") return has_name(spec.connections(), steps[1]);
  if (steps.size() == 3 && steps[0] == "bgp_router.peers")
    return has_name(spec.bgp_router().peers(), steps[1]);
  return true;
}

}  // namespace

SecretChanges PlanSecrets(store::Store& store, int64_t tenant_uid,
                          const std::map<std::string, uint64_t>& stored, const gateway::v1::TenantSpec& spec,
                          std::vector<tenant::CarriedSecret> carried, tenant::Findings& findings) {
  SecretChanges changes;
  std::set<std::string> given;
  for (tenant::CarriedSecret& secret : carried) {
    given.insert(secret.path);
    if (secret.value.empty()) {
      if (stored.contains(secret.path)) changes.remove.push_back(secret.path);
    } else if (!stored.contains(secret.path) ||
               store::LoadSecret(store, tenant_uid, secret.path) != secret.value) {
      changes.save.push_back(std::move(secret));
    }
  }
  for (const std::string& path : tenant::SecretPaths(spec))
    if (!given.contains(path) && !stored.contains(path))
      findings.Invalid({absl::StrCat("spec.", path), ""},
                       "no value is stored for this secret; accepted: a value, or leaving the field out");
  for (const auto& [path, version] : stored)
    if (!PartExists(spec, path)) changes.remove.push_back(path);
  return changes;
}

void ApplySecrets(store::Store& store, int64_t tenant_uid, const SecretChanges& changes) {
  for (const tenant::CarriedSecret& secret : changes.save)
    store::SaveSecret(store, tenant_uid, secret.path, secret.value);
  for (const std::string& path : changes.remove) store::RemoveSecret(store, tenant_uid, path);
}

}  // namespace sluice::api
