// The hash that spreads flows over the members of a next-hop group. Every
// packet of a flow, fragments included where ports are not seen, hashes alike
// on every gateway. The flow of a GRE packet is that of what it carries: all packets
// of a tunnel have the same outer addresses, and no ports.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <span>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"

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

// What tells the flows in a GRE packet apart, from its GRE header on: any bytes. Looks
// into version 0 (RFC 2784, 2890) with IP or an Ethernet frame (RFC 7637) inside, but
// not into GRE in GRE; 0 where there is nothing to see.
uint32_t GreInnerFlow(std::span<const uint8_t> gre);

// The first word of the transport, or what stands for it.
inline uint32_t TransportFlow(uint8_t protocol, const uint8_t* transport, uint32_t bytes) {
  if (HasPorts(protocol)) return bytes >= 4 ? LoadBe32(transport) : 0;
  if (__builtin_expect(protocol != kProtocolGre, 1)) return 0;
  return GreInnerFlow({transport, bytes});
}

// Of a packet that passed ExamineIpv4/ExamineIpv6. Fragments go by addresses and
// protocol, so that all of a datagram take one way.
inline uint32_t Ipv4FlowHash(const uint8_t* ip) {
  const uint32_t header = Ipv4HeaderLength(ip), bytes = Ipv4TotalLength(ip);
  const bool whole = !IsIpv4Fragment(ip) && header <= bytes;
  return Ipv4FlowHash(Ipv4Source(ip), Ipv4Destination(ip), Ipv4Protocol(ip),
                      whole ? TransportFlow(Ipv4Protocol(ip), ip + header, bytes - header) : 0);
}
inline uint32_t Ipv6FlowHash(const uint8_t* ip) {
  const uint32_t bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  const Ipv6Transport transport = FindIpv6Transport(ip, bytes);
  const bool whole = !transport.fragment && !transport.malformed && transport.offset <= bytes;
  const uint8_t protocol = transport.fragment ? uint8_t{44} : transport.protocol;
  return Ipv6FlowHash(Ipv6Source(ip), Ipv6Destination(ip), protocol,
                      whole ? TransportFlow(protocol, ip + transport.offset, bytes - transport.offset) : 0);
}

}  // namespace sluice::dataplane
