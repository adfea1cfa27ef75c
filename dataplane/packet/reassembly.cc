// Checks of single fragments, and headers of whole datagrams.
#include "dataplane/packet/reassembly.h"

#include <cstring>
#include <span>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kFragmentHeaderBytes = 8;
constexpr uint8_t kFragmentHeader = 44, kAuthentication = 51;
constexpr uint8_t kGre = 47;
constexpr uint32_t kIpBytesMax = 65535;
constexpr uint8_t kCongestion = 3;

// RFC 8200 section 4.5.
constexpr IcmpKind kErroneousField{4, 0}, kIncompleteHeaderChain{4, 3};
constexpr uint16_t kPayloadLengthAt = 4;

// What an upper-layer header has at least; 0 of those that we do not know.
uint32_t LeastHeaderBytes(uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return 20;
    case kProtocolUdp:
    case kProtocolIcmpv6:
      return 8;
    case kGre:
      return 4;
  }
  return 0;
}

FragmentFault Malformed(IcmpKind error = {0, 0}, uint16_t pointer = 0) {
  return {DropReason::kFragmentMalformed, error, pointer};
}

// The first fragment has all headers up to the upper layer's (RFC 7112 section 5).
bool HasAllHeaders(const uint8_t* ip, uint32_t ip_bytes) {
  const Ipv6Transport transport = FindIpv6Transport(ip, ip_bytes);
  return !transport.malformed && ip_bytes >= transport.offset + LeastHeaderBytes(transport.protocol);
}

}  // namespace

FragmentFault ParseIpv4Fragment(const uint8_t* ip, Fragment& fragment) {
  const uint16_t field = Ipv4FragmentField(ip);
  const uint32_t header = Ipv4HeaderLength(ip), payload = Ipv4TotalLength(ip) - header;
  const uint32_t offset = (field & kIpv4OffsetMask) * 8u;
  const bool more = (field & kIpv4MoreFragments) != 0;
  if (payload == 0 || (more && payload % 8 != 0)) return Malformed();
  if (header + offset + payload > kIpBytesMax) return {DropReason::kFragmentTooLong};
  fragment.key.family = 4;
  fragment.key.protocol = Ipv4Protocol(ip);
  fragment.key.identification = LoadBe16(ip + 4);
  std::memcpy(fragment.key.source.data(), ip + 12, 4);
  std::memcpy(fragment.key.destination.data(), ip + 16, 4);
  fragment.header = ip;
  fragment.header_bytes = static_cast<uint16_t>(header);
  fragment.payload = ip + header;
  fragment.payload_bytes = static_cast<uint16_t>(payload);
  fragment.offset = static_cast<uint16_t>(offset);
  fragment.more = more;
  fragment.ecn = ip[1] & 3;
  return {};
}

FragmentFault ParseIpv6Fragment(const uint8_t* ip, uint16_t fragment_at, Fragment& fragment) {
  const uint32_t ip_bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  const uint8_t* const header = ip + fragment_at;
  const uint32_t header_bytes = fragment_at + uint32_t{kFragmentHeaderBytes};
  const uint32_t payload = ip_bytes - header_bytes;
  const uint32_t offset = LoadBe16(header + 2) & 0xfff8;
  const bool more = (header[3] & 1) != 0;
  if (more && payload % 8 != 0) return Malformed(kErroneousField, kPayloadLengthAt);
  if (payload == 0 || header_bytes > kFragmentHeaderBytesMax) return Malformed();
  // Of the datagram, which has no fragment header.
  if (header_bytes - kFragmentHeaderBytes - kIpv6HeaderBytes + offset + payload > kIpBytesMax)
    return {DropReason::kFragmentTooLong, kErroneousField, static_cast<uint16_t>(fragment_at + 2)};
  if (offset == 0 && !HasAllHeaders(ip, ip_bytes)) return Malformed(kIncompleteHeaderChain);
  fragment.key.family = 6;
  fragment.key.identification = LoadBe32(header + 4);
  std::memcpy(fragment.key.source.data(), Ipv6Source(ip), 16);
  std::memcpy(fragment.key.destination.data(), Ipv6Destination(ip), 16);
  fragment.header = ip;
  fragment.header_bytes = static_cast<uint16_t>(header_bytes);
  fragment.payload = ip + header_bytes;
  fragment.payload_bytes = static_cast<uint16_t>(payload);
  fragment.offset = static_cast<uint16_t>(offset);
  fragment.more = more;
  fragment.ecn = ip[1] >> 4 & 3;
  return {};
}

uint8_t* FinishIpv4Datagram(uint8_t* payload, uint16_t header_bytes, uint16_t payload_bytes,
                            bool congestion) {
  uint8_t* const ip = payload - header_bytes;
  if (congestion) ip[1] |= kCongestion;
  StoreBe16(ip + 2, static_cast<uint16_t>(header_bytes + payload_bytes));
  StoreBe16(ip + 6, 0);
  StoreBe16(ip + 10, 0);
  StoreBe16(ip + 10, net::Checksum(std::span(ip, header_bytes)));
  return ip;
}

uint8_t* FinishIpv6Datagram(uint8_t* payload, uint16_t header_bytes, uint16_t payload_bytes,
                            bool congestion) {
  uint8_t* const received = payload - header_bytes;
  const uint8_t next_header = payload[-kFragmentHeaderBytes];
  const auto kept = static_cast<uint16_t>(header_bytes - kFragmentHeaderBytes);
  // The octet that named the fragment header: of the fixed header, or of the last
  // of the extension headers before it.
  uint8_t* name = received + 6;
  uint8_t* header = received + kIpv6HeaderBytes;
  while (*name != kFragmentHeader && header + 8 <= received + kept) {
    const uint32_t bytes = *name == kAuthentication ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
    name = header;
    header += bytes;
  }
  *name = next_header;
  uint8_t* const ip = received + kFragmentHeaderBytes;
  std::memmove(ip, received, kept);
  StoreBe16(ip + 4, static_cast<uint16_t>(kept - kIpv6HeaderBytes + payload_bytes));
  if (congestion) ip[1] |= kCongestion << 4;
  return ip;
}

}  // namespace sluice::dataplane
