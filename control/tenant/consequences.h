// What changes between two specs, in words: the answer of a dry run, and the
// body of an audit event. Secrets are never shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/gateway/v1/gateway.pb.h"
#include "sluice/gateway/v1/state.pb.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::tenant {

// Named parts (connections, peers, policy maps) are matched by name, so that
// another order is no change. `object` is the tenant's resource name.
std::vector<gateway::v1::Consequence> Consequences(std::string_view object,
                                                   const gateway::v1::TenantSpec& before,
                                                   const gateway::v1::TenantSpec& after);
std::vector<gateway::v1::Consequence> Consequences(const gateway::v1::GatewaySpec& before,
                                                   const gateway::v1::GatewaySpec& after);

// "connection la: l3 vlan changes from 100 to 200; traffic stops for a moment", for the audit trail.
std::string ToLine(const gateway::v1::Consequence& consequence);

}  // namespace sluice::tenant
