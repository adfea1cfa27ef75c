// Out of tunnels: DSCP and hops of each model, through the whole graph, by the shortest way
// and by every other.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint8_t kAf41 = 34 << 2, kEf = 46 << 2, kCs1 = 8 << 2;

// A tunnel of number 7; with `checksum`, GRE's packets take the careful way.
struct Carrier {
  const char* name;
  TunnelKind kind;
  bool checksum = false;
};
constexpr Carrier kCarriers[] = {{"GRE", TunnelKind::kGre},
                                 {"GRE with a checksum", TunnelKind::kGre, true},
                                 {"VXLAN", TunnelKind::kVxlan},
                                 {"NVGRE", TunnelKind::kNvgre}};

// Where the outer DSCP comes from, and whether it goes back inside.
enum class Dscp { kCopied, kUniform, kPipe };

Tunnel TunnelOf(const Carrier& carrier, uint8_t ttl, Dscp dscp) {
  Tunnel tunnel{.kind = carrier.kind, .ttl = ttl, .key_in = 7, .key_out = 7};
  if (carrier.kind == TunnelKind::kGre) tunnel.flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
  if (carrier.kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  if (carrier.checksum) tunnel.flags |= channel::kTunnelGreChecksum;
  if (dscp == Dscp::kPipe) {
    tunnel.flags |= channel::kTunnelPipe;
    tunnel.dscp = 46;
  }
  if (dscp == Dscp::kUniform) tunnel.flags |= channel::kTunnelDscpInward;
  return tunnel;
}

// From the tunnel's far end, around an inner packet.
Packet Arriving(TunnelGateway& graph, const Tunnel& tunnel, bool outer4, uint8_t traffic_class, uint8_t hops,
                bool inner4, const Bytes& inner) {
  Packet packet = graph.FromUnderlay();
  if (outer4) {
    packet.Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1", .ttl = hops, .tos = traffic_class});
  } else {
    packet.Ipv6({.source = "2001:db8:e::2",
                 .destination = "2001:db8:f::1",
                 .hop_limit = hops,
                 .flow_label = uint32_t{traffic_class} << 20});
  }
  return packet.Transport(ProtocolOf(tunnel), PayloadOf(tunnel, inner4, inner));
}

Packet Inner(Packet packet, bool inner4, uint8_t traffic_class, uint8_t hops) {
  if (inner4)
    return packet.Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = hops, .tos = traffic_class})
        .Udp(5, 6);
  return packet
      .Ipv6({.source = "2001:db8:3::1",
             .destination = "2001:db8:1::1",
             .hop_limit = hops,
             .flow_label = uint32_t{traffic_class} << 20})
      .Udp(5, 6);
}

const char* FarEnd(bool outer4) {
  return outer4 ? "198.51.100.2" : "2001:db8:e::2";
}

}  // namespace

TEST_CASE("out of a tunnel, DSCP and hops are those of its models") {
  const struct {
    const char* what;
    uint8_t ttl;  // 0: uniform
    Dscp dscp;
    uint8_t inner_class, inner_hops, outer_class, outer_hops;
    uint8_t class_after, hops_after;
  } rows[] = {
      {"neither said", 64, Dscp::kCopied, kAf41, 60, 0, 9, kAf41, 59},
      {"neither said, and congestion", 64, Dscp::kCopied, kAf41 | 2, 60, kCs1 | 3, 9, kAf41 | 3, 59},
      {"both uniform", 0, Dscp::kUniform, kAf41, 60, kCs1, 57, kCs1, 56},
      {"uniform DSCP", 64, Dscp::kUniform, kAf41, 60, kCs1, 9, kCs1, 59},
      {"uniform DSCP that nobody changed", 64, Dscp::kUniform, kAf41 | 2, 60, kAf41, 9, kAf41 | 2, 59},
      {"uniform DSCP, and congestion", 64, Dscp::kUniform, kAf41 | 2, 60, kCs1 | 3, 9, kCs1 | 3, 59},
      {"uniform TTL", 0, Dscp::kPipe, kAf41, 60, kEf, 57, kAf41, 56},
      {"uniform TTL of more than went in", 0, Dscp::kPipe, kAf41, 2, kEf, 255, kAf41, 1},
      {"both pipes", 64, Dscp::kPipe, kAf41, 60, kEf, 9, kAf41, 59},
      {"both pipes, and congestion", 64, Dscp::kPipe, kAf41 | 1, 60, kEf | 3, 9, kAf41 | 3, 59},
  };
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false);
  for (const Carrier& carrier : kCarriers)
    for (const auto& row : rows) {
      CAPTURE(carrier.name, outer4, inner4, row.what);
      TunnelGateway graph;
      const Tunnel tunnel = TunnelOf(carrier, row.ttl, row.dscp);
      graph.AddTunnel(tunnel, FarEnd(outer4));
      const Bytes inner = Inner(Packet(), inner4, row.inner_class, row.inner_hops).ip();
      graph.Push(1, Arriving(graph, tunnel, outer4, row.outer_class, row.outer_hops, inner4, inner).frame());
      graph.Settle();
      const auto sent = graph.Sent(0);
      REQUIRE(sent.size() == 1);
      CheckSameFrame(sent[0], Inner(graph.Back(), inner4, row.class_after, row.hops_after).frame());
      CHECK(graph.AllDrops().empty());
    }
}

