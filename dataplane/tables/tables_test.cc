// The writes that concern several tables: what they refuse, and what workers
// see after them.
#include "dataplane/tables/tables.h"

#include <catch2/catch.hpp>

#include "dataplane/tables/counters.h"
#include "dataplane/tables/fib/fake_reclaimer.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

net::Address Ip(const char* text) {
  return *net::Address::Parse(text);
}
net::Prefix Net(const char* text) {
  return *net::Prefix::Parse(text);
}

struct Rig {
  fib::FakeReclaimer reclaimer;
  Tables tables{{.limits = {.vrfs = 4,
                            .interfaces = 4,
                            .addresses = 3,
                            .neighbors = 4,
                            .adjacencies = 8,
                            .next_hop_groups = 8,
                            .group_buckets = 256,
                            .policers = 4,
                            .ipv4_routes = 6,
                            .ipv4_routes_per_vrf = 4,
                            .ipv6_routes = 6,
                            .ipv6_routes_per_vrf = 4,
                            .fib_mib = 64},
                 .ports = 2},
                reclaimer};

  Adjacency Neighbor(bool live) {
    return {.kind = AdjacencyKind::kNeighbor,
            .interface = 1,
            .neighbor_mac = net::MacAddress{{2, 0, 0, 0, 0, 9}},
            .live = live};
  }
};

TEST_CASE("an interface is found by port and VLAN, with its VRF and flags") {
  Rig rig;
  REQUIRE(rig.tables.PutVrf({.id = 2}).ok());
  REQUIRE(rig.tables.PutInterface({.id = 1, .vrf = 2, .port = 1, .vlan = 10, .strict_urpf = true}).ok());
  const Subinterface found = rig.tables.subinterfaces.Find(1, 10);
  CHECK(found.interface() == 1);
  CHECK(found.vrf() == 2);
  CHECK(found.flags() == (kSubinterfaceUp | kSubinterfaceStrictUrpf));
  CHECK(rig.tables.subinterfaces.Find(0, 10).interface() == kNoInterface);

  CHECK(rig.tables.PutInterface({.id = 2, .vrf = 2, .port = 1, .vlan = 10}).reason() ==
        RefusalReason::kConflict);
  CHECK(rig.tables.PutInterface({.id = 2, .vrf = 3, .port = 1, .vlan = 11}).reason() ==
        RefusalReason::kNotFound);
  CHECK(rig.tables.PutInterface({.id = 5, .vrf = 2, .vlan = 11}).limit() == Limit::kInterfaces);
  CHECK(rig.tables.PutInterface({.id = 2, .vrf = 2, .port = 2}).reason() == RefusalReason::kOutOfRange);
  CHECK(rig.tables.PutInterface({.id = 2, .vrf = 2, .vlan = 4095}).reason() == RefusalReason::kOutOfRange);
  CHECK(rig.tables.RemoveVrf(2).reason() == RefusalReason::kInUse);

  SECTION("a moved interface leaves its old VLAN") {
    REQUIRE(rig.tables.PutInterface({.id = 1, .vrf = 2, .port = 1, .vlan = 11}).ok());
    CHECK(rig.tables.subinterfaces.Find(1, 10).interface() == kNoInterface);
    CHECK(rig.tables.subinterfaces.Find(1, 11).interface() == 1);
  }
  SECTION("a removed interface is nobody's VLAN") {
    REQUIRE(rig.tables.RemoveInterface(1).ok());
    CHECK(rig.tables.subinterfaces.Find(1, 10).interface() == kNoInterface);
    CHECK(rig.tables.RemoveVrf(2).ok());
  }
}

