// What a write does to the secrets of a tenant.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/store/store.h"
#include "control/tenant/findings.h"
#include "control/tenant/secrets.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::api {

struct SecretChanges {
  std::vector<tenant::CarriedSecret> save;
  std::vector<std::string> remove;

  bool empty() const { return save.empty() && remove.empty(); }
};

// Compares what a request carries with what is stored (`tenant_uid` 0: nothing).
// Equal values are no change; a secret that the request needs and nobody ever
// gave is a finding; secrets of parts that are gone are removed.
SecretChanges PlanSecrets(store::Store& store, int64_t tenant_uid,
                          const std::map<std::string, uint64_t>& stored, const gateway::v1::TenantSpec& spec,
                          std::vector<tenant::CarriedSecret> carried, tenant::Findings& findings);

// Inside the write's transaction.
void ApplySecrets(store::Store& store, int64_t tenant_uid, const SecretChanges& changes);

}  // namespace sluice::api
