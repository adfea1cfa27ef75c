// The plan's limits and settings in the types of those who keep to them.
#pragma once

#include "dataplane/eal/startup_plan.h"
#include "dataplane/slowpath/neighbor_resolution.h"
#include "dataplane/tables/table_limits.h"

namespace sluice::dataplane {

TableLimits TableLimitsOf(const StartupPlan& plan);
NeighborSettings NeighborSettingsOf(const StartupPlan& plan);

}  // namespace sluice::dataplane
