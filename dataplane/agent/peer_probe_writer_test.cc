// The agent's half of the probes of far ends: what the slow path is asked, and what its
// reports do to adjacencies and watchers.
#include "dataplane/agent/writer_fixture.h"
#include "dataplane/agent/writer_invariants.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using channel::RecordType;
using channel::TunnelRecord;

constexpr AdjacencyId kThrough = 20;

// The tenant of StateTenant() with GRE 4 to 198.51.100.2, which has a probe every 2 s, and
// adjacency 20 through it. The way there, 10, is up.
struct ProbeWriter : Writer, StateObserver {
  ProbeWriter() {
    StateTenant();
    Take(InterfaceIs(10, 0, 300));
    Take(AddressIs(10, "203.0.113.1/24"));
    Take(AdjacencyTo(10, 10, "203.0.113.2"));
    Take(GroupOf(10, {10}));
    Take(RouteTo(0, "198.51.100.0/24", 10));
    Take(Probed());
    Take(AdjacencyThrough(kThrough, 4));
    Take(GroupOf(20, {kThrough}));
    Take(RouteTo(1, "10.20.0.0/16", 20));
    Learn(10, "203.0.113.2", "02:00:00:00:00:10");
    SweepAll();
    writer.resolver().SetObserver(this);
  }
  ~ProbeWriter() override {
    writer.resolver().SetObserver(nullptr);
    SweepAll();
    CheckInvariants(writer);
  }
  void OnAdjacency(AdjacencyId) override {}
  void OnNeighbor(const NeighborKey&) override {}
  void OnCarrier(PortId) override {}
  void OnPeer(InterfaceId tunnel) override { told.push_back(tunnel); }

  static Record Gre() { return GreIs(4, 1, "192.0.2.1", "198.51.100.2"); }
  static Record Probed(uint16_t interval_s = 2) { return WithProbe(Gre(), interval_s, 3); }
  void Say(bool silent, Instant since) { writer.resolver().OnPeer({4, silent, since}, now); }
  DownCause Cause() { return writer.resolver().LivenessOf(kThrough).cause; }
  std::vector<PeerWatch> TakeWatches() { return std::exchange(requests.peers, {}); }
  std::vector<InterfaceId> TakeTold() { return std::exchange(told, {}); }

  std::vector<InterfaceId> told;
};

TEST_CASE(
    "the slow path is asked to watch a far end when there is a probe, and from the beginning when it is "
    "another") {
  ProbeWriter to;
  const PeerWatch every2{4, 2s, 3}, none{4, 0s, 0};
  CHECK(to.TakeWatches() == std::vector{every2});
  const auto put = [&](Record record) {
    to.Take(std::move(record));
    return to.TakeWatches();
  };
  SECTION("the same again: nothing, so that a restart of control changes nothing") {
    CHECK(put(ProbeWriter::Probed()).empty());
  }
  SECTION("what has nothing to do with it") {
    CHECK(put(ProbeWriter::Probed().Set(offsetof(TunnelRecord, mtu), uint16_t{1300})).empty());
  }
  SECTION("another interval") {
    CHECK(put(ProbeWriter::Probed(5)) == std::vector{PeerWatch{4, 5s, 3}});
  }
  SECTION("another key") {
    CHECK(put(ProbeWriter::Probed().Set(offsetof(TunnelRecord, key_in), 8u)) == std::vector{every2});
  }
  SECTION("another far end") {
    CHECK(put(WithProbe(GreIs(4, 1, "192.0.2.1", "198.51.100.9"), 2, 3)) == std::vector{every2});
  }
  SECTION("no probe") {
    CHECK(put(ProbeWriter::Gre()) == std::vector{none});
    CHECK(put(ProbeWriter::Gre().Set(offsetof(TunnelRecord, mtu), uint16_t{1300})).empty());
    CHECK(put(ProbeWriter::Probed()) == std::vector{every2});
  }
  SECTION("administratively down, and up") {
    const uint16_t down = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
    CHECK(put(ProbeWriter::Probed().Set(offsetof(TunnelRecord, flags), down)) == std::vector{none});
    CHECK(put(ProbeWriter::Probed()) == std::vector{every2});
  }
  SECTION("gone") {
    to.Take(RouteTo(1, "10.20.0.0/16", 0, RecordType::kRouteDelete));
    to.Take(Delete(RecordType::kNextHopGroupDelete, 20));
    to.Take(Delete(RecordType::kAdjacencyDelete, kThrough));
    CHECK(put(Delete(RecordType::kTunnelDelete, 4)) == std::vector{none});
  }
}

