// Counts by tenant and reason, and frees.
#include "dataplane/nodes/drop.h"

namespace sluice::dataplane {
namespace {

uint16_t Drop(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    const PacketMetadata& meta = MetaOf(*packets[i]);
    run.worker.counters.Drop(meta.vrf, meta.reason);
    if (__builtin_expect(run.worker.tracing, 0)) run.worker.observation->Dropped(*packets[i]);
  }
  rte_pktmbuf_free_bulk(packets, count);
  return count;
}

}  // namespace

const NodeSpec kDropNode{"drop", Counted<Drop>, {}};

}  // namespace sluice::dataplane
