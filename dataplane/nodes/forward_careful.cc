// Packets that are not ordinary: odd headers or flags before the lookup, and
// adjacencies that mean more than sending after it. Rare, so written for the
// reader.
#include "dataplane/nodes/forward_burst.h"
#include "dataplane/packet/tcp_mss.h"

namespace sluice::dataplane::forward {
namespace {

// The packet is lost; it may deserve an ICMP error.
void Refuse(const NodeRun& run, rte_mbuf& mbuf, DropReason reason, const IcmpKind& error) {
  const bool from_us = (MetaOf(mbuf).flags & kPacketFromUs) != 0;
  if (from_us) return run.Drop(kDrop, mbuf, reason);
  SendIcmpError(run, mbuf, reason, error.type, error.code);
}

// To the slow path, which holds a copy and resolves whom `next_hop` names.
void SendUnresolved(const NodeRun& run, rte_mbuf& mbuf, InterfaceId egress, const void* next_hop,
                    uint32_t bytes) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.punt_class = PuntClass::kUnresolved;
  meta.egress_interface = egress;
  std::memset(meta.next_hop, 0, sizeof meta.next_hop);
  std::memcpy(meta.next_hop, next_hop, bytes);
  ChargeTenant(meta);
  run.Send(kPunt, mbuf);
}

// The first or last address of a connected IPv4 subnet: a directed broadcast,
// not forwarded (RFC 2644), and nobody to resolve.
bool IsDirectedBroadcast(const Tables& tables, InterfaceId egress, uint32_t destination) {
  const Interface* interface = tables.interfaces.Find(egress);
  if (interface == nullptr) return false;
  for (const net::InterfaceAddress& own : interface->addresses) {
    if (!own.address.is_v4() || own.length >= 31) continue;
    const uint32_t host_bits = ~uint32_t{0} >> own.length;
    if (((destination ^ own.address.v4().value) & ~host_bits) != 0) continue;
    if ((destination & host_bits) == host_bits || (destination & host_bits) == 0) return true;
  }
  return false;
}
bool IsDirectedBroadcast(const Tables&, InterfaceId, const Ipv6Key&) {
  return false;
}

bool OnInterface(const Tables& tables, InterfaceId id, const uint8_t* address) {
  const Interface* interface = id == kNoInterface ? nullptr : tables.interfaces.Find(id);
  if (interface == nullptr) return false;
  const net::Address wanted = net::Ipv6Address::FromBytes(address);
  for (const net::InterfaceAddress& own : interface->addresses)
    if (own.address == wanted) return true;
  return false;
}

bool IsLinkLocalIpv6(const uint8_t* address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

// What may still be for us although it is not to be routed: neighbour discovery
// in multicast, and our own addresses on the link. True: it left the node.
template <class F>
bool DeliverOnLink(const NodeRun& run, rte_mbuf& mbuf, DropReason reason);

// IPv4 link-local addresses (RFC 3927) are not for routers: nobody to answer.
template <>
bool DeliverOnLink<Ipv4>(const NodeRun&, rte_mbuf&, DropReason) {
  return false;
}

template <>
bool DeliverOnLink<Ipv6>(const NodeRun& run, rte_mbuf& mbuf, DropReason reason) {
  PacketMetadata& meta = MetaOf(mbuf);
  const uint8_t* ip = DataOf(mbuf);
  const Tables& tables = *run.worker.tables;
  const bool multicast = reason == DropReason::kMulticast;
  const bool ours =
      reason == DropReason::kLinkLocal && (OnInterface(tables, meta.interface, Ipv6Destination(ip)) ||
                                           IsOurs<Ipv6>(tables, meta.vrf, Ipv6::Destination(ip)));
  if (!multicast && !ours) return false;
  run.Send(kLocal, mbuf);  // which keeps nothing but neighbour discovery of multicast
  return true;
}

// Our own packet to a link-local address never follows a route (RFC 4007): it
// goes to that neighbour on the interface whose packet it answers.
template <class F>
bool StaysOnLink(const uint8_t*) {
  return false;
}
template <>
bool StaysOnLink<Ipv6>(const uint8_t* ip) {
  return IsLinkLocalIpv6(Ipv6Destination(ip));
}

}  // namespace

bool WithinInboundRate(const WorkerContext& worker, const PacketMetadata& meta, uint16_t ip_bytes) {
  const Interface* interface = worker.tables->interfaces.Find(meta.interface);
  if (interface == nullptr || interface->policer_in == kNoPolicer) return true;
  const bool conforms = worker.tables->policers.Admit(worker.index, interface->policer_in, ip_bytes, Now);
  if (!conforms) Count(worker.counters.policer_dropped[interface->policer_in], ip_bytes);
  return conforms;
}

template <class F>
bool ReversePathIs(const Tables& tables, VrfId vrf, const typename F::Address& source,
                   InterfaceId interface) {
  const GroupWord word = tables.groups.Load(F::Routes(tables).Lookup(vrf, source));
  const uint32_t buckets = tables.groups.BucketsOf(word);
  for (uint32_t i = 0; i < buckets; ++i) {
    const AdjacencySnapshot adjacency = tables.adjacencies.Load(tables.groups.Choose(word, i));
    const bool leads_there =
        !adjacency.none() && adjacency.kind() != AdjacencyKind::kDrop && adjacency.interface() == interface;
    if (leads_there) return true;
  }
  return false;
}

template <class F>
bool AdmitOdd(const NodeRun& run, rte_mbuf& mbuf) {
  const Tables& tables = *run.worker.tables;
  const PacketMetadata& meta = MetaOf(mbuf);
  uint8_t* ip = DataOf(mbuf);
  if ((meta.flags & kPacketFromUs) != 0) return true;

  const DropReason unsound = F::Examine(ip, mbuf.data_len);
  if (unsound != DropReason::kNone) {
    const bool sound = unsound == DropReason::kMulticast || unsound == DropReason::kLinkLocal ||
                       unsound == DropReason::kMartianSource;
    if (!sound || !DeliverOnLink<F>(run, mbuf, unsound)) run.Drop(kDrop, mbuf, unsound);
    return false;
  }
  const auto source = F::Source(ip);
  if (IsOurs<F>(tables, meta.vrf, source)) {
    run.Drop(kDrop, mbuf, DropReason::kSpoofedOwnAddress);
    return false;
  }
  if ((meta.flags & kPacketStrictUrpf) != 0 && !ReversePathIs<F>(tables, meta.vrf, source, meta.interface)) {
    run.Drop(kDrop, mbuf, DropReason::kUrpf);
    return false;
  }
  if ((meta.flags & kPacketPolicerIn) != 0 && !WithinInboundRate(run.worker, meta, F::IpBytes(ip))) {
    run.Drop(kDrop, mbuf, DropReason::kPolicedIn);
    return false;
  }
  if ((meta.flags & kPacketClampMss) != 0) {
    // The other end will send through this interface.
    const Interface* interface = tables.interfaces.Find(meta.interface);
    if (interface != nullptr) ClampTcpMss(ip, F::IpBytes(ip), interface->mtu);
  }
  return true;
}

namespace {

// The packet's destination is on the link of a glean adjacency.
template <class F>
AdjacencyId Glean(const NodeRun& run, const AdjacencySnapshot& glean, const uint8_t* ip) {
  return run.worker.tables->neighbors.Find(F::Neighbor(glean.interface(), F::Destination(ip)));
}

template <class F>
void SendGleanUnresolved(const NodeRun& run, rte_mbuf& mbuf, const AdjacencySnapshot& glean) {
  uint8_t* ip = DataOf(mbuf);
  if ((MetaOf(mbuf).flags & kPacketFromUs) == 0) F::CountHop(ip);
  // The neighbour's adjacency does not exist yet.
  MetaOf(mbuf).adjacency = kNoAdjacency;
  SendUnresolved(run, mbuf, glean.interface(), F::DestinationBytes(ip), F::kAddressBytes);
}

template <class F>
Passenger PassengerOf(rte_mbuf& mbuf) {
  const uint8_t* ip = DataOf(mbuf);
  const uint8_t flags = MetaOf(mbuf).flags;
  // Of IPv6, our own answer to what came in fragments itself.
  constexpr uint8_t kOursInPieces = kPacketFromUs | kPacketReassembled;
  const bool may_be_fragmented = F::MayBeFragmented(ip) || (flags & kOursInPieces) == kOursInPieces;
  return {F::IpBytes(ip), F::Hops(ip), (flags & kPacketFromUs) != 0, may_be_fragmented};
}

// Delivers, answers or drops a packet that is not transmitted; false if it is.
template <class F>
bool EndsHere(const NodeRun& run, rte_mbuf& mbuf, Fate fate) {
  switch (fate) {
    case Fate::kLocal:
      run.Send(kLocal, mbuf);
      return true;
    case Fate::kHopsExceeded:
      Refuse(run, mbuf, DropReason::kTtlExpired, F::kTimeExceeded);
      return true;
    case Fate::kNoRoute:
      Refuse(run, mbuf, DropReason::kNoRoute, F::kNoRoute);
      return true;
    case Fate::kNextHopDown:
      Refuse(run, mbuf, DropReason::kNextHopDown, F::kHostUnreachable);
      return true;
    case Fate::kTooBig:
      Refuse(run, mbuf, DropReason::kTooBig, F::kTooBig);
      return true;
    case Fate::kBlackhole:
    case Fate::kGlean:  // a neighbour never is a glean adjacency itself
      run.Drop(kDrop, mbuf, DropReason::kBlackhole);
      return true;
    case Fate::kFragment:
    case Fate::kUnresolved:
    case Fate::kSend:
    case Fate::kTunnel:
      break;
  }
  return false;
}

}  // namespace

template <class F>
bool SendOdd(const NodeRun& run, rte_mbuf& mbuf, AdjacencyId id) {
  const WorkerContext& worker = run.worker;
  PacketMetadata& meta = MetaOf(mbuf);
  uint8_t* ip = DataOf(mbuf);
  const Passenger packet = PassengerOf<F>(mbuf);
  if (packet.from_us && StaysOnLink<F>(ip)) {
    id = worker.tables->neighbors.Find(F::Neighbor(meta.interface, F::Destination(ip)));
    if (id == kNoAdjacency) {
      SendUnresolved(run, mbuf, meta.interface, F::DestinationBytes(ip), F::kAddressBytes);
      return false;
    }
  }
  AdjacencySnapshot adjacency = worker.tables->adjacencies.Load(id);
  // Before its hops, its size and the link are looked at: no error is sent about a
  // broadcast (RFC 1812 section 4.3.2.7).
  if (adjacency.kind() == AdjacencyKind::kGlean &&
      IsDirectedBroadcast(*worker.tables, adjacency.interface(), F::Destination(ip))) {
    run.Drop(kDrop, mbuf, DropReason::kMartianDestination);
    return false;
  }
  Fate fate = Decide(adjacency, packet);
  if (fate == Fate::kGlean) {
    const AdjacencyId neighbor = Glean<F>(run, adjacency, ip);
    if (neighbor == kNoAdjacency) {
      // Too large for the link is known before the neighbour is.
      if (packet.ip_bytes <= adjacency.mtu()) {
        SendGleanUnresolved<F>(run, mbuf, adjacency);
        return false;
      }
      fate = packet.may_be_fragmented ? Fate::kFragment : Fate::kTooBig;
    } else {
      id = neighbor;
      adjacency = worker.tables->adjacencies.Load(id);
      fate = Decide(adjacency, packet);
    }
  }
  meta.family = F::kFamily;
  meta.ip_bytes = packet.ip_bytes;
  meta.adjacency = id;
  meta.mtu = adjacency.mtu();
  if (EndsHere<F>(run, mbuf, fate)) return false;
  if (!WithinOutboundRate(worker, adjacency, packet.ip_bytes)) {
    run.Drop(kDrop, mbuf, DropReason::kPolicedOut);
    return false;
  }
  if (!packet.from_us) F::CountHop(ip);
  if (adjacency.clamps_mss()) ClampTcpMss(ip, packet.ip_bytes, adjacency.mtu());
  if (fate == Fate::kFragment) {
    run.Send(kFragment, mbuf);
    return false;
  }
  if (fate == Fate::kUnresolved) {
    SendUnresolved(run, mbuf, adjacency.interface(), adjacency.NextHop(), F::kAddressBytes);
    return false;
  }
  if (fate == Fate::kTunnel) {
    if (adjacency.esp()) {
      DescribeForEsp(mbuf, ip, packet.ip_bytes, meta.vrf, adjacency.interface(), id);
      run.Send(kEspEncrypt, mbuf);
    } else {
      run.Send(kTunnelEncap, mbuf);
    }
    return false;
  }
  StoreDeparture(mbuf, {packet.ip_bytes, adjacency.interface(), id});
  Rewrite(mbuf, adjacency, F::kEtherType, packet.ip_bytes);
  return true;
}

template bool AdmitOdd<Ipv4>(const NodeRun&, rte_mbuf&);
template bool AdmitOdd<Ipv6>(const NodeRun&, rte_mbuf&);
template bool SendOdd<Ipv4>(const NodeRun&, rte_mbuf&, AdjacencyId);
template bool SendOdd<Ipv6>(const NodeRun&, rte_mbuf&, AdjacencyId);
template bool ReversePathIs<Ipv4>(const Tables&, VrfId, const uint32_t&, InterfaceId);
template bool ReversePathIs<Ipv6>(const Tables&, VrfId, const Ipv6Key&, InterfaceId);

}  // namespace sluice::dataplane::forward
