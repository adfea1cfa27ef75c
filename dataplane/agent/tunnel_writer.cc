// InterfaceWriter's tunnels: an interface whose place is a pair of addresses in
// the underlay. Both ends are held first, then what is in the way goes, the tunnel
// is published, and the ends of what was there before are let go.
#include <algorithm>
#include <cstring>

#include "dataplane/agent/interface_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::RefusalReason;
using channel::TunnelRecord;

namespace {

Interface InterfaceOf(const TunnelRecord& record) {
  Interface interface {
    .id = static_cast<InterfaceId>(record.interface), .vrf = static_cast<VrfId>(record.vrf),
    .connection = record.connection, .port = kNoPort, .mtu = record.mtu,
    .up = (record.flags & channel::kTunnelUp) != 0,
    .strict_urpf = (record.flags & channel::kTunnelStrictUrpf) != 0, .policer_in = record.policer_in,
    .policer_out = record.policer_out
  };
  std::memcpy(interface.mac.bytes.data(), record.mac, sizeof record.mac);
  return interface;
}

Tunnel TunnelOf(const TunnelRecord& record) {
  Tunnel tunnel;
  tunnel.id = static_cast<InterfaceId>(record.interface);
  tunnel.vrf = static_cast<VrfId>(record.vrf);
  tunnel.kind = static_cast<TunnelKind>(record.kind);
  tunnel.flags = record.flags;
  tunnel.ttl = record.ttl;
  tunnel.dscp = record.dscp;
  tunnel.key_in = record.key_in;
  tunnel.key_out = record.key_out;
  tunnel.udp_port = record.udp_port;
  tunnel.outer_ipv4 = record.family == 4;
  tunnel.local = AddressOf(record.family, record.local);
  tunnel.remote = AddressOf(record.family, record.remote);
  std::memcpy(tunnel.mac.bytes.data(), record.mac, sizeof record.mac);
  tunnel.probe = {static_cast<channel::ProbeKind>(record.probe), record.probe_misses,
                  record.probe_interval_s};
  return tunnel;
}

// As the record says it; the rest of an Interface is compared with the interface.
bool Same(const Tunnel& a, const Tunnel& b) {
  return a.kind == b.kind && a.flags == b.flags && a.ttl == b.ttl && a.dscp == b.dscp &&
         a.key_in == b.key_in && a.key_out == b.key_out && a.udp_port == b.udp_port && a.local == b.local &&
         a.remote == b.remote && a.mac == b.mac && a.probe == b.probe;
}

// What the far end answered so far, it answered to the same question.
bool SameProbe(const Tunnel& a, const Tunnel& b) {
  constexpr uint16_t kFlags = channel::kTunnelKeyIn | channel::kTunnelKeyOut | channel::kTunnelGreChecksum;
  return a.probed() == b.probed() && a.probe == b.probe && a.vrf == b.vrf && a.local == b.local &&
         a.remote == b.remote && a.key_in == b.key_in && a.key_out == b.key_out &&
         ((a.flags ^ b.flags) & kFlags) == 0;
}

}  // namespace

MaybeRefusal InterfaceWriter::CheckTunnel(const TunnelRecord& record, const Interface* before) const {
  if (record.interface >= tables_.interfaces.size())
    return Refuse(WriteResult::AtLimit(channel::Limit::kInterfaces, tables_.limits.interfaces),
                  offsetof(TunnelRecord, interface));
  if (!tables_.Exists(static_cast<VrfId>(record.vrf)))
    return Refuse(RefusalReason::kNotFound, offsetof(TunnelRecord, vrf), record.vrf);
  if (before != nullptr && TooSmallForIpv6(*before, record.mtu))
    return Refuse(RefusalReason::kOutOfRange, offsetof(TunnelRecord, mtu), record.mtu);
  if (auto refusal = CheckPolicer(record.policer_in, offsetof(TunnelRecord, policer_in))) return refusal;
  if (auto refusal = CheckPolicer(record.policer_out, offsetof(TunnelRecord, policer_out))) return refusal;
  const auto id = static_cast<InterfaceId>(record.interface);
  if (LeavesUsersBehind(id, record.vrf, before))
    return Refuse(RefusalReason::kInUse, offsetof(TunnelRecord, vrf), record.vrf);
  // Hosts have what GRE has not, and an address of ours is answered for in ARP.
  const bool used = before != nullptr && (resolver_.UsersOf(id) != 0 || !before->addresses.empty());
  const bool overlay = static_cast<TunnelKind>(record.kind) != TunnelKind::kGre;
  if (used && tables_.tunnels.Find(id)->is_overlay() != overlay)
    return Refuse(RefusalReason::kInUse, offsetof(TunnelRecord, kind), record.kind);
  return std::nullopt;
}

