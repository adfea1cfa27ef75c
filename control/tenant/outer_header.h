// The options of a tunnel's outer header, which every kind of tunnel has alike: raw fields to values.
#pragma once

#include "control/tenant/findings.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/connection.pb.h"
#include "sluice/gateway/v1/virtual_network.pb.h"

namespace sluice::tenant {

// `place` is that of the message; `ipv4` says what the outer header is.
OuterHeader TakeOuterHeader(const gateway::v1::GreConnection& wanted, bool ipv4, const Place& place,
                            Findings& findings);
OuterHeader TakeOuterHeader(const gateway::v1::VirtualNetwork& wanted, bool ipv4, const Place& place,
                            Findings& findings);

}  // namespace sluice::tenant