TEST_CASE("a silent far end takes its tunnel's adjacencies down, and an answer brings them back") {
  ProbeWriter to;
  const Instant last = to.now - 6s;
  to.now += 1s;
  CHECK(to.Cause() == DownCause::kNone);
  to.Say(true, last);
  CHECK(to.Cause() == DownCause::kPeerSilent);
  CHECK_FALSE(to.tables.adjacencies.Load(kThrough).live());
  CHECK(to.writer.resolver().LivenessOf(kThrough).since == to.now);
  CHECK(to.TakeTold() == std::vector<InterfaceId>{4});
  CHECK(to.writer.resolver().SilentSince(4) == last);
  // Control died, came back and said the same.
  to.Take(ProbeWriter::Probed());
  CHECK(to.Cause() == DownCause::kPeerSilent);

  to.Say(false, to.now);
  CHECK(to.Cause() == DownCause::kNone);
  CHECK(to.tables.adjacencies.Load(kThrough).live());
  CHECK(to.TakeTold() == std::vector<InterfaceId>{4});
  CHECK_FALSE(to.writer.resolver().SilentSince(4));
  to.Say(false, to.now);
  CHECK(to.TakeTold().empty());
}

TEST_CASE("why the underlay has no way is said before why the far end is not heard") {
  ProbeWriter to;
  to.Say(true, to.now);
  to.Lose(10, "203.0.113.2");
  to.SweepAll();
  CHECK(to.Cause() == DownCause::kUnderlayDown);
  to.Learn(10, "203.0.113.2", "02:00:00:00:00:10");
  to.SweepAll();
  CHECK(to.Cause() == DownCause::kPeerSilent);
}

TEST_CASE("another probe, or none, begins with a far end that is there, and watchers hear it") {
  ProbeWriter to;
  to.Say(true, to.now);
  CHECK(to.TakeTold().size() == 1);
  SECTION("another") {
    to.Take(ProbeWriter::Probed(5));
  }
  SECTION("none; what the slow path said meanwhile is ignored") {
    to.Take(ProbeWriter::Gre());
    to.Say(true, to.now);
  }
  CHECK(to.Cause() == DownCause::kNone);
  CHECK(to.TakeTold() == std::vector<InterfaceId>{4});
  CHECK_FALSE(to.writer.resolver().SilentSince(4));
}

TEST_CASE("a report about a tunnel that is gone, or about nothing that is one, is ignored") {
  ProbeWriter to;
  to.writer.resolver().OnPeer({9, true, to.now}, to.now);
  to.writer.resolver().OnPeer({1, true, to.now}, to.now);
  CHECK_FALSE(to.writer.resolver().SilentSince(9));
  CHECK_FALSE(to.writer.resolver().SilentSince(1));
  CHECK(to.TakeTold().empty());
}

TEST_CASE("what a tunnel's probes counted goes with the tunnel") {
  ProbeWriter to;
  const CounterBlock worker = to.Worker(0);
  Count(worker.probes[4].sent, 5);
  Count(worker.probes[4].answered, 4);
  Count(worker.probes[4].returned, 3);
  CHECK(to.counters.Probes(4).sent == 5);
  to.Take(RouteTo(1, "10.20.0.0/16", 0, RecordType::kRouteDelete));
  to.Take(Delete(RecordType::kNextHopGroupDelete, 20));
  to.Take(Delete(RecordType::kAdjacencyDelete, kThrough));
  to.Take(Delete(RecordType::kTunnelDelete, 4));
  CHECK(to.counters.Probes(4).sent == 0);
  CHECK(to.counters.Probes(4).answered == 0);
  CHECK(to.counters.Probes(4).returned == 0);
}

}  // namespace
}  // namespace sluice::dataplane
