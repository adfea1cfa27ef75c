// Into GRE packets, whose outer headers say nothing about the flow.
#include "dataplane/packet/flow_hash.h"

namespace sluice::dataplane {
namespace {

constexpr uint16_t kRoutingPresent = 0x4000;
constexpr size_t kGreBytes = 4, kWordBytes = 4;

uint32_t InnerIpv4Flow(std::span<const uint8_t> packet) {
  if (packet.size() < kIpv4HeaderBytes || packet[0] >> 4 != 4) return 0;
  const uint8_t* ip = packet.data();
  const bool sound = Ipv4HeaderLength(ip) >= kIpv4HeaderBytes && Ipv4TotalLength(ip) <= packet.size();
  return sound && Ipv4Protocol(ip) != kProtocolGre ? Ipv4FlowHash(ip) : 0;
}

uint32_t InnerIpv6Flow(std::span<const uint8_t> packet) {
  if (packet.size() < kIpv6HeaderBytes || packet[0] >> 4 != 6) return 0;
  const uint8_t* ip = packet.data();
  const uint32_t bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  if (bytes > packet.size()) return 0;
  return FindIpv6Transport(ip, bytes).protocol != kProtocolGre ? Ipv6FlowHash(ip) : 0;
}

}  // namespace

uint32_t GreInnerFlow(std::span<const uint8_t> gre) {
  if (gre.size() < kGreBytes) return 0;
  const uint16_t flags = LoadBe16(gre.data());
  if ((flags & (kRoutingPresent | kGreVersionMask)) != 0) return 0;
  size_t header = kGreBytes;
  for (const uint16_t flag : {kGreChecksumPresent, kGreKeyPresent, kGreSequencePresent})
    if ((flags & flag) != 0) header += kWordBytes;
  uint16_t ether_type = LoadBe16(gre.data() + 2);
  if (ether_type == kEtherTypeTransparentEthernet) {
    if (gre.size() < header + kEthernetBytes) return 0;
    ether_type = LoadBe16(gre.data() + header + kEthernetBytes - 2);
    header += kEthernetBytes;
  }
  if (gre.size() < header) return 0;
  if (ether_type == kEtherTypeIpv4) return InnerIpv4Flow(gre.subspan(header));
  if (ether_type == kEtherTypeIpv6) return InnerIpv6Flow(gre.subspan(header));
  return 0;
}

}  // namespace sluice::dataplane
