// Which SA carries what, and what becomes of a packet that none may carry: never clear text.
#include <catch2/catch.hpp>

#include "tests/graph/esp_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::SelectorAddress;
using dataplane::TrafficSelector;

SelectorAddress A(const char* text) {
  return SelectorAddress::Of(Ip(text));
}

TrafficSelector Between(const char* local_first, const char* local_last, const char* remote_first,
                        const char* remote_last, uint8_t protocol = 0,
                        dataplane::PortRange remote_ports = {}) {
  return {static_cast<uint8_t>(Ip(local_first).is_v4() ? 4 : 6),
          protocol,
          {},
          remote_ports,
          {A(local_first), A(local_last)},
          {A(remote_first), A(remote_last)}};
}

const TrafficSelector kSite = Between("10.1.0.0", "10.1.255.255", "10.3.0.0", "10.3.255.255");

// What the gateway sends of a packet of the host; the SPI, or 0 for nothing.
uint32_t SpiOf(EspGateway& graph, Packet packet) {
  graph.Push(0, packet.frame());
  graph.Settle();
  const auto sent = graph.Sent(1);
  if (sent.empty()) return 0;
  REQUIRE(sent.size() == 1);
  // Whatever leaves is ESP.
  CHECK(Dissect(sent[0]).at("ip.protocol") == "50");
  return static_cast<uint32_t>(sent[0][38]) << 24 | static_cast<uint32_t>(sent[0][39]) << 16 |
         static_cast<uint32_t>(sent[0][40]) << 8 | sent[0][41];
}

Packet FromHost(EspGateway& graph, const char* to, uint16_t port = 5) {
  return graph.In().Ipv4({.source = "10.1.0.1", .destination = to}).Udp(6, port);
}

SaDescription Another(const EspGateway& graph, SaId id, uint32_t spi) {
  SaDescription sa = graph.OutboundSa();
  sa.id = id;
  sa.spi = spi;
  return sa;
}

}  // namespace

