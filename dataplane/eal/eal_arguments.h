// The command line that EAL is given for a plan.
#pragma once

#include <string>
#include <vector>

#include "dataplane/eal/startup_plan.h"

namespace sluice::dataplane {

// EAL's lcore 0 is the main thread; worker w is lcore w + 1. Several lcores may
// share a core.
inline constexpr uint32_t kMainLcore = 0;
inline constexpr uint32_t LcoreOfWorker(uint32_t worker) {
  return worker + 1;
}

// argv for rte_eal_init, program name first. Virtual devices are not in it: they
// are probed one by one afterwards, so that each failure has its port's name.
std::vector<std::string> EalArguments(const StartupPlan& plan);

}  // namespace sluice::dataplane
