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

TEST_CASE("what no packet changes is in the prebuilt header, and in its sum") {
  const Tunnel plain =
      Built({.kind = TunnelKind::kGre, .ttl = 64, .dscp = 10, .local = *net::Address::Parse("192.0.2.1")});
  CHECK(plain.fixed);
  CHECK(plain.fixed_sum == plain.ipv4_sum + 0x4000u + 0x4000u);
  CHECK(plain.Header()[6] == 0x40);
  CHECK(plain.Header()[8] == 64);
  CHECK(plain.Header()[22] == 0x08);
  CHECK(plain.tos_kept == 0xff);
  CHECK(plain.tos_set == 0);
  CHECK(plain.tos_inward == 0);

  Tunnel uniform = plain;
  uniform.flags = channel::kTunnelDscpInward;
  uniform.BuildHeader();
  CHECK(uniform.tos_kept == 0xff);
  CHECK(uniform.tos_inward == 0xfc);

  Tunnel pipe = plain;
  pipe.flags = channel::kTunnelPipe;
  pipe.BuildHeader();
  CHECK(pipe.tos_kept == 0x03);
  CHECK(pipe.tos_set == 10 << 2);
  CHECK(pipe.tos_inward == 0);

  for (const uint16_t flag : {channel::kTunnelDfClear, channel::kTunnelDfCopy, channel::kTunnelGreChecksum}) {
    Tunnel other = plain;
    other.flags = flag;
    other.BuildHeader();
    CHECK_FALSE(other.fixed);
    CHECK(other.ipv4_sum == plain.ipv4_sum);
  }
  Tunnel inner_ttl = plain;
  inner_ttl.ttl = 0;
  inner_ttl.BuildHeader();
  CHECK_FALSE(inner_ttl.fixed);
}

TEST_CASE("no prebuilt header is longer than its room") {
  const Tunnel tunnel =
      Built({.kind = TunnelKind::kVxlan, .udp_port = 4789, .local = *net::Address::Parse("2001:db8::1")});
  CHECK(tunnel.header_bytes == Tunnel::kHeaderBytesMax);
}

}  // namespace sluice::dataplane
