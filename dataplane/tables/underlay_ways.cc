// What a worker does about far ends that it does not know.
#include "dataplane/tables/underlay_ways.h"

#include <algorithm>

namespace sluice::dataplane {
namespace {

constexpr unsigned kChunk = 32;
constexpr uint16_t kUnderlay[kChunk] = {};

}  // namespace

void UnderlayWays::Forget(uint32_t generation) {
  std::fill(ways_.begin(), ways_.end(), Way{});
  generation_ = generation;
}

void UnderlayWays::LookUp(const Fib4Views& fib, const uint32_t far_end[], NextHopGroupId group[],
                          unsigned count) {
  for (unsigned begin = 0; begin < count; begin += kChunk) {
    const unsigned chunk = std::min(kChunk, count - begin);
    fib.LookupBurst(kUnderlay, far_end + begin, group + begin, chunk);
    for (unsigned i = begin; i < begin + chunk; ++i) ways_[SlotOf(far_end[i])] = {far_end[i], group[i]};
  }
}

}  // namespace sluice::dataplane
