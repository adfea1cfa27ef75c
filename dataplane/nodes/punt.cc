// The budget of class and tenant comes before the ring, so that nobody's flood takes
// the room of others; a full ring is a counted drop: the slow path never holds the
// worker up.
#include "dataplane/nodes/punt.h"

#include <rte_cycles.h>

#include "dataplane/packet/local_punt_class.h"

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kDrop };
constexpr const char* kNext[] = {"drop"};

BudgetClass ClassOf(rte_mbuf& packet) {
  switch (MetaOf(packet).punt_class) {
    case PuntClass::kArp:
      return BudgetClass::kArp;
    case PuntClass::kNeighborDiscovery:
      return BudgetClass::kNeighborDiscovery;
    case PuntClass::kUnresolved:
      return BudgetClass::kUnresolved;
    case PuntClass::kPathMtu:
      return BudgetClass::kPathMtu;
    case PuntClass::kLocal:
      break;
  }
  return BudgetOf(LocalPuntClass({DataOf(packet), packet.data_len}));
}

void HandOver(const NodeRun& run, rte_mbuf& packet, uint64_t now) {
  WorkerContext& worker = run.worker;
  PacketMetadata& meta = MetaOf(packet);
  meta.ingress_port = packet.port;
  const BudgetClass budget = ClassOf(packet);
  if (!worker.tables->punt_budgets.Take(worker.index, meta.vrf, budget, now))
    return run.Drop(kDrop, packet, DropReason::kPuntRateLimited);
  rte_ring* const ring = worker.punt[static_cast<size_t>(QueueOf(budget))];
  if (ring == nullptr || rte_ring_sp_enqueue(ring, &packet) != 0)
    run.Drop(kDrop, packet, DropReason::kPuntQueueFull);
}

uint16_t Punt(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  const uint64_t now = rte_rdtsc();
  for (uint16_t i = 0; i < count; ++i) HandOver(run, *packets[i], now);
  return count;
}

}  // namespace

const NodeSpec kPuntNode{"punt", Counted<Punt>, kNext};

}  // namespace sluice::dataplane
