// Adjacencies: what a worker reads is one consistent state, also while the
// agent changes the entry (meaningful under the thread sanitizer).
#include "dataplane/tables/adjacency_table.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

#include "dataplane/tables/fib/fake_reclaimer.h"

namespace sluice::dataplane {
namespace {

net::MacAddress Mac(uint8_t last) {
  return {{2, 0, 0, 0, 0, last}};
}

Adjacency Neighbor(uint8_t mark) {
  return {.kind = AdjacencyKind::kNeighbor,
          .interface = mark,
          .port = mark,
          .vlan = mark,
          .mtu = static_cast<uint16_t>(1000 + mark),
          .source_mac = Mac(mark),
          .neighbor_mac = Mac(mark),
          .live = true};
}

TEST_CASE("an adjacency carries its rewrite and where it leads in one snapshot") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 16);
  AdjacencyTable table({.neighbors = 2, .adjacencies = 4}, retirement);
  Adjacency wanted = Neighbor(7);
  wanted.policer_out = 300;
  REQUIRE(table.Put(1, wanted).ok());

  const AdjacencySnapshot got = table.Load(1);
  CHECK(got.sendable());
  CHECK(got.port() == 7);
  CHECK(got.interface() == 7);
  CHECK(got.mtu() == 1007);
  CHECK(got.policer_out() == 300);
  CHECK(got.tagged());
  const uint8_t rewrite[16] = {2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 7, 0x81, 0, 0, 7};
  CHECK(std::memcmp(got.Rewrite(), rewrite, sizeof rewrite) == 0);
  CHECK(table.Load(kNoAdjacency).none());
  CHECK(table.Load(2).none());
  CHECK(table.Load(table.local()).kind() == AdjacencyKind::kLocal);

  wanted.neighbor_mac.reset();
  wanted.resolvable = true;
  REQUIRE(table.Put(1, wanted).ok());
  CHECK_FALSE(table.Load(1).sendable());
  CHECK(table.Load(1).resolvable());
  REQUIRE(table.Remove(1).ok());
  CHECK(table.Load(1).none());
  CHECK(table.Remove(1).reason() == channel::RefusalReason::kNotFound);
  CHECK(table.Put(1000, wanted).limit() == channel::Limit::kAdjacencies);
}

TEST_CASE("ids of learned neighbours run out by number and come back after a grace period") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 16);
  AdjacencyTable table({.neighbors = 2, .adjacencies = 4}, retirement);
  const AdjacencyId first = table.Allocate(), second = table.Allocate();
  CHECK(first > table.local());
  CHECK(second != first);
  REQUIRE(table.Allocate() == kNoAdjacency);
  reclaimer.hold = true;
  table.Release(first);
  CHECK(table.Allocate() == kNoAdjacency);
  reclaimer.hold = false;
  CHECK(table.Allocate() == first);
}

TEST_CASE("a reader never sees half of a change") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 16);
  AdjacencyTable table({.neighbors = 2, .adjacencies = 4}, retirement);
  REQUIRE(table.Put(1, Neighbor(1)).ok());
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 50'000; ++i)
      static_cast<void>(table.Put(1, Neighbor(static_cast<uint8_t>(1 + i % 200))).ok());
    done = true;
  });
  uint64_t torn = 0;
  while (!done) {
    const AdjacencySnapshot got = table.Load(1);
    uint8_t rewrite[16];
    std::memcpy(rewrite, got.Rewrite(), sizeof rewrite);
    const uint8_t mark = rewrite[5];
    torn += rewrite[11] != mark || rewrite[15] != mark || got.port() != mark || got.interface() != mark;
  }
  writer.join();
  CHECK(torn == 0);
}

TEST_CASE("the short form of an adjacency is there for ordinary tunnels over IPv4 only") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 16);
  AdjacencyTable table({.neighbors = 1, .adjacencies = 4}, retirement);
  const Adjacency ordinary{.kind = AdjacencyKind::kTunnel,
                           .interface = 0x1234,
                           .next_hop = *net::Address::Parse("198.51.100.2"),
                           .remote = 7,
                           .mtu = 1400,
                           .neighbor_mac = *net::MacAddress::Parse("02:00:5e:00:53:99"),
                           .live = true};
  REQUIRE(table.Put(1, ordinary).ok());
  const TunnelWay way = table.reader().LoadWay(1);
  CHECK(way.usable());
  CHECK(way.interface() == 0x1234);
  CHECK(way.mtu() == 1400);
  CHECK((way.hop_first() & 0xffffffffffff) == 0x9953'005e'0002);
  CHECK(way.hop_second() == 0x026433c6);

  std::vector<Adjacency> others(4, ordinary);
  others[0].live = false;
  others[1].policer_out = 3;
  others[2].next_hop = *net::Address::Parse("2001:db8::1");
  others[3].kind = AdjacencyKind::kNeighbor;
  for (const Adjacency& other : others) {
    REQUIRE(table.Put(1, ordinary).ok());
    REQUIRE(table.Put(1, other).ok());
    CHECK_FALSE(table.reader().LoadWay(1).usable());
  }
  REQUIRE(table.Put(1, ordinary).ok());
  REQUIRE(table.Remove(1).ok());
  CHECK_FALSE(table.reader().LoadWay(1).usable());
}

}  // namespace
}  // namespace sluice::dataplane
