// What records do to the tables: statement, re-statement, refusal, deletion.
#include "dataplane/agent/table_writer.h"

#include <algorithm>
#include <cstdlib>

#include "dataplane/agent/writer_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;
using channel::AdjacencyKind;
using channel::RecordType;
using channel::RefusalReason;

net::Address Ip(std::string_view text) {
  return *net::Address::Parse(text);
}

TEST_CASE("a stated tenant forwards once its neighbours are resolved") {
  Writer writer;
  writer.StateTenant();
  CHECK(writer.Lookup(1, "10.1.2.3") == 1);
  CHECK(writer.requests.watched.contains({1, Ip("10.0.0.2")}));
  CHECK_FALSE(writer.tables.adjacencies.Load(1).live());
  CHECK(writer.tables.adjacencies.Load(1).resolvable());

  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  CHECK(writer.tables.adjacencies.Load(1).sendable());
  CHECK(writer.writer.resolver().LivenessOf(1).cause == DownCause::kNone);
  // The glean path finds the neighbour too.
  CHECK(writer.tables.neighbors.Find(NeighborKey::Of(1, Ip("10.0.0.2"))) != kNoAdjacency);
}

TEST_CASE("our own addresses and the router's are host routes to the local group") {
  Writer writer;
  writer.StateTenant();
  const GroupId local = writer.tables.groups.local();
  CHECK(writer.Lookup(1, "10.0.0.1") == local);
  CHECK(writer.Lookup(1, "10.9.9.9") == local);
  CHECK(writer.Reason(RouteTo(1, "10.0.0.1/32", 1)) == RefusalReason::kConflict);
  writer.Take(AddressIs(1, "10.0.0.1/24", RecordType::kInterfaceAddressDelete));
  CHECK(writer.Lookup(1, "10.0.0.1") == kNoGroup);
  writer.Take(VrfIs(1, "10.8.8.8"));
  CHECK(writer.Lookup(1, "10.9.9.9") == kNoGroup);
  CHECK(writer.Lookup(1, "10.8.8.8") == local);
}

TEST_CASE("the router address may be an interface's address and outlives it") {
  Writer writer;
  writer.StateTenant();
  writer.Take(VrfIs(1, "10.0.0.1"));
  writer.Take(AddressIs(1, "10.0.0.1/24", RecordType::kInterfaceAddressDelete));
  CHECK(writer.Lookup(1, "10.0.0.1") == writer.tables.groups.local());
}

TEST_CASE("interfaces of one VRF share a link-local address that comes and goes with IPv6") {
  Writer writer;
  writer.StateTenant();
  const net::Ipv6Address link_local = LinkLocalOf(*net::MacAddress::Parse("02:00:00:00:00:01"));
  CHECK(link_local.ToString() == "fe80::ff:fe00:1");
  const auto lookup = [&] { return writer.tables.fib6.Lookup(1, {link_local.High(), link_local.Low()}); };
  CHECK(lookup() == kNoGroup);
  writer.Take(AddressIs(1, "2001:db8::1/64"));
  writer.Take(AddressIs(2, "2001:db8:1::1/64"));
  CHECK(lookup() == writer.tables.groups.local());
  writer.Take(AddressIs(1, "2001:db8::1/64", RecordType::kInterfaceAddressDelete));
  CHECK(lookup() == writer.tables.groups.local());
  writer.Take(AddressIs(2, "2001:db8:1::1/64", RecordType::kInterfaceAddressDelete));
  CHECK(lookup() == kNoGroup);
  CHECK(writer.tables.interfaces.Find(2)->addresses.size() == 1);
}

TEST_CASE("stating what is there already changes nothing that workers see") {
  Writer writer;
  writer.StateTenant();
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  const Interface* interface = writer.tables.interfaces.Find(1);
  const Vrf* vrf = writer.tables.vrfs.Find(1);
  const uint64_t pending = writer.tables.retirement.pending();
  const size_t told = writer.requests.interfaces.size();
  writer.Reattach();
  writer.StateTenant();
  CHECK(writer.tables.interfaces.Find(1) == interface);
  CHECK(writer.tables.vrfs.Find(1) == vrf);
  CHECK(writer.tables.retirement.pending() == pending);
  CHECK(writer.requests.interfaces.size() == told);
  CHECK(writer.tables.adjacencies.Load(1).sendable());
}

