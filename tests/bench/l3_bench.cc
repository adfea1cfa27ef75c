// Cycles per packet of forwarding between VLANs through the whole graph over
// ring ports: rows l3.v4.* and l3.v6.* of issue 2, one JSON object per line.
//
//   l3_bench [--only GLOB] [--seconds N]
#include <cstdlib>
#include <cstring>
#include <string>

#include "dataplane/tables/test_limits.h"
#include "tests/bench/figures.h"
#include "tests/bench/graph_meter.h"
#include "tests/bench/l3_scenario.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::bench {
namespace {

constexpr Scenario kScenarios[] = {
    {.name = "l3.v4.few", .vrfs = 1, .routes = 8, .next_hops = 2, .flows = 100'000},
    {.name = "l3.v4.tenants100", .vrfs = 100, .routes = 10, .next_hops = 1, .flows = 1'000},
    {.name = "l3.v4.vrf1x1m",
     .vrfs = 1,
     .routes = 1'000'000,
     .next_hops = 8,
     .flows = 2'000'000,
     .internet = true},
    {.name = "l3.v4.vrf100x10k", .vrfs = 100, .routes = 10'000, .next_hops = 1, .flows = 2'000'000},
    {.name = "l3.v4.vrf1000x10k", .vrfs = 1000, .routes = 10'000, .next_hops = 1, .flows = 2'000'000},
    {.name = "l3.v6.vrf1x200k",
     .vrfs = 1,
     .routes = 200'000,
     .next_hops = 8,
     .flows = 2'000'000,
     .ipv6 = true},
};

// The figure that the issue compares with.
struct Reference {
  const char* name;
  double cycles;
};
constexpr Reference kReferences[] = {{"l3.v4.few", 72},
                                     {"l3.v4.tenants100", 104},
                                     {"l3.v4.vrf1x1m", 162},
                                     {"l3.v4.vrf100x10k", 229},
                                     {"l3.v4.vrf1000x10k", 229}};

double ReferenceOf(const char* name) {
  for (const Reference& reference : kReferences)
    if (std::strcmp(reference.name, name) == 0) return reference.cycles;
  return 0;
}

void Run(const std::string& only, double seconds) {
  testing::StartEal({.memory_mib = 128, .huge_pages = true});
  double quietest = 1e9;
  for (const Scenario& scenario : kScenarios) {
    for (const Variant& variant : kVariants) {
      const std::string name = std::string(scenario.name) + variant.suffix;
      if (!Wanted(only, name.c_str())) continue;
      L3Gateway gateway(scenario, OptionsOf(variant, testing::kThousandTenants));
      MeasureWindows(gateway, variant, 0.2);
      const RowFigure figure = FigureOf(MeasureWindows(gateway, variant, seconds), quietest);
      PrintCycles(scenario.name, variant, figure, ReferenceOf(scenario.name));
    }
  }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  std::string only = "*";
  double seconds = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atof(argv[i + 1]);
  }
  sluice::bench::Run(only, seconds);
  return 0;
}
