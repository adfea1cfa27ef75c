// Prebuilt outer headers, byte by byte.
#include "dataplane/tables/tunnel.h"

#include <catch2/catch.hpp>
#include <string>

namespace sluice::dataplane {
namespace {

std::string Hex(const Tunnel& tunnel) {
  std::string text;
  for (unsigned i = 0; i < tunnel.header_bytes; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[tunnel.Header()[i] >> 4];
    text += kDigits[tunnel.Header()[i] & 15];
  }
  return text;
}

Tunnel Built(const Tunnel& wanted) {
  Tunnel tunnel = wanted;
  tunnel.mac = *net::MacAddress::Parse("02:00:5e:00:53:01");
  tunnel.BuildHeader();
  return tunnel;
}

}  // namespace

TEST_CASE("outer headers are prebuilt but for what the packet decides") {
  const net::Address v4 = *net::Address::Parse("192.0.2.1");
  const net::Address v6 = *net::Address::Parse("2001:db8::1");
  const std::string ip4_gre =
      "450000000000000000"
      "2f"
      "0000"
      "c0000201"
      "00000000";
  const std::string ip6_gre =
      "600000000000"
      "2f"
      "00"
      "20010db8000000000000000000000001"
      "00000000000000000000000000000000";
  const std::string ip4_udp =
      "450000000000000000"
      "11"
      "0000"
      "c0000201"
      "00000000";
  const std::string ethernet =
      "000000000000"
      "02005e005301"
      "0000";

  CHECK(Hex(Built({.kind = TunnelKind::kGre, .local = v4})) == ip4_gre + "00000000");
  CHECK(
      Hex(Built(
          {.kind = TunnelKind::kGre, .flags = channel::kTunnelKeyOut, .key_out = 0xdeadbeef, .local = v6})) ==
      ip6_gre + "20000000deadbeef");
  CHECK(Hex(Built({.kind = TunnelKind::kGre,
                   .flags = channel::kTunnelKeyOut | channel::kTunnelGreChecksum,
                   .key_out = 1,
                   .local = v4})) == ip4_gre +
                                         "a0000000"
                                         "00000000"
                                         "00000001");
  CHECK(Hex(Built({.kind = TunnelKind::kNvgre, .key_out = 0x123456, .local = v4})) == ip4_gre +
                                                                                          "20006558"
                                                                                          "12345600" +
                                                                                          ethernet);
  CHECK(Hex(Built({.kind = TunnelKind::kVxlan, .key_out = 0x123456, .udp_port = 4789, .local = v4})) ==
        ip4_udp +
            "000012b500000000"
            "0800000012345600" +
            ethernet);
}

TEST_CASE("the prebuilt sum is that of the fields which are set") {
  const Tunnel tunnel = Built({.kind = TunnelKind::kGre, .local = *net::Address::Parse("192.0.2.1")});
  CHECK(tunnel.ipv4_sum == 0x4500u + 0x002fu + 0xc000u + 0x0201u);
}

TEST_CASE("no prebuilt header is longer than its room") {
  const Tunnel tunnel =
      Built({.kind = TunnelKind::kVxlan, .udp_port = 4789, .local = *net::Address::Parse("2001:db8::1")});
  CHECK(tunnel.header_bytes == Tunnel::kHeaderBytesMax);
}

}  // namespace sluice::dataplane
