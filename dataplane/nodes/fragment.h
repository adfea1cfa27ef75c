// IPv4 packets that are larger than the next hop's MTU and may be cut: one mbuf
// per fragment, sent through the adjacency that was chosen for the whole.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kFragmentNode;

}  // namespace sluice::dataplane
