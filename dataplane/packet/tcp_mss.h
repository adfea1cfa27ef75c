// The maximum segment size that the ends of a TCP connection tell each other in their
// SYNs (RFC 9293 section 3.7.1), made to fit a path that is narrower than they know.
#pragma once

#include <cstdint>

#include "dataplane/packet/icmp.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"

namespace sluice::dataplane {

inline constexpr uint16_t kTcpHeaderBytes = 20;
inline constexpr uint8_t kTcpSyn = 0x02;

// Can only a SYN be behind this: the commonest form of it, IPv4 without options. Reads
// 34 bytes, which every frame buffer holds, whatever they are.
inline uint32_t IsPlainTcpSyn(const uint8_t* ip) {
  return static_cast<uint32_t>(ip[9] == kProtocolTcp) & static_cast<uint32_t>(ip[33] >> 1);
}

// The same of any IP packet of at least a header. Reads 54 bytes.
inline bool MayBeTcpSyn(const uint8_t* ip) {
  if (ip[0] == 0x45) return (IsPlainTcpSyn(ip) & 1) != 0;
  if (ip[0] >> 4 == 4) return ip[9] == kProtocolTcp;
  if (ip[6] == kProtocolTcp) return (ip[kIpv6HeaderBytes + 13] & kTcpSyn) != 0;
  return ip[6] != kProtocolUdp && ip[6] != kProtocolIcmpv6;
}

// Lowers the MSS option of a SYN or SYN-ACK to what `mtu` leaves for a segment, with the
// checksum. `ip` is an IP packet of `ip_bytes` that was found sound. Anything else stays
// as it is: other packets, later fragments, a smaller MSS, a SYN without the option (an
// option that was not sent is not ours to add), options that do not parse.
void ClampTcpMss(uint8_t* ip, uint32_t ip_bytes, uint16_t mtu);

}  // namespace sluice::dataplane
