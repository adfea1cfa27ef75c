// Reading of rings and pools that others use meanwhile: figures of a moment.
#include "dataplane/queue_fills.h"

#include <rte_ring.h>

#include <utility>

#include "proto/channel/ring_fill.h"

namespace sluice::dataplane {
namespace {

v1::TableFill Fill(std::string name, uint64_t used, uint64_t limit) {
  v1::TableFill fill;
  fill.set_name(std::move(name));
  fill.set_used(used);
  fill.set_limit(limit);
  return fill;
}

v1::TableFill Fill(const rte_ring* ring) {
  return Fill(ring->name, rte_ring_count(ring), rte_ring_get_capacity(ring));
}

}  // namespace

std::vector<v1::TableFill> QueueFills(const channel::ChannelMemory& memory,
                                      std::span<const OwnedWorkerRings> workers,
                                      std::span<const rte_mempool* const> pools) {
  std::vector<v1::TableFill> fills;
  for (const auto& [section, name] :
       {std::pair{channel::kUpdateRing, "update_ring"}, std::pair{channel::kRefusalRing, "refusal_ring"},
        std::pair{channel::kPuntRing, "punt_ring"}, std::pair{channel::kInjectRing, "inject_ring"}}) {
    const channel::RingMemory ring = memory.Ring(section);
    fills.push_back(Fill(name, channel::RingUsedBytes(ring), ring.capacity));
  }
  for (const OwnedWorkerRings& worker : workers) {
    const WorkerRings rings = worker.rings();
    for (const rte_ring* punt : rings.punt) fills.push_back(Fill(punt));
    fills.push_back(Fill(rings.inject));
  }
  for (const rte_mempool* pool : pools)
    fills.push_back(Fill(pool->name, rte_mempool_in_use_count(pool), pool->size));
  return fills;
}

}  // namespace sluice::dataplane
