// Where packets end that are not forwarded: counted by tenant and reason, freed.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kDropNode;

}  // namespace sluice::dataplane
