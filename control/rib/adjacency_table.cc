// Interning of adjacencies: see the header.
#include "control/rib/adjacency_table.h"

#include "proto/net/check.h"

namespace sluice::rib {

AdjacencyId AdjacencyTable::Acquire(const Adjacency& adjacency) {
  const auto at = ids_.find(adjacency);
  const bool is_new = at == ids_.end();
  AdjacencyId id = kNoAdjacency;
  if (!is_new) {
    id = *at;
  } else if (free_.empty()) {
    id = static_cast<AdjacencyId>(slots_.size());
    slots_.emplace_back();
  } else {
    id = free_.front();
    free_.pop_front();
  }
  Slot& slot = slots_[id];
  slot.shared = !is_new;
  if (is_new) {
    slot.adjacency = adjacency;
    slot.live = true;
    // Half empty, or what Move erases leaves tombstones that are swept over and over.
    if (ids_.size() >= ids_.capacity() / 2) ids_.reserve(ids_.capacity() + 1);
    ids_.insert(id);
  }
  if (slot.users++ == 0) List(id);
  return id;
}

void AdjacencyTable::Release(AdjacencyId id) {
  SLUICE_CHECK(slots_[id].users > 0);
  if (--slots_[id].users == 0) List(id);
}

bool AdjacencyTable::Move(AdjacencyId id, const Adjacency& to) {
  Slot& slot = slots_[id];
  if (slot.shared || slot.users != 1 || ids_.contains(to)) return false;
  ids_.erase(id);
  slot.adjacency = to;
  ids_.insert(id);
  List(id);
  return true;
}

void AdjacencyTable::Gone(AdjacencyId id) {
  if (slots_[id].users > 0 || !slots_[id].live) return;  // wanted again meanwhile
  ids_.erase(id);
  slots_[id].live = false;
  free_.push_back(id);
}

std::vector<AdjacencyUpdate> AdjacencyTable::Take() {
  std::vector<AdjacencyUpdate> updates;
  updates.reserve(changed_.size());
  for (const AdjacencyId id : changed_) {
    Slot& slot = slots_[id];
    slot.listed = false;
    updates.push_back({id, slot.users > 0 ? std::optional(slot.adjacency) : std::nullopt});
  }
  changed_.clear();
  return updates;
}

void AdjacencyTable::List(AdjacencyId id) {
  if (slots_[id].listed) return;
  slots_[id].listed = true;
  changed_.push_back(id);
}

}  // namespace sluice::rib
