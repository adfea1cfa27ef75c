// Which packets are of one flow.
#include "dataplane/packet/flow_hash.h"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;
using dataplane::GreInnerFlow;
using dataplane::GroupMember;
using dataplane::Tunnel;
using dataplane::TunnelKind;

Bytes Inner(bool ipv4, uint16_t port) {
  Packet packet;
  if (ipv4) return packet.Ipv4({.source = "10.1.0.1", .destination = "10.2.0.1"}).Udp(port, 53).ip();
  return packet.Ipv6({.source = "2001:db8:1::1", .destination = "2001:db8:2::1"}).Udp(port, 53).ip();
}

Bytes Around(bool ipv4, const Bytes& gre, const Bytes& inner) {
  Bytes payload = gre;
  payload.insert(payload.end(), inner.begin(), inner.end());
  Packet packet;
  if (ipv4)
    return packet.Ipv4({.source = "192.0.2.1", .destination = "192.0.2.2"}).Transport(47, payload).ip();
  return packet.Ipv6({.source = "2001:db8:f::1", .destination = "2001:db8:f::2"}).Transport(47, payload).ip();
}

uint32_t Hash(const Bytes& ip) {
  return ip[0] >> 4 == 4 ? dataplane::Ipv4FlowHash(ip.data()) : dataplane::Ipv6FlowHash(ip.data());
}

TEST_CASE("all fragments of a datagram hash alike, and ports matter otherwise") {
  Bytes ip = Inner(true, 1000);
  dataplane::StoreBe16(&ip[6], 0x2000);
  const uint32_t first = dataplane::Ipv4FlowHash(ip.data());
  dataplane::StoreBe16(&ip[6], 0x0005);
  dataplane::StoreBe32(&ip[20], 12345);
  CHECK(dataplane::Ipv4FlowHash(ip.data()) == first);
  dataplane::StoreBe16(&ip[6], 0);
  const uint32_t whole = dataplane::Ipv4FlowHash(ip.data());
  dataplane::StoreBe32(&ip[20], 54321);
  CHECK(dataplane::Ipv4FlowHash(ip.data()) != whole);
}

TEST_CASE("the flow of a GRE packet is the one inside") {
  const Bytes ethernet = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false);
  const Bytes type = inner4 ? Bytes{8, 0} : Bytes{0x86, 0xdd};
  const auto joined = [](std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  const struct {
    const char* what;
    Bytes gre;
    bool seen;
  } rows[] = {
      {"plain", joined({{0, 0}, type}), true},
      {"key", joined({{0x20, 0}, type, {0, 0, 0, 7}}), true},
      {"checksum, key, sequence", joined({{0xb0, 0}, type, {1, 2, 0, 0}, {0, 0, 0, 7}, {0, 0, 0, 1}}), true},
      {"Ethernet", joined({{0x20, 0, 0x65, 0x58, 0, 0x12, 0x34, 9}, ethernet, type}), true},
      {"routing", joined({{0x40, 0}, type, {0, 0, 0, 0}}), false},
      {"version 1", joined({{0x20, 1}, type, {0, 0, 0, 7}}), false},
      {"something else", {0, 0, 0x88, 0x47}, false},
      {"the other family", joined({{0, 0}, inner4 ? Bytes{0x86, 0xdd} : Bytes{8, 0}}), false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what, outer4, inner4);
    const uint32_t one = Hash(Around(outer4, row.gre, Inner(inner4, 1000)));
    CHECK(Hash(Around(outer4, row.gre, Inner(inner4, 1000))) == one);
    CHECK((Hash(Around(outer4, row.gre, Inner(inner4, 1001))) != one) == row.seen);
  }
}

