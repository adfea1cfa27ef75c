// The sender's tunnels: interfaces without a port, hosts behind overlays, and
// everything else going ahead of a hundred thousand of them.
#include <catch2/catch.hpp>

#include "control/programming/fake_channel.h"
#include "tests/lib/fake_agent.h"

namespace sluice::programming {
namespace {

using channel::AdjacencyKind;
using channel::RecordType;
using channel::TunnelKind;
using FakeChannel = ChannelTo<testing::FakeAgent>;

Attachment WithPort() {
  Attachment attachment;
  attachment.ports["p1"] = 0;
  return attachment;
}

TenantObjects WithTunnel(TunnelKind kind, uint32_t vrf = 1) {
  TenantObjects tenant;
  tenant.vrf = {vrf, "tenant t" + std::to_string(vrf)};
  InterfaceObject tunnel{
      .interface = vrf * 10, .vrf = vrf, .name = tenant.vrf.name + ": tunnel", .mtu = 1400};
  tunnel.tunnel =
      TunnelEnds{.kind = kind, .local = A("192.0.2.1"), .key_in = 5000 + vrf, .key_out = 5000 + vrf};
  if (kind == TunnelKind::kGre) {
    tunnel.tunnel->flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
    tunnel.tunnel->remote = A("198.51.100.2");
    tunnel.addresses.push_back(*net::InterfaceAddress::Parse("10.40.0.1/30"));
  } else {
    tunnel.tunnel->udp_port = kind == TunnelKind::kVxlan ? 4789 : 0;
    tunnel.mac = {{2, 0, 0, 0, 0, 1}};
    tunnel.addresses.push_back(*net::InterfaceAddress::Parse("10.1.0.1/16"));
  }
  tenant.interfaces.push_back(tunnel);
  return tenant;
}

rib::RouteInput Connected(const TenantObjects& tenant, const char* prefix) {
  const uint32_t interface = tenant.interfaces[0].interface;
  return {tenant.vrf.vrf, P(prefix), rib::Source::kConnected, 0, interface, 0, {{std::nullopt, interface}}};
}

rib::RouteInput Host(uint32_t vrf, const net::Prefix& prefix, const char* provider, uint8_t mac) {
  rib::NextHop hop{A(provider), vrf * 10, 1, {{2, 0, 0, 1, 0, mac}}};
  return {vrf, prefix, rib::Source::kVirtualNetwork, rib::DefaultDistance(rib::Source::kVirtualNetwork), 1,
          0,   {hop}};
}

net::Prefix Address(uint32_t index) {
  return {net::Ipv4Address{(10u << 24) + (1u << 16) + index}, 32};
}

struct Plane {
  Plane() {
    sender.InitialStateComplete();
    sender.Attach(channel, WithPort());
  }
  void Settle() { Run(sender, channel); }
  void Map(uint32_t vrf, const std::vector<rib::RouteInput>& put,
           const std::vector<net::Prefix>& remove = {}) {
    sender.ChangeMappings(vrf, 1, put, remove, ++revision, true);
  }
  const channel::AdjacencyRecord& AdjacencyOf(const char* prefix) {
    for (const auto& [key, held] : agent.routes) {
      const net::Ipv4Address address = net::Ipv4Address::FromBytes(key.prefix.data());
      if (net::Prefix(address, key.length) != P(prefix)) continue;
      return agent.adjacencies.at(agent.groups.at(held.record.group).record.members[0].adjacency).record;
    }
    FAIL("no route to " << prefix);
    throw 0;
  }

