// The bandwidth of tunnels, both ways: each connection has its own, whatever the kind of
// tunnel, however many workers carry it.
#include <catch2/catch.hpp>

#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::InterfaceId;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
// Three packets, and the next one after half a second: nothing more passes in a test.
constexpr uint32_t kKbps = 8, kBurst = 1500;
constexpr uint16_t kIpBytes = 500;

// Two connections of one tenant to one far end, told apart by key: number 4, whose key is 4, is
// reached by 10.3/16, number 5 by 10.5/16.
struct Policed : TunnelGateway {
  Policed(TunnelKind kind, bool outer4, const HarnessOptions& options)
      : TunnelGateway(options), kind_(kind), outer4_(outer4) {
    for (const InterfaceId id : {InterfaceId{5}, InterfaceId{4}}) {
      const uint32_t in = PolicerIn(id), out = PolicerOut(id);
      REQUIRE(tables().policers.Put(in, kKbps, kBurst, kBurst).ok());
      REQUIRE(tables().policers.Put(out, kKbps, kBurst, kBurst).ok());
      AddTunnel(TunnelOf(id), FarEnd(), id, 1, {.connection = id, .policer_in = in, .policer_out = out});
    }
    AddRoute(1, "10.5.0.0/16", 5);
  }
  static uint32_t PolicerIn(InterfaceId id) { return id * 10u; }
  static uint32_t PolicerOut(InterfaceId id) { return id * 10u + 1; }

  Tunnel TunnelOf(InterfaceId id) const {
    Tunnel tunnel{.kind = kind_, .ttl = 64, .key_in = id, .key_out = id};
    if (kind_ == TunnelKind::kGre) tunnel.flags = kKeyed;
    if (kind_ == TunnelKind::kVxlan) tunnel.udp_port = 4789;
    return tunnel;
  }
  const char* FarEnd() const { return outer4_ ? "198.51.100.2" : "2001:db8:e::2"; }

  void PushOutOf(InterfaceId id, uint16_t worker) {
    const Bytes inner = Packet()
                            .Ipv4({.source = id == 4 ? "10.3.0.1" : "10.5.0.1", .destination = "10.1.0.1"})
                            .Udp(1, 2, kIpBytes - 28)
                            .ip();
    Packet packet = FromUnderlay();
    if (outer4_) packet.Ipv4({.source = FarEnd(), .destination = "192.0.2.1"});
    if (!outer4_) packet.Ipv6({.source = FarEnd(), .destination = "2001:db8:f::1"});
    const Tunnel tunnel = TunnelOf(id);
    Push(1, packet.Transport(ProtocolOf(tunnel), PayloadOf(tunnel, true, inner)).frame(), worker);
  }
  void PushInto(InterfaceId id, uint16_t worker) {
    const Ipv4Fields fields{.source = "10.1.0.1", .destination = id == 4 ? "10.3.0.1" : "10.5.0.1"};
    Push(0, In().Ipv4(fields).Udp(1, 2, kIpBytes - 28).frame(), worker);
  }

 private:
  TunnelKind kind_;
  bool outer4_;
};

}  // namespace

TEST_CASE("a tunnel has the bandwidth of its connection, both ways, whoever else is busy") {
  const auto kind = GENERATE(TunnelKind::kGre, TunnelKind::kVxlan, TunnelKind::kNvgre);
  const bool outer4 = GENERATE(true, false);
  const HarnessOptions options = AnyWorkers();
  CAPTURE(static_cast<int>(kind), outer4, options.workers);
  Policed graph(kind, outer4, options);
  constexpr uint16_t kPushed = 12, kPass = 3;
  for (uint16_t i = 0; i < kPushed; ++i) {
    graph.PushOutOf(4, i % options.workers);
    graph.PushInto(4, i % options.workers);
  }
  // The quiet one of the two, by another worker each time.
  for (uint16_t i = 0; i < kPass; ++i) {
    graph.PushOutOf(5, i % options.workers);
    graph.PushInto(5, i % options.workers);
  }
  graph.Settle();
  CHECK(graph.Sent(0).size() == 2 * kPass);
  CHECK(graph.Sent(1).size() == 2 * kPass);
  const channel::CounterReader& counters = graph.counters();
  for (const uint32_t policer : {Policed::PolicerIn(4), Policed::PolicerOut(4)}) {
    CHECK(counters.PolicerDropped(policer).packets == kPushed - kPass);
    CHECK(counters.PolicerDropped(policer).bytes == (kPushed - kPass) * uint64_t{kIpBytes});
  }
  for (const uint32_t policer : {Policed::PolicerIn(5), Policed::PolicerOut(5)})
    CHECK(counters.PolicerDropped(policer).packets == 0);
  CHECK(graph.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 policed_in", kPushed - kPass},
                                                            {"vrf 1 policed_out", kPushed - kPass}});
  // All that came is received; what a policer took is not sent.
  CHECK(counters.InterfaceRx(4).packets == kPushed);
  CHECK(counters.InterfaceTx(4).packets == kPass);
  CHECK(counters.InterfaceTx(4).bytes == kPass * uint64_t{kIpBytes});
  CHECK(counters.InterfaceRx(5).packets == kPass);
  CHECK(counters.InterfaceTx(5).packets == kPass);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("packets between two tunnels pay at both") {
  const auto kind = GENERATE(TunnelKind::kGre, TunnelKind::kVxlan, TunnelKind::kNvgre);
  Policed graph(kind, true, AnyWorkers());
  for (uint16_t i = 0; i < 8; ++i) {
    const Bytes inner =
        Packet().Ipv4({.source = "10.3.0.1", .destination = "10.5.0.1"}).Udp(1, 2, kIpBytes - 28).ip();
    const Tunnel tunnel = graph.TunnelOf(4);
    graph.Push(1, graph.FromUnderlay()
                      .Ipv4({.source = graph.FarEnd(), .destination = "192.0.2.1"})
                      .Transport(ProtocolOf(tunnel), PayloadOf(tunnel, true, inner))
                      .frame());
  }
  graph.PushInto(5, 0);
  graph.Settle();
  CHECK(graph.Sent(1).size() == 3);
  CHECK(graph.counters().PolicerDropped(Policed::PolicerIn(4)).packets == 5);
  CHECK(graph.counters().PolicerDropped(Policed::PolicerOut(5)).packets == 1);
}

}  // namespace sluice::testing
