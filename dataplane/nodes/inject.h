// Source node: what the slow path sends. See InjectKind in packet/metadata.h.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kInjectNode;

}  // namespace sluice::dataplane
