// The complete examination of an odd IPv4 header, check by check.
#include "dataplane/packet/ipv4.h"

#include <span>

#include "proto/net/checksum.h"

namespace sluice::dataplane {
namespace {

constexpr bool InNet(uint32_t address, uint32_t net, unsigned length) {
  return (address ^ net) >> (32 - length) == 0;
}
bool IsThisNetwork(uint32_t address) {
  return InNet(address, 0, 8);
}
bool IsLoopback(uint32_t address) {
  return InNet(address, 0x7f000000, 8);
}
bool IsMulticast(uint32_t address) {
  return InNet(address, 0xe0000000, 4);
}
bool IsReserved(uint32_t address) {
  return InNet(address, 0xf0000000, 4);
}  // with limited broadcast
// RFC 3927 section 2.7: a router forwards neither direction.
bool IsLinkLocal(uint32_t address) {
  return InNet(address, 0xa9fe0000, 16);
}

}  // namespace

DropReason ExamineIpv4(const uint8_t* ip, uint32_t available) {
  if (available < kIpv4HeaderBytes) return DropReason::kTruncated;
  if (ip[0] >> 4 != 4) return DropReason::kIpVersion;
  const uint32_t header = Ipv4HeaderLength(ip), total = Ipv4TotalLength(ip);
  if (header < kIpv4HeaderBytes || header > available) return DropReason::kIpHeaderLength;
  if (total < header || total > available) return DropReason::kIpTotalLength;
  if (net::Checksum(std::span(ip, header)) != 0) return DropReason::kIpChecksum;

  const uint32_t source = Ipv4Source(ip), destination = Ipv4Destination(ip);
  if (IsThisNetwork(source) || IsLoopback(source) || IsMulticast(source) || IsReserved(source))
    return DropReason::kMartianSource;
  if (IsMulticast(destination)) return DropReason::kMulticast;
  if (IsThisNetwork(destination) || IsLoopback(destination) || IsReserved(destination))
    return DropReason::kMartianDestination;
  if (IsLinkLocal(source) || IsLinkLocal(destination)) return DropReason::kLinkLocal;
  return DropReason::kNone;
}

}  // namespace sluice::dataplane
