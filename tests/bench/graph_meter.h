// Cycles per packet of a gateway between ring ports: fill, walk, take back, with
// the yardstick around every window. What the l3 and the tunnel rows share.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/graph/harness.h"

namespace sluice::bench {

// A gateway and packets for it: they arrive at port 0, and all leave through port 1.
class Traffic {
 public:
  virtual ~Traffic() = default;
  virtual testing::GraphHarness& graph() = 0;
  // Writes the next frame; returns its bytes.
  virtual uint16_t WriteNext(uint8_t* frame) = 0;
};

struct Variant {
  const char* suffix;
  uint16_t burst;
  unsigned inflight;  // mbufs
};
inline constexpr Variant kVariants[] = {{"", 32, 512},
                                        {".burst256", 256, 512},
                                        {".inflight4096", 32, 4096},
                                        {".burst256.inflight4096", 256, 4096}};

struct Window {
  double cycles;     // per packet
  double yardstick;  // around it
};

// A window is: fill the receive ring with every packet in flight, then walk the
// worker until it is empty; only the walks are timed, but for the first burst.
// Before and after it the yardstick runs.
std::vector<Window> MeasureWindows(Traffic& traffic, const Variant& variant, double seconds);

// The median over the windows in which the yardstick was within 5 % of its quiet
// speed (the 5th percentile of the row), scaled by it to the quietest row of the
// run, whose yardstick is `quietest`.
struct RowFigure {
  double value = 0;
  double raw = 0;  // the median over all windows as the clock said
  double best = 0;
  double yardstick = 0;
  size_t windows = 0, quiet_windows = 0;
};
RowFigure FigureOf(const std::vector<Window>& windows, double& quietest);

// One JSON row; `reference` is the figure to compare with, 0 = none.
void PrintCycles(const char* name, const Variant& variant, const RowFigure& figure, double reference);

// Harness options that hold a variant's packets, with `limits`.
testing::HarnessOptions OptionsOf(const Variant& variant, const dataplane::TableLimits& limits);

}  // namespace sluice::bench
