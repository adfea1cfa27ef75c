// Scopes, epochs and sweeps: what survives the death of control and what goes
// when it comes back.
#include <array>

#include "dataplane/agent/writer_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using channel::RecordType;
using channel::RefusalReason;

TEST_CASE("when control goes everything stays, for ever") {
  Writer writer;
  writer.Take(BeginSync(1000));
  writer.StateTenant();
  writer.Take(EndOfSync());
  writer.writer.OnDetach();
  writer.Pass(24h);
  CHECK(writer.Lookup(1, "10.1.2.3") == 1);
}

TEST_CASE("a sweep removes what was not stated again, in the order of dependence, and nothing else") {
  Writer writer;
  writer.StateTenant();
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.Lookup(1, "10.2.0.1") == 2);

  writer.Reattach();
  writer.Take(BeginSync());
  writer.Take(VrfIs(1));
  writer.Take(InterfaceIs(1, 1, 100));
  writer.Take(AddressIs(1, "10.0.0.1/24"));
  writer.Take(AdjacencyTo(1, 1, "10.0.0.2"));
  writer.Take(GroupOf(1, {1}));
  writer.Take(RouteTo(1, "10.1.0.0/16", 1));
  CHECK(writer.Lookup(1, "10.2.0.1") == 2);  // stale but in use
  CHECK(writer.Lookup(1, "10.0.1.1") == writer.tables.groups.local());
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.Lookup(1, "10.1.0.1") == 1);
  CHECK(writer.Lookup(1, "10.2.0.1") == kNoGroup);
  CHECK(writer.Lookup(1, "10.3.0.1") == kNoGroup);
  CHECK(writer.Lookup(1, "10.0.1.1") == kNoGroup);
  CHECK_FALSE(writer.tables.groups.Exists(2));
  CHECK_FALSE(writer.tables.groups.Exists(3));
  CHECK(writer.tables.adjacencies.Describe(2) == nullptr);
  CHECK(writer.tables.interfaces.Find(2) == nullptr);
  CHECK(writer.tables.interfaces.Find(1) != nullptr);
  // VRF, interface, address, adjacency, group, route.
  CHECK(writer.writer.scopes().At(1).objects == 6);
}

TEST_CASE("what the dataplane learned is never swept") {
  Writer writer;
  writer.StateTenant();
  writer.Learn(1, "10.0.0.77", "02:00:00:00:00:aa");
  writer.Reattach();
  writer.StateTenant();
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.tables.neighbors.Find(NeighborKey::Of(1, *net::Address::Parse("10.0.0.77"))) != kNoAdjacency);
}

TEST_CASE("a sweep of one scope leaves the others alone") {
  Writer writer;
  writer.StateTenant();
  writer.Take(BeginSync().In(BgpScope(1, 4)));
  writer.Take(RouteTo(1, "20.0.0.0/8", 1).In(BgpScope(1, 4)));
  writer.Take(EndOfSync().In(BgpScope(1, 4)));
  writer.Take(EndOfSync());
  writer.SweepAll();

  writer.Reattach();
  writer.StateTenant();
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.Lookup(1, "20.1.1.1") == 1);
  writer.Take(BeginSync().In(BgpScope(1, 4)));
  writer.Take(EndOfSync().In(BgpScope(1, 4)));
  writer.SweepAll();
  CHECK(writer.Lookup(1, "20.1.1.1") == kNoGroup);
  CHECK(writer.Lookup(1, "10.1.1.1") == 1);
}

