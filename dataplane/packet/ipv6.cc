// The complete examination of an odd IPv6 header, and extension headers.
#include "dataplane/packet/ipv6.h"

namespace sluice::dataplane {
namespace {

constexpr unsigned kExtensionHeadersMax = 8;

enum : uint8_t {
  kHopByHop = 0,
  kRouting = 43,
  kFragment = 44,
  kAuthentication = 51,
  kDestinationOptions = 60,
  kMobility = 135,
};

bool IsUnspecified(const uint8_t* address) {
  return LoadBe64(address) == 0 && LoadBe64(address + 8) == 0;
}
bool IsLoopback(const uint8_t* address) {
  return LoadBe64(address) == 0 && LoadBe64(address + 8) == 1;
}
bool IsMulticast(const uint8_t* address) {
  return address[0] == 0xff;
}
bool IsLinkLocal(const uint8_t* address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
// ::ffff:0:0/96 never appears on a wire (RFC 4291 section 2.5.5.2).
bool IsIpv4Mapped(const uint8_t* address) {
  return LoadBe64(address) == 0 && LoadBe32(address + 8) == 0xffff;
}

}  // namespace

DropReason ExamineIpv6(const uint8_t* ip, uint32_t available) {
  if (available < kIpv6HeaderBytes) return DropReason::kTruncated;
  if (ip[0] >> 4 != 6) return DropReason::kIpVersion;
  if (Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes} > available) return DropReason::kIpTotalLength;

  const uint8_t* source = Ipv6Source(ip);
  const uint8_t* destination = Ipv6Destination(ip);
  if (IsMulticast(source) || IsLoopback(source) || IsIpv4Mapped(source)) return DropReason::kMartianSource;
  if (IsUnspecified(destination) || IsLoopback(destination) || IsIpv4Mapped(destination))
    return DropReason::kMartianDestination;
  if (IsMulticast(destination)) return DropReason::kMulticast;
  // The unspecified source is for duplicate address detection on the link only.
  if (IsUnspecified(source)) return DropReason::kMartianSource;
  if (IsLinkLocal(source) || IsLinkLocal(destination)) return DropReason::kLinkLocal;
  return DropReason::kNone;
}

Ipv6Transport FindIpv6Transport(const uint8_t* ip, uint32_t ip_bytes) {
  Ipv6Transport found{.protocol = Ipv6NextHeader(ip), .offset = kIpv6HeaderBytes};
  for (unsigned i = 0; i < kExtensionHeadersMax; ++i) {
    uint32_t bytes = 0;
    const uint8_t* header = ip + found.offset;
    const uint32_t left = ip_bytes - found.offset;
    switch (found.protocol) {
      case kHopByHop:
      case kRouting:
      case kDestinationOptions:
      case kMobility:
        if (left < 8) break;
        bytes = (header[1] + 1u) * 8;
        found.source_routed |= found.protocol == kRouting && header[3] != 0;
        break;
      case kAuthentication:
        if (left < 8) break;
        bytes = (header[1] + 2u) * 4;
        break;
      case kFragment:
        if (left < 8) break;
        bytes = 8;
        if (found.fragment_at == 0) found.fragment_at = found.offset;
        found.fragment |= (LoadBe16(header + 2) & 0xfff9) != 0;
        found.non_initial |= (LoadBe16(header + 2) & 0xfff8) != 0;
        break;
      default:
        return found;
    }
    if (bytes == 0 || bytes > left) {
      found.malformed = true;
      return found;
    }
    found.protocol = header[0];
    found.next_header_at = found.offset;
    found.offset = static_cast<uint16_t>(found.offset + bytes);
    if (found.non_initial) return found;
  }
  found.malformed = true;
  return found;
}

}  // namespace sluice::dataplane
