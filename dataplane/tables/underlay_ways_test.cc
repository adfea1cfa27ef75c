// A worker's memory of the underlay never answers otherwise than the routes.
#include "dataplane/tables/underlay_ways.h"

#include <catch2/catch.hpp>

#include "dataplane/tables/fib/fake_reclaimer.h"
#include "dataplane/tables/tables.h"
#include "dataplane/tables/test_limits.h"

namespace sluice::dataplane {
namespace {

struct Underlay {
  Underlay() {
    for (uint32_t id = 1; id <= 2; ++id) {
      REQUIRE(tables.PutAdjacency(id, {.kind = AdjacencyKind::kDrop}).ok());
      const GroupMember member{id};
      REQUIRE(tables.groups.Put(id, std::span(&member, 1)).ok());
    }
  }
  void Route(const char* prefix, GroupId group) {
    REQUIRE(tables.AddRoute(0, *net::Prefix::Parse(prefix), group).ok());
  }
  NextHopGroupId Way(uint32_t far_end) {
    NextHopGroupId group = ~0u;
    ways.Find(tables.fib4, tables.underlay_generation.load(), &far_end, &group, 1);
    return group;
  }

  fib::FakeReclaimer reclaimer;
  Tables tables{{.limits = sluice::testing::kFewTenants}, reclaimer};
  UnderlayWays ways;
};

TEST_CASE("every change of the underlay's routes is seen by the next lookup") {
  Underlay underlay;
  constexpr uint32_t kFarEnd = 0xc6336402;  // 198.51.100.2
  CHECK(underlay.Way(kFarEnd) == kNoGroup);
  underlay.Route("198.51.100.0/24", 1);
  CHECK(underlay.Way(kFarEnd) == 1);
  underlay.Route("198.51.100.2/32", 2);
  CHECK(underlay.Way(kFarEnd) == 2);
  underlay.Route("198.51.100.2/32", 1);
  CHECK(underlay.Way(kFarEnd) == 1);
  REQUIRE(underlay.tables.RemoveRoute(0, *net::Prefix::Parse("198.51.100.2/32")).ok());
  REQUIRE(underlay.tables.RemoveRoute(0, *net::Prefix::Parse("198.51.100.0/24")).ok());
  CHECK(underlay.Way(kFarEnd) == kNoGroup);
  REQUIRE(underlay.tables.AddLocalAddress(0, *net::Address::Parse("198.51.100.2")).ok());
  CHECK(underlay.Way(kFarEnd) == underlay.tables.groups.local());
  REQUIRE(underlay.tables.RemoveLocalAddress(0, *net::Address::Parse("198.51.100.2")).ok());
  CHECK(underlay.Way(kFarEnd) == kNoGroup);
}

TEST_CASE("far ends that share a place in the memory get their own ways") {
  Underlay underlay;
  underlay.Route("10.0.0.0/8", 1);
  underlay.Route("10.128.0.0/9", 2);
  // Several for each place; twice, so that most replace another.
  for (int round = 0; round < 2; ++round)
    for (uint32_t begin = 0; begin < 1 << 24; begin += 1021 * 37) {
      uint32_t far_end[37];
      NextHopGroupId group[37];
      for (uint32_t i = 0; i < 37; ++i) far_end[i] = 0x0a000000 | ((begin + i * 1021) & 0xffffff);
      underlay.ways.Find(underlay.tables.fib4, underlay.tables.underlay_generation.load(), far_end, group,
                         37);
      for (unsigned i = 0; i < 37; ++i) REQUIRE(group[i] == ((far_end[i] & 0x800000) != 0 ? 2u : 1u));
    }
}

}  // namespace
}  // namespace sluice::dataplane
