// The gateway looks at itself and says what is wrong and what would help.
#pragma once

#include <string>

#include "control/api/desired_state.h"
#include "sluice/gateway/v1/diagnostics.pb.h"

namespace sluice::api {

// Of one tenant, or of the whole gateway when `tenant` is empty. Core thread only.
gateway::v1::DoctorResponse Examine(DesiredState& state, const std::string& tenant);

}  // namespace sluice::api
