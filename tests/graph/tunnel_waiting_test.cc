// Tunnel packets whose far end, or the way to it, is not resolved yet: they wait at the cost
// of the tenant whose packet they carry, and are its drops.
#include <catch2/catch.hpp>

#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::PacketMetadata;
using dataplane::PuntClass;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;

// The underlay's subnets answer to nobody yet: far ends on the link are gleaned.
struct SilentUnderlay : TunnelGateway {
  explicit SilentUnderlay(const HarnessOptions& options = {}) : TunnelGateway(options) {
    AddAdjacency(31, dataplane::AdjacencyKind::kGlean, 3);
    AddRoute(0, "192.0.2.0/24", 31);
    AddRoute(0, "2001:db8:f::/64", 31);
    AddVrf(2);
    AddInterface({.id = 6, .vrf = 2, .port = 0, .vlan = 12}, {"10.1.0.254/24"});
  }
  Packet In2() { return Packet().Ethernet(port(0).mac(), kHost).Vlan(12); }
};

Tunnel TunnelOf(TunnelKind kind, uint16_t flags = 0) {
  Tunnel tunnel{.kind = kind, .flags = flags, .ttl = 64, .key_in = 7, .key_out = 7};
  if (kind == TunnelKind::kGre) tunnel.flags |= kKeyed;
  if (kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  return tunnel;
}

Packet Into(Packet packet, bool inner4, size_t payload = 18) {
  if (inner4) return packet.Ipv4({.destination = "10.3.0.1"}).Udp(1, 2, payload);
  return packet.Ipv6({.destination = "2001:db8:3::1"}).Udp(1, 2, payload);
}

}  // namespace

TEST_CASE("a tunnel packet that waits for its far end is its tenant's, of every kind and family") {
  const auto kind = GENERATE(TunnelKind::kGre, TunnelKind::kVxlan, TunnelKind::kNvgre);
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false);
  CAPTURE(static_cast<int>(kind), outer4, inner4);
  SilentUnderlay graph(AnyWorkers());
  graph.AddTunnel(TunnelOf(kind), outer4 ? "192.0.2.9" : "2001:db8:f::9");
  graph.Push(0, Into(graph.In(), inner4).frame());
  graph.Settle();
  const auto punted = graph.TakePunted();
  REQUIRE(punted.size() == 1);
  CHECK(punted[0].meta.punt_class == PuntClass::kUnresolved);
  CHECK(punted[0].meta.vrf == 1);
  CHECK(punted[0].meta.egress_interface == 3);
  const uint8_t last = punted[0].meta.next_hop[outer4 ? 3 : 15];
  CHECK(last == 9);
  CHECK(graph.AllDrops().empty());

  SECTION("it is sent when the far end is known") {
    graph.AddNextHop(32, 3, kUnderlayRouter);
    PacketMetadata meta = punted[0].meta;
    meta.inject_kind = dataplane::InjectKind::kAdjacency;
    meta.adjacency = 32;
    graph.Inject(meta, punted[0].bytes);
    graph.Settle();
    const auto sent = graph.Sent(1);
    REQUIRE(sent.size() == 1);
    const Fields fields = DissectTunnel(sent[0]);
    CHECK(fields.at("outer.ip.destination") == (outer4 ? "192.0.2.9" : "2001:db8:f::9"));
    CHECK(fields.at("inner.ip.destination") == (inner4 ? "10.3.0.1" : "2001:db8:3::1"));
    CHECK(graph.AllDrops().empty());
  }
  SECTION("it is the tenant's loss when nobody answers, and nobody outside is told") {
    PacketMetadata meta = punted[0].meta;
    meta.inject_kind = dataplane::InjectKind::kUnreachable;
    graph.Inject(meta, punted[0].bytes);
    graph.Settle();
    CHECK(graph.Sent(0).empty());
    CHECK(graph.Sent(1).empty());
    CHECK(graph.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 neighbor_unresolved", 1}});
  }
}

TEST_CASE("fragments of a tunnel packet wait at its tenant's cost as well") {
  SilentUnderlay graph;
  graph.AddTunnel(TunnelOf(TunnelKind::kGre, channel::kTunnelDfClear), "192.0.2.9");
  dataplane::Adjacency way = *graph.tables().adjacencies.Describe(31);
  way.mtu = 1000;
  REQUIRE(graph.tables().PutAdjacency(31, way).ok());
  graph.Push(0, Into(graph.In(), true, 1300).frame());
  graph.Settle();
  const auto punted = graph.TakePunted();
  REQUIRE(punted.size() == 2);
  for (const Punted& packet : punted) CHECK(packet.meta.vrf == 1);
}

TEST_CASE("one tenant's flood to a dead far end leaves another's budget alone") {
  dataplane::PuntRates rates = kUnlimitedPunts;
  rates[static_cast<size_t>(dataplane::BudgetClass::kUnresolved)] = {1, 5};
  SilentUnderlay graph({.punt = rates});
  graph.AddTunnel(TunnelOf(TunnelKind::kGre), "192.0.2.9", 4, 1);
  Tunnel other = TunnelOf(TunnelKind::kGre);
  other.key_in = other.key_out = 8;
  graph.AddTunnel(other, "192.0.2.9", 5, 2);
  for (int i = 0; i < 20; ++i) graph.Push(0, Into(graph.In(), true).frame());
  graph.Settle();
  graph.Push(0, Into(graph.In2(), true).frame());
  graph.Settle();
  CHECK(graph.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 punt_rate_limited", 15}});
  const auto punted = graph.TakePunted();
  REQUIRE(punted.size() == 6);
  CHECK(punted.back().meta.vrf == 2);
}

TEST_CASE("a keepalive to be reflected waits at the cost of its tunnel's tenant") {
  SilentUnderlay graph;
  graph.AddTunnel(TunnelOf(TunnelKind::kGre), "192.0.2.9");
  const Bytes empty = {0x20, 0, 0, 0, 0, 0, 0, 7};
  const Bytes back =
      Packet().Ipv4({.source = "192.0.2.1", .destination = "192.0.2.9"}).Transport(47, empty).ip();
  graph.Push(1, graph.FromUnderlay()
                    .Ipv4({.source = "192.0.2.9", .destination = "192.0.2.1"})
                    .Transport(47, Bytes{0x20, 0, 8, 0, 0, 0, 0, 7} + back)
                    .frame());
  graph.Settle();
  const auto punted = graph.TakePunted();
  REQUIRE(punted.size() == 1);
  CHECK(punted[0].meta.vrf == 1);
}

}  // namespace sluice::testing
