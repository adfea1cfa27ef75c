// Tunnels and what leads through them: stated, changed, refused, swept, and as
// alive as the underlay's way to their far end.
#include "dataplane/agent/table_writer.h"
#include "dataplane/agent/writer_fixture.h"
#include "dataplane/agent/writer_invariants.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using channel::AdjacencyKind;
using channel::AdjacencyRecord;
using channel::RecordType;
using channel::RefusalReason;
using channel::TunnelRecord;

net::Address Ip(std::string_view text) {
  return *net::Address::Parse(text);
}

// The tenant of StateTenant() with an underlay: interface 10 = VLAN 300 of VRF 0,
// 203.0.113.1/24; 198.51.100.0/24 is behind its next hop 203.0.113.2 (10), other
// hosts of its link are found by glean (11). Tunnels end on 192.0.2.1: GRE 4 to
// 198.51.100.2, VXLAN 5 with the hosts 198.51.100.7 and .8. Adjacencies, groups: 20
// through GRE, 21 and 22 to the hosts.
struct TunnelWriter : Writer {
  TunnelWriter() {
    StateTenant();
    StateUnderlay();
    StateTunnels();
    Learn(10, "203.0.113.2", "02:00:00:00:00:10");
    SweepAll();
  }
  void StateUnderlay() {
    Take(InterfaceIs(10, 0, 300));
    Take(AddressIs(10, "203.0.113.1/24"));
    Take(AdjacencyTo(10, 10, "203.0.113.2"));
    Take(AdjacencyIs(11, AdjacencyKind::kGlean, 10));
    Take(GroupOf(10, {10}));
    Take(GroupOf(11, {11}));
    Take(RouteTo(0, "198.51.100.0/24", 10));
    Take(RouteTo(0, "203.0.113.0/24", 11));
  }
  void StateTunnels() {
    Take(GreIs(4, 1, "192.0.2.1", "198.51.100.2"));
    Take(OverlayIs(5, 1, "192.0.2.1", 5000));
    Take(AdjacencyThrough(20, 4));
    Take(AdjacencyThrough(21, 5, "198.51.100.7"));
    Take(AdjacencyThrough(22, 5, "198.51.100.8"));
    for (const uint32_t id : {20, 21, 22}) Take(GroupOf(id, {id}));
    Take(RouteTo(1, "10.20.0.0/16", 20));
    Take(RouteTo(1, "10.21.0.1/32", 21));
    Take(RouteTo(1, "10.22.0.1/32", 22));
  }
  void DeleteTunnels() {
    Take(RouteTo(1, "10.20.0.0/16", 0, RecordType::kRouteDelete));
    Take(RouteTo(1, "10.21.0.1/32", 0, RecordType::kRouteDelete));
    Take(RouteTo(1, "10.22.0.1/32", 0, RecordType::kRouteDelete));
    for (const uint32_t id : {20, 21, 22}) Take(Delete(RecordType::kNextHopGroupDelete, id));
    for (const uint32_t id : {20, 21, 22}) Take(Delete(RecordType::kAdjacencyDelete, id));
    for (const uint32_t id : {4, 5}) Take(Delete(RecordType::kTunnelDelete, id));
  }
  ~TunnelWriter() {
    SweepAll();
    CheckInvariants(writer);
  }
  // Why it is down, in words.
  std::string Why(AdjacencyId id) const {
    return Describe(writer.resolver().LivenessOf(id).cause, tables.adjacencies.Describe(id)->next_hop);
  }
  bool Live(AdjacencyId id) const { return tables.adjacencies.Load(id).live(); }
  InterfaceId ReceiverOf(std::string_view remote, TunnelSelector selector, uint32_t key) const {
    return tables.tunnels.ipv4().Find(
        TerminationKey4::Of(Ip("192.0.2.1").v4().value, Ip(remote).v4().value, selector, key));
  }
  InterfaceId VxlanReceiverOf(std::string_view host, uint32_t vni = 5000) const {
    return ReceiverOf(host, {TunnelKind::kVxlan, true, 4789}, vni);
  }
  InterfaceId GreReceiverOf(std::string_view remote) const {
    return ReceiverOf(remote, {TunnelKind::kGre, true, 0}, 7);
  }
};