TEST_CASE("an interface clamps the MSS as long as its record asks for it") {
  Writer writer;
  writer.StateTenant();
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  const AdjacencyId gleaned = writer.tables.neighbors.Find(NeighborKey::Of(1, Ip("10.0.0.2")));
  const auto ask = [&](uint16_t flag) {
    const auto flags = static_cast<uint16_t>(channel::kInterfaceUp | flag);
    writer.Take(InterfaceIs(1, 1, 100).Set(offsetof(channel::InterfaceRecord, flags), flags));
  };
  for (const bool clamp : {true, false}) {
    ask(clamp ? channel::kInterfaceClampMss : 0);
    for (const AdjacencyId id : {AdjacencyId{1}, gleaned}) {
      CHECK(writer.tables.adjacencies.Load(id).clamps_mss() == clamp);
      CHECK(writer.tables.adjacencies.Load(id).plain() == !clamp);
    }
    CHECK(writer.tables.subinterfaces.Find(0, 100).Is(kSubinterfaceClampMss) == clamp);
  }
  CHECK_FALSE(writer.tables.adjacencies.Load(2).clamps_mss());
}

TEST_CASE("liveness has three causes, each with the time of its event") {
  Writer writer;
  writer.StateTenant();
  const auto cause = [&] { return writer.writer.resolver().LivenessOf(1).cause; };
  const auto since = [&] { return writer.writer.resolver().LivenessOf(1).since; };
  CHECK(cause() == DownCause::kNeighborUnresolved);
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  CHECK(cause() == DownCause::kNone);

  writer.writer.resolver().OnCarrier(0, false, writer.now - std::chrono::milliseconds(3));
  CHECK(cause() == DownCause::kNoCarrier);
  CHECK(since() == writer.now - std::chrono::milliseconds(3));
  CHECK_FALSE(writer.tables.adjacencies.Load(1).live());
  writer.writer.resolver().OnCarrier(0, true, writer.now);
  CHECK(cause() == DownCause::kNone);

  writer.Take(InterfaceIs(1, 1, 100).Set(offsetof(channel::InterfaceRecord, flags), uint16_t{0}));
  CHECK(cause() == DownCause::kInterfaceDown);
  writer.Take(InterfaceIs(1, 1, 100));
  CHECK(cause() == DownCause::kNone);

  writer.now += std::chrono::seconds(1);
  writer.Lose(1, "10.0.0.2");
  CHECK(cause() == DownCause::kNeighborFailed);
  CHECK(since() == writer.now);
}

TEST_CASE("the loss of a group's member moves its flows and no others, without touching routes") {
  Writer writer;
  writer.StateTenant();
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  writer.Learn(2, "10.0.1.2", "02:00:00:00:00:bb");
  std::vector<AdjacencyId> before;
  for (uint32_t hash = 0; hash < 64; ++hash) before.push_back(writer.Choose(1, "10.3.0.1", hash));
  // Resilient spreading: a member may stay one bucket (of 32) off its share.
  CHECK(std::abs(std::count(before.begin(), before.end(), 1) - 32) <= 2);
  writer.Lose(1, "10.0.0.2");
  for (uint32_t hash = 0; hash < 64; ++hash) {
    CHECK(writer.Choose(1, "10.3.0.1", hash) == 2);
  }
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  unsigned back = 0;
  for (uint32_t hash = 0; hash < 64; ++hash) back += writer.Choose(1, "10.3.0.1", hash) == 1 ? 1 : 0;
  CHECK((back >= 30 && back <= 34));
}

TEST_CASE("a static neighbour wins over what is learned") {
  Writer writer;
  writer.StateTenant();
  writer.Take(NeighborIs(1, "10.0.0.2", "02:00:00:00:00:cc"));
  CHECK(writer.tables.adjacencies.Load(1).sendable());
  CHECK(writer.requests.statics.back().mac == net::MacAddress::Parse("02:00:00:00:00:cc"));
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  CHECK(writer.tables.adjacencies.Describe(1)->neighbor_mac == net::MacAddress::Parse("02:00:00:00:00:cc"));
  writer.Take(NeighborIs(1, "10.0.0.2", "02:00:00:00:00:cc", RecordType::kNeighborDelete));
  CHECK_FALSE(writer.tables.adjacencies.Load(1).live());
  CHECK_FALSE(writer.requests.statics.back().mac.has_value());
}

