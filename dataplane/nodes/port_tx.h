// Last node: hands finished frames to the transmit queues of their ports.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kPortTxNode;

}  // namespace sluice::dataplane