TEST_CASE("a stated tunnel takes packets of its far end and sends to it") {
  TunnelWriter to;
  CHECK(GreIs(4, 1, "192.0.2.1", "198.51.100.2").bytes().size() == sizeof(TunnelRecord));
  CHECK(to.GreReceiverOf("198.51.100.2") == 4);
  CHECK(to.GreReceiverOf("198.51.100.3") == kNoInterface);
  CHECK(to.VxlanReceiverOf("198.51.100.7") == 5);
  CHECK(to.VxlanReceiverOf("198.51.100.8") == 5);
  CHECK(to.VxlanReceiverOf("198.51.100.9") == kNoInterface);
  CHECK(to.Lookup(0, "192.0.2.1") == to.tables.groups.local());
  for (const AdjacencyId id : {20, 21, 22}) {
    CHECK(to.Live(id));
    CHECK(to.Why(id).empty());
    CHECK(to.tables.adjacencies.Load(id).mtu() == 1400);
  }
  CHECK(to.tables.adjacencies.Describe(20)->next_hop == Ip("198.51.100.2"));
  CHECK(to.tables.adjacencies.Describe(21)->neighbor_mac == net::MacAddress::Parse("02:00:5e:00:53:99"));
  CHECK(to.tables.tunnels.remotes.used() == 3);
}

TEST_CASE("restating a tunnel and its adjacencies changes nothing, not even their counters") {
  TunnelWriter to;
  to.Worker(0).Received(4, 100);
  to.Worker(0).Sent(5, 21, 100);
  const Tunnel* const before = to.tables.tunnels.Find(4);
  to.StateTunnels();
  CHECK(to.tables.tunnels.Find(4) == before);
  CHECK(to.counters.InterfaceRx(4).packets == 1);
  CHECK(to.counters.AdjacencyTx(21).packets == 1);
  // Another MAC of the same host is the same adjacency.
  to.Take(AdjacencyThrough(21, 5, "198.51.100.7", "02:00:5e:00:53:98"));
  CHECK(to.counters.AdjacencyTx(21).packets == 1);
  CHECK(to.VxlanReceiverOf("198.51.100.7") == 5);
  // Another host is not.
  to.Take(AdjacencyThrough(21, 5, "198.51.100.9", "02:00:5e:00:53:98"));
  CHECK(to.counters.AdjacencyTx(21).packets == 0);
  CHECK(to.VxlanReceiverOf("198.51.100.7") == kNoInterface);
  CHECK(to.VxlanReceiverOf("198.51.100.9") == 5);
}

TEST_CASE("a tunnel that is deleted leaves nothing behind, and its number counts from zero") {
  TunnelWriter to;
  to.Worker(0).Received(5, 100);
  CHECK(to.Reason(Delete(RecordType::kTunnelDelete, 5)) == RefusalReason::kInUse);
  CHECK(to.Reason(Delete(RecordType::kInterfaceDelete, 5)) == RefusalReason::kNotFound);
  CHECK(to.Reason(Delete(RecordType::kTunnelDelete, 1)) == RefusalReason::kNotFound);
  to.DeleteTunnels();
  CHECK(to.Reason(Delete(RecordType::kTunnelDelete, 5)) == RefusalReason::kNotFound);
  CHECK(to.counters.InterfaceRx(5).packets == 0);
  CHECK(to.tables.tunnels.used() == 0);
  CHECK(to.tables.tunnels.terminations() == 0);
  CHECK(to.tables.tunnels.remotes.used() == 0);
  CHECK_FALSE(to.tables.tunnels.vxlan_ports().Contains(4789));
  CHECK(to.Lookup(0, "192.0.2.1") == kNoGroup);
}

