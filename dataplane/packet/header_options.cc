// Headers without what tunnels have no use for.
#include "dataplane/packet/header_options.h"

#include <cstring>
#include <span>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/ipv6_reception.h"
#include "proto/net/checksum.h"

namespace sluice::dataplane {

TransportBehind FindBehindIpv4Options(const uint8_t* ip) {
  const auto header = static_cast<uint16_t>(Ipv4HeaderLength(ip));
  if (header == kIpv4HeaderBytes || IsIpv4Fragment(ip)) return {};
  return {Ipv4Protocol(ip), header};
}

TransportBehind FindBehindIpv6Extensions(const uint8_t* ip) {
  if (Ipv6Destination(ip)[0] == 0xff) return {};
  const Ipv6Reception received = ReceiveIpv6(ip, Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes});
  const bool there = received.reason == DropReason::kNone && received.fragment_at == 0;
  if (!there || received.offset == kIpv6HeaderBytes) return {};
  return {received.protocol, received.offset};
}

uint8_t* DropIpv4Options(uint8_t* ip) {
  const auto dropped = static_cast<uint16_t>(Ipv4HeaderLength(ip) - kIpv4HeaderBytes);
  const auto bytes = static_cast<uint16_t>(Ipv4TotalLength(ip) - dropped);
  uint8_t* const plain = ip + dropped;
  std::memmove(plain, ip, kIpv4HeaderBytes);
  plain[0] = 0x45;
  StoreBe16(plain + 2, bytes);
  StoreBe16(plain + 10, 0);
  StoreBe16(plain + 10, net::Checksum(std::span<const uint8_t>(plain, kIpv4HeaderBytes)));
  return plain;
}

uint8_t* DropIpv6Extensions(uint8_t* ip, const TransportBehind& transport) {
  const auto dropped = static_cast<uint16_t>(transport.offset - kIpv6HeaderBytes);
  const auto bytes = static_cast<uint16_t>(Ipv6PayloadLength(ip) - dropped);
  uint8_t* const plain = ip + dropped;
  std::memmove(plain, ip, kIpv6HeaderBytes);
  StoreBe16(plain + 4, bytes);
  plain[6] = transport.protocol;
  return plain;
}

}  // namespace sluice::dataplane
