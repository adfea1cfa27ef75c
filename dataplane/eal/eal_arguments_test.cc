// Plans in, EAL's command line out.
#include "dataplane/eal/eal_arguments.h"

#include <catch2/catch.hpp>

namespace sluice::dataplane {
namespace {

StartupPlan Plan() {
  StartupPlan plan;
  plan.instance = "east";
  plan.eal_mib = 512;
  plan.main_core = 0;
  plan.worker_cores = {1};
  plan.ports.push_back(
      PortPlan{.name = "a", .device = "net_null", .eal_name = "net_null0", .devargs = "net_null0"});
  return plan;
}

using Arguments = std::vector<std::string>;

TEST_CASE("without huge pages and PCI ports EAL is told so") {
  CHECK((EalArguments(Plan()) == Arguments{"sluice-dataplane", "--lcores=0@0,1@1", "--main-lcore=0",
                                           "--file-prefix=sluice-east", "-m512", "--no-telemetry",
                                           "--no-huge", "--no-pci", "--iova-mode=va"}));
}

TEST_CASE("workers that share a core are lcores of their own") {
  StartupPlan plan = Plan();
  plan.worker_cores = {1, 1, 0};
  CHECK(EalArguments(plan)[1] == "--lcores=0@0,1@1,2@1,3@0");
}

TEST_CASE("--in-memory comes with huge pages only, PCI ports by an allow list") {
  StartupPlan plan = Plan();
  plan.huge_pages = true;
  plan.ports[0].kind = PortKind::kPci;
  plan.ports[0].devargs = "0000:3b:00.0,x=1";
  plan.eal_arguments = {"--force-max-simd-bitwidth=512"};
  CHECK((EalArguments(plan) == Arguments{"sluice-dataplane", "--lcores=0@0,1@1", "--main-lcore=0",
                                         "--file-prefix=sluice-east", "-m512", "--no-telemetry",
                                         "--in-memory", "--single-file-segments", "--allow=0000:3b:00.0,x=1",
                                         "--force-max-simd-bitwidth=512"}));
}

}  // namespace
}  // namespace sluice::dataplane