TEST_CASE("what a tunnel needs and does not find is refused by field") {
  TunnelWriter to;
  const Record gre = GreIs(6, 1, "192.0.2.1", "198.51.100.3");
  const Record vxlan = OverlayIs(7, 1, "192.0.2.1", 6000);
  const auto with = [](Record record, size_t at, auto value) { return record.Set(at, value); };
  const struct {
    const char* what;
    Record record;
    RefusalReason reason;
    size_t field;
  } rows[] = {
      {"number beyond the limit", GreIs(65, 1, "192.0.2.1", "198.51.100.3"), RefusalReason::kLimit,
       offsetof(TunnelRecord, interface)},
      {"number of a subinterface", GreIs(1, 1, "192.0.2.1", "198.51.100.3"), RefusalReason::kConflict,
       offsetof(TunnelRecord, interface)},
      {"no such VRF", GreIs(6, 9, "192.0.2.1", "198.51.100.3"), RefusalReason::kNotFound,
       offsetof(TunnelRecord, vrf)},
      {"no such policer", with(gre, offsetof(TunnelRecord, policer_in), 3u), RefusalReason::kNotFound,
       offsetof(TunnelRecord, policer_in)},
      {"no such policer out", with(vxlan, offsetof(TunnelRecord, policer_out), 3u), RefusalReason::kNotFound,
       offsetof(TunnelRecord, policer_out)},
      {"the packets of another", GreIs(6, 1, "192.0.2.1", "198.51.100.2"), RefusalReason::kConflict,
       offsetof(TunnelRecord, key_in)},
      {"another VRF under its adjacencies",
       with(OverlayIs(5, 0, "192.0.2.1", 5000), offsetof(TunnelRecord, vrf), 2u), RefusalReason::kInUse,
       offsetof(TunnelRecord, vrf)},
      {"another kind under its adjacencies", OverlayIs(4, 1, "192.0.2.1", 5001), RefusalReason::kInUse,
       offsetof(TunnelRecord, kind)},
      {"another VNI under its hosts", OverlayIs(5, 1, "192.0.2.1", 5001), RefusalReason::kInUse,
       offsetof(TunnelRecord, key_in)},
      {"a subinterface with a tunnel's number", InterfaceIs(4, 1, 400), RefusalReason::kConflict,
       offsetof(channel::InterfaceRecord, interface)},
      {"a static neighbour behind it", NeighborIs(5, "10.50.0.2", "02:00:00:00:00:01"),
       RefusalReason::kUnsupported, offsetof(channel::NeighborRecord, interface)},
      {"a next hop resolved behind it", AdjacencyTo(30, 5, "10.50.0.2"), RefusalReason::kUnsupported,
       offsetof(AdjacencyRecord, interface)},
      {"a connected prefix behind it", AdjacencyIs(30, AdjacencyKind::kGlean, 4), RefusalReason::kUnsupported,
       offsetof(AdjacencyRecord, interface)},
      {"a tunnel that is none", AdjacencyThrough(30, 1), RefusalReason::kUnsupported,
       offsetof(AdjacencyRecord, interface)},
      {"a tunnel that is not there", AdjacencyThrough(30, 9), RefusalReason::kNotFound,
       offsetof(AdjacencyRecord, interface)},
      {"an overlay without a host", AdjacencyThrough(30, 5), RefusalReason::kOutOfRange,
       offsetof(AdjacencyRecord, next_hop)},
      {"GRE with one", AdjacencyThrough(30, 4, "198.51.100.7"), RefusalReason::kOutOfRange,
       offsetof(AdjacencyRecord, next_hop)},
      {"a host of the other family", AdjacencyThrough(30, 5, "2001:db8::7"), RefusalReason::kOutOfRange,
       offsetof(AdjacencyRecord, family)},
  };
  to.Take(VrfIs(2));
  for (const auto& row : rows) {
    INFO(row.what);
    const auto refusal = to.Apply(row.record);
    REQUIRE(refusal.has_value());
    CHECK(static_cast<RefusalReason>(refusal->reason) == row.reason);
    CHECK(refusal->field_offset == row.field);
    // And nothing was kept of it.
    CHECK(to.tables.tunnels.remotes.used() == 3);
    CHECK(to.tables.tunnels.terminations() == 3);
    CHECK(to.tables.adjacencies.Describe(30) == nullptr);
  }
}

