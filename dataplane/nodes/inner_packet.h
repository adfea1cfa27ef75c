// What is done to a packet that just came out of a tunnel, whatever kind of tunnel.
#pragma once

#include "dataplane/nodes/forward_family.h"
#include "dataplane/packet/tcp_mss.h"
#include "dataplane/packet/tunnel_header.h"
#include "dataplane/packet/tunnel_models.h"

namespace sluice::dataplane::inner_packet {

// The inner ECN field as RFC 6040 has it; false when the packet has to go.
inline bool MergeEcn(uint8_t* ip, uint8_t outer) {
  const uint8_t inner = TrafficClassOf(ip);
  const uint8_t merged = DecapsulatedEcn(inner, outer);
  if (merged == kEcnDrop) return false;
  if (merged == (inner & kEcnMask)) return true;
  const auto traffic_class = static_cast<uint8_t>((inner & ~kEcnMask) | merged);
  if (ip[0] >> 4 == 4) {
    StoreIpv4TrafficClass(ip, traffic_class);
  } else {
    StoreIpv6TrafficClass(ip, traffic_class);
  }
  return true;
}

// What goes back to `source` may be as large as this. The path to its end of the tunnel
// is known to the adjacency that leads there, which need not be the tunnel's.
template <class F>
uint16_t MtuBack(const Tables& tables, const Tunnel& tunnel, const typename F::Address& source) {
  const GroupWord group = tables.groups.Load(F::Routes(tables).Lookup(tunnel.vrf, source));
  const AdjacencySnapshot adjacency = tables.adjacencies.Load(tables.groups.Choose(group, 0));
  if (!adjacency.none() && adjacency.interface() == tunnel.id) return adjacency.mtu();
  const Interface* interface = tables.interfaces.Find(tunnel.id);
  return interface == nullptr ? ~uint16_t{0} : interface->mtu;
}

// A SYN out of the tunnel, if the `bytes` at `ip` are one, tells what may be sent into it.
// Nothing is known yet of the inner header.
inline void ClampMssBack(const Tables& tables, const Tunnel& tunnel, uint8_t* ip, uint32_t bytes) {
  if (ip[0] >> 4 == 4) {
    if (forward::Ipv4::Examine(ip, bytes) == DropReason::kNone)
      ClampTcpMss(ip, Ipv4TotalLength(ip), MtuBack<forward::Ipv4>(tables, tunnel, forward::Ipv4::Source(ip)));
  } else if (bytes >= kIpv6HeaderBytes && forward::Ipv6::Examine(ip, bytes) == DropReason::kNone) {
    ClampTcpMss(ip, forward::Ipv6::IpBytes(ip),
                MtuBack<forward::Ipv6>(tables, tunnel, forward::Ipv6::Source(ip)));
  }
}

}  // namespace sluice::dataplane::inner_packet
