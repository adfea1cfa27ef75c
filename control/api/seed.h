// Fills an empty store from the start-up file.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::api {

// The JSON form of `Resources`. Errors name the place in the text.
absl::StatusOr<gateway::v1::Resources> ParseResources(const std::string& json);

// Puts everything as "seed", or stops at the first refusal and says which
// resource it was. Does nothing, and answers false, when the store is not empty.
// Core thread only.
absl::StatusOr<bool> Seed(DesiredState& state, const gateway::v1::Resources& resources);

}  // namespace sluice::api
