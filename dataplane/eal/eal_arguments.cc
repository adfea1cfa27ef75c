// Builds EAL's command line.
#include "dataplane/eal/eal_arguments.h"

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

std::string LcoreMap(const StartupPlan& plan) {
  std::string map = absl::StrCat(kMainLcore, "@", plan.main_core);
  for (uint32_t worker = 0; worker < plan.worker_cores.size(); ++worker)
    absl::StrAppend(&map, ",", LcoreOfWorker(worker), "@", plan.worker_cores[worker]);
  return map;
}

}  // namespace

std::vector<std::string> EalArguments(const StartupPlan& plan) {
  std::vector<std::string> arguments = {
      "sluice-dataplane",
      "--lcores=" + LcoreMap(plan),
      absl::StrCat("--main-lcore=", kMainLcore),
      "--file-prefix=sluice-" + plan.instance,
      absl::StrCat("-m", plan.eal_mib),
      // Its socket would be a second way in besides our own API.
      "--no-telemetry",
  };
  if (plan.huge_pages) {
    // Needs no mounted hugetlbfs and leaves no files behind; single segments,
    // because vhost and zero-copy memif pass file descriptors of segments.
    arguments.push_back("--in-memory");
    arguments.push_back("--single-file-segments");
  } else {
    arguments.push_back("--no-huge");
  }
  bool pci = false;
  for (const PortPlan& port : plan.ports) {
    if (port.kind != PortKind::kPci) continue;
    pci = true;
    arguments.push_back("--allow=" + port.devargs);
  }
  if (!pci) {
    arguments.push_back("--no-pci");
    // Physical addresses are of use to devices only, and reading them takes CAP_SYS_ADMIN.
    arguments.push_back("--iova-mode=va");
  }
  arguments.insert(arguments.end(), plan.eal_arguments.begin(), plan.eal_arguments.end());
  return arguments;
}

}  // namespace sluice::dataplane
