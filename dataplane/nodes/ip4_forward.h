// IPv4 routing within a VRF: sanity, reverse path, inbound policer, lookup, next
// hop, outbound policer, hop count and L2 rewrite.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kIp4ForwardNode;

}  // namespace sluice::dataplane
