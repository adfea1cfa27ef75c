// One connection of a request: raw fields to values.
#pragma once

#include <optional>

#include "control/tenant/environment.h"
#include "control/tenant/findings.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/connection.pb.h"

namespace sluice::tenant {

// Checks everything that needs no other connection of the tenant, and puts text
// fields of `wanted` into canonical form. Absent when the connection as it is
// could not be programmed; findings about limits alone do not prevent a value.
std::optional<Connection> ValidateConnection(gateway::v1::Connection& wanted, const Environment& environment,
                                             const Place& place, Findings& findings);

}  // namespace sluice::tenant
