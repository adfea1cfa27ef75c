// Fragments on their way to the worker that puts their datagram together. The ring of a worker
// to itself stays empty.
#pragma once

#include "dataplane/graph/worker_pair_rings.h"
#include "dataplane/tables/fragment.h"

namespace sluice::dataplane {

class FragmentRings : public WorkerPairRings {
 public:
  explicit FragmentRings(WorkerIndex workers) : WorkerPairRings(workers, FragmentRingSlots(workers)) {}
};

}  // namespace sluice::dataplane