TEST_CASE("without an SA packets are dropped and one is asked for, once, and nothing leaves in clear") {
  EspGateway graph({}, AnyWorkers());
  dataplane::SaTable& sas = graph.tables().sas;
  const auto dropped = [&](DropReason reason) {
    const uint64_t before = graph.Drops(1, reason);
    const bool nothing = SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0;
    return nothing && graph.Drops(1, reason) == before + 1;
  };
  REQUIRE(sas.PutPolicies(4, std::vector<OutboundPolicy>{{{kSite}, dataplane::kNoSa}}).ok());
  const uint32_t events = sas.events();
  CHECK(dropped(DropReason::kEspNoSa));
  CHECK(dropped(DropReason::kEspNoSa));
  CHECK(sas.AcquiresOf(4) == 1);
  CHECK(sas.events() == events + 1);
  CHECK(sas.MissesOf(4).no_sa == 2);
  // No policy at all.
  REQUIRE(sas.PutPolicies(4, {}).ok());
  CHECK(sas.AcquiresOf(4) == 0);
  CHECK(dropped(DropReason::kEspNoSa));
  CHECK(sas.AcquiresOf(4) == 1);
  // None for this packet.
  REQUIRE(sas.PutPolicies(4,
                          std::vector<OutboundPolicy>{
                              {{Between("10.1.0.0", "10.1.0.0", "10.3.0.0", "10.3.0.0")}, kSaOut}})
              .ok());
  CHECK(dropped(DropReason::kEspSelector));
  CHECK(sas.MissesOf(4).no_policy == 1);
  graph.SendThrough(kSaOut);
  CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == kEspSpiOut);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("of several policies the first that matches says through which SA") {
  EspGateway graph({}, AnyWorkers());
  graph.Install(Another(graph, 3, 0x1001), graph.out);
  graph.Install(Another(graph, 4, 0x1002), graph.out);
  const std::vector<OutboundPolicy> policies{
      {{Between("10.1.0.0", "10.1.255.255", "10.3.0.5", "10.3.0.5", 17, {53, 53})}, 3},
      {{Between("10.1.0.0", "10.1.255.255", "10.3.0.0", "10.3.0.255")}, 4},
      {{kSite}, kSaOut}};
  REQUIRE(graph.tables().sas.PutPolicies(4, policies).ok());
  CHECK(SpiOf(graph, FromHost(graph, "10.3.0.5", 53)) == 0x1001);
  CHECK(SpiOf(graph, FromHost(graph, "10.3.0.5", 54)) == 0x1002);
  CHECK(SpiOf(graph, FromHost(graph, "10.3.1.5", 53)) == kEspSpiOut);
  // A later fragment has no ports (RFC 4301 section 7).
  const Packet fragment =
      graph.In().Ipv4({.source = "10.1.0.1", .destination = "10.3.0.5", .fragment = 0x2010}).Udp(6, 53);
  CHECK(SpiOf(graph, fragment) == 0x1002);
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("what comes through an SA but is not of its selectors is dropped") {
  EspGateway graph({}, AnyWorkers());
  SaDescription sa = graph.InboundSa();
  sa.id = 5;
  sa.spi = 0x01050100;
  sa.selectors = {kSite};
  graph.Install(sa, graph.in);
  uint64_t sequence = 0;
  const auto passes = [&](const std::string& source, const std::string& destination) {
    const Bytes ip = Packet().Ipv4({.source = source, .destination = destination}).Udp(5, 6).ip();
    ++sequence;
    graph.Push(1, graph.Arriving(
                      graph.in.Seal(0x01050100, sequence, graph.in.Iv(sequence), graph.Plaintext(ip, 4))));
    graph.Settle();
    return !graph.Sent(0).empty();
  };
  CHECK(passes("10.3.0.1", "10.1.0.1"));
  CHECK(!passes("10.4.0.1", "10.1.0.1"));
  CHECK(!passes("10.1.0.1", "10.3.0.1"));
  CHECK(passes("10.3.255.255", "10.1.0.1"));
  CHECK(graph.Drops(1, DropReason::kEspSelector) == 2);
  CHECK(graph.inbound(5).losses.selector == 2);
  // Of the other family, too.
  ++sequence;
  graph.Push(1, graph.Arriving(graph.in.Seal(0x01050100, sequence, graph.in.Iv(sequence),
                                             graph.Plaintext(InnerFromFar(false).ip(), 41))));
  graph.Settle();
  CHECK(graph.Drops(1, DropReason::kEspSelector) == 3);
}

TEST_CASE("a rekey loses nothing: both inbound SAs are taken while the outbound one is switched") {
  EspGateway graph({}, AnyWorkers());
  const EspOracle new_out = EspOracle::WithSomeKeys(graph.suite(), 11, false);
  const EspOracle new_in = EspOracle::WithSomeKeys(graph.suite(), 12, false);
  const Bytes inner = InnerFromFar(true).ip();
  const auto arrives = [&](const EspOracle& keys, uint32_t spi, uint64_t sequence) {
    graph.Push(1, graph.Arriving(keys.Seal(spi, sequence, keys.Iv(sequence), graph.Plaintext(inner, 4))));
    graph.Settle();
    return graph.Sent(0).size();
  };
  CHECK(arrives(graph.in, kEspSpiIn, 1) == 1);
  CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == kEspSpiOut);
  SaDescription in = graph.InboundSa();
  in.id = 6;
  in.spi = 0x01050200;
  graph.Install(in, new_in);
  graph.Install(Another(graph, 7, 0x2000), new_out);
  CHECK(arrives(graph.in, kEspSpiIn, 2) == 1);
  CHECK(arrives(new_in, 0x01050200, 1) == 1);
  CHECK((graph.inbound(6).usage.state & dataplane::kSaInboundUsed) != 0);
  graph.SendThrough(7);
  CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0x2000);
  CHECK(arrives(graph.in, kEspSpiIn, 3) == 1);
  REQUIRE(graph.tables().sas.Remove(kSaIn).ok());
  REQUIRE(graph.tables().sas.Remove(kSaOut).ok());
  CHECK(arrives(new_in, 0x01050200, 2) == 1);
  CHECK(graph.AllDrops().empty());
  CHECK(arrives(graph.in, kEspSpiIn, 4) == 0);
  CHECK(graph.Drops(0, DropReason::kEspNoSa) == 1);
}

TEST_CASE("an SA stops at the end of its numbers and of its lifetime, and says so") {
  const struct {
    const char* what;
    uint64_t floor;
    dataplane::SaLifetime soft, hard;
    uint32_t after_one, after_three;
    DropReason reason;
  } rows[] = {
      {"two numbers are left",
       0xffff'fffd,
       {},
       {},
       0,
       dataplane::kSaSequenceExhausted,
       DropReason::kEspSequence},
      {"packets",
       0,
       {.packets = 1},
       {.packets = 2},
       dataplane::kSaSoftExpired,
       dataplane::kSaSoftExpired | dataplane::kSaHardExpired,
       DropReason::kEspExpired},
      {"bytes",
       0,
       {.bytes = 46},
       {.bytes = 92},
       dataplane::kSaSoftExpired,
       dataplane::kSaSoftExpired | dataplane::kSaHardExpired,
       DropReason::kEspExpired},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    EspGateway graph;
    SaDescription sa = Another(graph, 3, 0x3000);
    sa.sequence_floor = row.floor;
    sa.soft = row.soft;
    sa.hard = row.hard;
    graph.Install(sa, graph.out);
    graph.SendThrough(3);
    CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0x3000);
    CHECK(graph.outbound(3).usage.state == row.after_one);
    CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0x3000);
    CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0);
    CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0);
    CHECK(graph.outbound(3).usage.state == row.after_three);
    CHECK(graph.outbound(3).losses.stopped == 2);
    CHECK(graph.Drops(1, row.reason) == 2);
  }
}

