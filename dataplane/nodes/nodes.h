// All nodes of the graph, in one explicit list.
#pragma once

#include <span>

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

// The order is that of the node counters.
std::span<const NodeSpec* const> AllNodes();

}  // namespace sluice::dataplane
