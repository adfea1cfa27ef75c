// Source node: takes bursts from the worker's receive queues, one call per
// queue and walk.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kPortRxNode;

}  // namespace sluice::dataplane