TEST_CASE("the learned neighbours of a tenant are limited by name and nothing else suffers") {
  Writer writer;
  writer.StateTenant();
  for (int i = 10; i < 40; ++i) writer.Learn(1, "10.0.0." + std::to_string(i), "02:00:00:00:00:aa");
  CHECK(writer.tables.neighbors.Find(NeighborKey::Of(1, Ip("10.0.0.25"))) != kNoAdjacency);
  CHECK(writer.tables.neighbors.Find(NeighborKey::Of(1, Ip("10.0.0.26"))) == kNoAdjacency);
  CHECK(writer.writer.resolver().refused_neighbors() == 14);
  // A next hop that control names works all the same.
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  CHECK(writer.tables.adjacencies.Load(1).sendable());
}

TEST_CASE(
    "a learned neighbour that cannot be taken out while removals have no room goes later, with its number") {
  Writer to;
  to.StateTenant();
  to.Learn(1, "10.0.0.7", "02:00:00:00:00:77");
  const auto key = NeighborKey::Of(1, *net::Address::Parse("10.0.0.7"));
  const AdjacencyId glean = to.tables.neighbors.Find(key);
  REQUIRE(glean != kNoAdjacency);
  to.reclaimer.hold = true;
  for (bool fast = false; !to.tables.retirement.full(); fast = !fast)
    REQUIRE(to.tables.PutVrf({.id = 1, .punt_bgp = fast}).ok());
  to.writer.resolver().OnNeighbor(
      {.interface = 1, .address = *net::Address::Parse("10.0.0.7"), .removed = true}, to.now);
  CHECK(to.tables.neighbors.Find(key) == glean);
  CHECK_FALSE(to.tables.adjacencies.Load(glean).live());
  to.Pass(std::chrono::seconds(1));
  CHECK(to.writer.resolver().Find(key) != nullptr);
  to.reclaimer.hold = false;
  to.Pass(std::chrono::seconds(1));
  CHECK(to.writer.resolver().Find(key) == nullptr);
  CHECK(to.tables.neighbors.Find(key) == kNoAdjacency);
  CHECK(to.tables.adjacencies.Describe(glean) == nullptr);
}

TEST_CASE(
    "an address of ours is refused where control has a host route, and takes the place of a stale one") {
  Writer to;
  to.StateTenant();
  to.Take(RouteTo(1, "10.0.0.99/32", 1));
  CHECK(to.Reason(AddressIs(1, "10.0.0.99/24")) == RefusalReason::kConflict);
  CHECK(to.Lookup(1, "10.0.0.99") == 1);
  to.Reattach();
  to.StateTenant();
  to.Take(AddressIs(1, "10.0.0.99/24"));
  CHECK(to.Lookup(1, "10.0.0.99") == to.tables.groups.local());
  to.Take(EndOfSync());
  to.SweepAll();
  CHECK(to.Lookup(1, "10.0.0.99") == to.tables.groups.local());
  // VRF, 2 interfaces, 3 addresses, 2 adjacencies, 3 groups, 3 routes.
  CHECK(to.writer.scopes().At(1).objects == 14);
}

TEST_CASE("an object in use is not deleted") {
  Writer writer;
  writer.StateTenant();
  CHECK(writer.Reason(Delete(RecordType::kVrfDelete, 1)) == RefusalReason::kInUse);
  CHECK(writer.Reason(Delete(RecordType::kInterfaceDelete, 1)) == RefusalReason::kInUse);
  CHECK(writer.Reason(Delete(RecordType::kAdjacencyDelete, 1)) == RefusalReason::kInUse);
  CHECK(writer.Reason(Delete(RecordType::kNextHopGroupDelete, 1)) == RefusalReason::kInUse);
  writer.Take(PolicerIs(1, 1000));
  writer.Take(InterfaceIs(1, 1, 100).Set(offsetof(channel::InterfaceRecord, policer_out), uint32_t{1}));
  CHECK(writer.Reason(Delete(RecordType::kPolicerDelete, 1)) == RefusalReason::kInUse);
}

