// ESP packets on their way to the worker that owns their SA. In the ring of a worker to itself
// they wait while their slot moves to it.
#pragma once

#include "dataplane/graph/worker_pair_rings.h"
#include "dataplane/tables/sa/slot_table.h"

namespace sluice::dataplane {

class HandoverRings : public WorkerPairRings {
 public:
  explicit HandoverRings(WorkerIndex workers) : WorkerPairRings(workers, HandoverRingSlots(workers)) {}
};

}  // namespace sluice::dataplane
