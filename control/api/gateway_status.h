// What is shown of the gateway: status, conditions, and its underlay.
#pragma once

#include <string>

#include "control/api/desired_state.h"
#include "sluice/gateway/v1/gateway.pb.h"

namespace sluice::api {

// Core thread only. Without what has to be asked of the dataplane (workers, fills).
gateway::v1::Gateway ShowGateway(DesiredState& state);
// Equal as long as watchers need not be told: status without counters and times.
std::string GatewayDigest(DesiredState& state);
// Takes over what the dataplane has acknowledged since.
void UpdateObserved(GatewayRecord& record, const Surroundings& surroundings);

// Opaque; differs for every accepted change of the spec.
std::string EtagOf(const store::GatewayRow& row);

}  // namespace sluice::api
