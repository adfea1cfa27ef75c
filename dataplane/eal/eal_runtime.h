// Starts DPDK's environment for a plan and ends it. One per process.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/eal/startup_plan.h"

namespace sluice::dataplane {

class EalRuntime {
 public:
  // Runs rte_eal_init on the calling thread, which becomes the main lcore and is
  // pinned to plan.main_core; threads made later inherit that. What EAL prints
  // goes to the log at debug level; its reason for failing is in the error.
  static absl::StatusOr<std::unique_ptr<EalRuntime>> Start(const StartupPlan& plan);
  ~EalRuntime();
  EalRuntime(const EalRuntime&) = delete;
  EalRuntime& operator=(const EalRuntime&) = delete;

 private:
  EalRuntime() = default;
};

// The first error line that DPDK logged since the last call, which is the one
// nearest to the cause; empty if none. Any thread.
std::string TakeFirstDpdkError();

}  // namespace sluice::dataplane
