// Pieces of an IP packet.
#include "dataplane/packet/fragmentation.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionCopied = 0x80;

// Copies the options that every fragment carries; returns the header's length,
// padded to words. `out` may be null to measure.
uint16_t CopyOptions(const uint8_t* ip, uint16_t header_bytes, uint8_t* out) {
  uint16_t to = kIpv4HeaderBytes;
  for (uint16_t from = kIpv4HeaderBytes; from < header_bytes;) {
    const uint8_t kind = ip[from];
    if (kind == kOptionEnd) break;
    if (kind == kOptionNop) {
      ++from;
      continue;
    }
    // A malformed list ends here; the first fragment carries it as it is.
    if (from + 1 >= header_bytes) break;
    const uint8_t length = ip[from + 1];
    if (length < 2 || from + length > header_bytes) break;
    if ((kind & kOptionCopied) != 0) {
      if (out != nullptr) std::memcpy(out + to, ip + from, length);
      to = static_cast<uint16_t>(to + length);
    }
    from = static_cast<uint16_t>(from + length);
  }
  while (to % 4 != 0) {
    if (out != nullptr) out[to] = kOptionEnd;
    ++to;
  }
  return to;
}

}  // namespace

Ipv4Fragmenter::Ipv4Fragmenter(const uint8_t* ip, uint16_t mtu)
    : ip_(ip),
      mtu_(mtu),
      header_bytes_(Ipv4HeaderLength(ip)),
      payload_bytes_(static_cast<uint16_t>(Ipv4TotalLength(ip) - header_bytes_)),
      later_header_bytes_(CopyOptions(ip, header_bytes_, nullptr)) {}

uint16_t Ipv4Fragmenter::PayloadPerFragment() const {
  const uint16_t header = next_ == 0 ? header_bytes_ : later_header_bytes_;
  return mtu_ < header + 8 ? 0 : static_cast<uint16_t>((mtu_ - header) & ~7);
}

uint32_t Ipv4Fragmenter::remaining() const {
  Ipv4Fragmenter ahead = *this;
  uint32_t count = 0;
  for (; !ahead.done(); ++count) {
    const uint16_t left = static_cast<uint16_t>(payload_bytes_ - ahead.next_);
    const uint16_t header = ahead.next_ == 0 ? header_bytes_ : later_header_bytes_;
    if (left + header <= mtu_) return count + 1;
    const uint16_t step = ahead.PayloadPerFragment();
    if (step == 0) return 0;
    ahead.next_ = static_cast<uint16_t>(ahead.next_ + step);
  }
  return count;
}

uint8_t Ipv4Fragmenter::HeaderOf(uint8_t* out) const {
  if (next_ == 0) {
    std::memcpy(out, ip_, header_bytes_);
    return static_cast<uint8_t>(header_bytes_);
  }
  std::memcpy(out, ip_, kIpv4HeaderBytes);
  const uint16_t header = CopyOptions(ip_, header_bytes_, out);
  out[0] = static_cast<uint8_t>(0x40 | header / 4);
  return static_cast<uint8_t>(header);
}

uint16_t Ipv4Fragmenter::Write(uint8_t* out) {
  const uint8_t header = HeaderOf(out);
  const auto left = static_cast<uint16_t>(payload_bytes_ - next_);
  const bool last = left + header <= mtu_;
  const uint16_t payload = last ? left : PayloadPerFragment();
  std::memcpy(out + header, ip_ + header_bytes_ + next_, payload);

  const uint16_t before = Ipv4FragmentField(ip_);
  const auto offset = static_cast<uint16_t>((before & kIpv4OffsetMask) + next_ / 8);
  const uint16_t more = last ? before & kIpv4MoreFragments : kIpv4MoreFragments;
  StoreBe16(out + 6, static_cast<uint16_t>(more | (offset & kIpv4OffsetMask)));
  const auto total = static_cast<uint16_t>(header + payload);
  StoreBe16(out + 2, total);
  StoreBe16(out + 10, 0);
  StoreBe16(out + 10, net::Checksum(std::span(out, header)));
  next_ = static_cast<uint16_t>(next_ + payload);
  return total;
}

uint16_t Ipv6Fragmenter::Write(uint8_t* out) {
  constexpr uint8_t kFragmentHeader = 44, kFragmentHeaderBytes = 8;
  const auto left = static_cast<uint16_t>(payload_bytes_ - next_);
  const uint16_t payload = std::min(left, per_fragment_);
  std::memcpy(out, ip_, kIpv6HeaderBytes);
  StoreBe16(out + 4, static_cast<uint16_t>(kFragmentHeaderBytes + payload));
  out[6] = kFragmentHeader;
  uint8_t* const fragment = out + kIpv6HeaderBytes;
  fragment[0] = Ipv6NextHeader(ip_);
  fragment[1] = 0;
  StoreBe16(fragment + 2, static_cast<uint16_t>(next_ | (left > payload ? 1 : 0)));
  StoreBe32(fragment + 4, identification_);
  std::memcpy(fragment + kFragmentHeaderBytes, ip_ + kIpv6HeaderBytes + next_, payload);
  next_ = static_cast<uint16_t>(next_ + payload);
  return static_cast<uint16_t>(kIpv6HeaderBytes + kFragmentHeaderBytes + payload);
}

}  // namespace sluice::dataplane
