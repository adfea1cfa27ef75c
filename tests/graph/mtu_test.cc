// The MTU matrix: VLANs and tunnels x {v4, v6} x {DF, no DF} x sizes around the
// MTU. What is sent, in how many pieces, or which ICMP error with which MTU.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;

// The payload of all fragments in the order of their offsets.
std::string Reassemble(const std::vector<Bytes>& frames, uint16_t mtu) {
  std::map<int, std::string> pieces;
  int last = -1;
  for (const Bytes& frame : frames) {
    const Fields fields = Dissect(frame);
    CHECK(std::stoi(fields.at("ip.length")) <= mtu);
    CHECK(fields.at("ip.checksum") == "good");
    CHECK(fields.at("ip.ttl") == "63");
    const int offset = std::stoi(fields.at("ip.offset"));
    pieces[offset] = fields.at("payload");
    if (fields.at("ip.flags") == "0") last = offset;
  }
  std::string payload;
  for (const auto& [offset, piece] : pieces) {
    CHECK(payload.size() == static_cast<size_t>(2 * offset));
    payload += piece;
    CHECK((offset == last) == (offset == pieces.rbegin()->first));
  }
  return payload;
}

TEST_CASE("the MTU matrix of VLAN interfaces") {
  const uint16_t mtu = GENERATE(as<uint16_t>{}, 1280, 1400, 1500, 2000);
  const int over = GENERATE(-1, 0, 1, 8, 1000);
  const auto ip_bytes = static_cast<uint16_t>(mtu + over);
  const bool v6 = GENERATE(false, true), dont_fragment = GENERATE(false, true);
  CAPTURE(mtu, ip_bytes, v6, dont_fragment);
  TenantPair tenant(AnyWorkers(), mtu);
  const Packet in = v6 ? tenant.In().Ipv6({}).Udp(1, 2, ip_bytes - 48u)
                       : tenant.In()
                             .Ipv4({.fragment = static_cast<uint16_t>(dont_fragment ? 0x4000 : 0)})
                             .Udp(1, 2, ip_bytes - 28u);
  tenant.Push(0, in.frame());
  tenant.Settle();
  const auto forward = tenant.Sent(1), back = tenant.Sent(0);
  if (over <= 0) {
    REQUIRE(forward.size() == 1);
    CHECK(Dissect(forward[0]).at("ip.length") == std::to_string(ip_bytes));
    CHECK(back.empty());
    return;
  }
  if (!v6 && !dont_fragment) {
    CHECK(forward.size() == 2);
    const Bytes whole = in.ip();
    const Fields got = Dissect(in.frame());
    Bytes udp_frame = tenant.Out().Ipv4({}).Transport(17, Bytes(whole.begin() + 20, whole.end())).frame();
    CHECK(Reassemble(forward, mtu) == Dissect(udp_frame).at("payload"));
    CHECK(tenant.AllDrops().empty());
    return;
  }
  CHECK(forward.empty());
  REQUIRE(back.size() == 1);
  const Fields got = Dissect(back[0]);
  CHECK(got.at("icmp.type") == (v6 ? "2" : "3"));
  CHECK(got.at("icmp.code") == (v6 ? "0" : "4"));
  CHECK(got.at("icmp.mtu") == std::to_string(mtu));
  CHECK(got.at("icmp.checksum") == "good");
  CHECK(got.at("ip.source") == (v6 ? "2001:db8:1::fe" : "10.1.0.254"));
  CHECK(got.at("ip.destination") == (v6 ? "2001:db8:1::1" : "10.1.0.1"));
  CHECK(tenant.Drops(1, DropReason::kTooBig) == 1);
}

// A tunnel packet's inner packet, as a frame.
Bytes InnerFrameOf(const Bytes& frame, dataplane::TunnelKind kind) {
  const bool gre = kind == dataplane::TunnelKind::kGre;
  const auto at = static_cast<std::ptrdiff_t>(18 + 20 + (kind == dataplane::TunnelKind::kVxlan ? 16 : 8));
  Bytes inner(frame.begin() + at, frame.end());
  if (!gre) return inner;
  const bool v6 = inner[0] >> 4 == 6;
  Bytes l2(12);
  l2.push_back(v6 ? 0x86 : 0x08);
  l2.push_back(v6 ? 0xdd : 0x00);
  return l2 + inner;
}