TEST_CASE("everything can be deleted in the order of dependence, and then is not there") {
  Writer writer;
  writer.StateTenant();
  writer.Learn(1, "10.0.0.2", "02:00:00:00:00:aa");
  writer.Take(RouteTo(1, "10.1.0.0/16", 0, RecordType::kRouteDelete));
  writer.Take(RouteTo(1, "10.2.0.0/16", 0, RecordType::kRouteDelete));
  writer.Take(RouteTo(1, "10.3.0.0/16", 0, RecordType::kRouteDelete));
  for (uint32_t group = 1; group <= 3; ++group) writer.Take(Delete(RecordType::kNextHopGroupDelete, group));
  for (uint32_t id = 1; id <= 2; ++id) writer.Take(Delete(RecordType::kAdjacencyDelete, id));
  for (uint32_t id = 1; id <= 2; ++id) writer.Take(Delete(RecordType::kInterfaceDelete, id));
  writer.Take(Delete(RecordType::kVrfDelete, 1));
  for (const RecordType type :
       {RecordType::kVrfDelete, RecordType::kInterfaceDelete, RecordType::kAdjacencyDelete,
        RecordType::kNextHopGroupDelete, RecordType::kPolicerDelete})
    CHECK(writer.Reason(Delete(type, 1)) == RefusalReason::kNotFound);
  CHECK(writer.tables.interfaces.used() == 0);
  CHECK(writer.tables.adjacencies.control_used() == 0);
  CHECK(writer.tables.groups.used() == 0);
  CHECK(writer.tables.own_addresses.used() == 0);
  CHECK(writer.tables.neighbors.used() == 0);
  CHECK(writer.requests.watched.empty());
  CHECK(writer.writer.scopes().At(1).objects == 0);
}

TEST_CASE("nothing leads from one tenant into another") {
  Writer writer;
  writer.StateTenant();
  writer.Take(VrfIs(2));
  writer.Take(InterfaceIs(3, 2, 200));
  writer.Take(AdjacencyTo(3, 3, "10.0.0.2"));
  CHECK(writer.Reason(RouteTo(2, "10.1.0.0/16", 1)) == RefusalReason::kConflict);
  CHECK(writer.Reason(GroupOf(4, {1, 3})) == RefusalReason::kConflict);
  CHECK(writer.Reason(GroupOf(1, {3})) == RefusalReason::kConflict);             // routes of VRF 1 use it
  CHECK(writer.Reason(AdjacencyTo(1, 3, "10.0.0.2")) == RefusalReason::kInUse);  // groups use it
  CHECK(writer.Reason(InterfaceIs(1, 2, 100)) == RefusalReason::kInUse);         // adjacencies use it
  // A drop leads nowhere and serves both, until one of them would change that.
  writer.Take(AdjacencyIs(5, AdjacencyKind::kDrop));
  writer.Take(GroupOf(5, {5}));
  writer.Take(RouteTo(1, "10.5.0.0/16", 5));
  writer.Take(RouteTo(2, "10.5.0.0/16", 5));
  CHECK(writer.Reason(AdjacencyTo(5, 3, "10.0.0.9")) == RefusalReason::kInUse);
  CHECK(writer.Reason(GroupOf(5, {3})) == RefusalReason::kConflict);
}

