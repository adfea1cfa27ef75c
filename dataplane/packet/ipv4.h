// Sanity of IPv4 headers (RFC 1812 sections 5.2.2 and 5.3.7) as decisions over
// bytes. Ordinary packets are recognised by a few branch-free tests; whatever
// is odd about the others is named by the slower, complete examination.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/packet/wire.h"
#include "dataplane/tables/drop_reason.h"

namespace sluice::dataplane {

inline constexpr uint8_t kIpv4HeaderBytes = 20;
inline constexpr uint16_t kIpv4DontFragment = 0x4000;
inline constexpr uint16_t kIpv4MoreFragments = 0x2000;
inline constexpr uint16_t kIpv4OffsetMask = 0x1fff;

inline uint8_t Ipv4HeaderLength(const uint8_t* ip) {
  return static_cast<uint8_t>((ip[0] & 0xf) * 4);
}
inline uint16_t Ipv4TotalLength(const uint8_t* ip) {
  return LoadBe16(ip + 2);
}
inline uint16_t Ipv4FragmentField(const uint8_t* ip) {
  return LoadBe16(ip + 6);
}
inline bool IsIpv4Fragment(const uint8_t* ip) {
  return (Ipv4FragmentField(ip) & (kIpv4MoreFragments | kIpv4OffsetMask)) != 0;
}
inline uint8_t Ipv4Ttl(const uint8_t* ip) {
  return ip[8];
}
inline uint8_t Ipv4Protocol(const uint8_t* ip) {
  return ip[9];
}
inline uint32_t Ipv4Source(const uint8_t* ip) {
  return LoadBe32(ip + 12);
}
inline uint32_t Ipv4Destination(const uint8_t* ip) {
  return LoadBe32(ip + 16);
}

// First octets of addresses that need a closer look: 0/8, 127/8, 169.254/16,
// 224/4 and 240/4.
inline constexpr std::array<uint8_t, 256> kSpecialIpv4Octet = [] {
  std::array<uint8_t, 256> special{};
  special[0] = special[127] = special[169] = 1;
  for (unsigned octet = 224; octet < 256; ++octet) special[octet] = 1;
  return special;
}();

// The sum over a header without options is right. Any 20 bytes.
inline bool Ipv4ChecksumHolds(const uint8_t* ip) {
  // The one's complement sum of 64-bit words: three instructions, where the
  // compiler makes ten of the same thing in C++.
  uint64_t sum = LoadRaw<uint64_t>(ip);
  asm("addq %1, %0\n\tadcq %2, %0\n\tadcq $0, %0"
      : "+r"(sum)
      : "r"(LoadRaw<uint64_t>(ip + 8)), "r"(uint64_t{LoadRaw<uint32_t>(ip + 16)})
      : "cc");
  // Sound if it is a multiple of 0xffff, which a multiplication by the inverse
  // modulo 2^64 tells. (All zero is a multiple too, but not a header.)
  constexpr uint64_t kInverseOf65535 = 0xfffefffefffeffff;
  static_assert(kInverseOf65535 * 65535 == 1);
  return sum * kInverseOf65535 <= ~uint64_t{0} / 65535;
}

// Zero for a packet without options whose header is sound and whose addresses
// are neither special; `available` bytes follow `ip`, below zero when the frame
// ends before it. Reads 20 bytes whatever `available` says.
inline uint32_t Ipv4Oddities(const uint8_t* ip, uint32_t available) {
  const auto total = static_cast<int32_t>(Ipv4TotalLength(ip));
  const int32_t length = (total - kIpv4HeaderBytes) | (static_cast<int32_t>(available) - total);
  return static_cast<uint32_t>(ip[0] ^ 0x45) | static_cast<uint32_t>(length < 0) |
         static_cast<uint32_t>(!Ipv4ChecksumHolds(ip)) | kSpecialIpv4Octet[ip[12]] |
         kSpecialIpv4Octet[ip[16]];
}

// The complete examination: kNone when the packet may be routed. TTL is not
// looked at, because it does not matter for packets to us.
DropReason ExamineIpv4(const uint8_t* ip, uint32_t available);

// One hop more: TTL down, checksum by RFC 1624 (as RFC 1141 applies to +0x0100).
// Both lie in one word, as little-endian TTL | protocol << 8 | checksum << 16, and
// the sum does not mind its bytes' order (RFC 1071 section 2 (B)): it gets one
// more, and what is carried out of it once again. TTL must not be 0.
inline void DecrementIpv4Ttl(uint8_t* ip) {
  auto word = LoadRaw<uint32_t>(ip + 8);
  constexpr uint32_t kOneMore = 1 << 16;
  word += (kOneMore - 1) + (word >= 0xfffe0000 ? kOneMore : 0);
  std::memcpy(ip + 8, &word, sizeof word);
}
// The same in bytes 4 to 11 of the header, of which it changes the upper half.
inline uint64_t Ipv4HopCounted(uint64_t word) {
  constexpr uint64_t kOneMore = uint64_t{1} << 48, kOneHop = uint64_t{1} << 32;
  return word + (kOneMore - kOneHop) + (word >= uint64_t{0xfffe} << 48 ? kOneMore : 0);
}

}  // namespace sluice::dataplane
