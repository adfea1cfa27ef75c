// Packets of the underlay that may be a tunnel's: whose they are, out of their
// outer headers, and on in the tenant's VRF.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {
namespace tunnel_decap {

// The first edges are those of the forward nodes: ordinary inner packets are
// routed here and now.
enum Edge : uint16_t {
  kPortTx = forward::kPortTx,
  kPunt = forward::kPunt,
  kDrop = forward::kDrop,
  kIp4Forward = forward::kIp4Forward,
  kIp6Forward = forward::kIp6Forward,
  kEdgeCount
};

// Is this what tunnels carry? `payload` is of the transport, `bytes` long.
inline bool IsTunnelPayload(const Tables& tables, uint8_t protocol, const uint8_t* payload, uint32_t bytes) {
  if (protocol == kProtocolGre) return true;
  return protocol == kProtocolUdp && bytes >= kUdpHeaderBytes &&
         tables.tunnels.vxlan_ports().Contains(LoadBe16(payload + 2));
}

// A packet of the underlay, with the data at its IP header, that may be one of a
// tunnel's: this node knows.
inline bool MayBeTunnelPacket(const Tables& tables, const rte_mbuf& mbuf, bool ipv4) {
  const uint8_t* ip = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  const uint32_t header = ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  const uint32_t odd = mbuf.data_len < header ? 1
                       : ipv4                 ? Ipv4Oddities(ip, mbuf.data_len)
                                              : Ipv6Oddities(ip, mbuf.data_len);
  if (odd != 0) return false;
  const uint8_t protocol = ipv4 ? Ipv4Protocol(ip) : Ipv6NextHeader(ip);
  const uint32_t bytes = ipv4 ? Ipv4TotalLength(ip) - header : Ipv6PayloadLength(ip);
  return IsTunnelPayload(tables, protocol, ip + header, bytes);
}

}  // namespace tunnel_decap

extern const NodeSpec kTunnelDecapNode;

}  // namespace sluice::dataplane
