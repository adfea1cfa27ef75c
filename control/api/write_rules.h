// The rules every write obeys: one manager per tenant, etags, overwrite, break
// glass; and its audit event.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "control/api/desired_state.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::api {

// "contoso" of "contoso" or "tenants/contoso"; `list` is "tenants".
std::string LabelOf(std::string_view list, std::string_view name);

// Others than the manager need break_glass. PERMISSION_DENIED names the manager.
absl::Status CheckManager(const TenantRecord& record, const gateway::v1::WriteOptions& options,
                          const std::string& who);
// A given etag must be the stored one; without one, replacing needs `overwrite`.
// `record` is nullptr when there is no such tenant.
absl::Status CheckEtag(const TenantRecord* record, const std::string& object, const std::string& etag,
                       bool replaces, const gateway::v1::WriteOptions& options);

// What is written down about a write. `changes` must not contain secrets.
struct AuditEntry {
  std::string who;
  std::string method;
  std::string object;
  std::string tenant;
  std::vector<std::string> changes;
  bool break_glass = false;
};
// Inside the write's own transaction.
void Audit(DesiredState& state, const AuditEntry& entry);
// A write that was refused, in a transaction of its own; its failure does not
// change the answer.
void AuditRefusal(DesiredState& state, AuditEntry entry, const absl::Status& refusal);

}  // namespace sluice::api