TEST_CASE("far ends and terminations are limited by name") {
  TunnelWriter to;
  const auto limit = [&](Record record) {
    const auto refusal = to.Apply(std::move(record));
    REQUIRE(refusal.has_value());
    CHECK(static_cast<RefusalReason>(refusal->reason) == RefusalReason::kLimit);
    return static_cast<channel::Limit>(refusal->limit);
  };
  for (uint32_t i = 0; i < 13; ++i)
    to.Take(AdjacencyThrough(40 + i, 5, "198.51.100." + std::to_string(100 + i)));
  CHECK(limit(AdjacencyThrough(60, 5, "198.51.100.99")) == channel::Limit::kTunnelRemotes);
  CHECK(limit(GreIs(6, 1, "192.0.2.1", "198.51.100.99")) == channel::Limit::kTunnelRemotes);
  // A far end that is known already needs no more.
  to.Take(GreIs(6, 1, "192.0.2.1", "198.51.100.100"));
  CHECK(to.tables.tunnels.remotes.used() == 16);
}

TEST_CASE("the underlay never leads through a tunnel") {
  TunnelWriter to;
  CHECK(to.Reason(RouteTo(0, "198.51.100.0/24", 20)) == RefusalReason::kConflict);
  CHECK(to.Reason(GroupOf(10, {20})) == RefusalReason::kConflict);
  CHECK(to.Reason(GroupOf(40, {10, 20})) == RefusalReason::kConflict);
  CHECK(to.Reason(AdjacencyThrough(10, 4)) == RefusalReason::kInUse);
}

TEST_CASE("another remote moves the tunnel's adjacencies with it") {
  TunnelWriter to;
  to.Take(GreIs(4, 1, "192.0.2.1", "198.51.100.77"));
  CHECK(to.tables.adjacencies.Describe(20)->next_hop == Ip("198.51.100.77"));
  CHECK(to.tables.adjacencies.Load(20).Hop().remote == __builtin_bswap32(Ip("198.51.100.77").v4().value));
  CHECK(to.Live(20));
  CHECK(to.GreReceiverOf("198.51.100.2") == kNoInterface);
  CHECK(to.GreReceiverOf("198.51.100.77") == 4);
  CHECK(to.tables.tunnels.remotes.Find(Ip("198.51.100.2")) == kNoRemote);
  to.Take(GreIs(4, 1, "192.0.2.1", "8.8.8.8"));
  CHECK(to.Why(20) == "no route to 8.8.8.8");
}

TEST_CASE("hosts that move are on the path to where they are now, whatever order they leave in") {
  TunnelWriter to;
  const auto delete_route = [&](const char* prefix) {
    to.Take(RouteTo(0, prefix, 0, RecordType::kRouteDelete));
    to.SweepAll();
  };
  to.Take(RouteTo(0, "198.18.0.0/15", 10));
  for (const AdjacencyId id : {23, 24, 25}) to.Take(AdjacencyThrough(id, 5, "198.51.100.7"));
  to.SweepAll();
  // The middle one, then the last that came.
  to.Take(AdjacencyThrough(24, 5, "198.18.0.9"));
  to.Take(AdjacencyThrough(25, 5, "198.18.0.9"));
  CHECK(to.VxlanReceiverOf("198.18.0.9") == 5);
  CHECK(to.VxlanReceiverOf("198.51.100.7") == 5);
  delete_route("198.51.100.0/24");
  for (const AdjacencyId id : {21, 22, 23}) CHECK(!to.Live(id));
  for (const AdjacencyId id : {24, 25}) CHECK(to.Live(id));
  to.Take(RouteTo(0, "198.51.100.0/24", 10));
  delete_route("198.18.0.0/15");
  for (const AdjacencyId id : {21, 22, 23}) CHECK(to.Live(id));
  for (const AdjacencyId id : {24, 25}) CHECK(to.Why(id) == "no route to 198.18.0.9");
  // The first of those that were there before, and back.
  to.Take(AdjacencyThrough(21, 5, "198.18.0.9"));
  CHECK(!to.Live(21));
  for (const AdjacencyId id : {25, 21, 24}) to.Take(AdjacencyThrough(id, 5, "198.51.100.7"));
  for (const AdjacencyId id : {21, 23, 24, 25}) CHECK(to.Live(id));
  CHECK(to.VxlanReceiverOf("198.18.0.9") == kNoInterface);
  CHECK(to.tables.tunnels.remotes.used() == 3);
  CHECK(to.tables.tunnels.HostsOf(5) == 2);
}

