// The counters that one worker writes. They are plain arrays in memory that
// somebody else owns (the channel's shared memory) and anybody may read.
#pragma once

#include <cstdint>

#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

struct PacketsAndBytes {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};
static_assert(sizeof(PacketsAndBytes) == 16);

// One writer per counter; relaxed so that readers see whole values.
inline void Count(uint64_t& counter, uint64_t by = 1) {
  __atomic_store_n(&counter, counter + by, __ATOMIC_RELAXED);
}
inline void Count(PacketsAndBytes& counter, uint64_t bytes) {
  Count(counter.packets);
  Count(counter.bytes, bytes);
}

// Borrowed arrays of one worker. Bytes are of the IP packet for interfaces and
// adjacencies, so that they compare with what tenants buy.
struct WorkerCounters {
  PacketsAndBytes* interface_rx = nullptr;  // [interface]
  PacketsAndBytes* interface_tx = nullptr;
  PacketsAndBytes* adjacency_tx = nullptr;     // [adjacency]
  PacketsAndBytes* policer_dropped = nullptr;  // [policer]
  uint64_t* drops = nullptr;                   // [vrf * kDropReasonsMax + reason]

  void Drop(VrfId vrf, DropReason reason) const {
    Count(drops[uint32_t{vrf} * kDropReasonsMax + static_cast<uint8_t>(reason)]);
  }
};

}  // namespace sluice::dataplane
