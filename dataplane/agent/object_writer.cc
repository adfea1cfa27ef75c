// TableWriter's objects: each is checked for its owner, written by the writer of
// its kind, and then owned.
#include <array>
#include <cstring>

#include "dataplane/agent/table_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::IdRecord;
using channel::RefusalReason;

namespace {

constexpr size_t kId = offsetof(IdRecord, id);

// Records whose id is beyond the limit own nothing and are refused by their table.
Owner* OwnerAt(std::vector<Owner>& owners, uint32_t id) {
  return id < owners.size() ? &owners[id] : nullptr;
}

MaybeRefusal Missing(uint32_t id) {
  return Refuse(RefusalReason::kNotFound, kId, id);
}
MaybeRefusal Beyond(channel::Limit limit, uint64_t figure, size_t field) {
  return Refuse(WriteResult::AtLimit(limit, figure), field);
}

}  // namespace

MaybeRefusal TableWriter::OnVrf(const channel::VrfRecord& record, ScopeIndex scope) {
  Owner* owner = OwnerAt(vrf_owners_, record.vrf);
  if (owner == nullptr)
    return Beyond(channel::Limit::kVrfs, tables_.vrfs.size(), offsetof(channel::VrfRecord, vrf));
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  if (auto refusal = interfaces_.PutVrf(record)) return refusal;
  Claim(*owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnVrfDelete(VrfId vrf, ScopeIndex scope) {
  Owner* owner = OwnerAt(vrf_owners_, vrf);
  if (owner == nullptr || owner->scope == kNoScope) return Missing(vrf);
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  return RemoveVrf(vrf);
}

// With all its routes, whoever owns them, and in time with the scopes that are its own.
MaybeRefusal TableWriter::RemoveVrf(VrfId vrf) {
  const RouteWriter::Census census = routes_.CountRoutes(vrf);
  if (auto refusal = interfaces_.RemoveVrf(vrf)) return refusal;
  for (const auto& [scope, routes] : census) scopes_.At(scope).objects -= routes;
  Disown(vrf_owners_[vrf]);
  ForgetScopesOf(vrf);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnInterface(const channel::InterfaceRecord& record, ScopeIndex scope, Instant now) {
  Owner* owner = OwnerAt(interface_owners_, record.interface);
  if (owner == nullptr)
    return Beyond(channel::Limit::kInterfaces, tables_.limits.interfaces,
                  offsetof(channel::InterfaceRecord, interface));
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  if (auto refusal = interfaces_.PutInterface(record, now)) return refusal;
  Claim(*owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnTunnel(const channel::TunnelRecord& record, ScopeIndex scope, Instant now) {
  Owner* owner = OwnerAt(interface_owners_, record.interface);
  if (owner == nullptr)
    return Beyond(channel::Limit::kInterfaces, tables_.limits.interfaces,
                  offsetof(channel::TunnelRecord, interface));
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  if (auto refusal = interfaces_.PutTunnel(record, now)) return refusal;
  Claim(*owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnInterfaceDelete(InterfaceId id, ScopeIndex scope, Instant now) {
  return DeleteInterface(id, false, scope, now);
}

MaybeRefusal TableWriter::OnTunnelDelete(InterfaceId id, ScopeIndex scope, Instant now) {
  return DeleteInterface(id, true, scope, now);
}

MaybeRefusal TableWriter::DeleteInterface(InterfaceId id, bool tunnel, ScopeIndex scope, Instant now) {
  Owner* owner = OwnerAt(interface_owners_, id);
  if (owner == nullptr || owner->scope == kNoScope) return Missing(id);
  if (tables_.interfaces.Find(id)->is_tunnel() != tunnel) return Missing(id);
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  return RemoveInterface(id, now, false);
}

// With its addresses and static neighbours, and all of their owners.
MaybeRefusal TableWriter::RemoveInterface(InterfaceId id, Instant now, bool force) {
  if (!force && resolver_.UsersOf(id) != 0) return Refuse(RefusalReason::kInUse, kId, resolver_.UsersOf(id));
  std::vector<InterfaceWriter::AddressKey> addresses;
  for (auto at = interfaces_.addresses().lower_bound({id, net::Address()});
       at != interfaces_.addresses().end() && at->first.interface == id; ++at)
    addresses.push_back(at->first);
  const std::vector<net::Address> fixed = resolver_.FixedOn(id);
  // Room for all of it first: afterwards nothing is refused.
  if (!HasRoomFor(RemovalsOf(id)))
    return Beyond(channel::Limit::kPendingRemovals, tables_.limits.pending_removals, kId);
  for (const InterfaceWriter::AddressKey& key : addresses) {
    Owner owner = interfaces_.addresses().at(key);
    if (auto refusal = interfaces_.RemoveAddress(key)) return refusal;
    Disown(owner);
  }
  for (const net::Address& address : fixed) {
    Owner owner = resolver_.Find(NeighborKey::Of(id, address))->fixed_owner;
    if (resolver_.RemoveFixed(id, address, now).ok()) Disown(owner);
  }
  if (auto refusal = interfaces_.RemoveInterface(id, now)) return refusal;
  Disown(interface_owners_[id]);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnAddress(const channel::InterfaceAddressRecord& record, ScopeIndex scope) {
  const InterfaceWriter::AddressKey key{static_cast<InterfaceId>(record.interface),
                                        AddressOf(record.family, record.address)};
  const auto known = interfaces_.addresses().find(key);
  Owner owner = known == interfaces_.addresses().end() ? Owner{} : known->second;
  if (auto refusal = CheckOwner(owner, scope)) return refusal;
  if (auto refusal = interfaces_.PutAddress(record, scopes_.OwnerNow(scope))) return refusal;
  Claim(owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnAddressDelete(const channel::InterfaceAddressRecord& record, ScopeIndex scope) {
  const InterfaceWriter::AddressKey key{static_cast<InterfaceId>(record.interface),
                                        AddressOf(record.family, record.address)};
  const auto known = interfaces_.addresses().find(key);
  if (known == interfaces_.addresses().end())
    return Refuse(RefusalReason::kNotFound, offsetof(channel::InterfaceAddressRecord, address));
  Owner owner = known->second;
  if (auto refusal = CheckOwner(owner, scope)) return refusal;
  if (auto refusal = interfaces_.RemoveAddress(key)) return refusal;
  Disown(owner);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnNeighbor(const channel::NeighborRecord& record, ScopeIndex scope, Instant now) {
  const auto interface = static_cast<InterfaceId>(record.interface);
  constexpr size_t kInterface = offsetof(channel::NeighborRecord, interface);
  if (interface >= tables_.interfaces.size() || tables_.interfaces.Find(interface) == nullptr)
    return Refuse(RefusalReason::kNotFound, kInterface, interface);
  // Who is behind a tunnel is said by its adjacencies.
  if (tables_.interfaces.Find(interface)->is_tunnel())
    return Refuse(RefusalReason::kUnsupported, kInterface, interface);
  const net::Address address = AddressOf(record.family, record.address);
  const auto* known = resolver_.Find(NeighborKey::Of(interface, address));
  Owner owner = known == nullptr ? Owner{} : known->fixed_owner;
  if (auto refusal = CheckOwner(owner, scope)) return refusal;
  net::MacAddress mac;
  std::memcpy(mac.bytes.data(), record.mac, sizeof record.mac);
  const WriteResult put = resolver_.PutFixed(interface, address, mac, scopes_.OwnerNow(scope), now);
  if (!put.ok()) return Refuse(put, offsetof(channel::NeighborRecord, address));
  Claim(owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnNeighborDelete(const channel::NeighborRecord& record, ScopeIndex scope,
                                           Instant now) {
  const auto interface = static_cast<InterfaceId>(record.interface);
  const net::Address address = AddressOf(record.family, record.address);
  constexpr size_t kField = offsetof(channel::NeighborRecord, address);
  const auto* known = resolver_.Find(NeighborKey::Of(interface, address));
  if (known == nullptr || !known->fixed) return Refuse(RefusalReason::kNotFound, kField);
  Owner owner = known->fixed_owner;
  if (auto refusal = CheckOwner(owner, scope)) return refusal;
  if (const WriteResult removed = resolver_.RemoveFixed(interface, address, now); !removed.ok())
    return Refuse(removed, kField);
  Disown(owner);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnAdjacency(const channel::AdjacencyRecord& record, ScopeIndex scope, Instant now) {
  Owner* owner = OwnerAt(adjacency_owners_, record.adjacency);
  if (owner == nullptr)
    return Beyond(channel::Limit::kAdjacencies, tables_.limits.adjacencies,
                  offsetof(channel::AdjacencyRecord, adjacency));
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  Adjacency wanted{.kind = static_cast<AdjacencyKind>(record.kind),
                   .interface = static_cast<InterfaceId>(record.interface)};
  const bool tunnel = wanted.kind == AdjacencyKind::kTunnel;
  const bool host = tunnel && record.family != 0 && !AddressOf(record.family, record.next_hop).IsZero();
  if (wanted.kind == AdjacencyKind::kNeighbor || host)
    wanted.next_hop = AddressOf(record.family, record.next_hop);
  if (host) {
    net::MacAddress mac;
    std::memcpy(mac.bytes.data(), record.mac, sizeof record.mac);
    wanted.neighbor_mac = mac;
  }
  if (auto refusal = PutAdjacency(record, wanted, now)) return refusal;
  Claim(*owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::PutAdjacency(const channel::AdjacencyRecord& record, const Adjacency& wanted,
                                       Instant now) {
  using channel::AdjacencyRecord;
  const InterfaceId id = wanted.interface;
  if (id != kNoInterface) {
    const Interface* interface = id < tables_.interfaces.size() ? tables_.interfaces.Find(id) : nullptr;
    if (interface == nullptr)
      return Refuse(RefusalReason::kNotFound, offsetof(AdjacencyRecord, interface), id);
    // Nobody is resolved behind a tunnel, and a port has no far end.
    if (interface->is_tunnel() != (wanted.kind == AdjacencyKind::kTunnel))
      return Refuse(RefusalReason::kUnsupported, offsetof(AdjacencyRecord, interface), id);
  }
  if (wanted.kind == AdjacencyKind::kTunnel) {
    const Tunnel& tunnel = *tables_.tunnels.Find(id);
    if (tunnel.is_overlay() != wanted.neighbor_mac.has_value())
      return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, next_hop));
    if (tunnel.is_overlay() && wanted.next_hop.is_v4() != tunnel.outer_ipv4)
      return Refuse(RefusalReason::kOutOfRange, offsetof(AdjacencyRecord, family), record.family);
  }
  WriteResult put = resolver_.Put(record.adjacency, wanted, now);
  const auto holder = static_cast<InterfaceId>(put.value());
  if (put.reason() == RefusalReason::kConflict && MayEvict(std::span(&holder, 1))) {
    Evict(holder);
    put = resolver_.Put(record.adjacency, wanted, now);
    SLUICE_CHECK(put.ok());  // the host was all that was in the way
  }
  const bool far_end = put.reason() == RefusalReason::kConflict ||
                       (put.reason() == RefusalReason::kLimit && put.limit() != channel::Limit::kAdjacencies);
  return Refuse(put, far_end ? offsetof(AdjacencyRecord, next_hop) : offsetof(AdjacencyRecord, interface));
}

MaybeRefusal TableWriter::OnAdjacencyDelete(AdjacencyId id, ScopeIndex scope) {
  Owner* owner = OwnerAt(adjacency_owners_, id);
  if (owner == nullptr || owner->scope == kNoScope) return Missing(id);
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  if (const WriteResult removed = resolver_.Remove(id); !removed.ok()) return Refuse(removed, kId);
  Disown(*owner);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnGroup(std::span<const std::byte> record, ScopeIndex scope) {
  uint32_t head[2];
  std::memcpy(head, record.data() + offsetof(channel::NextHopGroupRecord, group), sizeof head);
  const auto [group, count] = head;
  Owner* owner = OwnerAt(group_owners_, group);
  if (owner == nullptr)
    return Beyond(channel::Limit::kNextHopGroups, tables_.limits.next_hop_groups,
                  offsetof(channel::NextHopGroupRecord, group));
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  std::array<GroupMember, channel::kMaxGroupMembers> members;
  for (uint32_t i = 0; i < count; ++i) {
    channel::GroupMember member;
    std::memcpy(&member, record.data() + offsetof(channel::NextHopGroupRecord, members) + i * sizeof member,
                sizeof member);
    members[i] = {member.adjacency, member.weight};
  }
  if (auto refusal = routes_.PutGroup(group, std::span(members).first(count))) return refusal;
  Claim(*owner, scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnGroupDelete(GroupId id, ScopeIndex scope) {
  Owner* owner = OwnerAt(group_owners_, id);
  if (owner == nullptr || owner->scope == kNoScope) return Missing(id);
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  if (auto refusal = routes_.RemoveGroup(id)) return refusal;
  Disown(*owner);
  return std::nullopt;
}

MaybeRefusal TableWriter::OnPolicer(const channel::PolicerRecord& record, ScopeIndex scope) {
  constexpr size_t kField = offsetof(channel::PolicerRecord, policer);
  Owner* owner = OwnerAt(policer_owners_, record.policer);
  if (owner == nullptr) return Beyond(channel::Limit::kPolicers, tables_.limits.policers, kField);
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  PolicerValues& values = policers_[record.policer];
  const bool same = tables_.policers.Exists(record.policer) && values.rate_kbps == record.rate_kbps &&
                    values.burst_bytes == record.burst_bytes;
  if (!same) {
    if (!tables_.policers.Exists(record.policer)) counters_.RestartPolicer(record.policer);
    const WriteResult put = tables_.policers.Put(record.policer, record.rate_kbps, record.burst_bytes);
    if (!put.ok()) {
      const bool burst = put.reason() == RefusalReason::kOutOfRange;
      return Refuse(put, burst ? offsetof(channel::PolicerRecord, burst_bytes) : kField);
    }
    values = {record.rate_kbps, record.burst_bytes};
  }
  Claim(*owner, scope);
  return std::nullopt;
}

WriteResult TableWriter::RemovePolicer(PolicerId id) {
  const WriteResult removed = tables_.policers.Remove(id);
  if (!removed.ok()) return removed;
  counters_.RestartPolicer(id);
  Disown(policer_owners_[id]);
  return removed;
}

MaybeRefusal TableWriter::OnPolicerDelete(PolicerId id, ScopeIndex scope) {
  Owner* owner = OwnerAt(policer_owners_, id);
  if (owner == nullptr || owner->scope == kNoScope) return Missing(id);
  if (auto refusal = CheckOwner(*owner, scope)) return refusal;
  if (interfaces_.PolicerUsers(id) != 0)
    return Refuse(RefusalReason::kInUse, kId, interfaces_.PolicerUsers(id));
  if (const WriteResult removed = RemovePolicer(id); !removed.ok()) return Refuse(removed, kId);
  return std::nullopt;
}

}  // namespace sluice::dataplane