TEST_CASE("an inbound SA whose lifetime ended takes nothing more") {
  EspGateway graph;
  SaDescription sa = graph.InboundSa();
  sa.id = 5;
  sa.spi = 0x01050100;
  sa.hard.deadline = 1000;
  graph.Install(sa, graph.in);
  const Bytes plaintext = graph.Plaintext(InnerFromFar(true).ip(), 4);
  const auto passes = [&](uint64_t sequence) {
    graph.Push(1, graph.Arriving(graph.in.Seal(0x01050100, sequence, graph.in.Iv(sequence), plaintext)));
    graph.Settle();
    return !graph.Sent(0).empty();
  };
  CHECK(passes(1));
  graph.tables().sas.Expire(1000);
  CHECK(!passes(2));
  CHECK(graph.Drops(1, DropReason::kEspExpired) == 1);
  CHECK(graph.inbound(5).window.highest() == 1);
}

TEST_CASE("the outer header has DSCP, ECN, DF and TTL as the tunnel says, and gives congestion back") {
  EspGateway graph;
  const auto outer_of = [&](const dataplane::Tunnel& tunnel, const Ipv4Fields& inner) {
    dataplane::Tunnel wanted = tunnel;
    wanted.kind = dataplane::TunnelKind::kEsp;
    graph.AddTunnel(wanted, "198.51.100.2");
    graph.Push(0, graph.In().Ipv4(inner).Udp(6, 5).frame());
    graph.Settle();
    const auto sent = graph.Sent(1);
    REQUIRE(sent.size() == 1);
    const Fields outer = Dissect(sent[0]);
    CHECK(outer.at("ip.checksum") == "good");
    return outer.at("ip.tos") + " " + outer.at("ip.ttl") + " " + outer.at("ip.flags");
  };
  const Ipv4Fields plain{.source = "10.1.0.1", .destination = "10.3.0.1", .ttl = 33, .tos = 0xb8 | 1};
  Ipv4Fields df = plain;
  df.fragment = 0x4000;
  CHECK(outer_of({.ttl = 64}, plain) == "185 64 2");
  CHECK(outer_of({}, plain) == "185 32 2");
  CHECK(outer_of({.flags = channel::kTunnelPipe, .ttl = 64, .dscp = 10}, plain) == "41 64 2");
  CHECK(outer_of({.flags = channel::kTunnelDfCopy, .ttl = 64}, plain) == "185 64 0");
  CHECK(outer_of({.flags = channel::kTunnelDfCopy, .ttl = 64}, df) == "185 64 2");
  CHECK(outer_of({.flags = channel::kTunnelDfClear, .ttl = 64}, df) == "185 64 0");

  // RFC 6040 section 4.2.
  const auto inner_tos = [&](uint8_t inner, uint8_t outer, uint64_t sequence) {
    const Bytes ip =
        Packet().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .tos = inner}).Udp(5, 6).ip();
    graph.Push(1, graph.Arriving(graph.Sealed(ip, sequence), outer));
    graph.Settle();
    const auto sent = graph.Sent(0);
    return sent.empty() ? std::string("dropped") : Dissect(sent[0]).at("ip.tos");
  };
  CHECK(inner_tos(0xb8 | 2, 3, 1) == "187");
  CHECK(inner_tos(0xb8, 0xb8, 2) == "184");
  CHECK(inner_tos(0, 3, 3) == "dropped");
  CHECK(graph.Drops(1, DropReason::kTunnelEcn) == 1);
}

TEST_CASE("an ESP tunnel that is down, or another tenant's by now, takes nothing and gives nothing") {
  EspGateway graph;
  graph.AddVrf(2);
  graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(true).ip(), 1)));
  graph.Settle();
  CHECK(graph.Sent(0).size() == 1);
  dataplane::Tunnel tunnel = *graph.tables().tunnels.Find(4);
  REQUIRE(graph.tables().PutTunnel({.id = 4, .vrf = 2, .port = dataplane::kNoPort}, tunnel).ok());
  CHECK(SpiOf(graph, FromHost(graph, "10.3.0.1")) == 0);
  CHECK(graph.Drops(1, DropReason::kNextHopDown) == 1);
  graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(true).ip(), 2)));
  graph.Settle();
  CHECK(graph.Sent(0).empty());
  CHECK(graph.Drops(2, DropReason::kNoRoute) == 1);
  tunnel.flags &= static_cast<uint16_t>(~channel::kTunnelUp);
  REQUIRE(graph.tables().PutTunnel({.id = 4, .vrf = 1, .port = dataplane::kNoPort}, tunnel).ok());
  graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(true).ip(), 3)));
  graph.Settle();
  CHECK(graph.Sent(0).empty());
  CHECK(graph.Drops(1, DropReason::kInterfaceDown) == 1);
}

}  // namespace sluice::testing
