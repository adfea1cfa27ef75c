// Keepalives byte by byte.
#include "dataplane/slowpath/gre_keepalive.h"

#include <catch2/catch.hpp>

#include "dataplane/packet/tunnel_header.h"

namespace sluice::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

net::Address Ip(const char* text) {
  return *net::Address::Parse(text);
}

TEST_CASE("a keepalive is an empty packet from the far end to us, in the tunnel's own headers") {
  Tunnel tunnel{.ttl = 64, .dscp = 46, .local = Ip("192.0.2.1"), .remote = Ip("198.51.100.2")};
  SECTION("without a key") {
    CHECK(GreKeepalive(tunnel) == Bytes{0x45, 0,  0,   48, 0,   0, 0x40, 0, 64,  47, 0x4e, 0x68,
                                        192,  0,  2,   1,                    //
                                        198,  51, 100, 2,  0,   0, 8,    0,  //
                                        0x45, 0,  0,   24, 0,   0, 0x40, 0, 255, 47, 0x8f, 0x7f,
                                        198,  51, 100, 2,  192, 0, 2,    1, 0,   0,  0,    0});
  }
  SECTION("the key that is sent outside, the one that arrives inside; DSCP; TTL of the inner packet") {
    tunnel.flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut | channel::kTunnelPipe;
    tunnel.key_in = 7;
    tunnel.key_out = 0x01020304;
    tunnel.ttl = 0;
    const Bytes sent = GreKeepalive(tunnel);
    REQUIRE(sent.size() == 20 + 8 + 20 + 8);
    CHECK(sent[1] == 46 << 2);
    CHECK(sent[8] == 255);
    CHECK(Bytes(sent.begin() + 20, sent.begin() + 28) == Bytes{0x20, 0, 8, 0, 1, 2, 3, 4});
    CHECK(sent[29] == 46 << 2);
    CHECK(Bytes(sent.end() - 8, sent.end()) == Bytes{0x20, 0, 0, 0, 0, 0, 0, 7});
  }
  SECTION("checksums, of both") {
    tunnel.flags = channel::kTunnelGreChecksum;
    const Bytes sent = GreKeepalive(tunnel);
    const TunnelHeader outer = ParseGre(std::span(sent).subspan(20));
    CHECK(outer.reason == DropReason::kNone);
    CHECK(outer.bytes == 8);
    const TunnelHeader inner = ParseGre(std::span(sent).subspan(20 + 8 + 20));
    CHECK(inner.reason == DropReason::kNone);
    CHECK(inner.bytes == 8);
    CHECK(inner.ether_type == kGreNoProtocol);
  }
  SECTION("over IPv6") {
    tunnel.local = Ip("2001:db8:f::1");
    tunnel.remote = Ip("2001:db8:e::2");
    const Bytes sent = GreKeepalive(tunnel);
    REQUIRE(sent.size() == 40 + 4 + 40 + 4);
    CHECK(Bytes(sent.begin(), sent.begin() + 8) == Bytes{0x60, 0, 0, 0, 0, 48, 47, 64});
    CHECK(Bytes(sent.begin() + 40, sent.begin() + 44) == Bytes{0, 0, 0x86, 0xdd});
    CHECK(Bytes(sent.begin() + 44, sent.begin() + 52) == Bytes{0x60, 0, 0, 0, 0, 4, 47, 255});
    CHECK(net::Address(net::Ipv6Address::FromBytes(sent.data() + 8)) == tunnel.local);
    CHECK(net::Address(net::Ipv6Address::FromBytes(sent.data() + 24)) == tunnel.remote);
    CHECK(net::Address(net::Ipv6Address::FromBytes(sent.data() + 52)) == tunnel.remote);
    CHECK(net::Address(net::Ipv6Address::FromBytes(sent.data() + 68)) == tunnel.local);
  }
}

}  // namespace
}  // namespace sluice::dataplane
