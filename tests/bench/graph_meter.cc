// Windows of packets through one worker, and what the clock says of them.
#include "tests/bench/graph_meter.h"

#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "proto/net/check.h"
#include "tests/bench/figures.h"
#include "tests/bench/yardstick.h"

namespace sluice::bench {
namespace {

// Puts the packets of the next window on the wire.
class Wire {
 public:
  Wire(Traffic& traffic, unsigned inflight) : traffic_(traffic) {
    for (unsigned i = 0; i < inflight; ++i) mbufs_.push_back(rte_pktmbuf_alloc(&traffic.graph().pool()));
  }
  ~Wire() { rte_pktmbuf_free_bulk(mbufs_.data(), static_cast<unsigned>(mbufs_.size())); }

  void Fill() {
    testing::RingPort& port = traffic_.graph().port(0);
    for (rte_mbuf* mbuf : mbufs_) {
      mbuf->data_off = RTE_PKTMBUF_HEADROOM;
      mbuf->port = port.id();
      mbuf->ol_flags = 0;
      mbuf->data_len = traffic_.WriteNext(rte_pktmbuf_mtod(mbuf, uint8_t*));
      mbuf->pkt_len = mbuf->data_len;
    }
    const auto count = static_cast<unsigned>(mbufs_.size());
    SLUICE_CHECK(rte_ring_enqueue_bulk(&port.arriving(0), reinterpret_cast<void**>(mbufs_.data()), count,
                                       nullptr) == count);
  }
  // All of them must have been forwarded.
  void TakeBack() {
    const auto count = static_cast<unsigned>(mbufs_.size());
    SLUICE_CHECK(rte_ring_dequeue_bulk(&traffic_.graph().port(1).sent(0),
                                       reinterpret_cast<void**>(mbufs_.data()), count, nullptr) == count);
  }

 private:
  Traffic& traffic_;
  std::vector<rte_mbuf*> mbufs_;
};

}  // namespace

std::vector<Window> MeasureWindows(Traffic& traffic, const Variant& variant, double seconds) {
  Wire wire(traffic, variant.inflight);
  Yardstick yardstick;
  dataplane::Worker& worker = traffic.graph().worker(0);
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

RowFigure FigureOf(const std::vector<Window>& windows, double& quietest) {
  std::vector<double> all, yardsticks, scaled;
  for (const Window& window : windows) {
    all.push_back(window.cycles);
    yardsticks.push_back(window.yardstick);
  }
  const double quiet = Percentile(yardsticks, 0.05);
  quietest = std::min(quietest, quiet);
  for (const Window& window : windows)
    if (window.yardstick <= quiet * 1.05) scaled.push_back(window.cycles * quietest / window.yardstick);
  return {.value = Percentile(scaled, 0.5),
          .raw = Percentile(all, 0.5),
          .best = Percentile(scaled, 0.02),
          .yardstick = quiet,
          .windows = windows.size(),
          .quiet_windows = scaled.size()};
}

void PrintCycles(const char* name, const Variant& variant, const RowFigure& figure, double reference) {
  std::printf("{\"name\": \"%s%s\", \"value\": %.1f, \"unit\": \"cycles/packet\", ", name, variant.suffix,
              figure.value);
  if (reference != 0)
    std::printf("\"reference\": %.0f, \"ratio\": %.3f, ", reference, figure.value / reference);
  std::printf(
      "\"burst\": %u, \"mbufs\": %u, \"raw\": %.1f, \"best\": %.1f, \"yardstick\": %.1f, "
      "\"windows\": %zu, \"quiet_windows\": %zu}\n",
      variant.burst, variant.inflight, figure.raw, figure.best, figure.yardstick, figure.windows,
      figure.quiet_windows);
  std::fflush(stdout);
}

testing::HarnessOptions OptionsOf(const Variant& variant, const dataplane::TableLimits& limits) {
  testing::HarnessOptions options;
  options.burst = variant.burst;
  options.mbufs = 4608;
  options.data_room = 2176;
  options.ring_depth = 8192;
  options.limits = limits;
  return options;
}

}  // namespace sluice::bench
