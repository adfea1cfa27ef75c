// Writes of tenants: who may, on which precondition, what it would do, and the
// one transaction that does it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "control/api/secret_changes.h"
#include "control/api/write_rules.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::api {

// Core thread only. `who` is the caller's mTLS identity, or "local". Every
// write is audited with its result, except dry runs.
class TenantWrites {
 public:
  explicit TenantWrites(DesiredState& state) : state_(state) {}

  absl::StatusOr<gateway::v1::TenantWriteResult> Put(gateway::v1::PutTenantRequest request,
                                                     const std::string& who);
  absl::StatusOr<gateway::v1::TenantWriteResult> PutConnection(gateway::v1::PutConnectionRequest request,
                                                               const std::string& who);
  absl::StatusOr<gateway::v1::TenantWriteResult> DeleteConnection(
      const gateway::v1::DeleteConnectionRequest& request, const std::string& who);
  absl::StatusOr<gateway::v1::DeleteTenantResponse> Delete(const gateway::v1::DeleteTenantRequest& request,
                                                           const std::string& who);

 private:
  // One write of a whole spec, however it came about.
  struct Wanted {
    std::string method;
    std::string tenant;
    std::string object;  // resource name for the audit
    std::string etag;
    // The request replaces something that is there.
    bool replaces = false;
    gateway::v1::TenantSpec spec;  // may carry secrets
    gateway::v1::WriteOptions options;
  };
  absl::StatusOr<gateway::v1::TenantWriteResult> Write(Wanted wanted, const std::string& who);
  absl::Status Commit(const Wanted& wanted, const std::string& who, AuditEntry entry,
                      const SecretChanges& secrets, tenant::ValidatedTenant validated,
                      const gateway::v1::TenantWriteResult& result);

  DesiredState& state_;
};

}  // namespace sluice::api