TEST_CASE("the MTU matrix of tunnels") {
  using dataplane::TunnelKind;
  constexpr uint16_t kTunnelMtu = 1400;  // of TunnelGateway's adjacencies
  const auto kind = GENERATE(TunnelKind::kGre, TunnelKind::kVxlan, TunnelKind::kNvgre);
  const int over = GENERATE(-1, 0, 1, 8, 1000);
  const auto ip_bytes = static_cast<uint16_t>(kTunnelMtu + over);
  const bool v6 = GENERATE(false, true), dont_fragment = GENERATE(false, true);
  CAPTURE(static_cast<int>(kind), ip_bytes, v6, dont_fragment);
  TunnelGateway graph;
  dataplane::Tunnel tunnel{.kind = kind, .ttl = 64, .key_in = 7, .key_out = 7};
  if (kind == TunnelKind::kGre) tunnel.flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
  if (kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  graph.AddTunnel(tunnel, "198.51.100.2");
  const auto fragment = static_cast<uint16_t>(dont_fragment ? 0x4000 : 0);
  const Packet in =
      v6 ? graph.In().Ipv6({.destination = "2001:db8:3::1"}).Udp(1, 2, ip_bytes - 48u)
         : graph.In().Ipv4({.destination = "10.3.0.1", .fragment = fragment}).Udp(1, 2, ip_bytes - 28u);
  graph.Push(0, in.frame());
  graph.Settle();
  const auto into = graph.Sent(1), back = graph.Sent(0);
  if (over <= 0) {
    REQUIRE(into.size() == 1);
    CHECK(Dissect(InnerFrameOf(into[0], kind)).at("ip.length") == std::to_string(ip_bytes));
    CHECK(back.empty());
  } else if (!v6 && !dont_fragment) {
    // Before encapsulation: the outer packets are whole.
    std::vector<Bytes> inner;
    for (const Bytes& frame : into) inner.push_back(InnerFrameOf(frame, kind));
    CHECK(inner.size() == 2);
    const Bytes whole = in.ip();
    const Bytes udp_frame =
        graph.Out().Ipv4({}).Transport(17, Bytes(whole.begin() + 20, whole.end())).frame();
    CHECK(Reassemble(inner, kTunnelMtu) == Dissect(udp_frame).at("payload"));
    CHECK(graph.AllDrops().empty());
  } else {
    CHECK(into.empty());
    REQUIRE(back.size() == 1);
    const Fields got = Dissect(back[0]);
    CHECK(got.at("icmp.type") == (v6 ? "2" : "3"));
    CHECK(got.at("icmp.code") == (v6 ? "0" : "4"));
    CHECK(got.at("icmp.mtu") == std::to_string(kTunnelMtu));
    CHECK(got.at("icmp.checksum") == "good");
    CHECK(got.at("ip.source") == (v6 ? "2001:db8:1::fe" : "10.1.0.254"));
    CHECK(graph.Drops(1, DropReason::kTooBig) == 1);
  }
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("fragments of fragments keep their place and copied options only travel on") {
  TenantPair tenant(AnyWorkers(), 600);
  // Copied option 0x94 (router alert), not copied 0x07 (record route) and padding.
  const Bytes options = {0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0};
  const Packet in =
      tenant.In().Ipv4({.fragment = 0x2000 | 100, .options = options}).Transport(17, Bytes(1200, 5));
  tenant.Push(0, in.frame());
  tenant.Settle();
  const auto sent = tenant.Sent(1);
  REQUIRE(sent.size() == 3);
  int next = 800;
  for (size_t i = 0; i < sent.size(); ++i) {
    const Fields got = Dissect(sent[i]);
    CHECK(got.at("ip.flags") == "1");
    CHECK(std::stoi(got.at("ip.offset")) == next);
    next += static_cast<int>(got.at("payload").size() / 2);
    CHECK(got.at("ip.options") == (i == 0 ? "940400000707040000000000" : "94040000"));
  }
  CHECK(next == 800 + 1200);
}

TEST_CASE("too few buffers for the fragments is a counted drop and no leak") {
  TenantPair tenant({.mbufs = 2}, 600);
  tenant.Push(0, tenant.In().Ipv4({}).Udp(1, 2, 2000).frame());
  tenant.Settle();
  CHECK(tenant.Sent(1).empty());
  CHECK(tenant.Drops(1, DropReason::kFragmentationFailed) == 1);
}

}  // namespace
}  // namespace sluice::testing
