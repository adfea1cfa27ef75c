// Fragments on their way to the worker that puts their datagram together: a
// single-producer single-consumer ring for each pair of workers.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/graph/fair_ring.h"
#include "dataplane/tables/fragment.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// All pairs. Made before the workers start; freed when none runs any more.
class FragmentRings {
 public:
  explicit FragmentRings(WorkerIndex workers) : workers_(workers) {
    for (uint32_t pair = 0; workers > 1 && pair < uint32_t{workers} * workers; ++pair)
      rings_.push_back(std::make_unique<FairRing>(FragmentRingSlots(workers)));
  }
  // Frees what is still inside, too.
  ~FragmentRings() {
    for (const auto& ring : rings_)
      while (rte_mbuf* mbuf = ring->Pop()) rte_pktmbuf_free(mbuf);
  }
  FragmentRings(const FragmentRings&) = delete;
  FragmentRings& operator=(const FragmentRings&) = delete;

  WorkerIndex workers() const { return workers_; }
  // Two different workers.
  FairRing& Between(WorkerIndex from, WorkerIndex to) { return *rings_[uint32_t{from} * workers_ + to]; }
  bool empty() const {
    return std::all_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->empty(); });
  }

 private:
  const WorkerIndex workers_;
  std::vector<std::unique_ptr<FairRing>> rings_;  // [from * workers + to]
};

}  // namespace sluice::dataplane
