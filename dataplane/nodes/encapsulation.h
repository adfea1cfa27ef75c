// Bursts of IP packets into their tunnels and on through the underlay: the work of
// tunnel_encap, and of classify with the ordinary packets that it routes itself.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane::encapsulation {

// A packet on its way into its tunnel.
struct Departing {
  rte_mbuf* mbuf;
  uint8_t* ip;  // the inner header
  const Tunnel* tunnel;
  uint64_t hop_first, hop_second;  // a TunnelHop: the MAC, and the far end
  AdjacencyId adjacency;
  VrfId vrf;  // of the packet; only a tunnel of the same may take it

  uint32_t remote() const { return static_cast<uint32_t>(hop_second); }
  RemoteId remote_id() const { return static_cast<uint32_t>(hop_second >> 32); }
};

// Of the node at work. What the underlay cannot simply send goes on to the forward
// nodes, as our own packet.
struct Edges {
  uint16_t ip4_forward, ip6_forward, drop;
};

// At most kBurstMax packets, hop counted, policed, and no longer than their
// adjacency's MTU. Where an mbuf's data begins, and its metadata, do not matter.
class Departures {
 public:
  bool empty() const { return ipv4_count_ == 0 && ipv6_count_ == 0; }

  // `ip` in the mbuf's buffer; `id` as read from the table: `adjacency`. Asks for the
  // cache lines that Encapsulate() needs.
  void Add(const NodeRun& run, const Edges& edges, rte_mbuf& mbuf, uint8_t* ip, VrfId vrf, AdjacencyId id,
           const AdjacencySnapshot& adjacency) {
    // Changed since the packet was routed.
    const bool still = adjacency.kind() == AdjacencyKind::kTunnel && adjacency.live();
    Add(run, edges, mbuf, ip, vrf, id, still ? adjacency.interface() : kNoInterface, adjacency.Rewrite()[0],
        adjacency.Rewrite()[1]);
  }
  // The same with the words of a TunnelHop.
  void Add(const NodeRun& run, const Edges& edges, rte_mbuf& mbuf, uint8_t* ip, VrfId vrf, AdjacencyId id,
           InterfaceId interface, uint64_t hop_first, uint64_t hop_second) {
    const WorkerContext& worker = run.worker;
    const Tunnel* tunnel = worker.tables->tunnels.Find(interface);
    if (__builtin_expect(tunnel == nullptr, 0)) {
      MetaOf(mbuf).vrf = vrf;
      return run.Drop(edges.drop, mbuf, DropReason::kNextHopDown);
    }
    __builtin_prefetch(tunnel);
    __builtin_prefetch(tunnel->header.data() + sizeof tunnel->header - 16);
    __builtin_prefetch(ip - 32, 1);
    __builtin_prefetch(&worker.counters.adjacency_tx[id], 1);
    // No remote of its own in the adjacency: the tunnel is one over IPv6.
    const auto remote = static_cast<uint32_t>(hop_second);
    const bool ipv4 = __builtin_expect(remote != 0, 1);
    Departing& departing = ipv4 ? ipv4_[ipv4_count_] : ipv6_[ipv6_count_];
    // Field by field: a copy would wait for the stores of its parts.
    departing.mbuf = &mbuf;
    departing.ip = ip;
    departing.tunnel = tunnel;
    departing.hop_first = hop_first;
    departing.hop_second = hop_second;
    departing.adjacency = id;
    departing.vrf = vrf;
    far_end_[ipv4_count_] = __builtin_bswap32(remote);
    ipv4_count_ = static_cast<uint16_t>(ipv4_count_ + ipv4);
    ipv6_count_ = static_cast<uint16_t>(ipv6_count_ + !ipv4);
  }

  // Finished frames for port_tx are written to `out`, which may be the node's stream
  // that the packets came from; the others left through `edges`. Returns how many;
  // none are left here.
  uint16_t Encapsulate(const NodeRun& run, const Edges& edges, rte_mbuf** out);

 private:
  // By the family of the outer headers.
  Departing ipv4_[kBurstMax], ipv6_[kBurstMax];
  uint32_t far_end_[kBurstMax + 1];  // of ipv4_, host byte order
  uint16_t ipv4_count_ = 0, ipv6_count_ = 0;
};

}  // namespace sluice::dataplane::encapsulation
