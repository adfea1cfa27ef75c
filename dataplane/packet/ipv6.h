// Sanity of IPv6 headers (RFC 8200, RFC 4291) and the walk over extension
// headers, as decisions over bytes.
#pragma once

#include <cstdint>

#include "dataplane/packet/wire.h"
#include "dataplane/tables/drop_reason.h"

namespace sluice::dataplane {

inline constexpr uint8_t kIpv6HeaderBytes = 40;

inline uint16_t Ipv6PayloadLength(const uint8_t* ip) {
  return LoadBe16(ip + 4);
}
inline uint8_t Ipv6NextHeader(const uint8_t* ip) {
  return ip[6];
}
inline uint8_t Ipv6HopLimit(const uint8_t* ip) {
  return ip[7];
}
inline const uint8_t* Ipv6Source(const uint8_t* ip) {
  return ip + 8;
}
inline const uint8_t* Ipv6Destination(const uint8_t* ip) {
  return ip + 24;
}
inline uint32_t Ipv6FlowLabel(const uint8_t* ip) {
  return LoadBe32(ip) & 0xfffff;
}

// An address is ordinary when it is in 2000::/3 or fc00::/7; the others need a
// closer look.
inline bool IsSpecialIpv6(uint8_t first_octet) {
  return (first_octet & 0xe0) != 0x20 && (first_octet & 0xfe) != 0xfc;
}

// Zero for a packet whose header is sound and whose addresses are ordinary;
// `available` bytes follow `ip`, below zero when the frame ends before it. Reads
// 40 bytes whatever `available` says.
inline uint32_t Ipv6Oddities(const uint8_t* ip, uint32_t available) {
  const int32_t behind = static_cast<int32_t>(available) - (Ipv6PayloadLength(ip) + kIpv6HeaderBytes);
  return static_cast<uint32_t>((ip[0] >> 4) ^ 6) | static_cast<uint32_t>(behind < 0) |
         static_cast<uint32_t>(IsSpecialIpv6(ip[8])) | static_cast<uint32_t>(IsSpecialIpv6(ip[24]));
}

// The complete examination: kNone when the packet may be routed. A link-local
// address is kLinkLocal and a multicast destination kMulticast: both may still
// be for us.
DropReason ExamineIpv6(const uint8_t* ip, uint32_t available);

// The transport header behind the extension headers.
struct Ipv6Transport {
  uint8_t protocol = 0;         // of the last header reached
  uint16_t offset = 0;          // of that header, from the start of the packet
  uint16_t next_header_at = 6;  // of the octet that named the protocol
  uint16_t fragment_at = 0;     // of the first fragment header, be it of an atomic fragment; 0: none
  bool fragment = false;        // a fragment header with offset or more-fragments
  bool non_initial = false;     // not the first fragment: there is no transport header
  bool source_routed = false;   // a routing header with segments left
  bool malformed = false;       // the chain runs off the packet or does not end
};
Ipv6Transport FindIpv6Transport(const uint8_t* ip, uint32_t ip_bytes);

}  // namespace sluice::dataplane
