// SAs on several workers: each has one owner, packets find it, and it may change under traffic.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "tests/graph/esp_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;

// The sequence number of an ESP packet over IPv4 in a tagged frame.
uint32_t SequenceOf(const Bytes& frame) {
  return static_cast<uint32_t>(frame.at(42)) << 24 | static_cast<uint32_t>(frame.at(43)) << 16 |
         static_cast<uint32_t>(frame.at(44)) << 8 | frame.at(45);
}

Bytes FromHost(EspGateway& graph) {
  Packet frame = graph.In();
  return ToFar(frame, true).frame();
}

void FinishMove(EspGateway& graph, uint8_t slot) {
  while (graph.tables().slots.OwnerOf(slot).moving()) {
    graph.tables().Reclaim();
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("packets keep their order through an owner that did not receive them") {
  const auto workers = GENERATE(as<uint16_t>{}, 2, 4);
  EspGateway graph({}, {.workers = workers});
  const uint16_t other = graph.tables().slots.OwnerOf(kEspSlot).worker() == 0 ? 1 : 0;
  for (uint64_t sequence = 1; sequence <= 20; ++sequence) {
    graph.Push(0, FromHost(graph), other);
    graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(true, 64, sequence).ip(), sequence)), other);
  }
  graph.Settle();
  const auto into = graph.Sent(1), out_of = graph.Sent(0);
  REQUIRE(into.size() == 20);
  REQUIRE(out_of.size() == 20);
  for (uint32_t i = 0; i < 20; ++i) {
    CHECK(SequenceOf(into[i]) == i + 1);
    CHECK(out_of[i].size() == out_of[0].size() + i);
  }
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("an SA above its budget loses its own packets, which it counts, and others get through") {
  EspGateway graph({}, {.workers = 2});
  const uint8_t slot = 7;
  SaDescription other = graph.InboundSa();
  other.id = 9;
  other.spi = 0x01000001u | uint32_t{slot} << 16;
  graph.Install(other, graph.in);
  for (const uint8_t each : {kEspSlot, slot}) {
    REQUIRE(graph.tables().slots.Move(each, 1).ok());
    FinishMove(graph, each);
  }
  const Bytes inner = InnerFromFar(true).ip();
  dataplane::Worker& receiver = graph.worker(0);
  receiver.Enter();
  // A quarter of the ring is 64.
  for (uint64_t sequence = 1; sequence <= 96; ++sequence)
    graph.Push(1, graph.Arriving(graph.Sealed(inner, sequence)), 0);
  while (receiver.WalkOnce() != 0) continue;
  graph.Push(1, graph.Arriving(graph.in.Seal(other.spi, 1, graph.in.Iv(1), graph.Plaintext(inner, 4))), 0);
  while (receiver.WalkOnce() != 0) continue;
  receiver.Leave();
  CHECK(graph.Drops(1, DropReason::kEspQueueFull) == 32);
  CHECK(graph.tables().sas.LostBetweenWorkers(kSaIn) == 32);
  CHECK(graph.tables().sas.LostBetweenWorkers(9) == 0);
  graph.Settle();
  CHECK(graph.Sent(0).size() == 65);
  CHECK(graph.inbound(9).usage.packets == 1);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("packets of a slot wait while it moves, and none is lost") {
  EspGateway graph({}, {.workers = 2});
  const uint16_t before = graph.tables().slots.OwnerOf(kEspSlot).worker();
  REQUIRE(graph.tables().slots.Move(kEspSlot, before == 0 ? 1 : 0).ok());
  for (const uint16_t queue : {0, 1}) {
    graph.Push(0, FromHost(graph), queue);
    graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(true).ip(), queue + 1u)), queue);
  }
  graph.Settle();
  CHECK(graph.Sent(0).empty());
  CHECK(graph.Sent(1).empty());
  CHECK(graph.AllDrops().empty());
  FinishMove(graph, kEspSlot);
  graph.Settle();
  CHECK(graph.Sent(0).size() == 2);
  CHECK(graph.Sent(1).size() == 2);
  CHECK(graph.AllDrops().empty());
}

TEST_CASE("packets of a tenant that went while they waited are nobody's") {
  EspGateway graph({}, {.workers = 2});
  const uint16_t before = graph.tables().slots.OwnerOf(kEspSlot).worker();
  REQUIRE(graph.tables().slots.Move(kEspSlot, before == 0 ? 1 : 0).ok());
  graph.Push(0, FromHost(graph), 0);
  graph.Settle();
  dataplane::Tables& tables = graph.tables();
  REQUIRE(tables.sas.PutPolicies(4, {}).ok());
  REQUIRE(tables.sas.Remove(kSaIn).ok());
  REQUIRE(tables.sas.Remove(kSaOut).ok());
  REQUIRE(tables.RemoveTunnel(4).ok());
  FinishMove(graph, kEspSlot);
  graph.Settle();
  CHECK(graph.Drops(1, DropReason::kNextHopDown) == 1);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("owners change under traffic: no number is used twice, no packet is late") {
  const auto workers = GENERATE(as<uint16_t>{}, 2, 4);
  EspGateway graph({.window = 32}, {.workers = workers});
  std::mt19937 random(workers);
  std::set<uint32_t> numbers;
  size_t received = 0, sent = 0;
  uint64_t sequence = 0;
  graph.StartWorkers();
  for (int round = 0; round < 200; ++round) {
    // One queue a round: what spreads one SA's packets over queues reorders them itself.
    const auto queue = static_cast<uint16_t>(random() % workers);
    const auto owner = static_cast<uint16_t>(random() % workers);
    for (int i = 0; i < 24; ++i) {
      graph.Push(0, FromHost(graph), queue);
      graph.Push(1, graph.Arriving(graph.Sealed(InnerFromFar(true).ip(), ++sequence)), queue);
      ++sent;
      if (i == 12) REQUIRE(graph.tables().slots.Move(kEspSlot, owner).ok());
    }
    FinishMove(graph, kEspSlot);
    graph.Settle();
    for (const Bytes& frame : graph.Sent(1)) CHECK(numbers.insert(SequenceOf(frame)).second);
    received += graph.Sent(0).size();
  }
  graph.StopWorkers();
  CHECK(received == sent);
  CHECK(numbers.size() == sent);
  CHECK(*numbers.rbegin() == sent);
  CHECK(graph.AllDrops().empty());
  CHECK(graph.inbound().usage.packets == sent);
  CHECK(graph.outbound().usage.packets == sent);
}

}  // namespace sluice::testing
