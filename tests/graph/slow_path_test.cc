// The seam to the slow path: what is punted and how, and what is injected.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;
using dataplane::DropReason;
using dataplane::InjectKind;
using dataplane::PacketMetadata;
using dataplane::PuntClass;

TEST_CASE("ARP is punted as a whole frame") {
  TenantPair tenant;
  const Bytes frame = Packet()
                          .Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost)
                          .Vlan(10)
                          .EtherType(0x0806)
                          .Transport(0, Bytes(28, 1))
                          .frame();
  tenant.Push(0, frame);
  tenant.Settle();
  const auto punted = tenant.TakePunted();
  REQUIRE(punted.size() == 1);
  CHECK(punted[0].meta.punt_class == PuntClass::kArp);
  CHECK(punted[0].meta.interface == 1);
  CHECK(punted[0].meta.vrf == 1);
  CHECK(punted[0].bytes == frame);
}

TEST_CASE("neighbour discovery is punted only when it cannot have crossed a router") {
  TenantPair tenant;
  const auto solicitation = [&](uint8_t hop_limit) {
    return Packet()
        .Ethernet(Mac("33:33:ff:00:00:fe"), kHost)
        .Vlan(10)
        .Ipv6({.source = "fe80::1", .destination = "ff02::1:ff00:fe", .hop_limit = hop_limit})
        .Icmp(135, 0, 0, Bytes(16))
        .frame();
  };
  tenant.Push(0, solicitation(255));
  tenant.Push(0, solicitation(254));
  tenant.Settle();
  const auto punted = tenant.TakePunted();
  REQUIRE(punted.size() == 1);
  CHECK(punted[0].meta.punt_class == PuntClass::kNeighborDiscovery);
  CHECK(punted[0].meta.interface == 1);
  CHECK(tenant.Drops(1, DropReason::kLocalMalformed) == 1);
}

TEST_CASE("a packet to an unresolved neighbour is punted with whom to resolve") {
  TenantPair tenant;
  tenant.AddAdjacency(6, AdjacencyKind::kGlean, 2);
  tenant.AddRoute(1, "10.9.0.0/24", 6);
  tenant.AddRoute(1, "2001:db8:9::/64", 6);
  SECTION("on a connected prefix, until it is resolved") {
    const Packet in = tenant.In().Ipv4({.destination = "10.9.0.7"}).Udp(1, 2);
    tenant.Push(0, in.frame());
    tenant.Settle();
    const auto punted = tenant.TakePunted();
    REQUIRE(punted.size() == 1);
    CHECK(punted[0].meta.punt_class == PuntClass::kUnresolved);
    CHECK(punted[0].meta.egress_interface == 2);
    CHECK(Bytes(punted[0].meta.next_hop, punted[0].meta.next_hop + 4) == Bytes{10, 9, 0, 7});
    CHECK(punted[0].bytes == tenant.In().Ipv4({.destination = "10.9.0.7", .ttl = 63}).Udp(1, 2).ip());

    tenant.AddNeighbor(2, "10.9.0.7", kRouter);
    tenant.Push(0, in.frame());
    tenant.Settle();
    const auto sent = tenant.Sent(1);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Out().Ipv4({.destination = "10.9.0.7", .ttl = 63}).Udp(1, 2).frame());
  }
  SECTION("behind a next hop") {
    auto unresolved = tenant.OnInterface(AdjacencyKind::kNeighbor, 2);
    unresolved.next_hop = Ip("2001:db8:9::1");
    unresolved.live = false;
    REQUIRE(tenant.tables().PutAdjacency(1, unresolved).ok());
    tenant.Push(0, tenant.In().Ipv6({}).Udp(1, 2).frame());
    tenant.Settle();
    const auto punted = tenant.TakePunted();
    REQUIRE(punted.size() == 1);
    CHECK(punted[0].meta.egress_interface == 2);
    CHECK(net::Ipv6Address::FromBytes(punted[0].meta.next_hop) == Ip("2001:db8:9::1").v6());
  }
  SECTION("but nobody resolves a directed broadcast") {
    tenant.Push(0, tenant.In().Ipv4({.destination = "10.9.0.255"}).Udp(1, 2).frame());
    tenant.Settle();
    CHECK(tenant.TakePunted().empty());
    CHECK(tenant.Drops(1, DropReason::kMartianDestination) == 1);
  }
}

