// Interning of adjacencies: see the header.
#include "control/rib/adjacency_table.h"

#include "proto/net/check.h"

namespace sluice::rib {

AdjacencyId AdjacencyTable::Acquire(const Adjacency& adjacency) {
  auto [at, is_new] = ids_.try_emplace(adjacency, kNoAdjacency);
  if (is_new) {
    if (free_.empty()) {
      at->second = static_cast<AdjacencyId>(slots_.size());
      slots_.emplace_back();
    } else {
      at->second = free_.front();
      free_.pop_front();
    }
    slots_[at->second].adjacency = adjacency;
    slots_[at->second].live = true;
  }
  if (slots_[at->second].users++ == 0) List(at->second);
  return at->second;
}

void AdjacencyTable::Release(AdjacencyId id) {
  SLUICE_CHECK(slots_[id].users > 0);
  if (--slots_[id].users == 0) List(id);
}

void AdjacencyTable::Gone(AdjacencyId id) {
  if (slots_[id].users > 0 || !slots_[id].live) return;  // wanted again meanwhile
  ids_.erase(slots_[id].adjacency);
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
