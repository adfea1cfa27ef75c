// Counters belong to objects, not to numbers: whose number they carry next starts
// at zero, and whoever is only stated again goes on.
#include "dataplane/agent/writer_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using channel::RecordType;

// Both workers count one packet of 100 bytes for everything of the tenant of
// StateTenant(), and of policer 7.
void CountEverything(Writer& writer) {
  for (const WorkerIndex worker : {0, 1}) {
    const CounterBlock block = writer.Worker(worker);
    block.Received(1, 100);
    block.Sent(1, 1, 100);
    block.Drop(1, DropReason::kNoRoute);
    Count(block.policer_dropped[7], 100);
  }
}

struct Read {
  uint64_t received, received_bytes, sent, adjacency, policed, drops;
  friend bool operator==(const Read&, const Read&) = default;
};
Read ReadEverything(const Writer& writer) {
  const channel::CounterReader& counters = writer.counters;
  return {counters.InterfaceRx(1).packets,    counters.InterfaceRx(1).bytes,
          counters.InterfaceTx(1).packets,    counters.AdjacencyTx(1).packets,
          counters.PolicerDropped(7).packets, counters.Drops(1, static_cast<uint32_t>(DropReason::kNoRoute))};
}
constexpr Read kTwice{2, 200, 2, 2, 2, 2};
constexpr Read kZero{};

void StateTenantWithPolicer(Writer& writer) {
  writer.StateTenant();
  writer.Take(PolicerIs(7, 1000));
}

void DeleteTenant(Writer& writer) {
  writer.Take(RouteTo(1, "10.1.0.0/16", 0, RecordType::kRouteDelete));
  writer.Take(RouteTo(1, "10.2.0.0/16", 0, RecordType::kRouteDelete));
  writer.Take(RouteTo(1, "10.3.0.0/16", 0, RecordType::kRouteDelete));
  for (const uint32_t group : {1, 2, 3}) writer.Take(Delete(RecordType::kNextHopGroupDelete, group));
  for (const uint32_t id : {1, 2}) writer.Take(Delete(RecordType::kAdjacencyDelete, id));
  for (const uint32_t id : {1, 2}) writer.Take(Delete(RecordType::kInterfaceDelete, id));
  writer.Take(Delete(RecordType::kPolicerDelete, 7));
  writer.Take(Delete(RecordType::kVrfDelete, 1));
}

TEST_CASE("an object that gets a used number counts from zero") {
  Writer writer;
  StateTenantWithPolicer(writer);
  CountEverything(writer);
  REQUIRE(ReadEverything(writer) == kTwice);

  SECTION("after a deletion") {
    DeleteTenant(writer);
  }
  SECTION("after a sweep") {
    writer.Reattach();
    writer.Take(BeginSync());
    writer.Take(EndOfSync());
    writer.SweepAll();
  }
  REQUIRE(writer.tables.interfaces.Find(1) == nullptr);
  // Control may read the number before the dataplane hears of its next owner.
  CHECK(writer.counters.InterfaceRx(1).packets == 0);
  CHECK(writer.counters.PolicerDropped(7).packets == 0);
  CHECK(writer.counters.Drops(1, static_cast<uint32_t>(DropReason::kNoRoute)) == 0);
  // A worker that still held the old objects, before its grace period ended.
  CountEverything(writer);
  StateTenantWithPolicer(writer);
  CHECK(ReadEverything(writer) == kZero);
  CountEverything(writer);
  CHECK(ReadEverything(writer) == kTwice);
}

TEST_CASE("an object that is stated again goes on counting") {
  Writer writer;
  StateTenantWithPolicer(writer);
  writer.Take(EndOfSync());
  writer.SweepAll();
  CountEverything(writer);

  writer.Reattach();
  StateTenantWithPolicer(writer);
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(ReadEverything(writer) == kTwice);

  // Nor does a change of its values make it another object.
  writer.Take(VrfIs(1, "10.9.9.8"));
  writer.Take(InterfaceIs(1, 1, 105));
  writer.Take(PolicerIs(7, 2000));
  CHECK(ReadEverything(writer) == kTwice);
}

TEST_CASE("a number that control states for another connection counts from zero") {
  Writer writer;
  StateTenantWithPolicer(writer);
  CountEverything(writer);
  writer.Reattach();
  writer.Take(BeginSync());
  writer.Take(VrfIs(1));
  writer.Take(Record(RecordType::kInterface, channel::InterfaceRecord{.interface = 1,
                                                                      .vrf = 1,
                                                                      .connection = 2,
                                                                      .vlan = 100,
                                                                      .mtu = 1500,
                                                                      .flags = channel::kInterfaceUp}));
  CHECK(writer.counters.InterfaceRx(1).packets == 0);
  CHECK(writer.counters.InterfaceTx(1).bytes == 0);
}

TEST_CASE("an adjacency that leads elsewhere, or to another learned neighbour, counts from zero") {
  Writer writer;
  writer.StateTenant();
  CountEverything(writer);
  writer.Take(AdjacencyTo(1, 1, "10.0.0.3"));
  CHECK(writer.counters.AdjacencyTx(1).packets == 0);

  writer.Learn(1, "10.0.0.77", "02:00:00:00:00:aa");
  const auto key = [](const char* address) { return NeighborKey::Of(1, *net::Address::Parse(address)); };
  const AdjacencyId learned = writer.tables.neighbors.Find(key("10.0.0.77"));
  Count(writer.Worker(0).adjacency_tx[learned], 100);
  CHECK(writer.counters.AdjacencyTx(learned).packets == 1);
  writer.Learn(1, "10.0.0.77", "02:00:00:00:00:ab");
  CHECK(writer.counters.AdjacencyTx(learned).packets == 1);
  writer.Lose(1, "10.0.0.77");
  writer.Pass(std::chrono::milliseconds(0));
  writer.Learn(1, "10.0.0.78", "02:00:00:00:00:ac");
  REQUIRE(writer.tables.neighbors.Find(key("10.0.0.78")) == learned);
  CHECK(writer.counters.AdjacencyTx(learned).packets == 0);
}

}  // namespace
}  // namespace sluice::dataplane
