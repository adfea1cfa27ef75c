// Frames in several buffers: one drop each, wherever they are cut, and both buffers go back.
#include <catch2/catch.hpp>
#include <vector>

#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::Tunnel;
using dataplane::TunnelKind;

struct Row {
  const char* what;
  uint16_t port;
  dataplane::VrfId vrf;
  Bytes frame;
};

std::vector<Row> Rows(TunnelGateway& graph) {
  const Bytes inner = Packet().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.9"}).Udp(1, 2).ip();
  const Bytes gre = Bytes{0x20, 0, 8, 0, 0, 0, 0, 7} + inner;
  Bytes vxlan = {0xc0, 0, 0x12, 0xb5, 0, static_cast<uint8_t>(30 + inner.size()), 0, 0, 8, 0, 0,
                 0,    0, 0,    9,    0};
  vxlan = vxlan + Packet().Ethernet(kInnerGateway, kInnerHost).EtherType(0x0800).frame() + inner;
  const auto arriving = [&] {
    return graph.FromUnderlay().Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1"});
  };
  return {
      {"IPv4 on a VLAN", 0, 1, graph.In().Ipv4({}).Udp(1, 2, 100).frame()},
      {"IPv6 on a VLAN", 0, 1, graph.In().Ipv6({}).Udp(1, 2, 100).frame()},
      {"IPv4 with a trailer", 0, 1, graph.In().Ipv4({}).Udp(1, 2).Pad(100).frame()},
      {"GRE", 1, 0, arriving().Transport(47, gre).frame()},
      {"VXLAN", 1, 0, arriving().Transport(17, vxlan).frame()},
  };
}

TEST_CASE("a frame in several buffers is dropped under its name, however it is cut") {
  const bool one_by_one = GENERATE(false, true);
  TunnelGateway graph({.one_by_one = one_by_one});
  graph.AddTunnel(
      {.flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut, .ttl = 64, .key_in = 7, .key_out = 7},
      "198.51.100.2", 4);
  graph.AddTunnel({.kind = TunnelKind::kVxlan, .ttl = 64, .key_in = 9, .key_out = 9, .udp_port = 4789},
                  "198.51.100.2", 5);
  for (const Row& row : Rows(graph)) {
    // Whole, it is forwarded.
    graph.Push(row.port, row.frame);
    graph.Settle();
    CHECK(graph.Sent(0).size() + graph.Sent(1).size() == 1);
    for (size_t split = 1; split < row.frame.size(); ++split) {
      CAPTURE(row.what, split, one_by_one);
      // Before the tag it says nothing about its tenant.
      const auto vrf = split < 18 ? dataplane::VrfId{0} : row.vrf;
      const uint64_t before = graph.Drops(vrf, DropReason::kChained) + graph.Drops(0, DropReason::kChained);
      graph.PushChained(row.port, row.frame, split);
      graph.Settle();
      const uint64_t after = graph.Drops(vrf, DropReason::kChained) + graph.Drops(0, DropReason::kChained);
      CHECK(after == before + (vrf == 0 ? 2 : 1));
      CHECK(graph.Sent(0).empty());
      CHECK(graph.Sent(1).empty());
    }
  }
  CHECK(graph.mbufs_in_use() == 0);
}

}  // namespace
}  // namespace sluice::testing