TEST_CASE("a scope that does not sync is swept at its deadline, counted from the new control's arrival") {
  Writer writer;
  writer.StateTenant();
  writer.Take(BeginSync(5000).In(BgpScope(1, 4)));
  writer.Take(RouteTo(1, "20.0.0.0/8", 1).In(BgpScope(1, 4)));
  writer.Take(EndOfSync().In(BgpScope(1, 4)));
  writer.SweepAll();
  writer.writer.OnDetach();
  writer.Pass(1h);
  writer.Attach(2);
  writer.Pass(4900ms);
  CHECK(writer.Lookup(1, "20.1.1.1") == 1);
  SECTION("it never begins") {
    writer.Pass(200ms);
    CHECK(writer.Lookup(1, "20.1.1.1") == kNoGroup);
  }
  SECTION("it begins and does not end") {
    writer.Take(BeginSync(5000).In(BgpScope(1, 4)));
    writer.Pass(4900ms);
    CHECK(writer.Lookup(1, "20.1.1.1") == 1);
    writer.Pass(200ms);
    CHECK(writer.Lookup(1, "20.1.1.1") == kNoGroup);
  }
  SECTION("it ends in time") {
    writer.Take(BeginSync(5000).In(BgpScope(1, 4)));
    writer.Take(RouteTo(1, "20.0.0.0/8", 1).In(BgpScope(1, 4)));
    writer.Take(EndOfSync().In(BgpScope(1, 4)));
    writer.Pass(1h);
    CHECK(writer.Lookup(1, "20.1.1.1") == 1);
  }
}

TEST_CASE("control that dies in the middle of a sync leaves both halves in use, and the next sync decides") {
  Writer writer;
  writer.StateTenant();
  writer.Take(EndOfSync());
  writer.SweepAll();
  writer.Reattach();
  writer.Take(BeginSync());
  writer.Take(RouteTo(1, "10.7.0.0/16", 1));
  writer.Reattach();
  CHECK(writer.Lookup(1, "10.7.0.1") == 1);
  CHECK(writer.Lookup(1, "10.1.0.1") == 1);
  writer.StateTenant();
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.Lookup(1, "10.7.0.1") == kNoGroup);
  CHECK(writer.Lookup(1, "10.1.0.1") == 1);
}

TEST_CASE("a hundred syncs that never end do not make old objects look new") {
  Writer writer;
  writer.StateTenant();
  for (int i = 0; i < 100; ++i) {
    writer.Reattach();
    writer.Take(BeginSync());
    if (i % 10 == 0) writer.Take(RouteTo(1, "10." + std::to_string(100 + i) + ".0.0/16", 1));
  }
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.tables.Ipv4Routes(0)->route_count() == 0);
  CHECK_FALSE(writer.tables.Exists(1));
  CHECK(writer.writer.scopes().At(1).objects == 0);
}

TEST_CASE("with FIB memory full, syncs that never end do not stop the dataplane") {
  TablesOptions options = SmallTables();
  options.limits.fib_mib = 1;
  Writer writer(options);
  writer.StateTenant();
  writer.reclaimer.hold = true;
  uint32_t routes = 0;
  // Close together, whose places are in nodes; then far apart, in buckets.
  for (; routes < 1000; ++routes)
    writer.Take(RouteTo(1, net::Ipv4Address{0x64000000 + routes * 256}.ToString() + "/24", 1 + routes % 2));
  const auto next = [&] { return net::Ipv4Address{(routes * 2654435761u) | 0x40000000}.ToString() + "/32"; };
  while (!writer.Apply(RouteTo(1, next(), 1))) ++routes;
  REQUIRE(routes > 1000);
  REQUIRE(writer.tables.fib4_pool.lookup_bytes() + 4096 >= writer.tables.fib4_pool.limits().lookup_bytes_max);
  for (int i = 0; i < 100; ++i) {
    writer.Reattach();
    writer.Take(BeginSync());
  }
  CHECK(writer.tables.Ipv4Routes(1)->route_count() >= routes);
  // What is there already can be stated again.
  writer.StateTenant();
}