TEST_CASE("no GRE packet is looked at beyond its end, and none twice") {
  for (const bool inner4 : {true, false}) {
    Bytes gre = {0xb0, 0, 0x65, 0x58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    gre.insert(gre.end(), {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2});
    gre.insert(gre.end(), {static_cast<uint8_t>(inner4 ? 8 : 0x86), static_cast<uint8_t>(inner4 ? 0 : 0xdd)});
    const Bytes inner = Inner(inner4, 1000);
    gre.insert(gre.end(), inner.begin(), inner.end());
    CHECK(GreInnerFlow(gre) != 0);
    for (size_t bytes = 0; bytes < gre.size(); ++bytes) {
      const Bytes cut(gre.begin(), gre.begin() + static_cast<ptrdiff_t>(bytes));  // so that asan sees its end
      CHECK(GreInnerFlow(cut) == 0);
    }
    const Bytes twice = Around(inner4, {0, 0, 8, 0}, Around(true, {0, 0, 8, 0}, Inner(true, 1)));
    const Bytes other = Around(inner4, {0, 0, 8, 0}, Around(true, {0, 0, 8, 0}, Inner(true, 2)));
    CHECK(Hash(twice) == Hash(other));
  }
}

// Two ways through the underlay, by which the far ends of both families are reached.
struct TwoWays : TunnelGateway {
  static constexpr uint32_t kWays[] = {31, 32};

  TwoWays() {
    for (const uint32_t way : kWays) AddNextHop(way, 3, {{2, 0, 0, 0, 3, static_cast<uint8_t>(way)}});
    const GroupMember members[] = {{31}, {32}};
    SLUICE_CHECK(tables().groups.Put(33, members).ok());
    AddRoute(0, "198.51.100.0/24", 33);
    AddRoute(0, "2001:db8:e::/48", 33);
  }
  // By which way each of the flows leaves.
  std::map<uint16_t, std::string> Spread(bool inner4) {
    std::map<uint16_t, std::string> ways;
    for (uint16_t flow = 0; flow < 256; ++flow) {
      Packet packet = In();
      if (inner4) packet.Ipv4({.destination = "10.3.0.1"});
      if (!inner4) packet.Ipv6({.destination = "2001:db8:3::1"});
      Push(0, packet.Udp(flow, 53).frame());
      Settle();
      const auto sent = Sent(1);
      REQUIRE(sent.size() == 1);
      ways[flow] = Dissect(sent[0]).at("eth.destination");
    }
    return ways;
  }
};

TEST_CASE("the flows in one tunnel spread over the underlay's next hops") {
  const bool outer4 = GENERATE(true, false), inner4 = GENERATE(true, false), careful = GENERATE(false, true);
  const auto kind = GENERATE(TunnelKind::kGre, TunnelKind::kNvgre, TunnelKind::kVxlan);
  CAPTURE(outer4, inner4, careful, static_cast<int>(kind));
  TwoWays graph;
  Tunnel tunnel{.kind = kind, .flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut, .ttl = 64};
  tunnel.key_in = tunnel.key_out = 5001;
  if (kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
  graph.AddTunnel(tunnel, outer4 ? "198.51.100.2" : "2001:db8:e::2");
  // What a policer looks at leaves by ip4_forward or ip6_forward, and must take the same way.
  const auto fast = graph.Spread(inner4);
  if (careful) {
    SLUICE_CHECK(graph.tables().policers.Put(1, 1000000, 1000000, 1500).ok());
    for (const uint32_t way : TwoWays::kWays) {
      auto adjacency = *graph.tables().adjacencies.Describe(way);
      adjacency.policer_out = 1;
      REQUIRE(graph.tables().PutAdjacency(way, adjacency).ok());
    }
    CHECK(graph.Spread(inner4) == fast);
    return;
  }
  std::map<std::string, int> shares;
  for (const auto& [flow, mac] : fast) ++shares[mac];
  CHECK(shares.size() == 2);
  for (const auto& [mac, flows] : shares) CHECK(flows > 256 * 3 / 10);

  auto dead = *graph.tables().adjacencies.Describe(31);
  dead.live = false;
  REQUIRE(graph.tables().PutAdjacency(31, dead).ok());
  const auto after = graph.Spread(inner4);
  for (const auto& [flow, mac] : after) CHECK(mac == "02:00:00:00:03:20");
}

}  // namespace
}  // namespace sluice::testing
