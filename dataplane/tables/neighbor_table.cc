// The writer's side of the neighbour table.
#include "dataplane/tables/neighbor_table.h"

#include <bit>

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

}  // namespace

NeighborKey NeighborKey::Of(InterfaceId interface, const net::Address& address) {
  if (address.is_v4()) return Ipv4(interface, address.v4().value);
  return Ipv6(interface, address.v6().High(), address.v6().Low());
}

NeighborTable::NeighborTable(const TableLimits& limits, Retirement& retirement)
    : limit_(limits.neighbors),
      mask_(std::bit_ceil(limits.neighbors < 16 ? 32 : 2 * limits.neighbors) - 1),
      retirement_(retirement),
      heads_(new std::atomic<uint32_t>[mask_ + 1]),
      entries_(new Entry[2 * limits.neighbors]) {
  for (uint32_t i = 0; i <= mask_; ++i) heads_[i].store(kEnd, std::memory_order_relaxed);
  // Twice the limit: entries that wait for readers are not in anybody's way.
  for (uint32_t i = 2 * limits.neighbors; i > 0; --i) free_.push_back(i - 1);
}

WriteResult NeighborTable::Put(const NeighborKey& key, AdjacencyId adjacency) {
  const AdjacencyId before = Find(key);
  if (before == adjacency) return WriteResult::Accepted();
  if (before == kNoAdjacency && used_ >= limit_) return WriteResult::AtLimit(Limit::kNeighbors, limit_);
  if (free_.empty()) retirement_.Reclaim();
  if (free_.empty() || (before != kNoAdjacency && retirement_.full()))
    return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());

  const uint32_t at = free_.back();
  free_.pop_back();
  Entry& entry = entries_[at];
  entry.key = key;
  entry.adjacency = adjacency;
  std::atomic<uint32_t>& head = heads_[key.Hash() & mask_];
  entry.next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  // The new entry hides the old one behind it before that is unlinked.
  const bool replaces = before != kNoAdjacency;
  head.store(at, std::memory_order_release);
  ++used_;
  if (replaces) Unlink(key);
  return WriteResult::Accepted();
}

WriteResult NeighborTable::Remove(const NeighborKey& key) {
  if (Find(key) == kNoAdjacency) return WriteResult::Refused(RefusalReason::kNotFound);
  if (retirement_.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement_.pending_max());
  Unlink(key);
  return WriteResult::Accepted();
}

// Takes out the last entry of the key in its chain, which is the oldest.
void NeighborTable::Unlink(const NeighborKey& key) {
  std::atomic<uint32_t>* link = &heads_[key.Hash() & mask_];
  std::atomic<uint32_t>* found = nullptr;
  for (uint32_t at; (at = link->load(std::memory_order_relaxed)) != kEnd; link = &entries_[at].next)
    if (entries_[at].key == key) found = link;
  const uint32_t gone = found->load(std::memory_order_relaxed);
  found->store(entries_[gone].next.load(std::memory_order_relaxed), std::memory_order_release);
  --used_;
  retirement_.Retire([this, gone] { free_.push_back(gone); });
}

}  // namespace sluice::dataplane
