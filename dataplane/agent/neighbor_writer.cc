// The resolver's neighbours: what the slow path learned and control fixed, and
// the entries that glean packets find.
#include <utility>

#include "dataplane/agent/adjacency_resolver.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::Limit;
using channel::RefusalReason;

AdjacencyResolver::Neighbor& AdjacencyResolver::Touch(const NeighborKey& key) {
  neighbors_on_[key.interface].insert(key);
  return neighbors_[key];
}

// An entry says something as long as the slow path or control speaks of it, or
// packets find it.
void AdjacencyResolver::ForgetIfUnused(const NeighborKey& key) {
  const Neighbor& neighbor = neighbors_.at(key);
  const bool known = neighbor.fixed || neighbor.learned || neighbor.state != NeighborState::kIncomplete;
  if (known || neighbor.watched() || neighbor.glean != kNoAdjacency) return;
  neighbors_.erase(key);
  neighbors_on_[key.interface].erase(key);
}

WriteResult AdjacencyResolver::InstallGlean(const NeighborKey& key, Neighbor& neighbor, Instant when) {
  const Adjacency wanted{
      .kind = AdjacencyKind::kNeighbor, .interface = key.interface, .next_hop = AddressOf(key)};
  if (neighbor.glean != kNoAdjacency) return Refresh(neighbor.glean, wanted, when);
  const VrfId vrf = tables_.interfaces.Find(key.interface)->vrf;
  const Vrf& tenant = *tables_.vrfs.Find(vrf);
  const uint32_t limit = tenant.neighbors_max != 0 ? tenant.neighbors_max : tables_.limits.neighbors_per_vrf;
  if (neighbors_in_vrf_[vrf] >= limit) return WriteResult::AtLimit(Limit::kNeighborsPerVrf, limit);
  const AdjacencyId id = tables_.adjacencies.Allocate();
  if (id == kNoAdjacency) return WriteResult::AtLimit(Limit::kNeighbors, tables_.limits.neighbors);
  liveness_[id].vrf = vrf;
  on_interface_[key.interface].insert(id);
  neighbor.glean = id;
  counters_.RestartAdjacency(id);
  SLUICE_CHECK(Refresh(id, wanted, when).ok());
  // The rewrite is in place before packets can find it.
  const WriteResult put = tables_.neighbors.Put(key, id);
  if (!put.ok()) {
    on_interface_[key.interface].erase(id);
    neighbor.glean = kNoAdjacency;
    tables_.adjacencies.Release(id);
    return put;
  }
  ++neighbors_in_vrf_[vrf];
  return WriteResult::Accepted();
}

void AdjacencyResolver::RemoveGlean(const NeighborKey& key, Neighbor& neighbor) {
  const AdjacencyId id = neighbor.glean;
  if (id == kNoAdjacency) return;
  // With no room for the removal packets still find the entry, and its
  // adjacency drops them or asks for resolution; it is taken out later.
  if (!tables_.neighbors.Remove(key).ok()) {
    removals_put_off_.insert(key);
    return;
  }
  neighbor.glean = kNoAdjacency;
  on_interface_[key.interface].erase(id);
  --neighbors_in_vrf_[liveness_[id].vrf];
  liveness_[id] = {};
  tables_.adjacencies.Release(id);
}

void AdjacencyResolver::RetryRemovals() {
  for (const NeighborKey& key : std::exchange(removals_put_off_, {})) {
    const auto found = neighbors_.find(key);
    // Resolved again meanwhile: then it stays.
    if (found == neighbors_.end() || found->second.mac()) continue;
    RemoveGlean(key, found->second);
    ForgetIfUnused(key);
  }
}

