// How full a ring is, for whoever watches it from beside its two ends.
#pragma once

#include "proto/channel/ring.h"

namespace sluice::channel {

// Pushed and not taken yet, in bytes; at most the capacity, whatever a peer wrote into the
// indices. Any thread.
inline uint64_t RingUsedBytes(const RingMemory& ring) {
  // Read first: what is written meanwhile is only more.
  const uint64_t read = ring.indices->read.load(std::memory_order_acquire);
  const uint64_t written = ring.indices->written.load(std::memory_order_acquire);
  const uint64_t used = written - read;
  return written < read ? 0 : used < ring.capacity ? used : ring.capacity;
}

}  // namespace sluice::channel
