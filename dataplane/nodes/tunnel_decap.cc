// Bursts of tunnel packets: outer headers first, then all terminations, whose
// cache lines were asked for meanwhile, then the inner packets.
#include "dataplane/nodes/tunnel_decap.h"

#include "dataplane/nodes/forward_burst.h"
#include "dataplane/nodes/inner_packet.h"
#include "dataplane/packet/tunnel_header.h"
#include "dataplane/packet/tunnel_models.h"

namespace sluice::dataplane {
namespace {

using tunnel_decap::kDrop;
using tunnel_decap::kIp4Forward;
using tunnel_decap::kIp6Forward;
using tunnel_decap::kPunt;

constexpr const char* kNext[tunnel_decap::kEdgeCount] = {
    "port_tx", "local",        "icmp_error",  "fragment",    "punt",
    "drop",    "tunnel_encap", "esp_encrypt", "ip4_forward", "ip6_forward"};

// Packets looked at together: their state fits the first-level cache.
constexpr uint16_t kChunk = 64;

// A packet on its way out of its tunnel; `mbuf`'s data is at the outer IP header.
struct Arrival {
  rte_mbuf* mbuf;
  uint16_t outer_bytes;     // total length of the outer packet
  uint16_t payload_offset;  // of the tunnel's payload, from the outer IP header
  uint16_t ether_type;      // of the payload
  TunnelSelector selector;
  uint32_t number;  // key, VNI or VSID
  OuterWord outer;
  bool outer_ipv4;
  uint32_t hash;
  TerminationKey4 key;  // with outer_ipv4
  InterfaceId interface;
  const Tunnel* tunnel;  // null: nobody's
};

bool Refused(const NodeRun& run, rte_mbuf& mbuf, DropReason reason) {
  run.Drop(kDrop, mbuf, reason);
  return false;
}

// No packet of a tunnel: dropped when it came to us, else the underlay's own traffic,
// which may be in a GRE that is not ours to judge. False, to say that it is gone.
bool PassBy(const NodeRun& run, rte_mbuf& mbuf, bool outer_ipv4, DropReason reason) {
  const Tables& tables = *run.worker.tables;
  const uint8_t* ip = DataOf(mbuf);
  const NextHopGroupId group = outer_ipv4 ? tables.fib4.Lookup(0, forward::Ipv4::Destination(ip))
                                          : tables.fib6.Lookup(0, forward::Ipv6::Destination(ip));
  if (group == tables.groups.local()) return Refused(run, mbuf, reason);
  run.Send(outer_ipv4 ? kIp4Forward : kIp6Forward, mbuf);
  return false;
}

TunnelHeader ParseHeader(uint8_t protocol, std::span<const uint8_t> payload) {
  return protocol == kProtocolGre ? ParseGre(payload) : ParseVxlan(payload);
}

bool TakeOuterIpv4(const NodeRun& run, rte_mbuf& mbuf, Arrival& arrival) {
  const uint8_t* ip = DataOf(mbuf);
  // On its way as any packet of the underlay; to us it ends in reassemble.
  if (__builtin_expect(IsIpv4Fragment(ip), 0)) {
    run.Send(kIp4Forward, mbuf);
    return false;
  }
  arrival.outer_bytes = Ipv4TotalLength(ip);
  const std::span payload(ip + kIpv4HeaderBytes, arrival.outer_bytes - size_t{kIpv4HeaderBytes});
  TunnelHeader header;
  const auto payload_bytes = static_cast<uint32_t>(payload.size());
  if (__builtin_expect(!PeekTunnelHeader(Ipv4Protocol(ip), payload.data(), payload_bytes, header), 0)) {
    header = ParseHeader(Ipv4Protocol(ip), payload);
    if (header.reason != DropReason::kNone) return PassBy(run, mbuf, true, header.reason);
    if (header.selector.kind == TunnelKind::kVxlan && !UdpChecksumHolds(ip, true, payload))
      return PassBy(run, mbuf, true, DropReason::kTunnelChecksum);
  }
  arrival.payload_offset = static_cast<uint16_t>(kIpv4HeaderBytes + header.bytes);
  arrival.ether_type = header.ether_type;
  arrival.outer = {ip[1], Ipv4Ttl(ip)};
  arrival.selector = header.selector;
  arrival.number = header.key;
  arrival.key = TerminationKey4::Of(Ipv4Destination(ip), Ipv4Source(ip), header.selector, header.key);
  arrival.hash = TerminationMap4::Hash(arrival.key);
  run.worker.tables->tunnels.ipv4().Prefetch(arrival.hash);
  return true;
}

bool TakeOuterIpv6(const NodeRun& run, rte_mbuf& mbuf, Arrival& arrival) {
  const uint8_t* ip = DataOf(mbuf);
  arrival.outer_bytes = static_cast<uint16_t>(Ipv6PayloadLength(ip) + kIpv6HeaderBytes);
  const std::span payload(ip + kIpv6HeaderBytes, arrival.outer_bytes - size_t{kIpv6HeaderBytes});
  const TunnelHeader header = ParseHeader(Ipv6NextHeader(ip), payload);
  if (__builtin_expect(header.reason != DropReason::kNone, 0)) return PassBy(run, mbuf, false, header.reason);
  if (header.selector.kind == TunnelKind::kVxlan && !UdpChecksumHolds(ip, false, payload))
    return PassBy(run, mbuf, false, DropReason::kTunnelChecksum);
  arrival.payload_offset = static_cast<uint16_t>(kIpv6HeaderBytes + header.bytes);
  arrival.ether_type = header.ether_type;
  arrival.outer = {Ipv6TrafficClass(ip), Ipv6HopLimit(ip)};
  arrival.selector = header.selector;
  arrival.number = header.key;
  arrival.interface = run.worker.tables->tunnels.ipv6().Find(
      TerminationKey6::Of(net::Ipv6Address::FromBytes(Ipv6Destination(ip)),
                          net::Ipv6Address::FromBytes(Ipv6Source(ip)), header.selector, header.key));
  return true;
}

// The network that has the number of a packet from none of its hosts: that is its tenant's
// matter, because somebody pretends or a mapping is missing. Null: nobody has it.
const Tunnel* NetworkOf(const Tables& tables, const Arrival& arrival) {
  if (arrival.selector.kind == TunnelKind::kGre) return nullptr;
  const uint8_t* ip = DataOf(*arrival.mbuf);
  const net::Address local = arrival.outer_ipv4
                                 ? net::Address(net::Ipv4Address{Ipv4Destination(ip)})
                                 : net::Address(net::Ipv6Address::FromBytes(Ipv6Destination(ip)));
  return tables.tunnels.OverlayOf(local, arrival.selector, arrival.number);
}

// A keepalive of GRE as Cisco's routers send it: inside lies an empty GRE packet of type
// 0 from our end to the far one, so that it comes back when the tunnel works both ways. It
// may have each of GRE's optional fields. Both are addresses of the underlay, and there it
// goes, although the tenant has routes of its own for them. `outer` is the packet that
// `inner` came in, `bytes` long.
template <class F>
bool IsKeepalive(const uint8_t* outer, const uint8_t* inner, uint32_t bytes) {
  constexpr uint32_t kHeader = F::kHeaderBytes, kGreBytes = 4;
  constexpr uint8_t kPlain = F::kFamily == 4 ? 0x45 : 0x60;
  constexpr uint8_t kVersionBits = F::kFamily == 4 ? 0xff : 0xf0;
  if (bytes < kHeader + kGreBytes || (inner[0] & kVersionBits) != kPlain) return false;
  const uint8_t protocol = F::kFamily == 4 ? Ipv4Protocol(inner) : Ipv6NextHeader(inner);
  if (protocol != kProtocolGre || F::Examine(inner, bytes) != DropReason::kNone) return false;
  if (F::Source(inner) != F::Destination(outer) || F::Destination(inner) != F::Source(outer)) return false;
  const std::span gre(inner + kHeader, F::IpBytes(inner) - size_t{kHeader});
  const TunnelHeader header = ParseGre(gre);
  return header.reason == DropReason::kNone && header.ether_type == kGreNoProtocol &&
         header.bytes == gre.size();
}

bool IsKeepalive(bool outer_ipv4, const uint8_t* outer, rte_mbuf& mbuf) {
  return outer_ipv4 ? IsKeepalive<forward::Ipv4>(outer, DataOf(mbuf), mbuf.data_len)
                    : IsKeepalive<forward::Ipv6>(outer, DataOf(mbuf), mbuf.data_len);
}

// A keepalive of ours that the far end sent back: an empty packet of type 0 with the
// tunnel's ends and key. The slow path compares how many were counted.
bool IsAnswer(const Arrival& arrival, const Tunnel& tunnel) {
  return tunnel.probe.kind == channel::ProbeKind::kKeepalive && arrival.outer_bytes == arrival.payload_offset;
}

// The far end's keepalive goes back as a packet of ours. It pays like every packet of the
// connection.
void SendBack(const NodeRun& run, const Arrival& arrival, const Tunnel& tunnel) {
  rte_mbuf& mbuf = *arrival.mbuf;
  PacketMetadata& meta = MetaOf(mbuf);
  if ((meta.flags & kPacketPolicerIn) != 0 && !forward::WithinInboundRate(run.worker, meta, mbuf.data_len)) {
    Refused(run, mbuf, DropReason::kPolicedIn);
    return;
  }
  Count(run.worker.counters.probes[tunnel.id].returned);
  DescribeForTenant(meta, tunnel.vrf, arrival.outer_ipv4 ? 4 : 6);
  run.Send(arrival.outer_ipv4 ? kIp4Forward : kIp6Forward, mbuf);
}

// The inner packet lies at the mbuf's data, with a whole fixed header; `outer` is what it
// came in. False: it left the node.
bool Admit(const NodeRun& run, const Arrival& arrival, const Tunnel& tunnel, const uint8_t* outer) {
  rte_mbuf& mbuf = *arrival.mbuf;
  PacketMetadata& meta = MetaOf(mbuf);
  uint8_t* ip = DataOf(mbuf);
  const uint8_t ecn = arrival.outer.traffic_class & kEcnMask;
  if (__builtin_expect(ecn != 0, 0) && !inner_packet::MergeEcn(ip, ecn))
    return Refused(run, mbuf, DropReason::kTunnelEcn);
  if (!tunnel.is_overlay() && __builtin_expect(IsKeepalive(arrival.outer_ipv4, outer, mbuf), 0)) {
    SendBack(run, arrival, tunnel);
    return false;
  }
  const InwardModels models{tunnel.tos_inward, tunnel.hops_inward()};
  if (meta.family == 4) {
    TakeOverIpv4(ip, arrival.outer, models);
  } else {
    TakeOverIpv6(ip, mbuf.data_len, arrival.outer, models);
  }
  if (tunnel.Is(channel::kTunnelClampMss) && __builtin_expect(MayBeTcpSyn(ip), 0))
    inner_packet::ClampMssBack(*run.worker.tables, tunnel, ip, mbuf.data_len);
  return true;
}

// Takes the outer headers off, and an overlay's Ethernet header. True: the data
// is an IP packet of family meta.family, of the tenant's; else it left the node.
bool Unwrap(const NodeRun& run, const Arrival& arrival, const Tunnel& tunnel) {
  rte_mbuf& mbuf = *arrival.mbuf;
  PacketMetadata& meta = MetaOf(mbuf);
  uint8_t* outer = DataOf(mbuf);
  unsigned offset = arrival.payload_offset;
  uint16_t ether_type = arrival.ether_type;
  // From here on the tenant's, whatever becomes of it.
  const uint64_t word = tunnel.id | uint64_t{tunnel.vrf} << 16 | uint64_t{tunnel.arrival_flags} << 32;
  StoreArrival(meta, word | uint64_t{ether_type == kEtherTypeIpv6 ? 6u : 4u} << 40);
  if (__builtin_expect(!tunnel.up(), 0)) return Refused(run, mbuf, DropReason::kInterfaceDown);
  bool to_group = false;
  if (tunnel.is_overlay()) {
    if (arrival.outer_bytes < offset + kEthernetBytes)
      return Refused(run, mbuf, DropReason::kTunnelTruncated);
    const uint8_t* frame = outer + offset;
    to_group = IsGroupMac(frame);
    if (!to_group && MacBits(frame) != MacBits(tunnel.mac.bytes.data()))
      return Refused(run, mbuf, DropReason::kTunnelInnerMac);
    ether_type = LoadBe16(frame + 12);
    offset += kEthernetBytes;
    meta.l2_bytes = kEthernetBytes;
    meta.family = ether_type == kEtherTypeIpv6 ? 6 : 4;
    // To whom ARP and neighbour discovery answer.
    if (ether_type != kEtherTypeIpv4) {
      std::memset(meta.next_hop, 0, sizeof meta.next_hop);
      std::memcpy(meta.next_hop, outer + (arrival.outer_ipv4 ? 12 : 8), arrival.outer_ipv4 ? 4 : 16);
    }
  }
  if (__builtin_expect(ether_type == kGreNoProtocol, 0) && IsAnswer(arrival, tunnel)) {
    Count(run.worker.counters.probes[tunnel.id].answered);
    rte_pktmbuf_free(&mbuf);
    return false;
  }
  mbuf.data_len = arrival.outer_bytes;
  mbuf.pkt_len = arrival.outer_bytes;
  run.worker.counters.Received(tunnel.id, arrival.outer_bytes - offset);
  if (ether_type == kEtherTypeArp && tunnel.is_overlay()) {
    forward::PassL2Header(mbuf, offset - kEthernetBytes);
    meta.l2_bytes = 0;
    meta.punt_class = PuntClass::kArp;
    run.Send(kPunt, mbuf);
    return false;
  }
  if (ether_type != kEtherTypeIpv4 && ether_type != kEtherTypeIpv6)
    return Refused(run, mbuf, DropReason::kUnknownEtherType);
  forward::PassL2Header(mbuf, offset);
  const unsigned least = ether_type == kEtherTypeIpv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  if (mbuf.data_len < least) return Refused(run, mbuf, DropReason::kTruncated);
  const uint8_t* ip = DataOf(mbuf);
  if (to_group && (ether_type == kEtherTypeIpv4 || Ipv6Destination(ip)[0] != 0xff))
    return Refused(run, mbuf, DropReason::kL2Multicast);
  return Admit(run, arrival, tunnel, outer);
}

// Appends an ordinary packet to the burst; false when there is anything odd, or when
// somebody traces, who is to see it on its way through the forward nodes.
template <class F>
bool TakeOrdinary(const WorkerContext& worker, rte_mbuf& mbuf, forward::Burst<F>& burst, uint16_t& count) {
  const PacketMetadata& meta = MetaOf(mbuf);
  uint8_t* ip = DataOf(mbuf);
  const uint32_t odd = meta.flags | static_cast<uint32_t>(worker.tracing) | F::Oddities(ip, mbuf.data_len) |
                       static_cast<uint32_t>(F::MayBeOurs(*worker.tables, meta.vrf, F::Source(ip)));
  if (__builtin_expect(odd != 0, 0)) return false;
  burst.packet[count] = &mbuf;
  burst.ip[count] = ip;
  burst.vrf[count] = meta.vrf;
  burst.destination[count] = F::Destination(ip);
  ++count;
  return true;
}

// The bursts of inner packets under way.
struct Inner {
  forward::Burst<forward::Ipv4> ipv4;
  forward::Burst<forward::Ipv6> ipv6;
  uint16_t ipv4_count = 0, ipv6_count = 0;
};

uint16_t TakeOuters(const NodeRun& run, rte_mbuf** packets, uint16_t count, Arrival* arrivals) {
  uint16_t taken = 0;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf& mbuf = *packets[i];
    Arrival& arrival = arrivals[taken];
    arrival.mbuf = &mbuf;
    arrival.outer_ipv4 = DataOf(mbuf)[0] >> 4 == 4;
    taken += arrival.outer_ipv4 ? TakeOuterIpv4(run, mbuf, arrival) : TakeOuterIpv6(run, mbuf, arrival);
  }
  return taken;
}

// Whose they are; asks for what the next step reads and counts.
void FindTunnels(const WorkerContext& worker, Arrival* arrivals, uint16_t count) {
  const TunnelTable& tunnels = worker.tables->tunnels;
  for (uint16_t i = 0; i < count; ++i) {
    Arrival& arrival = arrivals[i];
    if (__builtin_expect(arrival.outer_ipv4, 1))
      arrival.interface = tunnels.ipv4().Find(arrival.key, arrival.hash);
    arrival.tunnel = arrival.interface == kNoInterface ? nullptr : tunnels.Find(arrival.interface);
    __builtin_prefetch(arrival.tunnel);
    __builtin_prefetch(&worker.counters.interface_rx[arrival.interface], 1);
  }
}

void TakeInner(const NodeRun& run, const Arrival& arrival, Inner& inner) {
  const WorkerContext& worker = run.worker;
  if (__builtin_expect(arrival.tunnel == nullptr, 0)) {
    if (const Tunnel* network = NetworkOf(*worker.tables, arrival)) {
      MetaOf(*arrival.mbuf).vrf = network->vrf;
      Refused(run, *arrival.mbuf, DropReason::kTunnelNotAHost);
    } else {
      PassBy(run, *arrival.mbuf, arrival.outer_ipv4, DropReason::kTunnelUnknown);
    }
    return;
  }
  if (!Unwrap(run, arrival, *arrival.tunnel)) return;
  rte_mbuf& mbuf = *arrival.mbuf;
  if (MetaOf(mbuf).family == 4) {
    if (!TakeOrdinary(worker, mbuf, inner.ipv4, inner.ipv4_count)) run.Send(kIp4Forward, mbuf);
  } else if (!TakeOrdinary(worker, mbuf, inner.ipv6, inner.ipv6_count)) {
    run.Send(kIp6Forward, mbuf);
  }
}

uint16_t Decapsulate(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Arrival arrivals[kChunk];
  Inner inner;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kChunk)) {
    const auto chunk = std::min<uint16_t>(kChunk, static_cast<uint16_t>(count - begin));
    const uint16_t taken = TakeOuters(run, packets + begin, chunk, arrivals);
    FindTunnels(run.worker, arrivals, taken);
    inner.ipv4_count = inner.ipv6_count = 0;
    for (uint16_t i = 0; i < taken; ++i) TakeInner(run, arrivals[i], inner);
    finished = static_cast<uint16_t>(
        finished + forward::RouteBurst<forward::Ipv4>(run, inner.ipv4, inner.ipv4_count, packets + finished));
    if (inner.ipv6_count != 0)
      finished = static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv6>(
                                                      run, inner.ipv6, inner.ipv6_count, packets + finished));
  }
  if (finished != 0) run.SendFirst(tunnel_decap::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kTunnelDecapNode{"tunnel_decap", Counted<Decapsulate>, kNext};

}  // namespace sluice::dataplane