TEST_CASE("TCP port 179 to us is punted once control speaks BGP in the VRF, all other TCP is a drop") {
  TenantPair tenant;
  const auto four = [&](uint16_t source, uint16_t destination) {
    return tenant.In().Ipv4({.destination = "10.1.0.254", .ttl = 1}).Tcp(source, destination).frame();
  };
  const auto six = [&](uint16_t source, uint16_t destination) {
    return tenant.In()
        .Ipv6({.destination = "2001:db8:1::fe", .hop_limit = 1})
        .Tcp(source, destination)
        .frame();
  };
  SECTION("not before") {
    for (const Bytes& frame : {four(1000, 179), six(1000, 179)}) tenant.Push(0, frame);
    tenant.Settle();
    CHECK(tenant.TakePunted().empty());
    CHECK(tenant.Drops(1, DropReason::kTcpUnwanted) == 2);
  }
  SECTION("from then on, whoever connected") {
    REQUIRE(tenant.tables().PutVrf({.id = 1, .punt_bgp = true}).ok());
    const Bytes bgp[] = {four(1000, 179), four(179, 1000), six(1000, 179), six(179, 1000)};
    const Bytes other[] = {four(1000, 22), four(1000, 443), six(1000, 22)};
    for (const Bytes& frame : bgp) tenant.Push(0, frame);
    for (const Bytes& frame : other) tenant.Push(0, frame);
    // Without room for the ports and the rest of a TCP header.
    tenant.Push(0, tenant.In().Ipv4({.destination = "10.1.0.254"}).Transport(6, Bytes(19)).frame());
    tenant.Settle();
    const auto punted = tenant.TakePunted();
    REQUIRE(punted.size() == 4);
    for (const auto& packet : punted) CHECK(packet.meta.punt_class == PuntClass::kLocal);
    CHECK(punted[0].bytes[8] == 1);  // the TTL is kept for GTSM
    CHECK(tenant.Drops(1, DropReason::kTcpUnwanted) == 3);
    CHECK(tenant.Drops(1, DropReason::kLocalMalformed) == 1);
    CHECK(tenant.Sent(0).empty());  // no resets
  }
}

TEST_CASE("a full punt ring is a counted drop") {
  TenantPair tenant({.punt_depth = 4});
  for (int i = 0; i < 10; ++i)
    tenant.Push(0, Packet()
                       .Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost)
                       .Vlan(10)
                       .EtherType(0x0806)
                       .Transport(0, Bytes(28))
                       .frame());
  tenant.Settle();
  const size_t punted = tenant.TakePunted().size();
  CHECK(punted == 3);
  CHECK(tenant.Drops(1, DropReason::kPuntQueueFull) == 10 - punted);
}

TEST_CASE("one tenant's flood leaves the way to the slow path to other tenants and classes") {
  HarnessOptions options{.punt_depth = 128};
  for (dataplane::PuntRate& rate : options.punt) rate = {1, 48};
  TenantPair tenant(options);
  tenant.AddVrf(2);
  tenant.AddInterface({.id = 3, .vrf = 2, .port = 0, .vlan = 30, .mtu = 1500}, {"10.1.0.254/24"});
  REQUIRE(tenant.tables().PutVrf({.id = 1, .punt_bgp = true}).ok());
  tenant.AddAdjacency(6, AdjacencyKind::kGlean, 2);
  tenant.AddRoute(1, "10.9.0.0/24", 6);
  const auto arp = [](uint16_t vlan) {
    return Packet()
        .Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost)
        .Vlan(vlan)
        .EtherType(0x0806)
        .Transport(0, Bytes(28))
        .frame();
  };
  for (int i = 0; i < 1000; ++i) tenant.Push(0, arp(10));
  tenant.Settle();
  tenant.Push(0, arp(30));
  tenant.Push(0, tenant.In().Ipv4({.destination = "10.9.0.7"}).Udp(1, 2).frame());
  tenant.Push(0, tenant.In().Ipv4({.destination = "10.1.0.254"}).Tcp(1000, 179).frame());
  tenant.Settle();
  std::map<std::pair<int, PuntClass>, int> punted;
  for (const auto& packet : tenant.TakePunted()) ++punted[{packet.meta.vrf, packet.meta.punt_class}];
  CHECK(punted == std::map<std::pair<int, PuntClass>, int>{{{1, PuntClass::kArp}, 48},
                                                           {{2, PuntClass::kArp}, 1},
                                                           {{1, PuntClass::kUnresolved}, 1},
                                                           {{1, PuntClass::kLocal}, 1}});
  CHECK(tenant.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 punt_rate_limited", 952}});
  CHECK(tenant.tables().punt_budgets.refused(dataplane::BudgetClass::kArp) == 952);
}

