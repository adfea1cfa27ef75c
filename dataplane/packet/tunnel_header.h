// What follows the outer IP header of a tunnel packet, as decisions over bytes:
// GRE (RFC 2784, 2890), NVGRE (RFC 7637), VXLAN (RFC 7348), and what becomes of
// the two ECN fields (RFC 6040).
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/icmp.h"
#include "dataplane/packet/wire.h"
#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/termination_map.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {

inline constexpr uint8_t kProtocolGre = 47;
inline constexpr uint8_t kUdpHeaderBytes = 8;
inline constexpr uint8_t kVxlanHeaderBytes = 8;
inline constexpr uint16_t kEtherTypeTransparentEthernet = 0x6558;

// GRE's first word.
inline constexpr uint16_t kGreChecksumPresent = 0x8000;
inline constexpr uint16_t kGreKeyPresent = 0x2000;
inline constexpr uint16_t kGreSequencePresent = 0x1000;
// Bits 1, 4 and 5 (routing, strict source route, recursion) make a receiver that
// does not know RFC 1701 discard the packet; bits 6 to 12 are ignored.
inline constexpr uint16_t kGreForbidden = 0x4c00;
inline constexpr uint16_t kGreVersionMask = 0x0007;
// The protocol type of keepalives, which carry nothing.
inline constexpr uint16_t kGreNoProtocol = 0;

struct TunnelHeader {
  TunnelSelector selector;
  uint32_t key = 0;         // GRE key, VNI or VSID; 0 without
  uint16_t bytes = 0;       // from the end of the outer IP header to the payload
  uint16_t ether_type = 0;  // of the payload; kEtherTypeTransparentEthernet: a frame
  DropReason reason = DropReason::kNone;
};

namespace tunnel_header {
inline TunnelHeader Unsound(DropReason reason) {
  TunnelHeader header;
  header.reason = reason;
  return header;
}
}  // namespace tunnel_header

// `gre` is the payload of the outer IP packet, all of it: a checksum covers it.
inline TunnelHeader ParseGre(std::span<const uint8_t> gre) {
  using tunnel_header::Unsound;
  if (gre.size() < 4) return Unsound(DropReason::kTunnelTruncated);
  const uint16_t flags = LoadBe16(gre.data());
  if ((flags & (kGreForbidden | kGreVersionMask)) != 0) return Unsound(DropReason::kTunnelHeader);
  TunnelHeader header;
  header.ether_type = LoadBe16(gre.data() + 2);
  header.bytes = 4;
  const bool checksum = (flags & kGreChecksumPresent) != 0;
  const bool key = (flags & kGreKeyPresent) != 0;
  const bool sequence = (flags & kGreSequencePresent) != 0;
  const unsigned key_offset = checksum ? 8 : 4;
  header.bytes = static_cast<uint16_t>(key_offset + (key ? 4 : 0) + (sequence ? 4 : 0));
  if (gre.size() < header.bytes) return Unsound(DropReason::kTunnelTruncated);
  if (checksum && net::Checksum(gre) != 0) return Unsound(DropReason::kTunnelChecksum);
  header.selector = {TunnelKind::kGre, key, 0};
  if (key) header.key = LoadBe32(gre.data() + key_offset);
  if (header.ether_type != kEtherTypeTransparentEthernet) return header;
  // RFC 7637 section 3.2: key present, neither checksum nor sequence number.
  if (!key || checksum || sequence) return Unsound(DropReason::kTunnelHeader);
  header.selector = {TunnelKind::kNvgre, true, 0};
  header.key >>= 8;  // FlowID
  return header;
}

// `udp` is the payload of the outer IP packet. Its checksum is the caller's
// affair. Bits that are reserved are ignored, as RFC 7348 section 5 demands.
inline TunnelHeader ParseVxlan(std::span<const uint8_t> udp) {
  using tunnel_header::Unsound;
  constexpr unsigned kBytes = kUdpHeaderBytes + kVxlanHeaderBytes;
  constexpr uint8_t kVniValid = 0x08;
  if (udp.size() < kBytes) return Unsound(DropReason::kTunnelTruncated);
  const uint16_t length = LoadBe16(udp.data() + 4);
  if (length < kBytes || length > udp.size()) return Unsound(DropReason::kTunnelTruncated);
  if ((udp[8] & kVniValid) == 0) return Unsound(DropReason::kTunnelHeader);
  TunnelHeader header;
  header.selector = {TunnelKind::kVxlan, true, LoadBe16(udp.data() + 2)};
  header.key = LoadBe32(udp.data() + 12) >> 8;
  header.bytes = kBytes;
  header.ether_type = kEtherTypeTransparentEthernet;
  return header;
}

