// Cycles per packet out of tunnels and into them, through the whole graph over
// ring ports: rows vxlan.*, gre.* and nvgre.* of issue 3, one JSON object per
// line (see graph_meter.h).
//
//   tunnel_bench [--only GLOB] [--seconds N]
#include <cstdlib>
#include <cstring>
#include <string>

#include "dataplane/tables/test_limits.h"
#include "tests/bench/figures.h"
#include "tests/bench/graph_meter.h"
#include "tests/bench/tunnel_scenario.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::bench {
namespace {

using dataplane::TunnelKind;

struct Row {
  TunnelScenario scenario;
  double reference;  // VPP's figure in the issue
};

constexpr TunnelScenario Decap(const char* name, TunnelKind kind, unsigned hosts) {
  return {.name = name,
          .kind = kind,
          .decap = true,
          .tenants = 100,
          .tunnels = 1,
          .hosts = hosts,
          .flows = 1'000};
}
constexpr TunnelScenario Encap(const char* name, TunnelKind kind, unsigned hosts, unsigned flows) {
  return {.name = name,
          .kind = kind,
          .decap = false,
          .tenants = 100,
          .tunnels = 1,
          .hosts = hosts,
          .flows = flows};
}

constexpr Row kRows[] = {
    {Decap("vxlan.decap", TunnelKind::kVxlan, 10), 201},
    {Encap("vxlan.encap", TunnelKind::kVxlan, 1'000, 100'000), 127},
    {Decap("gre.decap", TunnelKind::kGre, 0), 137},
    {Encap("gre.encap", TunnelKind::kGre, 0, 1'000), 119},
    {Decap("nvgre.decap", TunnelKind::kNvgre, 10), 0},
    {Encap("nvgre.encap", TunnelKind::kNvgre, 1'000, 100'000), 0},
};

// 100 tunnels, and 10,000 of the same tenants, ten flows each.
constexpr TunnelScenario kFewTunnels{.name = "gre.scale100",
                                     .kind = TunnelKind::kGre,
                                     .decap = true,
                                     .tenants = 100,
                                     .tunnels = 1,
                                     .hosts = 0,
                                     .flows = 1'000};
constexpr TunnelScenario kManyTunnels{.name = "gre.scale10k",
                                      .kind = TunnelKind::kGre,
                                      .decap = true,
                                      .tenants = 100,
                                      .tunnels = 100,
                                      .hosts = 0,
                                      .flows = 100'000};

constexpr dataplane::TableLimits kLimits{.vrfs = 128,
                                         .interfaces = 12'000,
                                         .addresses = 1024,
                                         .neighbors = 1024,
                                         .adjacencies = 110'000,
                                         .next_hop_groups = 110'000,
                                         .group_buckets = 4096,
                                         .policers = 16,
                                         .ipv4_routes = 200'000,
                                         .ipv6_routes = 1024,
                                         .fib_mib = 256};

RowFigure Measure(const TunnelScenario& scenario, const Variant& variant, double seconds, double& quietest) {
  TunnelTraffic traffic(scenario, OptionsOf(variant, kLimits));
  MeasureWindows(traffic, variant, 0.2);
  return FigureOf(MeasureWindows(traffic, variant, seconds), quietest);
}

void RunScale(const std::string& only, double seconds, double& quietest) {
  if (!Wanted(only, kManyTunnels.name)) return;
  const RowFigure few = Measure(kFewTunnels, kVariants[0], seconds, quietest);
  const RowFigure many = Measure(kManyTunnels, kVariants[0], seconds, quietest);
  PrintCycles("gre.scale10k.cycles100", kVariants[0], few, 0);
  PrintCycles("gre.scale10k.cycles10000", kVariants[0], many, 0);
  PrintRow(kManyTunnels.name, many.value / few.value, "ratio");
}

void Run(const std::string& only, double seconds) {
  testing::StartEal({.memory_mib = 128, .huge_pages = true});
  double quietest = 1e9;
  for (const Row& row : kRows) {
    for (const bool untagged : {false, true}) {
      TunnelScenario scenario = row.scenario;
      scenario.untagged = untagged;
      const std::string name = std::string(scenario.name) + (untagged ? ".untagged" : "");
      for (const Variant& variant : kVariants)
        if (Wanted(only, (name + variant.suffix).c_str()))
          PrintCycles(name.c_str(), variant, Measure(scenario, variant, seconds, quietest), row.reference);
    }
  }
  RunScale(only, seconds, quietest);
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
