// The MSS of TCP connections through tunnels and VLANs, both ways: a SYN that goes in
// and one that comes out promise no more than the narrower side carries.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint8_t kSyn = 0x02, kSynAck = 0x12, kAck = 0x10;

Bytes Mss(uint16_t value) {
  return {2, 4, static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

// TunnelGateway's tunnels carry 1400 bytes.
constexpr uint16_t kFits4 = 1360, kFits6 = 1340;

Tunnel TunnelOf(TunnelKind kind, bool clamp) {
  Tunnel tunnel{.kind = kind, .ttl = 64, .key_in = 7, .key_out = 7};
  if (kind == TunnelKind::kGre) tunnel.flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
  if (kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  if (clamp) tunnel.flags |= channel::kTunnelClampMss;
  return tunnel;
}

// A segment from the tenant's near host into the tunnel, or the other way.
Packet Segment(Packet packet, bool v4, bool into, uint8_t ttl, uint8_t flags, uint16_t mss) {
  if (v4) {
    packet.Ipv4({.source = into ? "10.1.0.1" : "10.3.0.1",
                 .destination = into ? "10.3.0.1" : "10.1.0.1",
                 .ttl = ttl});
  } else {
    packet.Ipv6({.source = into ? "2001:db8:1::1" : "2001:db8:3::1",
                 .destination = into ? "2001:db8:3::1" : "2001:db8:1::1",
                 .hop_limit = ttl});
  }
  return packet.Tcp(1000, 80, {.flags = flags, .options = Mss(mss)});
}

Bytes Wrapped(TunnelKind kind, bool v4, const Bytes& ip) {
  const auto type = v4 ? Bytes{8, 0} : Bytes{0x86, 0xdd};
  if (kind == TunnelKind::kGre) return Bytes{0x20, 0} + type + Bytes{0, 0, 0, 7} + ip;
  const auto& to = kInnerGateway.bytes;
  const auto& from = kInnerHost.bytes;
  const Bytes frame = Bytes(to.begin(), to.end()) + Bytes(from.begin(), from.end()) + type + ip;
  if (kind == TunnelKind::kNvgre) return Bytes{0x20, 0, 0x65, 0x58, 0, 0, 7, 0} + frame;
  const size_t length = 16 + frame.size();
  return Bytes{0xc0, 0, 0x12, 0xb5, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length), 0, 0} +
         Bytes{8, 0, 0, 0, 0, 0, 7, 0} + frame;
}

}  // namespace

TEST_CASE("SYNs into a tunnel and out of it promise no more than it carries") {
  const TunnelKind kind = GENERATE(TunnelKind::kGre, TunnelKind::kVxlan, TunnelKind::kNvgre);
  const bool outer4 = GENERATE(true, false), v4 = GENERATE(true, false);
  CAPTURE(static_cast<int>(kind), outer4, v4);
  const uint16_t fits = v4 ? kFits4 : kFits6;
  const struct {
    const char* what;
    bool clamp;
    uint8_t flags;
    uint16_t mss, expected;
  } rows[] = {
      {"SYN", true, kSyn, 8960, fits},
      {"SYN-ACK", true, kSynAck, 1460, fits},
      {"one that fits", true, kSyn, fits, fits},
      {"a smaller one", true, kSyn, 536, 536},
      {"no SYN", true, kAck, 8960, 8960},
      {"a connection that does not ask for it", false, kSyn, 8960, 8960},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    TunnelGateway graph;
    graph.AddTunnel(TunnelOf(kind, row.clamp), outer4 ? "198.51.100.2" : "2001:db8:e::2");
    graph.Push(0, Segment(graph.In(), v4, true, 64, row.flags, row.mss).frame());
    graph.Settle();
    const auto into = graph.Sent(1);
    REQUIRE(into.size() == 1);
    Bytes inner;
    DissectTunnel(into[0], &inner);
    const net::MacAddress none{};
    const bool gre = kind == TunnelKind::kGre;
    CheckSameFrame(inner, Segment(Packet().Ethernet(gre ? none : kInnerHost, gre ? none : kInnerGateway), v4,
                                  true, 63, row.flags, row.expected)
                              .frame());

    Packet in = graph.FromUnderlay();
    if (outer4) {
      in.Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1"});
    } else {
      in.Ipv6({.source = "2001:db8:e::2", .destination = "2001:db8:f::1"});
    }
    const Bytes payload = Wrapped(kind, v4, Segment(Packet(), v4, false, 64, row.flags, row.mss).ip());
    graph.Push(1, in.Transport(kind == TunnelKind::kVxlan ? 17 : 47, payload).frame());
    graph.Settle();
    const auto out_of = graph.Sent(0);
    REQUIRE(out_of.size() == 1);
    CheckSameFrame(out_of[0], Segment(graph.Back(), v4, false, 63, row.flags, row.expected).frame());
    CHECK(graph.AllDrops().empty());
    CHECK(graph.mbufs_in_use() == 0);
  }
}

TEST_CASE("the checksum of GRE covers the MSS as it is sent") {
  TunnelGateway graph;
  Tunnel tunnel = TunnelOf(TunnelKind::kGre, true);
  tunnel.flags |= channel::kTunnelGreChecksum;
  graph.AddTunnel(tunnel, "198.51.100.2");
  graph.Push(0, Segment(graph.In(), true, true, 64, kSyn, 8960).frame());
  graph.Settle();
  const auto into = graph.Sent(1);
  REQUIRE(into.size() == 1);
  CHECK(DissectTunnel(into[0]).at("tunnel.checksum") == "good");
}

TEST_CASE("a VLAN that asks for it has the MSS of its connections clamped, both ways") {
  const bool clamp = GENERATE(true, false), v4 = GENERATE(true, false), one_by_one = GENERATE(true, false);
  CAPTURE(clamp, v4, one_by_one);
  GraphHarness graph({.one_by_one = one_by_one});
  graph.AddVrf(1);
  graph.AddInterface({.id = 1, .vrf = 1, .port = 0, .vlan = 10, .mtu = 9000}, {"10.1.0.254/24"});
  dataplane::Interface narrow{.id = 2, .vrf = 1, .port = 1, .vlan = 20, .mtu = 1400};
  narrow.clamp_mss = clamp;
  graph.AddInterface(narrow, {"10.3.0.254/24"});
  graph.AddNextHop(1, 1, kHost);
  graph.AddNextHop(2, 2, kRouter);
  for (const char* near : {"10.1.0.0/16", "2001:db8:1::/48"}) graph.AddRoute(1, near, 1);
  for (const char* far : {"10.3.0.0/16", "2001:db8:3::/48"}) graph.AddRoute(1, far, 2);
  const uint16_t expected = !clamp ? 8960 : v4 ? kFits4 : kFits6;
  const net::MacAddress& us = graph.port(0).mac();
  graph.Push(0, Segment(Packet().Ethernet(us, kHost).Vlan(10), v4, true, 64, kSyn, 8960).frame());
  graph.Push(1,
             Segment(Packet().Ethernet(graph.port(1).mac(), kRouter).Vlan(20), v4, false, 64, kSynAck, 8960)
                 .frame());
  graph.Settle();
  const auto there = graph.Sent(1), back = graph.Sent(0);
  REQUIRE(there.size() == 1);
  REQUIRE(back.size() == 1);
  CheckSameFrame(there[0], Segment(Packet().Ethernet(kRouter, graph.port(1).mac()).Vlan(20), v4, true, 63,
                                   kSyn, expected)
                               .frame());
  CheckSameFrame(back[0],
                 Segment(Packet().Ethernet(kHost, us).Vlan(10), v4, false, 63, kSynAck, expected).frame());
  CHECK(graph.AllDrops().empty());
}

}  // namespace sluice::testing
