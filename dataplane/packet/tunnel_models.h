// What a packet out of a tunnel takes over from its outer header: DSCP (RFC 2983 section
// 5.1) and hops (RFC 3443 section 3.1) where the tunnel's model is uniform, and
// congestion. Checksums of IPv4 are updated (RFC 1624): one that was wrong stays wrong.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {

inline constexpr uint8_t kDscpMask = 0xfc;

inline uint8_t Ipv6TrafficClass(const uint8_t* ip) {
  return static_cast<uint8_t>(LoadBe16(ip) >> 4);
}
// DSCP and ECN of a packet of either family.
inline uint8_t TrafficClassOf(const uint8_t* ip) {
  return ip[0] >> 4 == 4 ? ip[1] : Ipv6TrafficClass(ip);
}

inline void StoreIpv4TrafficClass(uint8_t* ip, uint8_t traffic_class) {
  const uint16_t before = LoadBe16(ip);
  ip[1] = traffic_class;
  StoreBe16(ip + 10, net::ChecksumReplace(LoadBe16(ip + 10), before, LoadBe16(ip)));
}
inline void StoreIpv6TrafficClass(uint8_t* ip, uint8_t traffic_class) {
  StoreBe16(ip, static_cast<uint16_t>((LoadBe16(ip) & 0xf00f) | traffic_class << 4));
}

inline void StoreIpv4Ttl(uint8_t* ip, uint8_t ttl) {
  const uint16_t before = LoadBe16(ip + 8);
  ip[8] = ttl;
  StoreBe16(ip + 10, net::ChecksumReplace(LoadBe16(ip + 10), before, LoadBe16(ip + 8)));
}

// The outer header's word about a packet.
struct OuterWord {
  uint8_t traffic_class;
  uint8_t hops;  // as received
};

// The models of a tunnel, for packets out of it.
struct InwardModels {
  uint8_t dscp_mask;  // kDscpMask: uniform; else 0
  bool hops;          // uniform
};

// An inner IPv4 header of at least 20 bytes. Its TTL never grows: a far end that does not
// copy it into the outer header cannot make loops last longer.
inline void TakeOverIpv4(uint8_t* ip, OuterWord outer, InwardModels models) {
  const auto traffic_class =
      static_cast<uint8_t>((ip[1] & ~models.dscp_mask) | (outer.traffic_class & models.dscp_mask));
  if (traffic_class != ip[1]) StoreIpv4TrafficClass(ip, traffic_class);
  if (models.hops && outer.hops < Ipv4Ttl(ip)) StoreIpv4Ttl(ip, outer.hops);
}

// Neighbor Discovery proves by its hop limit that it was never routed (RFC 4861 section
// 7.1). Inside a tunnel that is the tenant's link, however many routers carry it. `ip` has
// a fixed header, and `available` bytes in all.
inline bool IsOfNeighborDiscovery(const uint8_t* ip, uint32_t available) {
  constexpr uint8_t kNeverRouted = 255, kRouterSolicitation = 133, kRedirect = 137;
  return Ipv6NextHeader(ip) == kProtocolIcmpv6 && Ipv6HopLimit(ip) == kNeverRouted &&
         available > kIpv6HeaderBytes && ip[kIpv6HeaderBytes] >= kRouterSolicitation &&
         ip[kIpv6HeaderBytes] <= kRedirect;
}

// The same of IPv6; `available` bytes begin at the header, at least 40.
inline void TakeOverIpv6(uint8_t* ip, uint32_t available, OuterWord outer, InwardModels models) {
  const uint8_t inner = Ipv6TrafficClass(ip);
  const auto traffic_class =
      static_cast<uint8_t>((inner & ~models.dscp_mask) | (outer.traffic_class & models.dscp_mask));
  if (traffic_class != inner) StoreIpv6TrafficClass(ip, traffic_class);
  if (models.hops && outer.hops < Ipv6HopLimit(ip) && !IsOfNeighborDiscovery(ip, available))
    ip[7] = outer.hops;
}

}  // namespace sluice::dataplane
