// One worker's memory of where the underlay's routes lead: the far ends of tunnels are
// few and asked for with every packet, and most lookups are the same as the last ones.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/tables/fib/fib_views.h"

namespace sluice::dataplane {

// All calls belong to the worker.
class UnderlayWays {
 public:
  // The same as LookupBurst() in VRF 0, with a `generation` that moved after every
  // change of its routes and was read before.
  void Find(const Fib4Views& fib, uint32_t generation, const uint32_t far_end[], NextHopGroupId group[],
            unsigned count) {
    if (__builtin_expect(generation != generation_, 0)) Forget(generation);
    unsigned missed = 0;
    for (unsigned i = 0; i < count; ++i) {
      const Way& way = ways_[SlotOf(far_end[i])];
      group[i] = way.group;
      missed += way.far_end != far_end[i] ? 1 : 0;
    }
    if (__builtin_expect(missed != 0, 0)) LookUp(fib, far_end, group, count);
  }

 private:
  static constexpr unsigned kSlotBits = 12;
  // Zero is nobody's far end.
  struct Way {
    uint32_t far_end = 0;  // IPv4, host byte order
    NextHopGroupId group = 0;
  };

  static unsigned SlotOf(uint32_t far_end) { return far_end * 0x9e3779b1u >> (32 - kSlotBits); }
  void Forget(uint32_t generation);
  void LookUp(const Fib4Views& fib, const uint32_t far_end[], NextHopGroupId group[], unsigned count);

  uint32_t generation_ = 0;
  std::vector<Way> ways_ = std::vector<Way>(size_t{1} << kSlotBits);
};

}  // namespace sluice::dataplane
