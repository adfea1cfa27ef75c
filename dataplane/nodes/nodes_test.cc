// The decisions of nodes, without packets: pure functions over a few facts.
#include <catch2/catch.hpp>

#include "dataplane/nodes/classify.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/tables/fib/fake_reclaimer.h"

namespace sluice::dataplane {
namespace {

TEST_CASE("classify says where a frame goes") {
  using classify::Decide;
  using classify::Station;
  using classify::Verdict;
  const Subinterface up(1, 1, kSubinterfaceUp, 1500), down(1, 1, 0, 1500), nobody;
  struct Row {
    uint16_t ether_type;
    Station to;
    Subinterface subinterface;
    Verdict verdict;
    bool ipv6_multicast = false;
  };
  const Row rows[] = {
      {kEtherTypeIpv4, Station::kUs, up, {classify::kIp4Forward, DropReason::kNone}},
      {kEtherTypeIpv6, Station::kUs, up, {classify::kIp6Forward, DropReason::kNone}},
      {kEtherTypeIpv6, Station::kGroup, up, {classify::kIp6Forward, DropReason::kNone}, true},
      {kEtherTypeIpv6, Station::kUs, up, {classify::kIp6Forward, DropReason::kNone}, true},
      {kEtherTypeIpv6, Station::kGroup, up, {classify::kDrop, DropReason::kL2Multicast}},
      {kEtherTypeArp, Station::kGroup, up, {classify::kPunt, DropReason::kNone}},
      {kEtherTypeArp, Station::kUs, up, {classify::kPunt, DropReason::kNone}},
      {kEtherTypeIpv4, Station::kGroup, up, {classify::kDrop, DropReason::kL2Multicast}},
      {kEtherTypeIpv4, Station::kOther, up, {classify::kDrop, DropReason::kNotOurMac}},
      {kEtherTypeIpv4, Station::kUs, down, {classify::kDrop, DropReason::kInterfaceDown}},
      {kEtherTypeIpv4, Station::kUs, nobody, {classify::kDrop, DropReason::kUnknownVlan}},
      {0x88cc, Station::kUs, up, {classify::kDrop, DropReason::kUnknownEtherType}},
      {0, Station::kUs, up, {classify::kDrop, DropReason::kTruncated}},
  };
  for (const Row& row : rows)
    CHECK(Decide(row.ether_type, row.to, row.subinterface, row.ipv6_multicast) == row.verdict);
}

TEST_CASE("a quick look at the tag finds nothing odd only about a frame for us") {
  uint8_t frame[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x20, 10, 8, 0};
  const uint64_t own = MacBits(frame);
  CHECK(classify::PeekTag(frame, own).oddities == 0);
  CHECK(classify::PeekTag(frame, own).vlan == 10);
  CHECK(classify::PeekTag(frame, own).ether_type == kEtherTypeIpv4);
  CHECK(classify::PeekTag(frame, own ^ 1).oddities != 0);
  CHECK(classify::PeekTag(frame, own ^ uint64_t{1} << 47).oddities != 0);
  frame[12] = 0x88;
  frame[13] = 0xa8;
  CHECK(classify::PeekTag(frame, own).oddities != 0);
  CHECK(classify::Oddities(Subinterface(1, 1, kSubinterfaceUp, 1500)) == 0);
  CHECK(classify::Oddities(Subinterface(1, 1, 0, 1500)) != 0);
  CHECK(classify::Oddities(Subinterface(1, 1, kSubinterfaceUp | kSubinterfacePolicerIn, 1500)) != 0);
}

TEST_CASE("an adjacency means for a packet what a router finds out first") {
  using forward::Decide;
  using forward::Fate;
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 16);
  AdjacencyTable table({.neighbors = 1, .adjacencies = 8}, retirement);
  const net::MacAddress mac{{2, 0, 0, 0, 0, 1}};
  const Adjacency live{.kind = AdjacencyKind::kNeighbor, .interface = 1, .neighbor_mac = mac, .live = true};
  REQUIRE(table.Put(1, live).ok());
  REQUIRE(table.Put(2, {.kind = AdjacencyKind::kNeighbor, .interface = 1, .resolvable = true}).ok());
  REQUIRE(table.Put(3, {.kind = AdjacencyKind::kNeighbor, .interface = 1}).ok());
  REQUIRE(table.Put(4, {.kind = AdjacencyKind::kGlean, .interface = 1, .live = true}).ok());
  REQUIRE(table.Put(5, {.kind = AdjacencyKind::kDrop}).ok());
  struct Row {
    AdjacencyId adjacency;
    forward::Passenger packet;  // bytes, hops, from us, may be fragmented
    Fate fate;
  };
  const Row rows[] = {
      {1, {1500, 64, false, false}, Fate::kSend},
      {1, {1501, 64, false, false}, Fate::kTooBig},
      {1, {1501, 64, false, true}, Fate::kFragment},
      {1, {1500, 1, false, true}, Fate::kHopsExceeded},
      {1, {1500, 0, false, true}, Fate::kHopsExceeded},
      {1, {1500, 1, true, true}, Fate::kSend},
      {1, {9000, 1, false, true}, Fate::kHopsExceeded},
      {2, {100, 64, false, true}, Fate::kUnresolved},
      {2, {1501, 64, false, false}, Fate::kTooBig},
      {3, {100, 64, false, true}, Fate::kNextHopDown},
      {4, {100, 64, false, true}, Fate::kGlean},
      {4, {100, 1, false, true}, Fate::kHopsExceeded},
      {5, {100, 1, false, true}, Fate::kBlackhole},
      {table.local(), {9000, 1, false, false}, Fate::kLocal},
      {kNoAdjacency, {100, 1, false, true}, Fate::kNoRoute},
  };
  for (const Row& row : rows) {
    INFO("adjacency " << row.adjacency << ", " << row.packet.ip_bytes << " bytes, TTL "
                      << int{row.packet.hops});
    CHECK(Decide(table.Load(row.adjacency), row.packet) == row.fate);
  }
}

}  // namespace
}  // namespace sluice::dataplane
