// Entries, limits and due times.
#include "dataplane/slowpath/neighbor_cache.h"

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

bool IsUnresolved(NeighborState state) {
  return state == NeighborState::kIncomplete || state == NeighborState::kFailed;
}

}  // namespace

Neighbor* NeighborCache::Find(const LinkAddress& key) {
  const auto found = neighbors_.find(key);
  return found == neighbors_.end() ? nullptr : &found->second;
}

Neighbor* NeighborCache::Insert(const LinkAddress& key, VrfId vrf, Purpose purpose) {
  const VrfCounts counts = vrfs_[vrf];
  if (purpose != Purpose::kWanted) {
    const uint32_t all_max =
        purpose == Purpose::kLearn ? limits_.neighbors_per_vrf / 4 * 3 : limits_.neighbors_per_vrf;
    const bool scanned =
        purpose == Purpose::kResolve && counts.unresolved >= (limits_.neighbors_per_vrf + 1) / 2;
    if (neighbors_.size() >= limits_.neighbors || counts.all >= all_max || scanned) {
      ++refused_;
      return nullptr;
    }
  }
  const auto [entry, inserted] = neighbors_.try_emplace(key);
  SLUICE_CHECK(inserted);
  entry->second.key = key;
  entry->second.vrf = vrf;
  CountIn(entry->second);
  return &entry->second;
}

void NeighborCache::CountIn(const Neighbor& neighbor) {
  VrfCounts& counts = vrfs_[neighbor.vrf];
  ++counts.all;
  counts.unresolved += IsUnresolved(neighbor.state);
}

void NeighborCache::CountOut(const Neighbor& neighbor) {
  VrfCounts& counts = vrfs_[neighbor.vrf];
  counts.unresolved -= IsUnresolved(neighbor.state);
  if (--counts.all == 0) vrfs_.erase(neighbor.vrf);
}

void NeighborCache::Erase(const LinkAddress& key) {
  const auto found = neighbors_.find(key);
  SLUICE_CHECK(found != neighbors_.end());
  SetDue(found->second, std::nullopt);
  CountOut(found->second);
  neighbors_.erase(found);
}

std::vector<LinkAddress> NeighborCache::KeysOf(InterfaceId interface) const {
  std::vector<LinkAddress> keys;
  for (auto it = neighbors_.lower_bound({interface, {}}); it != neighbors_.end(); ++it) {
    if (it->first.interface != interface) break;
    keys.push_back(it->first);
  }
  return keys;
}

void NeighborCache::SetState(Neighbor& neighbor, NeighborState state) {
  CountOut(neighbor);
  neighbor.state = state;
  CountIn(neighbor);
  neighbor.probes_sent = 0;
}

void NeighborCache::SetVrf(Neighbor& neighbor, VrfId vrf) {
  CountOut(neighbor);
  neighbor.vrf = vrf;
  CountIn(neighbor);
}

void NeighborCache::SetDue(Neighbor& neighbor, std::optional<Instant> due) {
  if (neighbor.due) due_.erase({*neighbor.due, neighbor.key});
  neighbor.due = due;
  if (due) due_.insert({*due, neighbor.key});
}

Neighbor* NeighborCache::PopDue(Instant now) {
  if (due_.empty() || due_.begin()->first > now) return nullptr;
  Neighbor* const neighbor = Find(due_.begin()->second);
  SetDue(*neighbor, std::nullopt);
  return neighbor;
}

std::optional<Instant> NeighborCache::NextDue() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace sluice::dataplane
