// ICMP and ICMPv6 as far as a router speaks them (RFC 792, RFC 1812 section
// 4.3, RFC 4443): which packets must not be answered, and how errors and echo
// replies are laid out. Decisions and layouts over bytes.
#pragma once

#include <cstdint>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"

namespace sluice::dataplane {

struct IcmpKind {
  uint8_t type, code;
};

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kIcmpHeaderBytes = 8;

inline constexpr uint8_t kIcmpEchoReply = 0, kIcmpEcho = 8;
inline constexpr uint8_t kIcmpv6Echo = 128, kIcmpv6EchoReply = 129;
inline constexpr IcmpKind kIcmpProtocolUnreachable{3, 2}, kIcmpPortUnreachable{3, 3};
inline constexpr IcmpKind kIcmpv6PortUnreachable{1, 4}, kIcmpv6UnknownNextHeader{4, 1};

// Router and neighbour discovery (RFC 4861): 133..137.
inline bool IsNeighborDiscovery(uint8_t icmpv6_type) {
  return icmpv6_type >= 133 && icmpv6_type <= 137;
}

// May an error be sent about this packet, whose header is sound (RFC 1812
// section 4.3.2.7)? Not about ICMP errors, fragments but the first, and packets
// from or to what is not one host.
bool MayCauseIcmpv4Error(const uint8_t* ip, uint32_t ip_bytes);
// RFC 4443 section 2.4 (e). Packet too big may answer multicast; we forward none.
bool MayCauseIcmpv6Error(const uint8_t* ip, uint32_t ip_bytes);

// How much of the packet an error quotes: an ICMP error is at most 576 bytes
// (RFC 1812 section 4.3.2.3), an ICMPv6 error at most 1280 (RFC 4443 section 3).
inline constexpr uint16_t kIcmpv4ErrorBytesMax = 576;
inline constexpr uint16_t kIcmpv6ErrorBytesMax = 1280;
inline constexpr uint16_t kIcmpv4ErrorHeaders = kIpv4HeaderBytes + kIcmpHeaderBytes;
inline constexpr uint16_t kIcmpv6ErrorHeaders = kIpv6HeaderBytes + kIcmpHeaderBytes;

// Writes IP and ICMP headers of an error in front of the `quoted` bytes at
// `quote` (there must be room) to the sender of the quoted packet. `rest` is the
// second word of the ICMP header: the MTU where that is reported. Returns the
// start of the new packet.
struct Icmpv4Error {
  IcmpKind kind;
  uint32_t rest;
  uint32_t source;  // host byte order
  uint16_t identification;
};
uint8_t* WriteIcmpv4Error(const Icmpv4Error& error, uint8_t* quote, uint16_t quoted);
struct Icmpv6Error {
  IcmpKind kind;
  uint32_t rest;
  const uint8_t* source;  // 16 bytes
};
uint8_t* WriteIcmpv6Error(const Icmpv6Error& error, uint8_t* quote, uint16_t quoted);

// Turns a sound echo request to us into its reply, in place, and returns where
// the reply starts: options and extension headers are not returned. Null when
// the ICMP checksum is wrong. `icmp` is where the ICMP header lies.
uint8_t* AnswerIcmpv4Echo(uint8_t* ip, uint16_t identification);
uint8_t* AnswerIcmpv6Echo(uint8_t* ip, uint8_t* icmp, uint32_t ip_bytes);

// The checksum of an ICMPv6 message holds; `offset` is where it starts.
bool Icmpv6ChecksumHolds(const uint8_t* ip, uint32_t ip_bytes, uint32_t offset);

}  // namespace sluice::dataplane
