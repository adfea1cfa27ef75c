// Packets from one worker to one other: a single-producer single-consumer ring in which
// nobody takes all the room.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/graph/spsc_ring.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// From one worker to one other. No source may have more than a quarter of the slots
// at once and no tenant more than half of them, so that a flood leaves room.
class FairRing {
 public:
  explicit FairRing(uint32_t slots) : slots_(slots), ring_(slots), shares_(new Share[slots]) {}

  // The producer. False: no room for this source and tenant, the mbuf stays the caller's.
  // `source` is a hash, or the number of an SA.
  bool Push(rte_mbuf& mbuf, uint64_t source, VrfId tenant) {
    Forget();
    const Share share{static_cast<uint8_t>(source % kShares), static_cast<uint8_t>(tenant % kShares)};
    if (by_source_[share.source] >= std::max<uint32_t>(slots_ / 4, 1)) return false;
    if (by_tenant_[share.tenant] >= std::max<uint32_t>(slots_ / 2, 1)) return false;
    rte_mbuf** const slot = ring_.Reserve();
    if (slot == nullptr) return false;
    *slot = &mbuf;
    shares_[newest_++ % slots_] = share;
    ++by_source_[share.source];
    ++by_tenant_[share.tenant];
    ring_.Publish();
    return true;
  }

  // The consumer: the oldest, which stays; null when there is none.
  rte_mbuf* Front() const {
    rte_mbuf* const* const slot = ring_.Front();
    return slot == nullptr ? nullptr : *slot;
  }
  // The same, and it leaves the ring.
  rte_mbuf* Pop() {
    rte_mbuf* const* const slot = ring_.Front();
    if (slot == nullptr) return nullptr;
    rte_mbuf* const mbuf = *slot;
    ring_.Release();
    return mbuf;
  }

  // Any thread.
  bool empty() const { return ring_.size() == 0; }

 private:
  static constexpr uint32_t kShares = 64;  // those that hash alike share

  struct Share {
    uint8_t source, tenant;
  };

  // What the consumer took meanwhile.
  void Forget() {
    const uint32_t left = ring_.size();
    for (; newest_ - oldest_ > left; ++oldest_) {
      const Share share = shares_[oldest_ % slots_];
      --by_source_[share.source];
      --by_tenant_[share.tenant];
    }
  }

  const uint32_t slots_;
  SpscRing<rte_mbuf*> ring_;
  // The producer's notes on what is in the ring.
  std::unique_ptr<Share[]> shares_;
  uint32_t oldest_ = 0, newest_ = 0;
  std::array<uint32_t, kShares> by_source_{}, by_tenant_{};
};

}  // namespace sluice::dataplane
