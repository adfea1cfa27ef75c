// Writes of the gateway singleton, and what is shown of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "sluice/gateway/v1/gateway.pb.h"

namespace sluice::api {

// Core thread only.
absl::StatusOr<gateway::v1::GatewayWriteResult> PutGateway(DesiredState& state,
                                                           gateway::v1::PutGatewayRequest request,
                                                           const std::string& who);
// Without what has to be asked of the dataplane (workers, fills).
gateway::v1::Gateway ShowGateway(DesiredState& state);

}  // namespace sluice::api