TEST_CASE("a change of the local address is a change of what is ours") {
  TunnelWriter to;
  to.Take(GreIs(4, 1, "192.0.2.9", "198.51.100.2"));
  CHECK(to.Lookup(0, "192.0.2.9") == to.tables.groups.local());
  CHECK(to.Lookup(0, "192.0.2.1") == to.tables.groups.local());  // the overlay's still
  to.Take(GreIs(4, 1, "192.0.2.1", "198.51.100.2"));
  CHECK(to.Lookup(0, "192.0.2.9") == kNoGroup);
  // Also an interface's address, for as long as either has it.
  to.Take(AddressIs(10, "192.0.2.1/32"));
  to.DeleteTunnels();
  CHECK(to.Lookup(0, "192.0.2.1") == to.tables.groups.local());
  to.Take(AddressIs(10, "192.0.2.1/32", RecordType::kInterfaceAddressDelete));
  CHECK(to.Lookup(0, "192.0.2.1") == kNoGroup);
}

TEST_CASE("a tunnel lives as long as it is up and the underlay has a way to its far end") {
  TunnelWriter to;
  const auto settle = [&] { to.SweepAll(); };
  SECTION("it is down") {
    to.Take(
        GreIs(4, 1, "192.0.2.1", "198.51.100.2")
            .Set(offsetof(TunnelRecord, flags), uint16_t{channel::kTunnelKeyIn | channel::kTunnelKeyOut}));
    CHECK(to.Why(20) == "tunnel is administratively down");
    CHECK(to.Live(21));
    to.Take(GreIs(4, 1, "192.0.2.1", "198.51.100.2"));
  }
  SECTION("the route goes") {
    to.Take(RouteTo(0, "198.51.100.0/24", 0, RecordType::kRouteDelete));
    settle();
    CHECK(to.Why(20) == "no route to 198.51.100.2");
    CHECK(to.Why(21) == "no route to 198.51.100.7");
    to.Take(RouteTo(0, "198.51.100.0/24", 10));
  }
  SECTION("the route drops") {
    to.Take(AdjacencyIs(12, AdjacencyKind::kDrop));
    to.Take(GroupOf(12, {12}));
    to.Take(RouteTo(0, "198.51.100.0/29", 12));
    settle();
    CHECK(to.Why(20) == "no route to 198.51.100.2");
    CHECK(to.Live(22));
    to.Take(RouteTo(0, "198.51.100.0/29", 0, RecordType::kRouteDelete));
  }
  SECTION("the next hop dies, and all tunnels over it at once") {
    to.Lose(10, "203.0.113.2");
    settle();
    for (const AdjacencyId id : {20, 21, 22}) CHECK_FALSE(to.Live(id));
    CHECK(to.Why(20) == "no next hop to 198.51.100.2 is up");
    to.Learn(10, "203.0.113.2", "02:00:00:00:00:10");
  }
  SECTION("the port loses its carrier") {
    to.writer.resolver().OnCarrier(0, false, to.now);
    settle();
    CHECK(to.Why(21) == "no next hop to 198.51.100.7 is up");
    to.writer.resolver().OnCarrier(0, true, to.now);
  }
  SECTION("the far end turns out to be ours") {
    to.Take(AddressIs(10, "198.51.100.2/32"));
    settle();
    CHECK(to.Why(20) == "198.51.100.2 is an address of ours");
    to.Take(AddressIs(10, "198.51.100.2/32", RecordType::kInterfaceAddressDelete));
  }
  SECTION("a group's member goes and another is left") {
    to.Take(AdjacencyTo(12, 10, "203.0.113.3"));
    to.Take(GroupOf(10, {10, 12}));
    to.Learn(10, "203.0.113.3", "02:00:00:00:00:11");
    to.Lose(10, "203.0.113.2");
    settle();
    CHECK(to.Live(20));
    to.Take(GroupOf(10, {10}));
    settle();
    CHECK_FALSE(to.Live(20));
    to.Learn(10, "203.0.113.2", "02:00:00:00:00:10");
  }
  settle();
  for (const AdjacencyId id : {20, 21, 22}) CHECK(to.Live(id));
}

