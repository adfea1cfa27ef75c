// Fills an empty store from the start-up file.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::api {

// The JSON form of `Resources`. Errors name line and field of the text.
absl::StatusOr<gateway::v1::Resources> ParseResources(const std::string& text);

// Puts everything in one transaction, or nothing: at the first refusal it says which resource
// it was and leaves the store empty, and `state`, which knows more by then, must not be used
// any more. Does nothing, and answers false, when the store is not empty. Core thread only.
absl::StatusOr<bool> Seed(DesiredState& state, const gateway::v1::Resources& resources);

}  // namespace sluice::api
