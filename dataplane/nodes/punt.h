// Hands packets to the slow path, as they are, through rings that the worker
// alone fills, within the budgets of tables/punt_budgets.h.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {

extern const NodeSpec kPuntNode;

}  // namespace sluice::dataplane