TEST_CASE("a far end on a link of ours is watched like a next hop") {
  TunnelWriter to;
  const auto watched = [&] { return to.requests.watched.contains({10, Ip("203.0.113.7")}); };
  to.Take(GreIs(6, 1, "192.0.2.1", "203.0.113.7"));
  CHECK_FALSE(watched());
  to.Take(AdjacencyThrough(30, 6));
  CHECK(watched());
  CHECK(to.Live(30));  // packets wait for the answer
  to.Lose(10, "203.0.113.7");
  to.SweepAll();
  CHECK(to.Why(30) == "203.0.113.7 does not answer");
  to.Learn(10, "203.0.113.7", "02:00:00:00:00:77");
  to.SweepAll();
  CHECK(to.Live(30));
  // A next hop of control's is watched on, whoever else is no longer interested.
  to.Take(AdjacencyTo(31, 10, "203.0.113.7"));
  to.Take(Delete(RecordType::kAdjacencyDelete, 30));
  CHECK(watched());
  to.Take(AdjacencyThrough(30, 6));
  to.Take(Delete(RecordType::kAdjacencyDelete, 31));
  CHECK(watched());
  to.Take(RouteTo(0, "203.0.113.7/32", 10));
  to.SweepAll();
  CHECK_FALSE(watched());
  CHECK(to.Live(30));
}

TEST_CASE("a tunnel has addresses, and only an overlay's are answered for on a link") {
  TunnelWriter to;
  to.Take(AddressIs(4, "10.40.0.1/30"));
  to.Take(AddressIs(5, "10.50.0.1/24"));
  to.Take(AddressIs(5, "2001:db8:50::1/64"));
  CHECK(to.Lookup(1, "10.40.0.1") == to.tables.groups.local());
  CHECK(to.Lookup(1, "10.50.0.1") == to.tables.groups.local());
  for (const InterfaceChange& change : to.requests.interfaces)
    CHECK((change.interface != 4 || change.removed));
  const InterfaceChange& told = to.requests.interfaces.back();
  CHECK(told.interface == 5);
  CHECK(told.port == kNoPort);
  CHECK(told.mac == net::MacAddress::Parse("02:00:5e:00:53:01"));
  CHECK(told.addresses.size() == 2);
  // GRE has no MAC, hence no link-local address of its own.
  to.Take(AddressIs(4, "2001:db8:40::1/64"));
  CHECK(to.tables.interfaces.Find(4)->addresses.size() == 2);
  CHECK(to.tables.interfaces.Find(5)->addresses.size() == 3);
  CHECK(
      to.Reason(GreIs(4, 1, "192.0.2.1", "198.51.100.2").Set(offsetof(TunnelRecord, mtu), uint16_t{1279})) ==
      RefusalReason::kOutOfRange);
  to.DeleteTunnels();  // with their addresses
  CHECK(to.Lookup(1, "10.50.0.1") == kNoGroup);
  CHECK(to.requests.interfaces.back().removed);
}

