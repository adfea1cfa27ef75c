// Which node takes a packet of the underlay out of its outer headers, by what these say.
#pragma once

#include "dataplane/packet/esp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

enum class TunnelPayload : uint8_t {
  kNone,   // none does
  kClear,  // tunnel_decap: GRE, NVGRE, VXLAN
  kEsp,    // esp_decrypt: ESP, and whatever else comes to its UDP port
};

// `payload` is of the transport, `bytes` long.
inline TunnelPayload TunnelPayloadOf(const Tables& tables, uint8_t protocol, const uint8_t* payload,
                                     uint32_t bytes) {
  if (protocol == kProtocolGre) return TunnelPayload::kClear;
  if (protocol == kProtocolEsp) return TunnelPayload::kEsp;
  if (protocol != kProtocolUdp || bytes < kUdpHeaderBytes) return TunnelPayload::kNone;
  const uint16_t port = LoadBe16(payload + 2);
  if (tables.tunnels.vxlan_ports().Contains(port)) return TunnelPayload::kClear;
  return port == kUdpPortEsp ? TunnelPayload::kEsp : TunnelPayload::kNone;
}

// A packet of the underlay, with the data at its IP header, that may be one of a tunnel's:
// the node knows.
inline TunnelPayload TunnelPayloadOf(const Tables& tables, const rte_mbuf& mbuf, bool ipv4) {
  const uint8_t* ip = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  const uint32_t header = ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  const uint32_t odd = mbuf.data_len < header ? 1
                       : ipv4                 ? Ipv4Oddities(ip, mbuf.data_len)
                                              : Ipv6Oddities(ip, mbuf.data_len);
  if (odd != 0) return TunnelPayload::kNone;
  const uint8_t protocol = ipv4 ? Ipv4Protocol(ip) : Ipv6NextHeader(ip);
  const uint32_t bytes = ipv4 ? Ipv4TotalLength(ip) - header : Ipv6PayloadLength(ip);
  const TunnelPayload payload = TunnelPayloadOf(tables, protocol, ip + header, bytes);
  // Of ESP, a fragment to us ends in reassemble, any other passes by.
  return payload == TunnelPayload::kEsp && ipv4 && IsIpv4Fragment(ip) ? TunnelPayload::kNone : payload;
}

}  // namespace sluice::dataplane
