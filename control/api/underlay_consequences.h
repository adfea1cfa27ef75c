// What another underlay would do to the tenants that are stored, told before it is done.
#pragma once

#include <string>
#include <vector>

#include "control/api/desired_state.h"

namespace sluice::api {

struct UnderlayConsequence {
  std::string field;        // of the gateway: "spec.underlay_routes"
  std::string description;  // names the connection or virtual network
};

// What would not stand any more over `underlay` and does now, and tunnels without a way. Only the
// first hundred; the last one counts the rest. Validates every tenant. Core thread.
std::vector<UnderlayConsequence> ConsequencesOf(const tenant::UnderlayModel& underlay,
                                                const DesiredState& state);

}  // namespace sluice::api
