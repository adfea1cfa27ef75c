// ESP packets on their way to the worker that owns their SA: a ring for each pair of
// workers, and one of each worker to itself, where packets wait while their slot moves to it.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/graph/fair_ring.h"
#include "dataplane/tables/sa/slot_table.h"

namespace sluice::dataplane {

// All pairs. Made before the workers start; freed when none runs any more.
class HandoverRings {
 public:
  explicit HandoverRings(WorkerIndex workers) : workers_(workers) {
    for (uint32_t pair = 0; workers > 1 && pair < uint32_t{workers} * workers; ++pair)
      rings_.push_back(std::make_unique<FairRing>(HandoverRingSlots(workers)));
  }
  // Frees what is still inside, too.
  ~HandoverRings() {
    for (const auto& ring : rings_)
      while (rte_mbuf* mbuf = ring->Pop()) rte_pktmbuf_free(mbuf);
  }
  HandoverRings(const HandoverRings&) = delete;
  HandoverRings& operator=(const HandoverRings&) = delete;

  WorkerIndex workers() const { return workers_; }
  FairRing& Between(WorkerIndex from, WorkerIndex to) { return *rings_[uint32_t{from} * workers_ + to]; }
  bool empty() const {
    return std::all_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->empty(); });
  }

 private:
  const WorkerIndex workers_;
  std::vector<std::unique_ptr<FairRing>> rings_;  // [from * workers + to]
};

}  // namespace sluice::dataplane