// Our end is an address of ours; the far end has a number. Each as often as held.
MaybeRefusal InterfaceWriter::HoldEnds(const Tunnel& tunnel) {
  if (const WriteResult added = locals_.Add(0, tunnel.local); !added.ok())
    return Refuse(added, offsetof(TunnelRecord, local));
  if (tunnel.is_overlay() || tables_.tunnels.remotes.Acquire(tunnel.remote)) return std::nullopt;
  (void)locals_.Remove(0, tunnel.local);
  const uint32_t limit = tables_.tunnels.remotes.limit();
  return Refuse(WriteResult::AtLimit(channel::Limit::kTunnelRemotes, limit), offsetof(TunnelRecord, remote));
}

void InterfaceWriter::LetGoEnds(const Tunnel& tunnel) {
  (void)locals_.Remove(0, tunnel.local);
  if (!tunnel.is_overlay()) tables_.tunnels.remotes.Release(tables_.tunnels.remotes.Find(tunnel.remote));
  resolver_.OnUnderlay();
}

// Another tunnel may receive the same packets.
WriteResult InterfaceWriter::MayReceive(const Tunnel& tunnel, Evictions* evictions) {
  const WriteResult checked = tables_.tunnels.Check(tunnel);
  const auto holder = static_cast<InterfaceId>(checked.value());
  if (checked.reason() != RefusalReason::kConflict || !AlsoEvict(holder, evictions)) return checked;
  return tables_.tunnels.Check(tunnel, holder);
}

MaybeRefusal InterfaceWriter::PutTunnel(const TunnelRecord& record, Instant now) {
  const auto id = static_cast<InterfaceId>(record.interface);
  const Interface* published = id < tables_.interfaces.size() ? tables_.interfaces.Find(id) : nullptr;
  const bool in_the_way = published != nullptr && !published->is_tunnel();
  if (in_the_way) published = nullptr;
  if (auto refusal = CheckTunnel(record, published)) return refusal;
  Interface interface = InterfaceOf(record);
  const Tunnel tunnel = TunnelOf(record);
  Evictions evictions;
  if (in_the_way && !AlsoEvict(id, &evictions))
    return Refuse(RefusalReason::kConflict, offsetof(TunnelRecord, interface), id);
  const Tunnel* known = published == nullptr ? nullptr : tables_.tunnels.Find(id);
  if (known != nullptr && SameButAddresses(*published, interface) && Same(*known, tunnel))
    return std::nullopt;
  if (tables_.retirement.full())
    return Refuse(WriteResult::AtLimit(channel::Limit::kPendingRemovals, tables_.limits.pending_removals), 0);
  if (const WriteResult receives = MayReceive(tunnel, &evictions); !receives.ok()) {
    const bool key =
        receives.reason() == RefusalReason::kConflict || receives.reason() == RefusalReason::kInUse;
    return Refuse(receives, key ? offsetof(TunnelRecord, key_in) : offsetof(TunnelRecord, interface));
  }

  const std::optional<Interface> before = published == nullptr ? std::nullopt : std::optional(*published);
  const std::optional<Tunnel> tunnel_before = known == nullptr ? std::nullopt : std::optional(*known);
  if (auto refusal = HoldEnds(tunnel)) return refusal;
  if (before) {
    interface.addresses = before->addresses;
    if (auto refusal = ReplaceLinkLocal(interface, *before, offsetof(TunnelRecord, mac))) {
      LetGoEnds(tunnel);
      return refusal;
    }
  }
  for (const InterfaceId holder : evictions) stale_.Evict(holder);
  if (!before || !SameOwner(*before, interface)) counters_.RestartInterface(id);
  SLUICE_CHECK(tables_.PutTunnel(interface, tunnel).ok());
  if (before) CountPolicers(*before, -1);
  CountPolicers(interface, 1);
  if (tunnel_before ? !SameProbe(*tunnel_before, tunnel) : tunnel.probed()) WatchPeer(id, &tunnel);
  resolver_.OnTunnel(id, now);
  if (tunnel_before) LetGoEnds(*tunnel_before);
  resolver_.OnUnderlay();
  Tell(interface, false);
  return std::nullopt;
}

// The slow path asks it from now on, from the beginning; without a probe no longer.
void InterfaceWriter::WatchPeer(InterfaceId id, const Tunnel* tunnel) {
  resolver_.ForgetPeer(id);
  PeerWatch watch{.interface = id};
  if (tunnel != nullptr && tunnel->probed()) {
    watch.interval = std::chrono::seconds(tunnel->probe.interval_s);
    watch.misses = tunnel->probe.misses;
  }
  requests_.Push(watch);
}

// Room for the removals was made sure of.
void InterfaceWriter::WithdrawTunnel(InterfaceId id) {
  const Tunnel tunnel = *tables_.tunnels.Find(id);
  resolver_.LeaveTunnel(id);
  if (tunnel.probed()) WatchPeer(id, nullptr);
  SLUICE_CHECK(tables_.RemoveTunnel(id).ok());
  LetGoEnds(tunnel);
}

}  // namespace sluice::dataplane
