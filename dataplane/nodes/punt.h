// Hands packets to the slow path, as they are, through a ring that the worker
// alone fills.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kPuntNode;

}  // namespace sluice::dataplane