TEST_CASE("hops that the underlay used up are an error to the sender inside, through the tunnel") {
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false);
  const uint8_t left = GENERATE(as<uint8_t>{}, 0, 1);
  for (const Carrier& carrier : kCarriers)
    for (const bool uniform : {true, false}) {
      CAPTURE(carrier.name, outer4, inner4, uniform, left);
      TunnelGateway graph;
      const Tunnel tunnel = TunnelOf(carrier, uniform ? 0 : 64, Dscp::kCopied);
      graph.AddTunnel(tunnel, FarEnd(outer4));
      REQUIRE(
          graph.tables()
              .PutVrf({.id = 1, .router_ipv4 = Ip("10.9.9.9").v4(), .router_ipv6 = Ip("2001:db8:99::9").v6()})
              .ok());
      const Bytes inner = Inner(Packet(), inner4, 0, 64).ip();
      graph.Push(1, Arriving(graph, tunnel, outer4, 0, left, inner4, inner).frame());
      graph.Settle();
      CHECK(graph.Sent(0).size() == (uniform ? 0u : 1u));
      const auto back = graph.Sent(1);
      REQUIRE(back.size() == (uniform ? 1u : 0u));
      if (!uniform) continue;
      const Fields error = DissectTunnel(back[0]);
      CHECK(error.at("inner.icmp.type") == (inner4 ? "11" : "3"));
      CHECK(error.at("inner.ip.destination") == (inner4 ? "10.3.0.1" : "2001:db8:3::1"));
      CHECK(graph.Drops(1, DropReason::kTtlExpired) == 1);
    }
}

TEST_CASE("a solicitation out of a uniform tunnel is still one from the link") {
  const bool outer4 = GENERATE(true, false);
  for (const TunnelKind kind : {TunnelKind::kVxlan, TunnelKind::kNvgre}) {
    const Carrier carrier{"overlay", kind};
    TunnelGateway graph;
    const Tunnel tunnel = TunnelOf(carrier, 0, Dscp::kUniform);
    graph.AddTunnel(tunnel, FarEnd(outer4));
    Bytes body(16);
    body[0] = 0xfe;
    body[1] = 0x80;
    body[15] = 0xfe;
    const Bytes inner = Packet()
                            .Ipv6({.source = "fe80::1", .destination = "ff02::1:ff00:fe", .hop_limit = 255})
                            .Icmp(135, 0, 0, body)
                            .ip();
    graph.Push(1, Arriving(graph, tunnel, outer4, 0, 61, false, inner).frame());
    graph.Settle();
    const auto punted = graph.TakePunted();
    REQUIRE(punted.size() == 1);
    CHECK(punted[0].meta.punt_class == dataplane::PuntClass::kNeighborDiscovery);
    CHECK(graph.AllDrops().empty());
  }
}

TEST_CASE("a keepalive of GRE goes back as its sender made it, whatever the models") {
  TunnelGateway graph;
  const Tunnel tunnel = TunnelOf(kCarriers[0], 0, Dscp::kUniform);
  graph.AddTunnel(tunnel, FarEnd(true));
  const Ipv4Fields back{.source = "192.0.2.1", .destination = "198.51.100.2", .ttl = 255, .tos = kAf41};
  const Bytes empty = {0x20, 0, 0, 0, 0, 0, 0, 7};
  const Packet inner = Packet().Ipv4(back).Transport(47, empty);
  graph.Push(1, Arriving(graph, tunnel, true, kCs1, 61, true, inner.ip()).frame());
  graph.Settle();
  const auto sent = graph.Sent(1);
  REQUIRE(sent.size() == 1);
  CheckSameFrame(sent[0], graph.ToUnderlay().Ipv4(back).Transport(47, empty).frame());
}

}  // namespace sluice::testing
