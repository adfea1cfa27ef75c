// Packets from worker to worker: a single-producer single-consumer ring for each pair, and one of
// each worker to itself.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/graph/fair_ring.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// All pairs; none when there is one worker. Made before the workers start; freed when none runs
// any more.
class WorkerPairRings {
 public:
  WorkerPairRings(WorkerIndex workers, uint32_t slots) : workers_(workers) {
    for (uint32_t pair = 0; workers > 1 && pair < uint32_t{workers} * workers; ++pair)
      rings_.push_back(std::make_unique<FairRing>(slots));
  }
  // Frees what is still inside, too.
  ~WorkerPairRings() {
    for (const auto& ring : rings_)
      while (rte_mbuf* mbuf = ring->Pop()) rte_pktmbuf_free(mbuf);
  }
  WorkerPairRings(const WorkerPairRings&) = delete;
  WorkerPairRings& operator=(const WorkerPairRings&) = delete;

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
