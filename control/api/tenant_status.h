// What is shown of a tenant and its connections: status, conditions, and the
// rolled-up configuration state.
#pragma once

#include <string>
#include <string_view>

#include "control/api/desired_state.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::api {

// Takes over what the dataplane has acknowledged since.
void UpdateObserved(TenantRecord& record, const Surroundings& surroundings);

// The whole resource. `with_statistics` adds counters.
gateway::v1::Tenant ShowTenant(TenantRecord& record, DesiredState& state, bool with_statistics);
gateway::v1::ConnectionStatus ShowConnection(TenantRecord& record, const gateway::v1::Connection& connection,
                                             DesiredState& state, bool with_statistics);

// Counters of a subinterface as they are now.
void AddStatistics(uint32_t interface, const Surroundings& surroundings,
                   gateway::v1::ConnectionStatistics& out);

// Equal as long as watchers need not be told: status without counters and times.
std::string StatusDigest(TenantRecord& record, DesiredState& state);
std::string ConnectionDigest(TenantRecord& record, std::string_view connection, DesiredState& state);

// Opaque; differs for every accepted change of a spec.
std::string EtagOf(const store::TenantRow& row);
// What EtagOf was for the generation before.
std::string EtagBefore(const store::TenantRow& row);

}  // namespace sluice::api
