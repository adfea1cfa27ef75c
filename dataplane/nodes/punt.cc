// A full ring is a counted drop: the slow path never holds the worker up.
#include "dataplane/nodes/punt.h"

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kDrop };
constexpr const char* kNext[] = {"drop"};

uint16_t Punt(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) MetaOf(*packets[i]).ingress_port = packets[i]->port;
  unsigned taken = 0;
  if (run.worker.punt != nullptr)
    taken = rte_ring_sp_enqueue_burst(run.worker.punt, reinterpret_cast<void**>(packets), count, nullptr);
  for (unsigned i = taken; i < count; ++i) run.Drop(kDrop, *packets[i], DropReason::kPuntQueueFull);
  return count;
}

}  // namespace

const NodeSpec kPuntNode{"punt", Counted<Punt>, kNext};

}  // namespace sluice::dataplane
