// Builds Ethernet frames.
#include "dataplane/slowpath/ethernet_frame.h"

#include "proto/net/byte_writer.h"

namespace sluice::dataplane {
namespace {

constexpr size_t kFrameBytesMin = 60;

}  // namespace

std::vector<uint8_t> BuildEthernetFrame(const net::MacAddress& destination, const net::MacAddress& source,
                                        uint16_t vlan, uint16_t ether_type,
                                        std::span<const uint8_t> payload) {
  net::ByteWriter frame;
  frame.Bytes(destination.bytes).Bytes(source.bytes);
  if (vlan != 0) frame.U16(kEtherType8021q).U16(vlan);
  frame.U16(ether_type).Bytes(payload);
  std::vector<uint8_t> bytes = frame.Release();
  if (bytes.size() < kFrameBytesMin) bytes.resize(kFrameBytesMin);
  return bytes;
}

net::MacAddress MulticastMac(const net::Ipv6Address& group) {
  const auto& b = group.bytes;
  return {{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

net::Ipv6Address LinkLocalAddress(const net::MacAddress& mac) {
  const auto& m = mac.bytes;
  net::Ipv6Address address;
  address.bytes = {0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<uint8_t>(m[0] ^ 2),
                   m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return address;
}

}  // namespace sluice::dataplane