// Brings everything that depends on the neighbour's MAC up to date.
WriteResult AdjacencyResolver::Resolve(const NeighborKey& key, Neighbor& neighbor, Instant when) {
  WriteResult installed = WriteResult::Accepted();
  if (neighbor.mac()) {
    installed = InstallGlean(key, neighbor, when);
  } else {
    RemoveGlean(key, neighbor);
    // Could not be taken out: then it must not look alive.
    if (neighbor.glean != kNoAdjacency) installed = InstallGlean(key, neighbor, when);
  }
  if (neighbor.far_end) OnUnderlay(when);
  for (const AdjacencyId id : neighbor.watchers) {
    const Adjacency adjacency = *tables_.adjacencies.Describe(id);
    SLUICE_CHECK(Refresh(id, adjacency, when).ok());
  }
  return installed;
}

void AdjacencyResolver::OnNeighbor(const NeighborUpdate& update, Instant now) {
  const NeighborKey key = NeighborKey::Of(update.interface, update.address);
  // The interface may have gone while the update was on its way.
  const Interface* interface =
      key.interface < tables_.interfaces.size() ? tables_.interfaces.Find(key.interface) : nullptr;
  if (interface == nullptr || interface->is_tunnel()) return;
  if (update.removed && !neighbors_.contains(key)) return;
  Neighbor& neighbor = Touch(key);
  const NeighborState state = update.removed ? NeighborState::kIncomplete : update.state;
  const auto mac = update.removed ? std::nullopt : update.mac;
  const bool changed = neighbor.state != state || neighbor.learned != mac;
  neighbor.state = state;
  neighbor.learned = mac;
  if (state == NeighborState::kReachable) neighbor.confirmed = now;
  if (!changed && (neighbor.glean != kNoAdjacency) == neighbor.mac().has_value()) return;
  // Not installed for glean: packets go on asking the slow path, which holds few
  // of them. Adjacencies of control to it work all the same.
  if (!Resolve(key, neighbor, now).ok()) ++refused_neighbors_;
  Notify(key);
  ForgetIfUnused(key);
}

std::vector<net::Address> AdjacencyResolver::FixedOn(InterfaceId interface) const {
  std::vector<net::Address> addresses;
  for (const NeighborKey& key : neighbors_on_[interface])
    if (neighbors_.at(key).fixed) addresses.push_back(AddressOf(key));
  return addresses;
}

WriteResult AdjacencyResolver::PutFixed(InterfaceId interface, const net::Address& address,
                                        const net::MacAddress& mac, Owner owner, Instant now) {
  const NeighborKey key = NeighborKey::Of(interface, address);
  Neighbor& neighbor = Touch(key);
  if (neighbor.fixed == mac) {
    neighbor.fixed_owner = owner;
    return WriteResult::Accepted();
  }
  const auto before = neighbor.fixed;
  neighbor.fixed = mac;
  if (const WriteResult resolved = Resolve(key, neighbor, now); !resolved.ok()) {
    neighbor.fixed = before;
    (void)Resolve(key, neighbor, now);
    ForgetIfUnused(key);
    return resolved;
  }
  neighbor.fixed_owner = owner;
  requests_.Push(StaticNeighbor{interface, address, mac});
  Notify(key);
  return WriteResult::Accepted();
}

WriteResult AdjacencyResolver::RemoveFixed(InterfaceId interface, const net::Address& address, Instant now) {
  const NeighborKey key = NeighborKey::Of(interface, address);
  const auto found = neighbors_.find(key);
  if (found == neighbors_.end() || !found->second.fixed)
    return WriteResult::Refused(RefusalReason::kNotFound);
  Neighbor& neighbor = found->second;
  neighbor.fixed.reset();
  neighbor.fixed_owner = {};
  neighbor.confirmed = {};
  // What the slow path learned of it before was the static entry itself.
  neighbor.learned.reset();
  neighbor.state = NeighborState::kIncomplete;
  (void)Resolve(key, neighbor, now);
  requests_.Push(StaticNeighbor{interface, address, std::nullopt});
  Notify(key);
  ForgetIfUnused(key);
  return WriteResult::Accepted();
}

}  // namespace sluice::dataplane
