// The walk over extension headers of a packet to us.
#include "dataplane/packet/ipv6_reception.h"

namespace sluice::dataplane {
namespace {

constexpr unsigned kExtensionHeadersMax = 8;

enum : uint8_t {
  kHopByHop = 0,
  kRouting = 43,
  kFragment = 44,
  kNoNextHeader = 59,
  kDestinationOptions = 60,
};

// RFC 8200 section 4.2, and the router alert of RFC 2711, which is for routers and not for us.
enum : uint8_t { kPad1 = 0, kPadN = 1, kRouterAlert = 5 };
// The two highest bits of an unknown option's type.
enum : uint8_t { kSkip = 0, kDiscard = 1, kReport = 2, kReportUnlessMulticast = 3 };

constexpr IcmpKind kErroneousField{4, 0}, kUnknownNextHeader{4, 1}, kUnknownOption{4, 2};

void Refuse(DropReason reason, IcmpKind error, uint32_t pointer, Ipv6Reception& to) {
  to.reason = reason;
  to.error = error;
  to.pointer = static_cast<uint16_t>(pointer);
}

// Options lie in ip[from, end).
void ReadOptions(const uint8_t* ip, uint32_t from, uint32_t end, Ipv6Reception& to) {
  for (uint32_t at = from; at < end;) {
    const uint8_t type = ip[at];
    if (type == kPad1) {
      ++at;
      continue;
    }
    if (end - at < 2 || end - at - 2 < ip[at + 1])
      return Refuse(DropReason::kLocalMalformed, kErroneousField, at, to);
    if (type != kPadN && type != kRouterAlert) {
      const uint8_t action = type >> 6;
      const bool multicast = Ipv6Destination(ip)[0] == 0xff;
      const bool reports = action == kReport || (action == kReportUnlessMulticast && !multicast);
      if (action != kSkip)
        return Refuse(DropReason::kLocalMalformed, reports ? kUnknownOption : IcmpKind{}, at, to);
    }
    at += 2u + ip[at + 1];
  }
}

}  // namespace

Ipv6Reception ReceiveIpv6(const uint8_t* ip, uint32_t ip_bytes) {
  Ipv6Reception found{.protocol = Ipv6NextHeader(ip), .offset = kIpv6HeaderBytes};
  for (unsigned i = 0; i < kExtensionHeadersMax; ++i) {
    const uint8_t* header = ip + found.offset;
    const uint32_t left = ip_bytes - found.offset;
    switch (found.protocol) {
      case kNoNextHeader:
        // Section 4.7: what follows is ignored.
        found.reason = DropReason::kProtocolUnreachable;
        return found;
      case kHopByHop:
        // Section 4.1: directly behind the IPv6 header only.
        if (i > 0) {
          Refuse(DropReason::kProtocolUnreachable, kUnknownNextHeader, found.next_header_at, found);
          return found;
        }
        break;
      case kRouting:
      case kFragment:
      case kDestinationOptions:
        break;
      default:
        return found;
    }
    const uint32_t bytes = left < 8 || found.protocol == kFragment ? 8 : (header[1] + 1u) * 8;
    if (bytes > left) {
      found.reason = DropReason::kIpv6Extension;
      return found;
    }
    if (found.protocol == kFragment) {
      found.fragment_at = found.offset;
      return found;
    }
    // Section 4.4, and RFC 5095 for type 0: we are nobody's waypoint.
    if (found.protocol == kRouting && header[3] != 0)
      Refuse(DropReason::kLocalMalformed, kErroneousField, found.offset + 2u, found);
    if (found.protocol == kHopByHop || found.protocol == kDestinationOptions)
      ReadOptions(ip, found.offset + 2u, found.offset + bytes, found);
    if (found.reason != DropReason::kNone) return found;
    found.protocol = header[0];
    found.next_header_at = found.offset;
    found.offset = static_cast<uint16_t>(found.offset + bytes);
  }
  found.reason = DropReason::kIpv6Extension;
  return found;
}

}  // namespace sluice::dataplane