TEST_CASE("routes are counted against their limits by name") {
  Rig rig;
  REQUIRE(rig.tables.PutVrf({.id = 1}).ok());
  REQUIRE(rig.tables.PutAdjacency(1, {.kind = AdjacencyKind::kDrop}).ok());
  const GroupMember member{1};
  REQUIRE(rig.tables.groups.Put(1, std::span(&member, 1)).ok());
  for (const char* text : {"10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "192.168.0.0/24"})
    REQUIRE(rig.tables.AddRoute(1, Net(text), 1).ok());
  CHECK(rig.tables.AddRoute(1, Net("11.0.0.0/8"), 1).limit() == Limit::kIpv4RoutesPerVrf);
  CHECK(rig.tables.AddRoute(1, Net("10.0.0.0/8"), 1).ok());
  CHECK(rig.tables.AddRoute(0, Net("10.0.0.0/8"), 1).ok());
  CHECK(rig.tables.AddRoute(0, Net("11.0.0.0/8"), 1).ok());
  CHECK(rig.tables.AddRoute(0, Net("12.0.0.0/8"), 1).limit() == Limit::kIpv4Routes);
  CHECK(rig.tables.AddRoute(1, Net("2001:db8::/32"), 2).reason() == RefusalReason::kNotFound);
  CHECK(rig.tables.AddRoute(3, Net("10.0.0.0/8"), 1).reason() == RefusalReason::kNotFound);
  CHECK(rig.tables.groups.Remove(1).reason() == RefusalReason::kInUse);
  CHECK(rig.tables.RemoveAdjacency(1).reason() == RefusalReason::kInUse);

  // A removed VRF lets go of the groups its routes held.
  CHECK(rig.tables.RemoveVrf(1).ok());
  CHECK(rig.tables.RemoveRoute(0, Net("10.0.0.0/8")).ok());
  CHECK(rig.tables.RemoveRoute(0, Net("11.0.0.0/8")).ok());
  CHECK(rig.tables.groups.Remove(1).ok());
  CHECK(rig.tables.RemoveAdjacency(1).ok());
}

TEST_CASE("an address of ours is a host route that control cannot replace") {
  Rig rig;
  REQUIRE(rig.tables.AddLocalAddress(0, Ip("10.0.0.1")).ok());
  CHECK(rig.tables.FindRoute(0, Net("10.0.0.1/32")) == rig.tables.groups.local());
  CHECK(rig.tables.own_addresses.MayBeIpv4(0, 0x0a000001));
  CHECK(rig.tables.AddLocalAddress(0, Ip("10.0.0.1")).reason() == RefusalReason::kConflict);
  CHECK(rig.tables.AddRoute(0, Net("10.0.0.1/32"), rig.tables.groups.local()).reason() ==
        RefusalReason::kConflict);
  REQUIRE(rig.tables.AddLocalAddress(0, Ip("2001:db8::1")).ok());
  REQUIRE(rig.tables.AddLocalAddress(0, Ip("10.0.0.2")).ok());
  CHECK(rig.tables.AddLocalAddress(0, Ip("10.0.0.3")).limit() == Limit::kAddresses);
  REQUIRE(rig.tables.RemoveLocalAddress(0, Ip("10.0.0.1")).ok());
  CHECK(rig.tables.FindRoute(0, Net("10.0.0.1/32")) == kNoGroup);
  CHECK(rig.tables.RemoveLocalAddress(0, Ip("10.0.0.1")).reason() == RefusalReason::kNotFound);
}

TEST_CASE("a host route of control is not replaced by an address of ours") {
  Rig rig;
  REQUIRE(rig.tables.PutAdjacency(1, rig.Neighbor(true)).ok());
  const GroupMember member{1, 1};
  REQUIRE(rig.tables.groups.Put(1, {&member, 1}).ok());
  REQUIRE(rig.tables.AddRoute(0, Net("10.0.0.1/32"), 1).ok());
  CHECK(rig.tables.AddLocalAddress(0, Ip("10.0.0.1")).reason() == RefusalReason::kConflict);
  CHECK(rig.tables.FindRoute(0, Net("10.0.0.1/32")) == 1);
  CHECK_FALSE(rig.tables.own_addresses.Contains(0, Ip("10.0.0.1")));
  REQUIRE(rig.tables.RemoveRoute(0, Net("10.0.0.1/32")).ok());
  CHECK(rig.tables.AddLocalAddress(0, Ip("10.0.0.1")).ok());
}

TEST_CASE("flows of a dead next hop move at once, and the rest stay") {
  Rig rig;
  REQUIRE(rig.tables.PutAdjacency(1, rig.Neighbor(true)).ok());
  REQUIRE(rig.tables.PutAdjacency(2, rig.Neighbor(true)).ok());
  const GroupMember members[] = {{1}, {2}};
  REQUIRE(rig.tables.groups.Put(1, members).ok());
  const auto choose = [&](uint32_t hash) {
    return rig.tables.groups.Choose(rig.tables.groups.Load(1), hash);
  };
  int first = 0;
  for (uint32_t hash = 0; hash < 32; ++hash) first += choose(hash) == 1;
  CHECK(first == 16);

  REQUIRE(rig.tables.PutAdjacency(1, rig.Neighbor(false)).ok());
  for (uint32_t hash = 0; hash < 32; ++hash) CHECK(choose(hash) == 2);
  REQUIRE(rig.tables.PutAdjacency(1, rig.Neighbor(true)).ok());
  first = 0;
  for (uint32_t hash = 0; hash < 32; ++hash) first += choose(hash) == 1;
  CHECK(first >= 15);

  // A single member needs no buckets; they come back after the grace period.
  CHECK(rig.tables.groups.buckets().used() == 32);
  REQUIRE(rig.tables.groups.Put(1, std::span(members, 1)).ok());
  CHECK(choose(12345) == 1);
  rig.tables.Reclaim();
  CHECK(rig.tables.groups.buckets().used() == 0);
}

TEST_CASE("groups refuse members that do not exist, repeat or weigh nothing") {
  Rig rig;
  REQUIRE(rig.tables.PutAdjacency(1, rig.Neighbor(true)).ok());
  const GroupMember unknown[] = {{1}, {2}}, repeated[] = {{1}, {1}}, weightless[] = {{1, 0}};
  CHECK(rig.tables.groups.Put(1, unknown).reason() == RefusalReason::kNotFound);
  CHECK(rig.tables.groups.Put(1, repeated).reason() == RefusalReason::kConflict);
  CHECK(rig.tables.groups.Put(1, weightless).reason() == RefusalReason::kOutOfRange);
  CHECK(rig.tables.groups.Put(1, {}).reason() == RefusalReason::kOutOfRange);
  CHECK(rig.tables.groups.Put(100, std::span(unknown, 1)).limit() == Limit::kNextHopGroups);
}

TEST_CASE("neighbours are found by interface and address until they are removed") {
  Rig rig;
  NeighborTable& neighbors = rig.tables.neighbors;
  const NeighborKey v4 = NeighborKey::Of(1, Ip("10.0.0.9")), v6 = NeighborKey::Of(1, Ip("fe80::9"));
  REQUIRE(neighbors.Put(v4, 11).ok());
  REQUIRE(neighbors.Put(v6, 12).ok());
  CHECK(neighbors.Find(v4) == 11);
  CHECK(neighbors.Find(v6) == 12);
  CHECK(neighbors.Find(NeighborKey::Of(2, Ip("10.0.0.9"))) == kNoAdjacency);
  REQUIRE(neighbors.Put(v4, 13).ok());
  CHECK(neighbors.Find(v4) == 13);
  CHECK(neighbors.used() == 2);
  REQUIRE(neighbors.Put(NeighborKey::Of(2, Ip("10.0.0.1")), 14).ok());
  REQUIRE(neighbors.Put(NeighborKey::Of(2, Ip("10.0.0.2")), 15).ok());
  CHECK(neighbors.Put(NeighborKey::Of(2, Ip("10.0.0.3")), 16).limit() == Limit::kNeighbors);
  REQUIRE(neighbors.Remove(v4).ok());
  CHECK(neighbors.Find(v4) == kNoAdjacency);
  CHECK(neighbors.Remove(v4).reason() == RefusalReason::kNotFound);
}

TEST_CASE("removals are refused by name while readers hold up too many") {
  fib::FakeReclaimer reclaimer;
  reclaimer.hold = true;
  Tables tables({.limits = {.vrfs = 2,
                            .interfaces = 2,
                            .adjacencies = 2,
                            .next_hop_groups = 2,
                            .group_buckets = 64,
                            .policers = 2,
                            .fib_mib = 64,
                            .pending_removals = 2}},
                reclaimer);
  REQUIRE(tables.PutVrf({.id = 1}).ok());
  REQUIRE(tables.PutVrf({.id = 1}).ok());
  REQUIRE(tables.PutVrf({.id = 1}).ok());
  CHECK(tables.PutVrf({.id = 1}).limit() == Limit::kPendingRemovals);
  reclaimer.hold = false;
  CHECK(tables.PutVrf({.id = 1}).ok());
}

TEST_CASE("every drop reason has a name of its own") {
  for (const DropReasonName& a : kDropReasons)
    for (const DropReasonName& b : kDropReasons)
      if (a.reason != b.reason) CHECK(std::string(a.name) != b.name);
  CHECK(NameOf(DropReason::kUnknownVlan).name == std::string("unknown_vlan"));
}

}  // namespace
}  // namespace sluice::dataplane
