// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
// Sums run over 16-bit words in network byte order; results are in host order
// ready to be stored through Be16.
#pragma once

#include <cstdint>
#include <span>

namespace sluice::net {

// The one's complement sum of `bytes` added to `sum`, not yet folded. A trailing
// odd byte is padded with zero, so only the last piece of a sum may be odd.
inline uint64_t ChecksumAdd(std::span<const uint8_t> bytes, uint64_t sum = 0) {
  size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum += static_cast<uint32_t>(bytes[i]) << 8 | bytes[i + 1];
  if (i < bytes.size()) sum += static_cast<uint32_t>(bytes[i]) << 8;
  return sum;
}

// Folds and complements a sum into a header checksum.
inline uint16_t ChecksumFinish(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// The sum of the IPv6 pseudo header (RFC 8200 section 8.1): `ip` is the fixed
// header, 40 bytes at least; `upper_bytes` those of the upper layer.
inline uint64_t Ipv6PseudoHeaderSum(std::span<const uint8_t> ip, uint32_t upper_bytes, uint8_t protocol) {
  return ChecksumAdd(ip.subspan(8, 32), uint64_t{upper_bytes} + protocol);
}

inline uint16_t Checksum(std::span<const uint8_t> bytes) {
  return ChecksumFinish(ChecksumAdd(bytes));
}

// The checksum after one 16-bit word changed from `before` to `after` (RFC 1624
// equation 3).
inline uint16_t ChecksumReplace(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = static_cast<uint16_t>(~checksum);
  sum += static_cast<uint16_t>(~before);
  sum += after;
  return ChecksumFinish(sum);
}

}  // namespace sluice::net
