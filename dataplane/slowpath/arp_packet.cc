// The codec of ARP.
#include "dataplane/slowpath/arp_packet.h"

#include <algorithm>

#include "dataplane/slowpath/ethernet_frame.h"
#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"

namespace sluice::dataplane {
namespace {

constexpr uint16_t kHardwareEthernet = 1;

net::MacAddress ReadMac(net::ByteReader& in) {
  net::MacAddress mac;
  const auto bytes = in.Take(mac.bytes.size());
  std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
  return mac;
}

}  // namespace

std::optional<ArpPacket> ParseArp(std::span<const uint8_t> bytes) {
  net::ByteReader in(bytes);
  const uint16_t hardware = in.U16();
  const uint16_t protocol = in.U16();
  const uint8_t hardware_length = in.U8();
  const uint8_t protocol_length = in.U8();
  const uint16_t operation = in.U16();
  ArpPacket packet;
  packet.sender_mac = ReadMac(in);
  packet.sender_ip.value = in.U32();
  packet.target_mac = ReadMac(in);
  packet.target_ip.value = in.U32();
  if (!in.ok() || hardware != kHardwareEthernet || protocol != kEtherTypeIpv4) return std::nullopt;
  if (hardware_length != 6 || protocol_length != 4) return std::nullopt;
  if (operation != 1 && operation != 2) return std::nullopt;
  packet.operation = static_cast<ArpOperation>(operation);
  if (packet.sender_mac.IsMulticast() || packet.sender_mac.IsZero()) return std::nullopt;
  if (packet.sender_ip.IsMulticast() || packet.sender_ip.IsLoopback() || packet.sender_ip.value == 0xffffffff)
    return std::nullopt;
  return packet;
}

std::vector<uint8_t> BuildArp(const ArpPacket& packet) {
  return net::ByteWriter()
      .U16(kHardwareEthernet)
      .U16(kEtherTypeIpv4)
      .U8(6)
      .U8(4)
      .U16(static_cast<uint16_t>(packet.operation))
      .Bytes(packet.sender_mac.bytes)
      .U32(packet.sender_ip.value)
      .Bytes(packet.target_mac.bytes)
      .U32(packet.target_ip.value)
      .Release();
}

}  // namespace sluice::dataplane
