// The yardstick as a program of its own, for measurements of other processes:
//   yardstick_meter CORE
// pins itself to the core, prints the time stamp counter's frequency in Hz, then
// one figure (cycles per packet, the median of some passes) per line that it reads.
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "proto/net/check.h"
#include "tests/bench/figures.h"
#include "tests/bench/yardstick.h"

namespace sluice::bench {
namespace {

constexpr unsigned kPasses = 101;

double TimeStampHz() {
  const Clock::time_point start = Clock::now();
  const uint64_t begin = __rdtsc();
  while (SecondsSince(start) < 0.1) {
  }
  return static_cast<double>(__rdtsc() - begin) / SecondsSince(start);
}

void Run(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  SLUICE_CHECK(sched_setaffinity(0, sizeof cores, &cores) == 0);
  std::printf("%.0f\n", TimeStampHz());
  std::fflush(stdout);
  Yardstick yardstick;
  while (std::getchar() != EOF) {
    std::vector<double> passes;
    for (unsigned i = 0; i < kPasses; ++i) passes.push_back(yardstick.Measure());
    std::printf("%.3f\n", Percentile(passes, 0.5));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: yardstick_meter CORE\n");
    return 2;
  }
  sluice::bench::Run(std::atoi(argv[1]));
  return 0;
}
