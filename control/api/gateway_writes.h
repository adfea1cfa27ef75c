// Writes of the gateway singleton.
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

}  // namespace sluice::api
