// Interfaces: checked against each other, published, and told to the slow path.
#include "dataplane/agent/interface_writer.h"

#include <algorithm>
#include <cstring>

#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::InterfaceRecord;
using channel::RefusalReason;

namespace {

constexpr uint16_t kIpv6MtuMin = 1280;  // RFC 8200 section 5

bool HasIpv6(const Interface& interface) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [](const net::InterfaceAddress& own) { return !own.address.is_v4(); });
}

Interface FromRecord(const InterfaceRecord& record) {
  Interface interface {
    .id = static_cast<InterfaceId>(record.interface), .vrf = static_cast<VrfId>(record.vrf),
    .connection = record.connection, .port = record.port, .vlan = record.vlan, .mtu = record.mtu,
    .up = (record.flags & channel::kInterfaceUp) != 0,
    .strict_urpf = (record.flags & channel::kInterfaceStrictUrpf) != 0, .policer_in = record.policer_in,
    .policer_out = record.policer_out
  };
  interface.clamp_mss = (record.flags & channel::kInterfaceClampMss) != 0;
  std::memcpy(interface.mac.bytes.data(), record.mac, sizeof record.mac);
  return interface;
}

}  // namespace

net::Ipv6Address LinkLocalOf(const net::MacAddress& mac) {
  net::Ipv6Address address;
  const auto& from = mac.bytes;
  address.bytes = {
      0xfe,    0x80,    0,    0,    0,       0,       0,      0, static_cast<uint8_t>(from[0] ^ 2),
      from[1], from[2], 0xff, 0xfe, from[3], from[4], from[5]};
  return address;
}

InterfaceWriter::InterfaceWriter(Tables& tables, AdjacencyResolver& resolver, NeighborRequests& requests,
                                 const channel::CounterOrigin& counters, StaleHolders& stale)
    : tables_(tables),
      resolver_(resolver),
      requests_(requests),
      counters_(counters),
      stale_(stale),
      locals_(tables, stale),
      policer_users_(tables.policers.size()) {}

bool InterfaceWriter::SameButAddresses(const Interface& a, const Interface& b) {
  return a.vrf == b.vrf && a.connection == b.connection && a.port == b.port && a.vlan == b.vlan &&
         a.mtu == b.mtu && a.up == b.up && a.strict_urpf == b.strict_urpf && a.clamp_mss == b.clamp_mss &&
         a.policer_in == b.policer_in && a.policer_out == b.policer_out && a.mac == b.mac;
}

// Control that lost its store may state another tenant's interface, or another
// connection's, in place of a stale one with the same number.
bool InterfaceWriter::SameOwner(const Interface& a, const Interface& b) {
  return a.vrf == b.vrf && a.connection == b.connection;
}

bool InterfaceWriter::TooSmallForIpv6(const Interface& interface, uint16_t mtu) {
  return mtu < kIpv6MtuMin && HasIpv6(interface);
}

void InterfaceWriter::CountPolicers(const Interface& interface, int by) {
  for (const PolicerId policer : {interface.policer_in, interface.policer_out})
    if (policer != kNoPolicer) policer_users_[policer] += static_cast<uint32_t>(by);
}

// There is no link behind GRE: the slow path has nothing to do with it.
void InterfaceWriter::Tell(const Interface& interface, bool removed) const {
  const Tunnel* tunnel = tables_.tunnels.Find(interface.id);
  InterfaceChange change{.interface = interface.id,
                         .removed = removed || (tunnel != nullptr && !tunnel->is_overlay()),
                         .vrf = interface.vrf,
                         .port = interface.port,
                         .vlan = interface.vlan,
                         .mtu = interface.mtu,
                         .up = interface.up,
                         .mac = resolver_.MacOf(interface)};
  for (const net::InterfaceAddress& own : interface.addresses)
    if (own.address.is_v4() || !own.address.v6().IsLinkLocal()) change.addresses.push_back(own);
  requests_.Push(change);
  if (observer_) observer_();
}

MaybeRefusal InterfaceWriter::CheckInterface(const InterfaceRecord& record, const Interface* before) const {
  if (record.interface >= tables_.interfaces.size())
    return Refuse(WriteResult::AtLimit(channel::Limit::kInterfaces, tables_.limits.interfaces),
                  offsetof(InterfaceRecord, interface));
  if (record.port >= resolver_.ports().size() || resolver_.ports()[record.port].mtu == 0)
    return Refuse(RefusalReason::kNotFound, offsetof(InterfaceRecord, port), record.port);
  if (!tables_.Exists(static_cast<VrfId>(record.vrf)))
    return Refuse(RefusalReason::kNotFound, offsetof(InterfaceRecord, vrf), record.vrf);
  const uint16_t port_mtu = resolver_.ports()[record.port].mtu;
  if (record.mtu > port_mtu)
    return Refuse(RefusalReason::kUnsupported, offsetof(InterfaceRecord, mtu), port_mtu);
  if (before != nullptr && TooSmallForIpv6(*before, record.mtu))
    return Refuse(RefusalReason::kOutOfRange, offsetof(InterfaceRecord, mtu), record.mtu);
  if (auto refusal = CheckPolicer(record.policer_in, offsetof(InterfaceRecord, policer_in))) return refusal;
  if (auto refusal = CheckPolicer(record.policer_out, offsetof(InterfaceRecord, policer_out))) return refusal;
  if (LeavesUsersBehind(static_cast<InterfaceId>(record.interface), record.vrf, before))
    return Refuse(RefusalReason::kInUse, offsetof(InterfaceRecord, vrf), record.vrf);
  return std::nullopt;
}