TEST_CASE("records of another epoch, or of a scope that did not begin, are refused") {
  Writer writer;
  CHECK(writer.Reason(VrfIs(1)) == RefusalReason::kScope);
  writer.Take(BeginSync());
  writer.Take(VrfIs(1));
  writer.Reattach();
  CHECK(writer.Reason(VrfIs(1)) == RefusalReason::kScope);
  writer.Take(BeginSync());
  Record late = VrfIs(1);
  CHECK(writer.writer.Apply(late.Epoch(1).bytes(), writer.now).has_value());
  CHECK(writer.Reason(BeginSync().In(BgpScope(5, 4))) == RefusalReason::kNotFound);
  CHECK(writer.Reason(BeginSync().In({.kind = 4, .family = 0, .reserved = 0, .id = 0})) ==
        RefusalReason::kScope);
}

TEST_CASE("an object has one owner, a route goes to who states it") {
  Writer writer;
  writer.StateTenant();
  const auto bgp = BgpScope(1, 4);
  writer.Take(BeginSync().In(bgp));
  CHECK(writer.Reason(GroupOf(1, {1}).In(bgp)) == RefusalReason::kScope);
  CHECK(writer.Reason(RouteTo(1, "10.1.0.0/16", 0, RecordType::kRouteDelete).In(bgp)) ==
        RefusalReason::kScope);
  writer.Take(RouteTo(1, "10.1.0.0/16", 2).In(bgp));
  CHECK(writer.Lookup(1, "10.1.0.1") == 2);
  CHECK(writer.Reason(RouteTo(1, "10.1.0.0/16", 0, RecordType::kRouteDelete)) == RefusalReason::kScope);
  CHECK(writer.writer.scopes().At(2).objects == 1);
  writer.Take(RouteTo(1, "10.1.0.0/16", 1));
  CHECK(writer.writer.scopes().At(2).objects == 0);
  // BGP of one VRF and family owns routes nowhere else.
  CHECK(writer.Reason(RouteTo(1, "2001:db8::/32", 1).In(bgp)) == RefusalReason::kScope);
}

TEST_CASE("what is stated in the place of a stale object gets the place") {
  Writer writer;
  writer.StateTenant();
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  writer.Reattach();
  writer.Take(BeginSync());
  writer.Take(VrfIs(1));
  writer.Take(VrfIs(2));
  writer.Take(InterfaceIs(7, 2, 100));  // VLAN 100 was interface 1 of VRF 1
  CHECK(writer.tables.subinterfaces.Find(0, 100).interface() == 7);
  CHECK(writer.tables.interfaces.Find(1) == nullptr);
  CHECK(writer.writer.resolver().LivenessOf(1).cause == DownCause::kInterfaceMissing);
  CHECK_FALSE(writer.tables.adjacencies.Load(1).live());
  CHECK(writer.Lookup(1, "10.0.0.1") == kNoGroup);
  writer.Take(InterfaceIs(8, 1, 102));
  writer.Take(AddressIs(8, "10.0.1.1/24"));  // was interface 2's
  CHECK(writer.tables.interfaces.Find(2)->addresses.empty());
  // Interface 1 may come back in its own VRF only while adjacencies name it.
  CHECK(writer.Reason(InterfaceIs(1, 2, 103)) == RefusalReason::kInUse);
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.tables.adjacencies.control_used() == 0);
}

// Routes of VRF 1 that a former epoch left: host routes at addresses that are to
// become ours.
struct StaleRoutes : Writer {
  StaleRoutes() {
    StateTenant();
    Take(RouteTo(1, "10.5.5.5/32", 1));
    Take(RouteTo(1, "2001:db8::5/128", 1));
    Reattach();
    Take(BeginSync());
    Take(VrfIs(1));
    Take(InterfaceIs(2, 1, 101));
  }
  GroupId Route(std::string_view prefix) const { return tables.FindRoute(1, *net::Prefix::Parse(prefix)); }
  uint64_t Objects() const { return writer.scopes().At(1).objects; }
};