TEST_CASE("control that comes back keeps its tunnels as they are, and a sweep takes the others") {
  TunnelWriter to;
  to.Worker(0).Received(4, 100);
  to.Reattach();
  to.StateTenant();
  to.StateUnderlay();
  CHECK(to.Live(21));  // stale, in use
  SECTION("all are stated again") {
    to.StateTunnels();
    to.Take(EndOfSync());
    to.SweepAll();
    CHECK(to.Live(21));
    CHECK(to.counters.InterfaceRx(4).packets == 1);
  }
  SECTION("none is") {
    to.Take(EndOfSync());
    to.SweepAll();
    CHECK(to.tables.tunnels.used() == 0);
    CHECK(to.tables.tunnels.terminations() == 0);
    CHECK(to.tables.tunnels.remotes.used() == 0);
    CHECK(to.Lookup(0, "192.0.2.1") == kNoGroup);
    CHECK(to.counters.InterfaceRx(4).packets == 0);
  }
}

TEST_CASE("a stale tunnel gives way to one that receives the same packets, or has its number") {
  TunnelWriter to;
  to.Reattach();
  to.StateTenant();
  to.StateUnderlay();
  // Control lost its store: everything has another number.
  to.Take(GreIs(8, 1, "192.0.2.1", "198.51.100.2"));
  CHECK(to.GreReceiverOf("198.51.100.2") == 8);
  CHECK(to.Why(20) == "tunnel does not exist");
  to.Take(OverlayIs(9, 1, "192.0.2.1", 5000));
  to.Take(AdjacencyThrough(32, 9, "198.51.100.7"));
  CHECK(to.VxlanReceiverOf("198.51.100.7") == 9);
  CHECK(to.Live(32));
  CHECK_FALSE(to.Live(21));
  to.Take(InterfaceIs(4, 1, 404));
  CheckInvariants(to.writer);
  to.Take(EndOfSync());
  to.SweepAll();
  CHECK(to.tables.tunnels.used() == 2);
  CHECK(to.tables.tunnels.terminations() == 2);
  CHECK(to.tables.tunnels.remotes.used() == 2);
}

TEST_CASE("a tunnel that is refused leaves what is stale in its way, and so does an interface") {
  TunnelWriter to;
  to.Take(RouteTo(0, "192.0.2.77/32", 10));
  for (uint32_t i = 0; i < 13; ++i)
    to.Take(AdjacencyThrough(40 + i, 5, "198.51.100." + std::to_string(100 + i)));
  to.Reattach();
  to.Take(BeginSync());
  to.Take(VrfIs(1));
  to.Take(InterfaceIs(9, 1, 900));
  SECTION("a route at its end") {
    CHECK(to.Reason(GreIs(8, 1, "192.0.2.77", "198.51.100.250")) == RefusalReason::kLimit);
    CHECK(to.Lookup(0, "192.0.2.77") == 10);
  }
  SECTION("an interface with its number") {
    CHECK(to.Reason(GreIs(2, 1, "192.0.2.1", "198.51.100.250")) == RefusalReason::kLimit);
    CHECK(to.tables.subinterfaces.Find(0, 101).interface() == 2);
    CHECK(to.Lookup(1, "10.0.1.1") == to.tables.groups.local());
  }
  SECTION("a tunnel with the number of an interface whose VLAN is taken") {
    CHECK(to.Reason(InterfaceIs(4, 1, 900)) == RefusalReason::kConflict);
    CHECK(to.GreReceiverOf("198.51.100.2") == 4);
    CHECK(to.Live(20));
  }
}

TEST_CASE("a stale tunnel that gave way and is stated again after all takes its hosts back") {
  TunnelWriter to;
  to.Reattach();
  to.StateTenant();
  to.StateUnderlay();
  to.Take(OverlayIs(9, 1, "192.0.2.1", 5000));
  to.Take(AdjacencyThrough(32, 9, "198.51.100.7"));
  to.Take(OverlayIs(5, 1, "192.0.2.1", 5000));
  CHECK(to.Why(21) == "198.51.100.7 is a host of another tunnel");
  CHECK(to.Live(22));
  CHECK(to.Reason(AdjacencyThrough(21, 5, "198.51.100.7")) == RefusalReason::kConflict);
  to.Take(Delete(RecordType::kAdjacencyDelete, 32));
  to.Take(AdjacencyThrough(21, 5, "198.51.100.7"));
  CHECK(to.Live(21));
}

}  // namespace
}  // namespace sluice::dataplane
