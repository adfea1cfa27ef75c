// Outer headers in front of a burst of packets: prebuilt by the tunnel, completed
// here; then one lookup in the underlay for all of them.
#include "dataplane/nodes/tunnel_encap.h"

#include "dataplane/nodes/forward_burst.h"
#include "dataplane/packet/tunnel_header.h"

namespace sluice::dataplane {
namespace {

using tunnel_encap::kDrop;
using tunnel_encap::kIp4Forward;
using tunnel_encap::kIp6Forward;

constexpr const char* kNext[tunnel_encap::kEdgeCount] = {"port_tx", "ip4_forward", "ip6_forward", "drop"};

// Packets looked at together: their state fits the first-level cache.
constexpr uint16_t kChunk = 64;

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
bool CarriesEntropy(const Tunnel& tunnel) {
  return tunnel.is_overlay() || !tunnel.outer_ipv4;
}

Inner Describe(const uint8_t* ip, bool hashed) {
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

// RFC 2983 for DSCP; the ECN field is copied (RFC 6040 section 4.1, normal mode).
uint8_t OuterTrafficClass(const Tunnel& tunnel, const Inner& inner) {
  if (!tunnel.Is(channel::kTunnelPipe)) return inner.traffic_class;
  return static_cast<uint8_t>(tunnel.dscp << 2 | (inner.traffic_class & kEcnMask));
}

void FinishIpv4(WorkerContext& worker, const Tunnel& tunnel, const Inner& inner, uint32_t remote,
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
  const uint8_t tos = OuterTrafficClass(tunnel, inner);
  const uint32_t destination = __builtin_bswap32(remote);
  uint32_t sum = tunnel.ipv4_sum + tos + outer_bytes + identification + fragment_field +
                 (uint32_t{ttl} << 8) + (destination >> 16) + (destination & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum += sum >> 16;
  StoreBe32(ip, uint32_t{0x45} << 24 | uint32_t{tos} << 16 | outer_bytes);
  StoreBe32(ip + 4, uint32_t{identification} << 16 | fragment_field);
  StoreBe32(ip + 8, uint32_t{ttl} << 24 | uint32_t{ip[9]} << 16 | (~sum & 0xffff));
  std::memcpy(ip + 16, &remote, sizeof remote);
}

void FinishIpv6(const Tunnel& tunnel, const Inner& inner, const uint8_t* remote, uint16_t outer_bytes,
                uint8_t* ip) {
  // The flow label carries the entropy of the inner flow (RFC 6438).
  StoreBe32(
      ip, uint32_t{6} << 28 | uint32_t{OuterTrafficClass(tunnel, inner)} << 20 | (inner.flow_hash & 0xfffff));
  StoreBe16(ip + 4, static_cast<uint16_t>(outer_bytes - kIpv6HeaderBytes));
  ip[7] = tunnel.ttl != 0 ? tunnel.ttl : inner.hops;
  std::memcpy(ip + 24, remote, 16);
}

// `payload` follows the outer IP header and is complete but for its checksums.
void FinishTunnelHeader(const Tunnel& tunnel, const Inner& inner, const TunnelHop& hop, uint8_t* ip,
                        std::span<uint8_t> payload, uint8_t* inner_ip) {
  if (tunnel.is_overlay()) {
    std::memcpy(inner_ip - 14, hop.mac, sizeof hop.mac);
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
      StoreBe16(payload.data(),
                static_cast<uint16_t>(kSourcePortFirst | (inner.flow_hash & kSourcePortMask)));
      StoreBe16(payload.data() + 4, static_cast<uint16_t>(payload.size()));
      if (!tunnel.outer_ipv4 && tunnel.Is(channel::kTunnelUdpChecksum)) StoreUdpChecksum(ip, payload);
      return;
  }
}

// A packet on its way into its tunnel.
struct Departing {
  rte_mbuf* mbuf;
  const Tunnel* tunnel;
  uint64_t hop_first, hop_second;  // a TunnelHop
};

TunnelHop HopOf(const Departing& departing) {
  struct Words {
    uint64_t first, second;
  };
  return __builtin_bit_cast(TunnelHop, Words{departing.hop_first, departing.hop_second});
}

// Finds the packet's tunnel, and asks for the cache lines that Wrap() writes.
bool FindTunnel(const NodeRun& run, rte_mbuf& mbuf, Departing& departing) {
  const WorkerContext& worker = run.worker;
  const PacketMetadata& meta = MetaOf(mbuf);
  const AdjacencySnapshot adjacency = worker.tables->adjacencies.Load(meta.adjacency);
  // Changed since the packet was routed.
  const bool still = adjacency.kind() == AdjacencyKind::kTunnel && adjacency.live();
  const Tunnel* tunnel = still ? worker.tables->tunnels.Find(adjacency.interface()) : nullptr;
  if (__builtin_expect(tunnel == nullptr, 0)) {
    run.Drop(kDrop, mbuf, DropReason::kNextHopDown);
    return false;
  }
  __builtin_prefetch(tunnel);
  __builtin_prefetch(tunnel->header.data() + sizeof tunnel->header - 16);
  __builtin_prefetch(DataOf(mbuf) - 32, 1);
  __builtin_prefetch(&worker.counters.adjacency_tx[meta.adjacency], 1);
  // Field by field and word by word, as they were loaded: a copy of 16 bytes would
  // wait for the stores of its halves.
  departing.mbuf = &mbuf;
  departing.tunnel = tunnel;
  departing.hop_first = adjacency.Rewrite()[0];
  departing.hop_second = adjacency.Rewrite()[1];
  return true;
}

// The prebuilt header in front of the packet. Most headers are short.
void CopyHeader(const Tunnel& tunnel, uint8_t* inner_ip) {
  constexpr unsigned kShort = 32;
  if (tunnel.header_bytes <= kShort) {
    std::memcpy(inner_ip - kShort, tunnel.header.data() + Tunnel::kHeaderRoom - kShort, kShort);
  } else {
    std::memcpy(inner_ip - Tunnel::kHeaderRoom, tunnel.header.data(), Tunnel::kHeaderRoom);
  }
}

// Puts the packet into its tunnel. True: its data is the outer packet.
bool Wrap(const NodeRun& run, const Departing& departing) {
  WorkerContext& worker = run.worker;
  rte_mbuf& mbuf = *departing.mbuf;
  const Tunnel& tunnel = *departing.tunnel;
  PacketMetadata& meta = MetaOf(mbuf);
  // Another tenant's by now, or a way round in a circle.
  if (__builtin_expect(tunnel.vrf != meta.vrf, 0)) {
    run.Drop(kDrop, mbuf, meta.vrf == 0 ? DropReason::kTunnelLoop : DropReason::kNextHopDown);
    return false;
  }
  if (__builtin_expect(rte_pktmbuf_headroom(&mbuf) < Tunnel::kHeaderRoom, 0)) {
    run.Drop(kDrop, mbuf, DropReason::kTunnelTruncated);
    return false;
  }
  uint8_t* inner_ip = DataOf(mbuf);
  const Inner inner = Describe(inner_ip, CarriesEntropy(tunnel));
  CopyHeader(tunnel, inner_ip);
  uint8_t* ip = inner_ip - tunnel.header_bytes;
  const TunnelHop hop = HopOf(departing);
  const auto outer_bytes = static_cast<uint16_t>(inner.bytes + tunnel.header_bytes);
  const unsigned header = tunnel.outer_ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  if (__builtin_expect(tunnel.outer_ipv4, 1)) {
    FinishIpv4(worker, tunnel, inner, hop.remote, outer_bytes, ip);
  } else {
    FinishIpv6(tunnel, inner, worker.tables->tunnels.remotes.Address(hop.remote_id), outer_bytes, ip);
  }
  FinishTunnelHeader(tunnel, inner, hop, ip, std::span(ip + header, outer_bytes - header), inner_ip);
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off - tunnel.header_bytes);
  mbuf.data_len = outer_bytes;
  mbuf.pkt_len = outer_bytes;
  worker.counters.Sent(tunnel.id, meta.adjacency, inner.bytes);
  // Ours, in the underlay.
  StoreArrival(meta, uint64_t{kPacketFromUs} << 32 | uint64_t{tunnel.outer_ipv4 ? 4u : 6u} << 40);
  return true;
}

template <class F>
void Append(rte_mbuf& mbuf, forward::Burst<F>& burst, uint16_t& count) {
  uint8_t* ip = DataOf(mbuf);
  burst.packet[count] = &mbuf;
  burst.ip[count] = ip;
  burst.vrf[count] = 0;
  burst.destination[count] = F::Destination(ip);
  ++count;
}

// Routes outer packets in the underlay. What goes to port_tx is written to `out`.
template <class F>
uint16_t RouteOuter(const NodeRun& run, forward::Burst<F>& burst, uint16_t count, uint16_t other,
                    rte_mbuf** out) {
  const Tables& tables = *run.worker.tables;
  F::Routes(tables).LookupBurst(burst.vrf, burst.destination, burst.group, count);
  forward::Choose<F>(tables, burst, count);
  uint16_t sent = 0;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf& mbuf = *burst.packet[i];
    const AdjacencySnapshot adjacency = tables.adjacencies.Load(burst.adjacency[i]);
    const uint16_t ip_bytes = mbuf.data_len;
    // Unresolved, too large, without a route, through a policer: the careful way.
    if (__builtin_expect(!adjacency.plain() || ip_bytes > adjacency.mtu(), 0)) {
      run.Send(other, mbuf);
      continue;
    }
    StoreDeparture(mbuf, {ip_bytes, adjacency.interface(), burst.adjacency[i]});
    forward::Rewrite(mbuf, adjacency, F::kEtherType, ip_bytes);
    out[sent++] = &mbuf;
  }
  return sent;
}

uint16_t Encapsulate(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Departing departing[kChunk];
  forward::Burst<forward::Ipv4> ipv4;
  forward::Burst<forward::Ipv6> ipv6;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kChunk)) {
    const auto end = std::min<uint16_t>(count, static_cast<uint16_t>(begin + kChunk));
    uint16_t found = 0, ipv4_count = 0, ipv6_count = 0;
    for (uint16_t i = begin; i < end; ++i) found += FindTunnel(run, *packets[i], departing[found]);
    for (uint16_t i = 0; i < found; ++i) {
      if (!Wrap(run, departing[i])) continue;
      if (__builtin_expect(departing[i].tunnel->outer_ipv4, 1)) {
        Append(*departing[i].mbuf, ipv4, ipv4_count);
      } else {
        Append(*departing[i].mbuf, ipv6, ipv6_count);
      }
    }
    finished =
        static_cast<uint16_t>(finished + RouteOuter(run, ipv4, ipv4_count, kIp4Forward, packets + finished));
    if (ipv6_count != 0)
      finished = static_cast<uint16_t>(finished +
                                       RouteOuter(run, ipv6, ipv6_count, kIp6Forward, packets + finished));
  }
  if (finished != 0) run.SendFirst(tunnel_encap::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kTunnelEncapNode{"tunnel_encap", Counted<Encapsulate>, kNext};

}  // namespace sluice::dataplane