TEST_CASE("a queue that other tenants and classes filled is not that of control's sessions") {
  TenantPair tenant({.punt_depth = 4});
  REQUIRE(tenant.tables().PutVrf({.id = 1, .punt_bgp = true}).ok());
  // What is cited of a packet to nowhere is an error about us; nobody asked for it.
  const Bytes cited = Packet().Ipv4({.source = "10.1.0.254"}).Tcp(1, 2).ip();
  for (int i = 0; i < 10; ++i)
    tenant.Push(0, tenant.In().Ipv4({.destination = "10.1.0.254"}).Icmp(3, 1, 0, cited).frame());
  tenant.Push(0, tenant.In().Ipv4({.destination = "10.1.0.254"}).Tcp(1000, 179).frame());
  tenant.Settle();
  const auto punted = tenant.TakePunted();
  REQUIRE(punted.size() == 4);
  CHECK(punted[0].bytes[9] == 6);
  CHECK(tenant.Drops(1, DropReason::kPuntQueueFull) == 7);
}

TEST_CASE("injected packets leave as their kind says") {
  TenantPair tenant;
  PacketMetadata meta{};
  meta.vrf = 1;
  SECTION("a raw frame on its port") {
    meta.inject_kind = InjectKind::kRawL2;
    meta.egress_port = tenant.port(1).id();
    const Bytes frame = tenant.Out().EtherType(0x0806).Transport(0, Bytes(28, 3)).frame();
    tenant.Inject(meta, frame);
    tenant.Settle();
    CHECK(tenant.Sent(1) == std::vector<Bytes>{frame});
  }
  SECTION("a packet of ours by its route, without a hop") {
    meta.inject_kind = InjectKind::kForward;
    tenant.Inject(meta, Packet().Ipv4({.source = "10.9.0.254", .ttl = 1}).Tcp(179, 1000).ip());
    tenant.Settle();
    const auto sent = tenant.Sent(1);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Out().Ipv4({.source = "10.9.0.254", .ttl = 1}).Tcp(179, 1000).frame());
  }
  SECTION("a held packet through its adjacency") {
    meta.inject_kind = InjectKind::kAdjacency;
    meta.adjacency = 1;
    meta.egress_interface = 2;
    tenant.Inject(meta, Packet().Ipv6({.hop_limit = 9}).Udp(1, 2).ip());
    tenant.Settle();
    const auto sent = tenant.Sent(1);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Out().Ipv6({.hop_limit = 9}).Udp(1, 2).frame());
  }
  SECTION("a held packet never leaves through an id that passed to another interface") {
    meta.inject_kind = InjectKind::kAdjacency;
    meta.adjacency = 1;
    meta.egress_interface = 1;
    tenant.Inject(meta, Packet().Ipv4({}).Udp(1, 2).ip());
    tenant.Settle();
    CHECK(tenant.Sent(1).empty());
    CHECK(tenant.Drops(1, DropReason::kNeighborUnresolved) == 1);
  }
  SECTION("nonsense is a counted drop") {
    meta.inject_kind = InjectKind::kForward;
    tenant.Inject(meta, Bytes(40, 0));
    meta.inject_kind = InjectKind::kAdjacency;
    meta.adjacency = 1u << 30;
    tenant.Inject(meta, Packet().Ipv4({}).Udp(1, 2).ip());
    tenant.Settle();
    CHECK(tenant.Drops(1, DropReason::kInjectInvalid) == 2);
  }
  SECTION("a VRF that cannot be is not the underlay") {
    tenant.AddNextHop(9, 2, kRouter);
    tenant.AddRoute(0, "10.2.0.0/16", 9);
    meta.vrf = 60000;
    meta.inject_kind = InjectKind::kForward;
    tenant.Inject(meta, Packet().Ipv4({}).Udp(1, 2).ip());
    tenant.Settle();
    CHECK(tenant.Sent(1).empty());
    CHECK(tenant.AllDrops() == std::map<std::string, uint64_t>{{"vrf 0 inject_invalid", 1}});
  }
}