// The commonest headers by a few comparisons: GRE with a key and nothing else, and
// VXLAN without a checksum. `bytes` follow the outer IP header at `payload`, of
// which 16 are read however few there are. False: ParseGre and ParseVxlan know.
inline bool PeekTunnelHeader(uint8_t protocol, const uint8_t* payload, uint32_t bytes, TunnelHeader& header) {
  if (protocol == kProtocolGre) {
    if (LoadBe16(payload) != kGreKeyPresent || bytes < 8) return false;
    const bool frame = LoadBe16(payload + 2) == kEtherTypeTransparentEthernet;
    header.selector = {frame ? TunnelKind::kNvgre : TunnelKind::kGre, true, 0};
    header.key = LoadBe32(payload + 4) >> (frame ? 8 : 0);
    header.bytes = 8;
    header.ether_type = LoadBe16(payload + 2);
    return true;
  }
  const uint64_t udp = LoadBe64(payload);
  constexpr uint64_t kVniValid = 0x08;
  const auto length = static_cast<uint16_t>(udp >> 16);
  const bool common = (udp & 0xffff) == 0 && length >= kUdpHeaderBytes + kVxlanHeaderBytes &&
                      length <= bytes && (payload[8] & kVniValid) != 0;
  if (protocol != kProtocolUdp || !common) return false;
  header.selector = {TunnelKind::kVxlan, true, static_cast<uint16_t>(udp >> 32)};
  header.key = LoadBe32(payload + 12) >> 8;
  header.bytes = kUdpHeaderBytes + kVxlanHeaderBytes;
  header.ether_type = kEtherTypeTransparentEthernet;
  return true;
}

// A UDP checksum that was sent is right (RFC 768; RFC 8200 section 8.1); zero is
// none, which tunnel end points accept over IPv6, too (RFC 6935). `ip` is the
// fixed outer header, `udp` a payload that ParseVxlan found sound.
inline bool UdpChecksumHolds(const uint8_t* ip, bool ipv4, std::span<const uint8_t> udp) {
  if (LoadRaw<uint16_t>(udp.data() + 6) == 0) return true;
  const uint16_t length = LoadBe16(udp.data() + 4);
  const uint64_t pseudo = ipv4 ? net::ChecksumAdd(std::span(ip + 12, 8), uint64_t{length} + kProtocolUdp)
                               : net::Ipv6PseudoHeaderSum(std::span(ip, 40), length, kProtocolUdp);
  return net::ChecksumFinish(net::ChecksumAdd(udp.first(length), pseudo)) == 0;
}

// The same to be sent, of UDP over IPv6: `udp` is the whole payload of the packet
// that `ip` begins, with a checksum of zero.
inline void StoreUdpChecksum(const uint8_t* ip, std::span<uint8_t> udp) {
  const uint64_t pseudo =
      net::Ipv6PseudoHeaderSum(std::span(ip, 40), static_cast<uint32_t>(udp.size()), kProtocolUdp);
  const uint16_t checksum = net::ChecksumFinish(net::ChecksumAdd(udp, pseudo));
  // Zero would say that there is none.
  StoreBe16(udp.data() + 6, checksum != 0 ? checksum : uint16_t{0xffff});
}

// ECN fields (RFC 3168): 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
inline constexpr uint8_t kEcnMask = 3;
inline constexpr uint8_t kEcnCongestion = 3;

// The inner field after decapsulation (RFC 6040 section 4.2, figure 4); kEcnDrop
// when the packet must be dropped, because its sender could not be told.
inline constexpr uint8_t kEcnDrop = 0xff;
inline uint8_t DecapsulatedEcn(uint8_t inner, uint8_t outer) {
  constexpr uint8_t kAfter[4][4] = {
      // outer: not-ECT, ECT(1), ECT(0), CE
      {0, 0, 0, kEcnDrop},
      {1, 1, 1, 3},
      {2, 1, 2, 3},
      {3, 3, 3, 3},
  };
  return kAfter[inner & kEcnMask][outer & kEcnMask];
}

}  // namespace sluice::dataplane