TEST_CASE("an address of ours takes the place of a stale route, and of no other") {
  StaleRoutes to;
  const uint64_t before = to.Objects();
  to.Take(AddressIs(2, "10.5.5.5/24"));
  CHECK(to.Route("10.5.5.5/32") == to.tables.groups.local());
  CHECK(to.Objects() == before);  // one more address, one route less
  to.Take(RouteTo(1, "10.6.6.6/32", 1));
  CHECK(to.Reason(AddressIs(2, "10.6.6.6/24")) == RefusalReason::kConflict);
  CHECK(to.Route("10.6.6.6/32") == 1);
}

TEST_CASE("a refused record leaves the stale routes in its way") {
  StaleRoutes to;
  SECTION("an IPv6 address on an interface that is too small for it") {
    to.Take(InterfaceIs(2, 1, 101).Set(offsetof(channel::InterfaceRecord, mtu), uint16_t{1000}));
    const uint64_t before = to.Objects();
    CHECK(to.Reason(AddressIs(2, "2001:db8::5/64")) == RefusalReason::kConflict);
    CHECK(to.Route("2001:db8::5/128") == 1);
    CHECK(to.Objects() == before);
  }
  SECTION("a router address beside another one that is taken") {
    to.Take(RouteTo(1, "2001:db8::9/128", 1));
    const uint64_t before = to.Objects();
    Record vrf = VrfIs(1, "10.5.5.5");
    uint8_t router[16];
    Store(*net::Address::Parse("2001:db8::9"), router);
    for (size_t i = 0; i < sizeof router; ++i)
      vrf.Set(offsetof(channel::VrfRecord, router_ipv6) + i, router[i]);
    CHECK(to.Reason(std::move(vrf)) == RefusalReason::kConflict);
    CHECK(to.Route("10.5.5.5/32") == 1);
    CHECK(to.Objects() == before);
    CHECK_FALSE(to.tables.vrfs.Find(1)->router_ipv4.has_value());
  }
  // And they are as stale as before.
  to.Take(EndOfSync());
  to.SweepAll();
  CHECK(to.Route("10.5.5.5/32") == kNoGroup);
}

TEST_CASE("an interface that is refused leaves the stale one on its VLAN") {
  Writer to;
  to.StateTenant();
  to.Reattach();
  to.Take(BeginSync());
  to.Take(VrfIs(1));
  to.Take(InterfaceIs(2, 1, 101));
  to.Take(AddressIs(2, "2001:db8::1/64"));
  uint32_t own = 0;  // until there is room for no more
  while (!to.Apply(AddressIs(2, net::Ipv4Address{0x0a800001 + own}.ToString() + "/32"))) ++own;
  // Another MAC means another link-local address.
  Record moved = InterfaceIs(2, 1, 100);
  moved.Set(offsetof(channel::InterfaceRecord, mac), std::array<uint8_t, 6>{2, 0, 0, 0, 0, 9});
  CHECK(to.Reason(std::move(moved)) == RefusalReason::kLimit);
  CHECK(to.tables.subinterfaces.Find(0, 100).interface() == 1);
  CHECK(to.Lookup(1, "10.0.0.1") == to.tables.groups.local());
}

TEST_CASE("a change of several steps that takes the last room for removals is done whole, the next refused") {
  for (uint64_t room = 0; room <= 3; ++room) {
    INFO(room << " places are left");
    Writer to;
    to.StateTenant();
    to.Reattach();
    to.Take(BeginSync());
    to.Take(VrfIs(1));
    to.Take(InterfaceIs(2, 1, 200));
    to.reclaimer.hold = true;
    Retirement& retirement = to.tables.retirement;
    for (bool bgp = false; retirement.pending() + room < retirement.pending_max(); bgp = !bgp)
      REQUIRE(to.tables.PutVrf({.id = 3, .punt_bgp = bgp}).ok());
    // Interface 1, which has the address, is stale.
    const auto refusal = to.Apply(AddressIs(2, "10.0.0.1/24"));
    CHECK(refusal.has_value() == (room == 0));
    CHECK(to.tables.interfaces.Find(1)->addresses.empty() == (room != 0));
    CHECK(to.Apply(AddressIs(2, "10.0.0.3/24")).has_value() == retirement.full());
  }
}

