// Interning and resolution of next-hop lists: see the header.
#include "control/rib/next_hop_table.h"

#include <algorithm>
#include <utility>

#include "proto/net/check.h"

namespace sluice::rib {
namespace {

net::Address ZeroOf(net::Family family) {
  return family == net::Family::kIpv4 ? net::Address(net::Ipv4Address{}) : net::Address(net::Ipv6Address{});
}

// Link-local next hops make sense only on a named interface (RFC 4007 section 6).
bool NeedsInterface(const net::Address& address) {
  return !address.is_v4() && address.v6().IsLinkLocal();
}

std::optional<Adjacency> ResolveOne(const NextHop& hop, net::Family family, const ConnectedSubnets& subnets) {
  if (!hop.address) {
    if (hop.interface == 0) return std::nullopt;
    return Adjacency{Adjacency::Kind::kGlean, hop.interface, ZeroOf(family), {}};
  }
  if (!hop.mac.IsZero()) return Adjacency{Adjacency::Kind::kTunnel, hop.interface, *hop.address, hop.mac};
  if (hop.interface != 0) return Adjacency{Adjacency::Kind::kNeighbor, hop.interface, *hop.address, {}};
  if (NeedsInterface(*hop.address)) return std::nullopt;
  const std::optional<uint32_t> interface = subnets.InterfaceOf(*hop.address);
  if (!interface) return std::nullopt;
  return Adjacency{Adjacency::Kind::kNeighbor, *interface, *hop.address, {}};
}

}  // namespace

GroupId NextHopTable::Acquire(uint32_t vrf, net::Family family, const NextHops& next_hops,
                              const ConnectedSubnets& subnets) {
  const auto at = ids_.find(Key{vrf, family, next_hops});
  const bool is_new = at == ids_.end();
  const GroupId id = is_new ? NewSlot() : *at;
  Slot& slot = slots_[id];
  if (is_new) {
    slot.vrf = vrf;
    slot.family = family;
    slot.next_hops = next_hops;
    slot.live = true;
    slot.shared = false;
    // Half empty, or what MoveHost erases leaves tombstones that are swept over and over.
    if (ids_.size() >= ids_.capacity() / 2) ids_.reserve(ids_.capacity() + 1);
    ids_.insert(id);
    by_vrf_[vrf].insert(id);
    slot.resolved = Resolve(slot, subnets);
    slot.usable = !slot.resolved.empty();
  } else {
    slot.shared = true;
  }
  ++slot.holds;
  return id;
}

bool NextHopTable::MoveHost(GroupId id, const NextHop& to) {
  Slot& slot = slots_[id];
  if (slot.shared || slot.next_hops.size() != 1) return false;
  const NextHop& from = slot.next_hops[0];
  // Another interface may be of another VRF, which groups are bound to.
  if (from.mac.IsZero() || to.mac.IsZero() || from.interface != to.interface || from.weight != to.weight)
    return false;
  if (ids_.contains(Key{slot.vrf, slot.family, {&to, 1}})) return false;
  ids_.erase(id);
  slot.next_hops[0] = to;
  ids_.insert(id);
  Adjacency& resolved = slot.resolved[0].adjacency;
  resolved = {Adjacency::Kind::kTunnel, to.interface, *to.address, to.mac};
  if (slot.wanted_by == 0) return true;
  AdjacencyId& member = slot.members[0].adjacency;
  if (adjacencies_.Move(member, resolved)) return true;
  const AdjacencyId old = std::exchange(member, adjacencies_.Acquire(resolved));
  adjacencies_.Release(old);
  List(id);
  return true;
}

void NextHopTable::Release(GroupId id) {
  SLUICE_CHECK(slots_[id].holds > 0);
  --slots_[id].holds;
  FreeIfUnused(id);
}

void NextHopTable::Want(GroupId id) {
  Slot& slot = slots_[id];
  if (slot.wanted_by++ > 0) return;
  AcquireMembers(slot);
  slot.installed = true;
  List(id);
}

void NextHopTable::Unwant(GroupId id) {
  Slot& slot = slots_[id];
  SLUICE_CHECK(slot.wanted_by > 0);
  if (--slot.wanted_by > 0) return;
  ReleaseMembers(slot);
  List(id);
}

void NextHopTable::Gone(GroupId id) {
  if (slots_[id].wanted_by > 0) return;  // wanted again meanwhile
  slots_[id].installed = false;
  FreeIfUnused(id);
}

std::vector<ResolvedNextHop> NextHopTable::Resolve(const Slot& slot, const ConnectedSubnets& subnets) {
  std::vector<ResolvedNextHop> resolved;
  if (slot.next_hops.empty()) resolved.push_back({{Adjacency::Kind::kDrop, 0, ZeroOf(slot.family), {}}});
  for (const NextHop& hop : slot.next_hops) {
    if (auto adjacency = ResolveOne(hop, slot.family, subnets)) resolved.push_back({*adjacency, hop.weight});
  }
  return resolved;
}

absl::flat_hash_set<GroupId> NextHopTable::ResolveAgain(uint32_t vrf, const ConnectedSubnets& subnets) {
  absl::flat_hash_set<GroupId> flipped;
  const auto lists = by_vrf_.find(vrf);
  if (lists == by_vrf_.end()) return flipped;
  for (const GroupId id : lists->second) {
    Slot& slot = slots_[id];
    std::vector<ResolvedNextHop> resolved = Resolve(slot, subnets);
    if (resolved == slot.resolved) continue;
    if (resolved.empty() != slot.resolved.empty()) flipped.insert(id);
    const bool wanted = slot.wanted_by > 0;
    if (wanted && resolved.empty()) {
      // The routes leave the group in a moment; until then it stays as it is.
      slot.usable = false;
      slot.resolved.clear();
      continue;
    }
    slot.resolved = std::move(resolved);
    slot.usable = !slot.resolved.empty();
    if (!wanted) continue;
    const GroupMembers old = std::exchange(slot.members, {});
    AcquireMembers(slot);
    for (const GroupMember& member : old) adjacencies_.Release(member.adjacency);
    List(id);
  }
  return flipped;
}

void NextHopTable::ForgetInstalled() {
  for (Slot& slot : slots_) slot.sent_by = 0;
}

std::vector<GroupUpdate> NextHopTable::Take() {
  std::vector<GroupUpdate> updates;
  updates.reserve(changed_.size());
  for (const GroupId id : changed_) {
    Slot& slot = slots_[id];
    slot.listed = false;
    updates.push_back({id, slot.vrf, slot.wanted_by > 0 ? slot.members : GroupMembers{}});
  }
  changed_.clear();
  return updates;
}

GroupId NextHopTable::NewSlot() {
  if (free_.empty()) {
    slots_.emplace_back();
    return static_cast<GroupId>(slots_.size() - 1);
  }
  const GroupId id = free_.front();
  free_.pop_front();
  return id;
}

void NextHopTable::AcquireMembers(Slot& slot) {
  // Two paths over one next hop share it.
  std::vector<std::pair<Adjacency, uint32_t>> distinct;
  uint32_t heaviest = 1;
  for (const ResolvedNextHop& hop : slot.resolved) {
    auto same = std::find_if(distinct.begin(), distinct.end(),
                             [&](const auto& each) { return each.first == hop.adjacency; });
    if (same == distinct.end()) same = distinct.emplace(same, hop.adjacency, 0u);
    same->second += hop.weight;
    heaviest = std::max(heaviest, same->second);
  }
  std::vector<Adjacency> unused;
  for (const auto& [adjacency, weight] : distinct) {
    if (slot.members.size() == kGroupMembersMax) {
      unused.push_back(adjacency);
      continue;
    }
    // Sums that are too large keep their ratio as far as whole numbers can.
    const uint32_t scaled =
        heaviest <= kMemberWeightMax ? weight : (weight * kMemberWeightMax + heaviest / 2) / heaviest;
    slot.members.push_back({adjacencies_.Acquire(adjacency), static_cast<uint16_t>(std::max(scaled, 1u))});
  }
  SetUnused(slot, std::move(unused));
}

void NextHopTable::ReleaseMembers(Slot& slot) {
  for (const GroupMember& member : slot.members) adjacencies_.Release(member.adjacency);
  slot.members.clear();
  SetUnused(slot, {});
}

void NextHopTable::SetUnused(Slot& slot, std::vector<Adjacency> unused) {
  if (slot.unused.empty() && unused.empty()) return;
  uint64_t& count = unused_[slot.vrf];
  count = count + unused.size() - slot.unused.size();
  if (count == 0) unused_.erase(slot.vrf);
  slot.unused = std::move(unused);
}

bool NextHopTable::IsUnused(GroupId id, const NextHop& hop, const ConnectedSubnets& subnets) const {
  const Slot& slot = slots_[id];
  if (slot.unused.empty()) return false;
  const std::optional<Adjacency> adjacency = ResolveOne(hop, slot.family, subnets);
  return adjacency && std::find(slot.unused.begin(), slot.unused.end(), *adjacency) != slot.unused.end();
}

uint64_t NextHopTable::unused(uint32_t vrf) const {
  const auto at = unused_.find(vrf);
  return at == unused_.end() ? 0 : at->second;
}

void NextHopTable::FreeIfUnused(GroupId id) {
  Slot& slot = slots_[id];
  if (!slot.live || slot.holds > 0 || slot.wanted_by > 0 || slot.installed) return;
  ids_.erase(id);
  auto lists = by_vrf_.find(slot.vrf);
  lists->second.erase(id);
  if (lists->second.empty()) by_vrf_.erase(lists);
  slot.live = false;
  slot.usable = false;
  slot.next_hops.clear();
  slot.resolved.clear();
  free_.push_back(id);
}

void NextHopTable::List(GroupId id) {
  if (slots_[id].listed) return;
  slots_[id].listed = true;
  changed_.push_back(id);
}

}  // namespace sluice::rib