  testing::FakeAgent agent;
  FakeChannel channel{agent, 1};
  Sender sender;
  uint64_t revision = 100;
};

TEST_CASE("a GRE tunnel is an interface without a port, and whatever is behind it goes into it") {
  Plane plane;
  TenantObjects tenant = WithTunnel(TunnelKind::kGre);
  tenant.routes.push_back(Connected(tenant, "10.40.0.0/30"));
  tenant.routes.push_back({1, P("18.0.0.0/24"), rib::Source::kStatic, 5, 10, 0, {{A("10.40.0.2")}}});
  plane.sender.PutTenant(tenant, 1);
  plane.Settle();
  CHECK(plane.channel.refused.empty());
  CHECK(plane.sender.Progress(1).acknowledged_revision == 1);
  const channel::TunnelRecord& record = plane.agent.tunnels.at(10).record;
  CHECK(record.kind == 1);
  CHECK(record.family == 4);
  CHECK(record.flags == (channel::kTunnelUp | channel::kTunnelKeyIn | channel::kTunnelKeyOut));
  CHECK(record.local[0] == 192);
  CHECK(record.remote[3] == 2);
  CHECK(record.key_in == 5001);
  CHECK(record.mtu == 1400);
  tenant.interfaces[0].clamp_mss = true;
  plane.sender.PutTenant(tenant, 2);
  plane.Settle();
  CHECK(plane.agent.tunnels.at(10).record.flags ==
        (channel::kTunnelUp | channel::kTunnelKeyIn | channel::kTunnelKeyOut | channel::kTunnelClampMss));
  for (const char* prefix : {"10.40.0.0/30", "18.0.0.0/24"}) {
    const channel::AdjacencyRecord& adjacency = plane.AdjacencyOf(prefix);
    CHECK(adjacency.kind == static_cast<uint8_t>(AdjacencyKind::kTunnel));
    CHECK(adjacency.interface == 10);
    CHECK(adjacency.next_hop[0] == 0);
  }
  plane.sender.RemoveTenant(1);
  plane.Settle();
  CHECK(plane.channel.refused.empty());
  CHECK(plane.agent.tunnels.empty());
  CHECK(plane.agent.adjacencies.empty());
  CHECK(plane.agent.vrfs.empty());
}

TEST_CASE("two tunnels between the same ends swap their keys in one go, without a refusal") {
  Plane plane;
  TenantObjects first = WithTunnel(TunnelKind::kGre, 1);
  TenantObjects second = WithTunnel(TunnelKind::kGre, 2);
  plane.sender.PutTenant(first, 1);
  plane.sender.PutTenant(second, 2);
  plane.Settle();
  std::swap(first.interfaces[0].tunnel, second.interfaces[0].tunnel);
  plane.sender.PutTenant(first, 3);
  plane.sender.PutTenant(second, 4);
  plane.Settle();
  CHECK(plane.channel.refused.empty());
  CHECK(plane.agent.tunnels.at(10).record.key_in == 5002);
  CHECK(plane.agent.tunnels.at(20).record.key_in == 5001);
  for (const uint32_t interface : {10, 20})
    CHECK((plane.agent.tunnels.at(interface).record.flags & channel::kTunnelUp) != 0);
  CHECK(plane.sender.Progress(1).acknowledged_revision == 3);
  CHECK(plane.sender.Progress(2).acknowledged_revision == 4);
}

TEST_CASE("a key passes from one tunnel to another, and a tunnel that has none waits for it by name") {
  Plane plane;
  TenantObjects first = WithTunnel(TunnelKind::kGre, 1);
  plane.sender.PutTenant(first, 1);
  TenantObjects second = WithTunnel(TunnelKind::kGre, 2);
  second.interfaces[0].tunnel = first.interfaces[0].tunnel;
  plane.sender.PutTenant(second, 2);
  plane.Settle();
  REQUIRE(plane.sender.Progress(2).problem_count > 0);
  CHECK(plane.sender.Progress(2).problems[0].reason ==
        "waits until tenant t1: tunnel leaves GRE key 5001 from 198.51.100.2 to 192.0.2.1");
  plane.sender.RemoveTenant(1);
  plane.Settle();
  CHECK(plane.sender.Progress(2).acknowledged_revision == 2);
  CHECK(plane.agent.tunnels.at(20).record.key_in == 5001);
  CHECK(plane.channel.refused.empty());
}

TEST_CASE("mappings are routes through an overlay to their hosts, shared where they are equal") {
  const TunnelKind kind = GENERATE(TunnelKind::kVxlan, TunnelKind::kNvgre);
  Plane plane;
  plane.sender.PutTenant(WithTunnel(kind), 1);
  plane.Map(1, {Host(1, Address(4), "198.51.100.7", 4), Host(1, Address(5), "198.51.100.7", 5),
                Host(1, Address(6), "198.51.100.7", 4)});
  plane.Settle();
  CHECK(plane.channel.refused.empty());
  CHECK(plane.sender.Progress(1).acknowledged_revision == plane.revision);
  CHECK(plane.agent.adjacencies.size() == 2);
  CHECK(plane.agent.routes.size() == 3);
  const channel::AdjacencyRecord& four = plane.AdjacencyOf("10.1.0.4/32");
  CHECK(four.kind == static_cast<uint8_t>(AdjacencyKind::kTunnel));
  CHECK(four.interface == 10);
  CHECK(four.next_hop[3] == 7);
  CHECK(four.mac[5] == 4);

  SECTION("only what differs is sent: of a host that moves, where it is now") {
    const uint64_t sent = plane.sender.sent_count();
    plane.Map(1, {Host(1, Address(4), "198.51.100.7", 4), Host(1, Address(5), "198.51.100.9", 5)});
    CHECK(plane.sender.Progress(1).acknowledged_revision < plane.revision);
    plane.sender.Pump();
    CHECK(plane.sender.Progress(1).acknowledged_revision < plane.revision);
    plane.Settle();
    CHECK(plane.sender.Progress(1).acknowledged_revision == plane.revision);
    CHECK(plane.sender.sent_count() - sent == 1);
    CHECK(plane.AdjacencyOf("10.1.0.5/32").next_hop[3] == 9);
    CHECK(plane.AdjacencyOf("10.1.0.4/32").next_hop[3] == 7);
  }
  SECTION("of a host that others share it is a new one, and the old one goes when that is there") {
    plane.Map(1, {Host(1, Address(6), "198.51.100.7", 5)});
    plane.Settle();
    const uint64_t sent = plane.sender.sent_count();
    plane.Map(1, {Host(1, Address(5), "198.51.100.9", 5), Host(1, Address(6), "198.51.100.9", 5)});
    std::vector<RecordType> types;
    for (int idle = 0; idle < 3;) {
      plane.sender.Pump();
      const auto now = plane.channel.Work(64);
      types.insert(types.end(), now.begin(), now.end());
      idle = plane.sender.TakeAnswers() || !now.empty() ? 0 : idle + 1;
    }
    CHECK(types == std::vector<RecordType>{RecordType::kAdjacency, RecordType::kNextHopGroup,
                                           RecordType::kRoute, RecordType::kRoute,
                                           RecordType::kNextHopGroupDelete, RecordType::kAdjacencyDelete});
    CHECK(plane.sender.sent_count() - sent == 6);
    CHECK(plane.AdjacencyOf("10.1.0.5/32").next_hop[3] == 9);
  }
  SECTION("a move that is refused is the tenant's problem, and the host stays where it was") {
    plane.agent.hosts_refused = true;
    plane.Map(1, {Host(1, Address(5), "198.51.100.9", 5)});
    plane.Settle();
    CHECK(plane.AdjacencyOf("10.1.0.5/32").next_hop[3] == 7);
    const TenantProgress progress = plane.sender.Progress(1);
    REQUIRE(progress.problems.size() == 1);
    CHECK(progress.problems[0].name == "tenant t1: tunnel: host 198.51.100.9");
    CHECK(progress.problem_count == 1);
    plane.agent.hosts_refused = false;
    plane.channel.refused.clear();
    plane.Map(1, {Host(1, Address(5), "198.51.100.11", 5)});
    plane.Settle();
    CHECK(plane.AdjacencyOf("10.1.0.5/32").next_hop[3] == 11);
    CHECK(plane.sender.Progress(1).problem_count == 0);
  }
  SECTION("a mapping that is split leaves no moment without one") {
    plane.Map(1, {Host(1, P("10.1.8.0/24"), "198.51.100.7", 4)});
    plane.Settle();
    plane.Map(1,
              {Host(1, P("10.1.8.0/25"), "198.51.100.7", 4), Host(1, P("10.1.8.128/25"), "198.51.100.8", 4)},
              {P("10.1.8.0/24")});
    plane.sender.Pump();
    std::vector<RecordType> types = plane.channel.Work(64);
    std::erase_if(types, [](RecordType type) {
      return type != RecordType::kRoute && type != RecordType::kRouteDelete;
    });
    CHECK(types == std::vector<RecordType>{RecordType::kRoute, RecordType::kRoute, RecordType::kRouteDelete});
  }
  SECTION("they leave with their tenant") {
    plane.sender.RemoveTenant(1);
    plane.Settle();
    CHECK(plane.agent.adjacencies.empty());
    CHECK(plane.agent.groups.empty());
    CHECK(plane.agent.tunnels.empty());
  }
  CHECK(plane.channel.refused.empty());
}

TEST_CASE("hosts by the thousand give way to a change of another tenant, and none is swept away") {
  constexpr uint32_t kHosts = 20'000;
  Plane plane;
  plane.sender.PutTenant(WithTunnel(TunnelKind::kVxlan, 1), 1);
  plane.sender.PutTenant(WithTunnel(TunnelKind::kGre, 2), 2);
  plane.Settle();
  std::vector<rib::RouteInput> hosts;
  for (uint32_t i = 0; i < kHosts; ++i) {
    hosts.push_back(Host(1, Address(i), "198.51.100.7", 0));
    hosts.back().next_hops[0].mac.bytes[1] = static_cast<uint8_t>(i >> 8);
    hosts.back().next_hops[0].mac.bytes[2] = static_cast<uint8_t>(i);
  }
  plane.Map(1, hosts);
  plane.sender.Pump();
  plane.channel.Work(64);
  CHECK(plane.agent.adjacencies.size() > 0);

  TenantObjects other = WithTunnel(TunnelKind::kGre, 2);
  other.routes.push_back(Connected(other, "10.40.0.0/30"));
  for (uint32_t i = 0; i < 100; ++i)
    other.routes.push_back({2,
                            net::Prefix(net::Ipv4Address{(18u << 24) + (i << 8)}, 24),
                            rib::Source::kStatic,
                            5,
                            20,
                            0,
                            {{A("10.40.0.2")}}});
  plane.sender.PutTenant(other, 3);
  size_t records = 0;
  while (plane.sender.Progress(2).acknowledged_revision != 3) {
    plane.sender.Pump();
    records += plane.channel.Work(64).size();
    plane.sender.TakeAnswers();
    REQUIRE(records < kHosts);
  }
  CHECK(records < 2 * Sender::kInFlightMax);
  CHECK(plane.agent.routes.size() < kHosts);
  plane.Settle();
  CHECK(plane.channel.refused.empty());
  CHECK(plane.agent.routes.size() == kHosts + 101);
  CHECK(plane.sender.Progress(1).acknowledged_revision == plane.revision);

  // Another life of control states them all before it ends the scope.
  FakeChannel next(plane.agent, 2);
  plane.sender.Attach(next, WithPort());
  while (!plane.sender.synced()) {
    plane.sender.Pump();
    next.Work(256);
    plane.sender.TakeAnswers();
    REQUIRE(plane.agent.routes.size() == kHosts + 101);
  }
  CHECK(next.refused.empty());
}

}  // namespace
}  // namespace sluice::programming