TEST_CASE("a stale object that another scope still uses is swept as soon as it lets go") {
  Writer writer;
  writer.StateTenant();
  const auto bgp = BgpScope(1, 4);
  writer.Take(BeginSync().In(bgp));
  writer.Take(AdjacencyTo(11, 1, "10.0.0.3").In(bgp));
  writer.Take(GroupOf(11, {11}).In(bgp));
  writer.Take(RouteTo(1, "20.0.0.0/8", 11).In(bgp));
  writer.Reattach();
  writer.Take(BeginSync());
  writer.Take(VrfIs(1));
  writer.Take(EndOfSync());
  writer.SweepAll();
  CHECK(writer.tables.interfaces.Find(1) != nullptr);
  CHECK(writer.tables.interfaces.Find(2) == nullptr);
  CHECK(writer.Lookup(1, "20.1.1.1") == 11);
  writer.Take(BeginSync().In(bgp));
  writer.Take(EndOfSync().In(bgp));
  writer.SweepAll();
  writer.Pass(1100ms);
  CHECK(writer.tables.interfaces.Find(1) == nullptr);
}

TEST_CASE("a VRF takes its scopes with it") {
  Writer writer;
  writer.Take(BeginSync());
  writer.Take(VrfIs(1));
  writer.Take(AdjacencyIs(5, channel::AdjacencyKind::kDrop));
  writer.Take(GroupOf(5, {5}));
  const auto bgp = BgpScope(1, 4);
  writer.Take(BeginSync(3600000).In(bgp));
  writer.Take(AdjacencyIs(11, channel::AdjacencyKind::kDrop).In(bgp));
  writer.Take(GroupOf(11, {11}).In(bgp));
  writer.Take(RouteTo(1, "20.0.0.0/8", 11).In(bgp));
  writer.Take(RouteTo(1, "30.0.0.0/8", 5));
  writer.Take(Delete(RecordType::kVrfDelete, 1));
  writer.SweepAll();
  CHECK(writer.writer.scopes().Find(bgp) == kNoScope);
  CHECK_FALSE(writer.tables.groups.Exists(11));
  CHECK(writer.tables.groups.Exists(5));
  writer.Take(Delete(RecordType::kNextHopGroupDelete, 5));
}

TEST_CASE("sweeping a large table comes in small pieces and misses nothing") {
  Writer writer;
  writer.StateTenant();
  for (uint32_t i = 0; i < 20000; ++i)
    writer.Take(RouteTo(1, net::Ipv4Address{0x64000000 + i * 256}.ToString() + "/24", 1));
  for (uint32_t i = 0; i < 400; ++i) {
    net::Ipv6Address address = net::Ipv6Address::FromHalves(0x20010db800000000 + (uint64_t{i} << 16), 0);
    writer.Take(RouteTo(1, address.ToString() + "/48", 1));
  }
  writer.Reattach();
  writer.StateTenant();
  for (uint32_t i = 0; i < 20000; i += 2)
    writer.Take(RouteTo(1, net::Ipv4Address{0x64000000 + i * 256}.ToString() + "/24", 1));
  writer.Take(EndOfSync());
  unsigned pieces = 0;
  while (writer.writer.Sweep()) {
    ++pieces;
    // Updates go on in between, also of what the sweep has yet to meet.
    if (pieces == 3)
      writer.Take(RouteTo(1, net::Ipv4Address{0x64000000 + 19999 * 256}.ToString() + "/24", 1));
  }
  CHECK(pieces > 40);
  // 3 routes of the tenant, 3 local addresses, every other one, and the late one.
  CHECK(writer.tables.Ipv4Routes(1)->route_count() == 3 + 3 + 10000 + 1);
  CHECK(writer.tables.Ipv6Routes(1)->route_count() == 0);
}

}  // namespace
}  // namespace sluice::dataplane
