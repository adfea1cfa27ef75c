// Cycles per packet of forwarding between VLANs through the whole graph over
// ring ports: rows l3.v4.* and l3.v6.* of issue 2, one JSON object per line.
//
//   l3_bench [--only GLOB] [--seconds N]
//
// A window is: fill the receive ring with every packet in flight, then walk the
// worker until it is empty; only the walks are timed, but for the first burst. Before and after it the
// yardstick runs. `value` is the median over the windows in which the yardstick
// was within 5 % of its quiet speed (the 5th percentile of the row), scaled by it
// to the quietest row of the run; `raw` is the median over all windows as the
// clock said.
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/tables/test_limits.h"
#include "proto/net/check.h"
#include "tests/bench/figures.h"
#include "tests/bench/l3_scenario.h"
#include "tests/bench/yardstick.h"
#include "tests/graph/eal_for_tests.h"

namespace sluice::bench {
namespace {

using dataplane::PacketMetadata;

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

struct Variant {
  const char* suffix;
  uint16_t burst;
  unsigned inflight;
};
constexpr Variant kVariants[] = {{"", 32, 512},
                                 {".burst256", 256, 512},
                                 {".inflight4096", 32, 4096},
                                 {".burst256.inflight4096", 256, 4096}};

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

// Puts the packets of the next window on the wire.
class Wire {
 public:
  Wire(L3Gateway& gateway, unsigned inflight) : gateway_(gateway) {
    for (unsigned i = 0; i < inflight; ++i) mbufs_.push_back(rte_pktmbuf_alloc(&gateway.graph().pool()));
  }
  ~Wire() { rte_pktmbuf_free_bulk(mbufs_.data(), static_cast<unsigned>(mbufs_.size())); }

  void Fill() {
    testing::RingPort& port = gateway_.graph().port(0);
    for (rte_mbuf* mbuf : mbufs_) {
      const Flow& flow = gateway_.flows()[next_];
      next_ = next_ + 1 == gateway_.flows().size() ? 0 : next_ + 1;
      mbuf->data_off = RTE_PKTMBUF_HEADROOM;
      mbuf->data_len = gateway_.frame_bytes();
      mbuf->pkt_len = gateway_.frame_bytes();
      mbuf->port = port.id();
      mbuf->ol_flags = 0;
      gateway_.Write(flow, rte_pktmbuf_mtod(mbuf, uint8_t*));
    }
    const auto count = static_cast<unsigned>(mbufs_.size());
    SLUICE_CHECK(rte_ring_enqueue_bulk(&port.arriving(0), reinterpret_cast<void**>(mbufs_.data()), count,
                                       nullptr) == count);
  }
  // All of them must have been forwarded.
  void TakeBack() {
    const auto count = static_cast<unsigned>(mbufs_.size());
    SLUICE_CHECK(rte_ring_dequeue_bulk(&gateway_.graph().port(1).sent(0),
                                       reinterpret_cast<void**>(mbufs_.data()), count, nullptr) == count);
  }

 private:
  L3Gateway& gateway_;
  std::vector<rte_mbuf*> mbufs_;
  size_t next_ = 0;
};

struct Window {
  double cycles;     // per packet
  double yardstick;  // around it
};

std::vector<Window> MeasureWindows(L3Gateway& gateway, const Variant& variant, double seconds) {
  Wire wire(gateway, variant.inflight);
  Yardstick yardstick;
  dataplane::Worker& worker = gateway.graph().worker(0);
  std::vector<Window> windows;
  worker.Enter();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    double around = yardstick.Measure();
    wire.Fill();
    // The first burst brings the worker's code back after the filling; a gateway
    // under load never leaves it.
    const unsigned first = worker.WalkOnce();
    const uint64_t begin = __rdtsc();
    for (unsigned done = first; done < variant.inflight;) done += worker.WalkOnce();
    const double cycles = static_cast<double>(__rdtsc() - begin) / (variant.inflight - first);
    wire.TakeBack();
    around = std::max(around, yardstick.Measure());
    windows.push_back({cycles, around});
  }
  worker.Leave();
  return windows;
}

double ReferenceOf(const char* name) {
  for (const Reference& reference : kReferences)
    if (std::strcmp(reference.name, name) == 0) return reference.cycles;
  return 0;
}

// `quietest` is the yardstick of the quietest row so far.
void PrintRow(const Scenario& scenario, const Variant& variant, const std::vector<Window>& windows,
              double& quietest) {
  std::vector<double> all, yardsticks, scaled;
  for (const Window& window : windows) {
    all.push_back(window.cycles);
    yardsticks.push_back(window.yardstick);
  }
  const double quiet = Percentile(yardsticks, 0.05);
  quietest = std::min(quietest, quiet);
  for (const Window& window : windows)
    if (window.yardstick <= quiet * 1.05) scaled.push_back(window.cycles * quietest / window.yardstick);
  const double value = Percentile(scaled, 0.5);
  std::printf("{\"name\": \"%s%s\", \"value\": %.1f, \"unit\": \"cycles/packet\", ", scenario.name,
              variant.suffix, value);
  if (const double reference = ReferenceOf(scenario.name); reference != 0)
    std::printf("\"reference\": %.0f, \"ratio\": %.3f, ", reference, value / reference);
  std::printf(
      "\"burst\": %u, \"mbufs\": %u, \"raw\": %.1f, \"best\": %.1f, \"yardstick\": %.1f, "
      "\"windows\": %zu, \"quiet_windows\": %zu}\n",
      variant.burst, variant.inflight, Percentile(all, 0.5), Percentile(scaled, 0.02), quiet, windows.size(),
      scaled.size());
  std::fflush(stdout);
}

testing::HarnessOptions OptionsOf(const Variant& variant) {
  testing::HarnessOptions options;
  options.burst = variant.burst;
  options.mbufs = 4608;
  options.data_room = 2176;
  options.ring_depth = 8192;
  options.limits = testing::kThousandTenants;
  return options;
}

void Run(const std::string& only, double seconds) {
  testing::StartEal({.memory_mib = 128, .huge_pages = true});
  double quietest = 1e9;
  for (const Scenario& scenario : kScenarios) {
    for (const Variant& variant : kVariants) {
      const std::string name = std::string(scenario.name) + variant.suffix;
      if (!Wanted(only, name.c_str())) continue;
      L3Gateway gateway(scenario, OptionsOf(variant));
      MeasureWindows(gateway, variant, 0.2);
      PrintRow(scenario, variant, MeasureWindows(gateway, variant, seconds), quietest);
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
