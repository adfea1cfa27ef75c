// The hash that spreads flows over the members of a next-hop group. Every
// packet of a flow, fragments included where ports are not seen, hashes alike
// on every gateway.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"

namespace sluice::dataplane {

inline bool HasPorts(uint8_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 33 || protocol == 136;
}

// Mixes the words of a flow; all in host byte order.
inline uint32_t MixFlow(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  uint64_t hash = _mm_crc32_u64(0x5110ce, a);
  hash = _mm_crc32_u64(hash, b);
  hash = _mm_crc32_u64(hash, c);
  hash = _mm_crc32_u64(hash, d);
  hash = _mm_crc32_u64(hash, e);
  // CRC is linear; the multiplication keeps related flows apart in the low bits.
  return static_cast<uint32_t>(hash * 0x9e3779b97f4a7c15u >> 32);
}

// Flow of addresses, protocol and ports (0 when not known).
inline uint32_t Ipv4FlowHash(uint32_t source, uint32_t destination, uint8_t protocol, uint32_t ports) {
  return MixFlow(uint64_t{source} << 32 | destination, uint64_t{protocol} << 32 | ports, 0, 0, 4);
}
inline uint32_t Ipv6FlowHash(const uint8_t* source, const uint8_t* destination, uint8_t protocol,
                             uint32_t ports) {
  return MixFlow(LoadBe64(source), LoadBe64(source + 8), LoadBe64(destination), LoadBe64(destination + 8),
                 uint64_t{protocol} << 32 | ports);
}

// Of a packet that passed ExamineIpv4/ExamineIpv6. Fragments go by addresses and
// protocol, so that all of a datagram take one way.
inline uint32_t Ipv4FlowHash(const uint8_t* ip) {
  const uint32_t header = Ipv4HeaderLength(ip);
  const bool ports = HasPorts(Ipv4Protocol(ip)) && !IsIpv4Fragment(ip) && header + 4 <= Ipv4TotalLength(ip);
  return Ipv4FlowHash(Ipv4Source(ip), Ipv4Destination(ip), Ipv4Protocol(ip),
                      ports ? LoadBe32(ip + header) : 0);
}
inline uint32_t Ipv6FlowHash(const uint8_t* ip) {
  const uint32_t bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  const Ipv6Transport transport = FindIpv6Transport(ip, bytes);
  const bool ports = HasPorts(transport.protocol) && !transport.fragment && !transport.malformed &&
                     transport.offset + 4u <= bytes;
  const uint8_t protocol = transport.fragment ? uint8_t{44} : transport.protocol;
  return Ipv6FlowHash(Ipv6Source(ip), Ipv6Destination(ip), protocol,
                      ports ? LoadBe32(ip + transport.offset) : 0);
}

}  // namespace sluice::dataplane