TEST_CASE("references to what is not there are refused by field") {
  struct Row {
    const char* what;
    Record record;
    size_t field;
  };
  Writer writer;
  writer.StateTenant();
  const Row rows[] = {
      {"interface in no VRF", InterfaceIs(9, 9, 300), offsetof(channel::InterfaceRecord, vrf)},
      {"interface on no port", InterfaceIs(9, 1, 300, 2), offsetof(channel::InterfaceRecord, port)},
      {"interface with no policer",
       InterfaceIs(9, 1, 300).Set(offsetof(channel::InterfaceRecord, policer_in), 7u),
       offsetof(channel::InterfaceRecord, policer_in)},
      {"address on no interface", AddressIs(9, "10.0.5.1/24"),
       offsetof(channel::InterfaceAddressRecord, interface)},
      {"neighbour on no interface", NeighborIs(9, "10.0.5.1", "02:00:00:00:00:01"),
       offsetof(channel::NeighborRecord, interface)},
      {"adjacency on no interface", AdjacencyTo(9, 9, "10.0.5.1"),
       offsetof(channel::AdjacencyRecord, interface)},
      {"group of no adjacency", GroupOf(9, {1, 9}), offsetof(channel::NextHopGroupRecord, members) + 8},
      {"route to no group", RouteTo(1, "10.7.0.0/16", 9), offsetof(channel::RouteRecord, group)},
      {"route in no VRF", RouteTo(9, "10.7.0.0/16", 3), offsetof(channel::RouteRecord, group)},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const auto refusal = writer.Apply(row.record);
      REQUIRE(refusal.has_value());
      CHECK(refusal->field_offset == row.field);
    }
  }
}

TEST_CASE("limits refuse by their name") {
  Writer writer;
  writer.StateTenant();
  const auto limit = [&](Record record) {
    const auto refusal = writer.Apply(std::move(record));
    REQUIRE(refusal.has_value());
    CHECK(static_cast<RefusalReason>(refusal->reason) == RefusalReason::kLimit);
    return static_cast<channel::Limit>(refusal->limit);
  };
  CHECK(limit(VrfIs(16)) == channel::Limit::kVrfs);
  CHECK(limit(InterfaceIs(65, 1, 300)) == channel::Limit::kInterfaces);
  CHECK(limit(AdjacencyIs(65, AdjacencyKind::kDrop)) == channel::Limit::kAdjacencies);
  CHECK(limit(GroupOf(65, {1})) == channel::Limit::kNextHopGroups);
  CHECK(limit(PolicerIs(17, 1000)) == channel::Limit::kPolicers);
  writer.Take(VrfIs(2).Set(offsetof(channel::VrfRecord, ipv4_routes_max), 1u));
  writer.Take(AdjacencyIs(5, AdjacencyKind::kDrop));
  writer.Take(GroupOf(5, {5}));
  writer.Take(RouteTo(2, "10.1.0.0/16", 5));
  CHECK(limit(RouteTo(2, "10.2.0.0/16", 5)) == channel::Limit::kIpv4RoutesPerVrf);
}

TEST_CASE("a port, a VLAN and an address belong to one interface") {
  Writer writer;
  writer.StateTenant();
  CHECK(writer.Reason(InterfaceIs(3, 1, 100)) == RefusalReason::kConflict);
  CHECK(writer.Reason(AddressIs(2, "10.0.0.1/24")) == RefusalReason::kConflict);
  // Another port's VLAN and another tenant's address are theirs.
  writer.Take(InterfaceIs(3, 1, 100, 1));
  writer.Take(VrfIs(2));
  writer.Take(InterfaceIs(4, 2, 200));
  writer.Take(AddressIs(4, "10.0.0.1/24"));
}

TEST_CASE("IPv6 needs 1280 bytes and a link-local address is ours to choose") {
  Writer writer;
  writer.StateTenant();
  writer.Take(InterfaceIs(1, 1, 100).Set(offsetof(channel::InterfaceRecord, mtu), uint16_t{1279}));
  CHECK(writer.Reason(AddressIs(1, "2001:db8::1/64")) == RefusalReason::kConflict);
  writer.Take(AddressIs(2, "2001:db8::1/64"));
  CHECK(writer.Reason(InterfaceIs(2, 1, 101).Set(offsetof(channel::InterfaceRecord, mtu), uint16_t{1279})) ==
        RefusalReason::kOutOfRange);
  CHECK(writer.Reason(AddressIs(2, "fe80::1/64")) == RefusalReason::kUnsupported);
  CHECK(writer.Reason(InterfaceIs(2, 1, 101).Set(offsetof(channel::InterfaceRecord, mtu), uint16_t{1501})) ==
        RefusalReason::kUnsupported);
}

}  // namespace
}  // namespace sluice::dataplane
