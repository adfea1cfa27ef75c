// Outer headers in front of a burst of packets. First whose tunnels they are, then
// one lookup in the underlay for all far ends, then packet by packet the prebuilt
// header, what completes it, and the L2 header of the next hop.
#include "dataplane/nodes/encapsulation.h"

#include "dataplane/nodes/forward_burst.h"
#include "dataplane/nodes/underlay_departure.h"
#include "dataplane/packet/tcp_mss.h"
#include "dataplane/packet/tunnel_header.h"

namespace sluice::dataplane::encapsulation {
namespace {

using underlay_departure::Folded;
using underlay_departure::OuterTrafficClass;

// Of the dynamic ports (RFC 6335), which RFC 7348 section 5 recommends.
constexpr uint16_t kSourcePortFirst = 49152;
constexpr uint16_t kSourcePortMask = 0x3fff;

// What outer headers take from the inner packet.
struct Inner {
  uint32_t flow_hash;  // 0 for a tunnel that carries no entropy
  uint16_t bytes;
  uint16_t ether_type;
  uint8_t traffic_class;  // DSCP and ECN
  uint8_t hops;
  bool dont_fragment;
};

// A GRE header over IPv4 has no place for the flow.
SLUICE_PART bool CarriesEntropy(const Tunnel& tunnel) {
  return tunnel.is_overlay() || !tunnel.outer_ipv4;
}

SLUICE_PART Inner Describe(const uint8_t* ip, bool hashed) {
  if (__builtin_expect(ip[0] >> 4 == 4, 1))
    return {hashed ? Ipv4FlowHash(ip) : 0,
            Ipv4TotalLength(ip),
            kEtherTypeIpv4,
            ip[1],
            Ipv4Ttl(ip),
            (Ipv4FragmentField(ip) & kIpv4DontFragment) != 0};
  const auto bytes = static_cast<uint16_t>(Ipv6PayloadLength(ip) + kIpv6HeaderBytes);
  return {hashed ? Ipv6FlowHash(ip) : 0,
          bytes,
          kEtherTypeIpv6,
          static_cast<uint8_t>(LoadBe16(ip) >> 4),
          Ipv6HopLimit(ip),
          true};
}

SLUICE_PART void FinishIpv4(WorkerContext& worker, const Tunnel& tunnel, const Inner& inner, uint32_t remote,
                            uint16_t outer_bytes, uint8_t* ip) {
  uint16_t identification = 0;
  uint16_t fragment_field = 0;
  const bool df_set =
      !tunnel.Is(channel::kTunnelDfClear) && !(tunnel.Is(channel::kTunnelDfCopy) && !inner.dont_fragment);
  if (df_set) {
    fragment_field = kIpv4DontFragment;
  } else {
    // Only what may be fragmented needs one (RFC 6864 section 4.1).
    identification = worker.next_identification;
    worker.next_identification = static_cast<uint16_t>(identification + kIdentificationStep);
  }
  const uint8_t ttl = tunnel.ttl != 0 ? tunnel.ttl : inner.hops;
  const uint8_t tos = OuterTrafficClass(tunnel, inner.traffic_class);
  const uint8_t protocol = tunnel.kind == TunnelKind::kVxlan ? kProtocolUdp : kProtocolGre;
  const uint32_t destination = __builtin_bswap32(remote);
  const uint32_t sum = tunnel.ipv4_sum + tos + outer_bytes + identification + fragment_field +
                       (uint32_t{ttl} << 8) + (destination >> 16) + (destination & 0xffff);
  StoreBe32(ip, uint32_t{0x45} << 24 | uint32_t{tos} << 16 | outer_bytes);
  StoreBe32(ip + 4, uint32_t{identification} << 16 | fragment_field);
  StoreBe32(ip + 8, uint32_t{ttl} << 24 | uint32_t{protocol} << 16 | Folded(sum));
  std::memcpy(ip + 16, &remote, sizeof remote);
}

SLUICE_PART void FinishIpv6(const Tunnel& tunnel, const Inner& inner, const uint8_t* remote,
                            uint16_t outer_bytes, uint8_t* ip) {
  // The flow label carries the entropy of the inner flow (RFC 6438).
  StoreBe32(ip, uint32_t{6} << 28 | uint32_t{OuterTrafficClass(tunnel, inner.traffic_class)} << 20 |
                    (inner.flow_hash & 0xfffff));
  StoreBe16(ip + 4, static_cast<uint16_t>(outer_bytes - kIpv6HeaderBytes));
  ip[7] = tunnel.ttl != 0 ? tunnel.ttl : inner.hops;
  std::memcpy(ip + 24, remote, 16);
}

SLUICE_PART void StoreInnerMac(uint8_t* inner_ip, uint64_t hop_first) {
  const auto begin = static_cast<uint32_t>(hop_first);
  const auto end = static_cast<uint16_t>(hop_first >> 32);
  std::memcpy(inner_ip - 14, &begin, sizeof begin);
  std::memcpy(inner_ip - 10, &end, sizeof end);
}

SLUICE_PART uint16_t SourcePort(uint32_t flow_hash) {
  return static_cast<uint16_t>(kSourcePortFirst | (flow_hash & kSourcePortMask));
}

// `payload` follows the outer IP header and is complete but for its checksums.
SLUICE_PART void FinishTunnelHeader(const Tunnel& tunnel, const Inner& inner, uint64_t hop_first, uint8_t* ip,
                                    std::span<uint8_t> payload, uint8_t* inner_ip) {
  if (tunnel.is_overlay()) {
    StoreInnerMac(inner_ip, hop_first);
    StoreBe16(inner_ip - 2, inner.ether_type);
  }
  switch (tunnel.kind) {
    case TunnelKind::kGre:
      StoreBe16(payload.data() + 2, inner.ether_type);
      if (tunnel.Is(channel::kTunnelGreChecksum)) StoreBe16(payload.data() + 4, net::Checksum(payload));
      return;
    case TunnelKind::kNvgre:
      payload[7] = static_cast<uint8_t>(inner.flow_hash);
      return;
    case TunnelKind::kVxlan:
      StoreBe16(payload.data(), SourcePort(inner.flow_hash));
      StoreBe16(payload.data() + 4, static_cast<uint16_t>(payload.size()));
      if (!tunnel.outer_ipv4 && tunnel.Is(channel::kTunnelUdpChecksum)) StoreUdpChecksum(ip, payload);
      return;
    case TunnelKind::kEsp:
      return;  // never here
  }
}

// The prebuilt header in front of the packet. Most headers are short.
SLUICE_PART void CopyHeader(const Tunnel& tunnel, uint8_t* inner_ip) {
  constexpr unsigned kShort = 32, kMiddle = 64;
  if (tunnel.header_bytes <= kShort) {
    std::memcpy(inner_ip - kShort, tunnel.header.data() + Tunnel::kHeaderRoom - kShort, kShort);
  } else if (tunnel.header_bytes <= kMiddle) {
    std::memcpy(inner_ip - kMiddle, tunnel.header.data() + Tunnel::kHeaderRoom - kMiddle, kMiddle);
  } else {
    std::memcpy(inner_ip - Tunnel::kHeaderRoom, tunnel.header.data(), Tunnel::kHeaderRoom);
  }
}

// Why the packet may not go into the tunnel; kNone: it may.
SLUICE_PART DropReason Refusal(const Departing& departing) {
  // Another tenant's by now, one whose packets are encrypted, or a way round in a circle.
  const bool clear = departing.tunnel->kind != TunnelKind::kEsp;
  if (__builtin_expect((departing.tunnel->vrf != departing.vrf) | !clear, 0))
    return departing.vrf == 0 ? DropReason::kTunnelLoop : DropReason::kNextHopDown;
  // The outer headers and the L2 header in front of them.
  const auto room = departing.ip - static_cast<const uint8_t*>(departing.mbuf->buf_addr);
  if (__builtin_expect(room < Tunnel::kHeaderRoom + kTaggedL2Bytes, 0)) return DropReason::kTunnelTruncated;
  return DropReason::kNone;
}

// A SYN tells what may be sent out of the tunnel.
void ClampMss(const AdjacencyTable& adjacencies, const Departing& departing) {
  uint8_t* ip = departing.ip;
  const uint32_t bytes = ip[0] >> 4 == 4 ? forward::Ipv4::IpBytes(ip) : forward::Ipv6::IpBytes(ip);
  ClampTcpMss(ip, bytes, adjacencies.Load(departing.adjacency).mtu());
}

// IPv4 into a tunnel of fixed headers. Returns the inner bytes.
SLUICE_PART uint16_t CompleteFixed(const Departing& departing) {
  const Tunnel& tunnel = *departing.tunnel;
  uint8_t* const inner_ip = departing.ip;
  uint8_t* const ip = inner_ip - tunnel.header_bytes;
  const uint16_t inner_bytes = Ipv4TotalLength(inner_ip);
  const uint8_t tos = OuterTrafficClass(tunnel, inner_ip[1]);
  const uint32_t flow_hash = tunnel.is_overlay() ? Ipv4FlowHash(inner_ip) : 0;
  CopyHeader(tunnel, inner_ip);
  const uint32_t bytes = uint32_t{inner_bytes} + tunnel.header_bytes;
  const uint32_t remote = departing.remote(), destination = __builtin_bswap32(remote);
  StoreBe32(ip, uint32_t{0x45} << 24 | uint32_t{tos} << 16 | bytes);
  StoreBe16(ip + 10, Folded(tunnel.fixed_sum + tos + bytes + (destination >> 16) + (destination & 0xffff)));
  std::memcpy(ip + 16, &remote, sizeof remote);
  if (!tunnel.is_overlay()) return inner_bytes;
  StoreInnerMac(inner_ip, departing.hop_first);
  if (tunnel.kind == TunnelKind::kNvgre) {
    ip[kIpv4HeaderBytes + 7] = static_cast<uint8_t>(flow_hash);
  } else {
    StoreBe16(ip + kIpv4HeaderBytes, SourcePort(flow_hash));
    StoreBe16(ip + kIpv4HeaderBytes + 4, static_cast<uint16_t>(bytes - kIpv4HeaderBytes));
  }
  return inner_bytes;
}

// Writes the outer packet around the inner one. Returns its bytes, from
// departing.ip - tunnel.header_bytes on.
template <class F>
SLUICE_PART uint16_t Wrap(WorkerContext& worker, const Departing& departing) {
  const Tunnel& tunnel = *departing.tunnel;
  if (tunnel.Is(channel::kTunnelClampMss) && __builtin_expect(MayBeTcpSyn(departing.ip), 0))
    ClampMss(worker.tables->adjacencies, departing);
  if (F::kFamily == 4 && __builtin_expect(tunnel.fixed & (departing.ip[0] >> 4 == 4), 1)) {
    const uint16_t inner_bytes = CompleteFixed(departing);
    worker.counters.Sent(tunnel.id, departing.adjacency, inner_bytes);
    return static_cast<uint16_t>(inner_bytes + tunnel.header_bytes);
  }
  const Inner inner = Describe(departing.ip, CarriesEntropy(tunnel));
  CopyHeader(tunnel, departing.ip);
  uint8_t* ip = departing.ip - tunnel.header_bytes;
  const auto bytes = static_cast<uint16_t>(inner.bytes + tunnel.header_bytes);
  if constexpr (F::kFamily == 4) {
    FinishIpv4(worker, tunnel, inner, departing.remote(), bytes, ip);
  } else {
    FinishIpv6(tunnel, inner, worker.tables->tunnels.remotes.Address(departing.remote_id()), bytes, ip);
  }
  FinishTunnelHeader(tunnel, inner, departing.hop_first, ip,
                     std::span(ip + F::kHeaderBytes, bytes - F::kHeaderBytes), departing.ip);
  worker.counters.Sent(tunnel.id, departing.adjacency, inner.bytes);
  return bytes;
}

// What becomes of the packet in the underlay. True: a finished frame.
template <class F>
SLUICE_PART bool SendOuter(const NodeRun& run, const Edges& edges, const Departing& departing,
                           NextHopGroupId group, const NextHopGroups::Reader& groups,
                           const AdjacencyTable::Reader& adjacencies) {
  rte_mbuf& mbuf = *departing.mbuf;
  if (const DropReason reason = Refusal(departing); __builtin_expect(reason != DropReason::kNone, 0)) {
    MetaOf(mbuf).vrf = departing.vrf;
    run.Drop(edges.drop, mbuf, reason);
    return false;
  }
  const uint16_t bytes = Wrap<F>(run.worker, departing);
  uint8_t* ip = departing.ip - departing.tunnel->header_bytes;
  return underlay_departure::Send<F>(run, edges, mbuf, departing.vrf, ip, bytes, group, groups, adjacencies);
}

}  // namespace

uint16_t Departures::Encapsulate(const NodeRun& run, const Edges& edges, rte_mbuf** out) {
  const Tables& tables = *run.worker.tables;
  const NextHopGroups::Reader groups = tables.groups.reader();
  const AdjacencyTable::Reader adjacencies = tables.adjacencies.reader();
  NextHopGroupId group[kBurstMax];
  run.worker.underlay_ways.Find(tables.fib4, tables.underlay_generation.load(std::memory_order_acquire),
                                far_end_, group, ipv4_count_);
  uint16_t sent = 0;
  for (uint16_t i = 0; i < ipv4_count_; ++i)
    if (SendOuter<forward::Ipv4>(run, edges, ipv4_[i], group[i], groups, adjacencies))
      out[sent++] = ipv4_[i].mbuf;
  for (uint16_t i = 0; i < ipv6_count_; ++i) {
    const uint8_t* far_end = tables.tunnels.remotes.Address(ipv6_[i].remote_id());
    const NextHopGroupId way = tables.fib6.Lookup(0, {LoadBe64(far_end), LoadBe64(far_end + 8)});
    if (SendOuter<forward::Ipv6>(run, edges, ipv6_[i], way, groups, adjacencies)) out[sent++] = ipv6_[i].mbuf;
  }
  ipv4_count_ = ipv6_count_ = 0;
  return sent;
}

}  // namespace sluice::dataplane::encapsulation