MaybeRefusal InterfaceWriter::CheckPolicer(PolicerId policer, size_t field) const {
  if (policer == kNoPolicer || tables_.policers.Exists(policer)) return std::nullopt;
  return Refuse(RefusalReason::kNotFound, field, policer);
}

// What leads through the interface, or answers on it, belongs to its VRF.
bool InterfaceWriter::LeavesUsersBehind(InterfaceId id, uint32_t vrf, const Interface* before) const {
  const auto users = resolver_.VrfOf(id);
  return (users && *users != vrf) || (before != nullptr && before->vrf != vrf && !before->addresses.empty());
}

bool InterfaceWriter::AlsoEvict(InterfaceId holder, Evictions* evictions) {
  evictions->push_back(holder);
  if (stale_.MayEvict(*evictions)) return true;
  evictions->pop_back();
  return false;
}

// The number may be a tunnel's, and (port, VLAN) another interface's.
MaybeRefusal InterfaceWriter::MayTakePlace(const InterfaceRecord& record, Evictions* evictions) {
  const auto id = static_cast<InterfaceId>(record.interface);
  const Interface* published = tables_.interfaces.Find(id);
  if (published != nullptr && published->is_tunnel() && !AlsoEvict(id, evictions))
    return Refuse(RefusalReason::kConflict, offsetof(InterfaceRecord, interface), id);
  const InterfaceId holder = tables_.subinterfaces.Find(record.port, record.vlan).interface();
  if (holder == kNoInterface || holder == id || AlsoEvict(holder, evictions)) return std::nullopt;
  return Refuse(RefusalReason::kConflict, offsetof(InterfaceRecord, vlan), holder);
}

// The link-local address follows the MAC, and exists with any other IPv6 address.
MaybeRefusal InterfaceWriter::ReplaceLinkLocal(Interface& interface, const Interface& before, size_t field) {
  const net::Address was = LinkLocalOf(resolver_.MacOf(before));
  const net::Address now = LinkLocalOf(resolver_.MacOf(interface));
  if (was == now || !HasIpv6(before)) return std::nullopt;
  if (const WriteResult added = locals_.Add(interface.vrf, now); !added.ok()) return Refuse(added, field);
  (void)locals_.Remove(interface.vrf, was);
  for (net::InterfaceAddress& own : interface.addresses)
    if (own.address == was) own.address = now;
  return std::nullopt;
}

// What is in the way goes when nothing can be refused any more.
MaybeRefusal InterfaceWriter::PutInterface(const InterfaceRecord& record, Instant now) {
  const auto id = static_cast<InterfaceId>(record.interface);
  const Interface* published = id < tables_.interfaces.size() ? tables_.interfaces.Find(id) : nullptr;
  if (published != nullptr && published->is_tunnel()) published = nullptr;
  if (auto refusal = CheckInterface(record, published)) return refusal;
  Interface interface = FromRecord(record);
  if (published != nullptr && SameButAddresses(*published, interface)) return std::nullopt;
  Evictions evictions;
  if (auto refusal = MayTakePlace(record, &evictions)) return refusal;
  if (tables_.retirement.full())
    return Refuse(WriteResult::AtLimit(channel::Limit::kPendingRemovals, tables_.limits.pending_removals), 0);

  const std::optional<Interface> before = published == nullptr ? std::nullopt : std::optional(*published);
  if (before) {
    interface.addresses = before->addresses;
    if (auto refusal = ReplaceLinkLocal(interface, *before, offsetof(InterfaceRecord, mac))) return refusal;
  }
  for (const InterfaceId holder : evictions) stale_.Evict(holder);
  if (!before || !SameOwner(*before, interface)) counters_.RestartInterface(id);
  SLUICE_CHECK(tables_.PutInterface(interface).ok());
  if (before) CountPolicers(*before, -1);
  CountPolicers(interface, 1);
  resolver_.OnInterface(id, now);
  Tell(interface, false);
  return std::nullopt;
}

MaybeRefusal InterfaceWriter::RemoveInterface(InterfaceId id, Instant now) {
  constexpr size_t kField = offsetof(channel::IdRecord, id);
  const Interface* published = id < tables_.interfaces.size() ? tables_.interfaces.Find(id) : nullptr;
  if (published == nullptr) return Refuse(RefusalReason::kNotFound, kField, id);
  const Interface before = *published;
  SLUICE_CHECK(before.addresses.empty());
  if (before.is_tunnel()) {
    if (tables_.retirement.full())
      return Refuse(WriteResult::AtLimit(channel::Limit::kPendingRemovals, tables_.limits.pending_removals),
                    kField);
    WithdrawTunnel(id);
  } else if (const WriteResult removed = tables_.RemoveInterface(id); !removed.ok()) {
    return Refuse(removed, kField);
  }
  CountPolicers(before, -1);
  // Control reads by number, also before it could tell us of the next owner.
  counters_.RestartInterface(id);
  resolver_.OnInterfaceRemoved(id, now);
  Tell(before, true);
  return std::nullopt;
}

}  // namespace sluice::dataplane
