// Frames for people; see packet_text.h.
#include "tools/sluicectl/packet_text.h"

#include <cstdio>

#include "proto/net/address.h"
#include "proto/net/byte_reader.h"
#include "proto/net/mac_address.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/text_table.h"

namespace sluice::ctl {
namespace {

using net::ByteReader;

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58;

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string Ports(ByteReader& in) {
  const uint16_t source = in.U16(), destination = in.U16();
  return in.ok() ? std::to_string(source) + " > " + std::to_string(destination) : "cut";
}

std::string IcmpText(uint8_t type, uint8_t code) {
  switch (type) {
    case 0:
      return "echo reply";
    case 3:
      return code == 4 ? "fragmentation needed" : "destination unreachable, code " + std::to_string(code);
    case 8:
      return "echo request";
    case 11:
      return "time exceeded";
    default:
      return "type " + std::to_string(type) + " code " + std::to_string(code);
  }
}

std::string Icmp6Text(uint8_t type, uint8_t code) {
  switch (type) {
    case 1:
      return "destination unreachable, code " + std::to_string(code);
    case 2:
      return "packet too big";
    case 3:
      return "time exceeded";
    case 128:
      return "echo request";
    case 129:
      return "echo reply";
    case 133:
      return "router solicitation";
    case 134:
      return "router advertisement";
    case 135:
      return "neighbour solicitation";
    case 136:
      return "neighbour advertisement";
    default:
      return "type " + std::to_string(type) + " code " + std::to_string(code);
  }
}

std::string PayloadText(uint8_t protocol, ByteReader& in) {
  if (protocol == kTcp) return "tcp " + Ports(in);
  if (protocol == kUdp) return "udp " + Ports(in);
  if (protocol == kIcmp || protocol == kIcmp6) {
    const uint8_t type = in.U8(), code = in.U8();
    if (!in.ok()) return "icmp, cut";
    return protocol == kIcmp ? "icmp " + IcmpText(type, code) : "icmpv6 " + Icmp6Text(type, code);
  }
  return "protocol " + std::to_string(protocol);
}

std::string Ipv4Text(ByteReader& in) {
  const uint8_t version_length = in.U8();
  in.Take(3);
  in.U16();  // identification
  const uint16_t fragment = in.U16();
  const uint8_t ttl = in.U8(), protocol = in.U8();
  in.Take(2);
  const net::Ipv4Address source{in.U32()}, destination{in.U32()};
  if (!in.ok()) return "ipv4, cut";
  const size_t header = (version_length & 0xf) * size_t{4};
  if (header > 20) in.Take(header - 20);
  const uint16_t offset = (fragment & 0x1fff) * 8;
  std::string out = source.ToString() + " > " + destination.ToString() + " ";
  out += offset > 0 ? "protocol " + std::to_string(protocol) : PayloadText(protocol, in);
  if (offset > 0 || (fragment & 0x2000) != 0) out += " fragment at " + std::to_string(offset);
  if ((fragment & 0x4000) != 0) out += " DF";
  return out + " ttl " + std::to_string(ttl);
}

std::string Ipv6Text(ByteReader& in) {
  in.U32();
  in.U16();
  const uint8_t next = in.U8(), hop_limit = in.U8();
  const auto source = in.Take(16), destination = in.Take(16);
  if (!in.ok()) return "ipv6, cut";
  return net::Ipv6Address::FromBytes(source.data()).ToString() + " > " +
         net::Ipv6Address::FromBytes(destination.data()).ToString() + " " + PayloadText(next, in) +
         " hop limit " + std::to_string(hop_limit);
}

std::string ArpText(ByteReader& in) {
  in.Take(6);
  const uint16_t operation = in.U16();
  in.Take(6);
  const net::Ipv4Address sender{in.U32()};
  in.Take(6);
  const net::Ipv4Address target{in.U32()};
  if (!in.ok()) return "arp, cut";
  if (operation == 1) return "arp who has " + target.ToString() + ", tell " + sender.ToString();
  return "arp " + sender.ToString() + " is here, to " + target.ToString();
}

}  // namespace

std::string FrameText(std::span<const uint8_t> frame) {
  ByteReader in(frame);
  in.Take(12);
  uint16_t type = in.U16();
  std::string tags;
  while (in.ok() && (type == 0x8100 || type == 0x88a8)) {
    tags += "vlan " + std::to_string(in.U16() & 0xfff) + " ";
    type = in.U16();
  }
  if (!in.ok()) return "frame of " + std::to_string(frame.size()) + " bytes, cut";
  if (type == 0x0800) return tags + Ipv4Text(in);
  if (type == 0x86dd) return tags + Ipv6Text(in);
  if (type == 0x0806) return tags + ArpText(in);
  char text[24];
  std::snprintf(text, sizeof(text), "ethertype 0x%04x", type);
  return tags + text;
}

std::string TracedPacketText(const api::TracedPacket& packet) {
  std::string out = TimeText(packet.time()) + " worker " + std::to_string(packet.worker()) + " " +
                    (packet.tenant().empty()       ? "no tenant"
                     : packet.connection().empty() ? packet.tenant()
                                                   : packet.tenant() + "/" + packet.connection()) +
                    (!packet.port().empty()        ? " on " + packet.port()
                     : packet.connection().empty() ? " of our own"
                                                   : " out of its tunnel") +
                    ", " + std::to_string(packet.length()) + " bytes\n  " +
                    FrameText(Bytes(packet.headers())) + "\n";
  std::vector<Row> rows;
  for (const auto& step : packet.steps()) rows.push_back({step.node(), step.note()});
  if (!rows.empty()) out += Indented(FactsText(rows), 4);
  out += packet.drop_reason().empty() ? "  forwarded\n" : "  dropped: " + packet.drop_reason() + "\n";
  return out;
}

std::string CapturedPacketLine(const api::CapturedPacket& packet) {
  const char* direction = packet.direction() == api::CAPTURE_DIRECTION_OUTBOUND ? "out" : "in ";
  std::string out = TimeText(packet.time()) + " " + direction + " " +
                    (packet.tenant().empty() ? packet.port() : packet.tenant() + "/" + packet.connection()) +
                    " " + FrameText(Bytes(packet.frame())) + ", " + std::to_string(packet.original_length()) +
                    " bytes";
  if (!packet.drop_reason().empty()) out += ", dropped: " + packet.drop_reason();
  if (packet.missed() > 0) out += " (" + CountText(packet.missed()) + " before it not kept)";
  return out + "\n";
}

}  // namespace sluice::ctl