TEST_CASE("a packet whose neighbour never answered comes back as host unreachable") {
  TenantPair tenant;
  dataplane::PacketMetadata meta{};
  meta.vrf = 1;
  meta.interface = 1;
  meta.inject_kind = dataplane::InjectKind::kUnreachable;
  const Packet v4 = tenant.In().Ipv4({}).Udp(1, 2), v6 = tenant.In().Ipv6({}).Udp(1, 2);
  for (const Packet* in : {&v4, &v6}) {
    tenant.Inject(meta, in->ip());
    tenant.Settle();
    const auto sent = tenant.Sent(0);
    REQUIRE(sent.size() == 1);
    if (in == &v6) {
      CheckSameFrame(sent[0], tenant.Back()
                                  .Ipv6({.source = "2001:db8:1::fe", .destination = "2001:db8:1::1"})
                                  .Icmp(1, 3, 0, in->ip())
                                  .frame());
      continue;
    }
    const auto id = static_cast<uint16_t>(std::stoi(Dissect(sent[0]).at("ip.identification")));
    CheckSameFrame(
        sent[0],
        tenant.Back()
            .Ipv4({.source = "10.1.0.254", .destination = "10.1.0.1", .tos = 0xc0, .identification = id})
            .Icmp(3, 1, 0, in->ip())
            .frame());
  }
  CHECK(tenant.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 neighbor_unresolved", 2}});

  // Ours came from nobody whom we could tell.
  meta.flags = dataplane::kPacketFromUs;
  tenant.Inject(meta, v4.ip());
  tenant.Settle();
  CHECK(tenant.Sent(0).empty());
  CHECK(tenant.Drops(1, DropReason::kNeighborUnresolved) == 3);
}

TEST_CASE("flows spread over a group by weight and stay where they are when a member dies") {
  TenantPair tenant;
  for (uint32_t id : {11u, 12u, 13u}) tenant.AddNextHop(id, 2, {{2, 0, 0, 0, 1, static_cast<uint8_t>(id)}});
  const dataplane::GroupMember members[] = {{11, 1}, {12, 1}, {13, 2}};
  REQUIRE(tenant.tables().groups.Put(20, members).ok());
  tenant.AddRoute(1, "10.20.0.0/16", 20);
  const auto spread = [&] {
    std::map<uint16_t, std::string> by_flow;
    for (uint16_t flow = 0; flow < 512; ++flow) {
      tenant.Push(0, tenant.In().Ipv4({.destination = "10.20.0.1"}).Udp(flow, 53).frame());
      tenant.Settle();
      const auto sent = tenant.Sent(1);
      REQUIRE(sent.size() == 1);
      by_flow[flow] = Dissect(sent[0]).at("eth.destination");
    }
    return by_flow;
  };
  const auto before = spread();
  std::map<std::string, int> shares;
  for (const auto& [flow, mac] : before) ++shares[mac];
  CHECK(shares.size() == 3);
  CHECK(shares["02:00:00:00:01:0d"] > 200);
  CHECK(shares["02:00:00:00:01:0b"] > 80);

  auto dead = tenant.OnInterface(AdjacencyKind::kNeighbor, 2);
  dead.live = false;
  REQUIRE(tenant.tables().PutAdjacency(12, dead).ok());
  const auto after = spread();
  for (const auto& [flow, mac] : before) {
    if (mac != "02:00:00:00:01:0c") CHECK(after.at(flow) == mac);
    CHECK(after.at(flow) != "02:00:00:00:01:0c");
  }
}

}  // namespace
}  // namespace sluice::testing
