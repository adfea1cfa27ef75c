// Frames as the line people read, including those that were cut.
#include "tools/sluicectl/packet_text.h"

#include <catch2/catch.hpp>

namespace sluice::ctl {
namespace {

std::vector<uint8_t> Hex(const std::string& text) {
  std::vector<uint8_t> bytes;
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

const std::string kMacs = "020000000001 020000000002 ";
const std::string kEcho4 = "45000054 00004000 4001 0000 0a00000a 1200000a 0800 0000";

}  // namespace

TEST_CASE("a tagged echo request shows its VLAN, addresses, DF and TTL") {
  CHECK(FrameText(Hex(kMacs + "8100 0065 0800" + kEcho4)) ==
        "vlan 101 10.0.0.10 > 18.0.0.10 icmp echo request DF ttl 64");
}

TEST_CASE("an untagged UDP datagram over IPv6 shows its ports") {
  const auto frame = Hex(kMacs + "86dd 60000000 0008 11 40" + "20010db8001000000000000000000010" +
                         "20010db8001800000000000000000010" + "04d2 1451 0008 0000");
  CHECK(FrameText(frame) == "2001:db8:10::10 > 2001:db8:18::10 udp 1234 > 5201 hop limit 64");
}

TEST_CASE("a fragment shows its offset and no ports") {
  const auto frame = Hex(kMacs + "0800 45000054 0000 20b9 4011 0000 0a00000a 1200000a 0800 0000");
  CHECK(FrameText(frame) == "10.0.0.10 > 18.0.0.10 protocol 17 fragment at 1480 ttl 64");
}

TEST_CASE("an ARP request names both addresses") {
  const auto frame = Hex(kMacs + "0806 0001 0800 06 04 0001 020000000002 0f000005 000000000000 0f000001");
  CHECK(FrameText(frame) == "arp who has 15.0.0.1, tell 15.0.0.5");
}

TEST_CASE("every cut of a frame has a text") {
  const auto frame = Hex(kMacs + "8100 0065 0800" + kEcho4);
  for (size_t size = 0; size < frame.size(); ++size) {
    CHECK_FALSE(FrameText(std::span(frame).first(size)).empty());
  }
  CHECK(FrameText(std::span(frame).first(20)) == "vlan 101 ipv4, cut");
}

TEST_CASE("a traced packet shows what each node decided") {
  api::TracedPacket packet;
  packet.mutable_time()->set_seconds(1'769'903'999);
  packet.set_tenant("contoso");
  packet.set_connection("inside");
  packet.set_port("port1");
  packet.set_length(98);
  const auto frame = Hex(kMacs + "0800" + kEcho4);
  packet.set_headers(std::string(frame.begin(), frame.end()));
  auto* first = packet.add_steps();
  first->set_node("classify");
  first->set_note("interface 1, vrf 1");
  auto* second = packet.add_steps();
  second->set_node("ip4_forward");
  second->set_note("no route");
  packet.set_drop_reason("no_route");

  CHECK(TracedPacketText(packet) ==
        "2026-01-31 23:59:59.000 worker 0 contoso/inside on port1, 98 bytes\n"
        "  10.0.0.10 > 18.0.0.10 icmp echo request DF ttl 64\n"
        "    classify     interface 1, vrf 1\n"
        "    ip4_forward  no route\n"
        "  dropped: no_route\n");
}

TEST_CASE("a captured packet says in which direction, and what was missed before it") {
  api::CapturedPacket packet;
  packet.set_direction(api::CAPTURE_DIRECTION_OUTBOUND);
  packet.set_tenant("contoso");
  packet.set_connection("inside");
  packet.set_original_length(60);
  packet.set_missed(1200);
  CHECK(CapturedPacketLine(packet) ==
        " out contoso/inside frame of 0 bytes, cut, 60 bytes (1,200 before it not kept)\n");
}

}  // namespace sluice::ctl
