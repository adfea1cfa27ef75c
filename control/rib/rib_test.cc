// What the RIB chooses, how next hops resolve, and what it asks programming to do.
#include "control/rib/rib.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <string>

namespace sluice::rib {
namespace {

net::Prefix P(const std::string& text) {
  return *net::Prefix::Parse(text);
}
net::Address A(const std::string& text) {
  return *net::Address::Parse(text);
}

RouteInput Connected(const std::string& subnet, uint32_t interface) {
  return {1,         P(subnet), Source::kConnected,         DefaultDistance(Source::kConnected),
          interface, 0,         {{std::nullopt, interface}}};
}
RouteInput Static(const std::string& prefix, const std::string& via, uint32_t metric = 0,
                  uint32_t path_id = 0) {
  return {1, P(prefix), Source::kStatic, DefaultDistance(Source::kStatic), path_id, metric, {{A(via)}}};
}

// The dataplane as the test plays it: takes everything, answers at once.
struct Plane {
  explicit Plane(Rib& of) : rib(of) {}

  void Pump() {
    for (const AdjacencyUpdate& update : rib.TakeAdjacencies()) {
      if (update.wanted) adjacencies[update.id] = *update.wanted;
    }
    for (const GroupUpdate& update : rib.TakeGroups()) {
      if (!update.members.empty()) groups[update.id] = update.members;
    }
    while (auto update = rib.NextToSend()) {
      rib.Sent();
      if (update->group == kNoGroup) {
        routes.erase(update->prefix);
      } else {
        routes[update->prefix] = update->group;
      }
      rib.Acknowledge(*update);
    }
  }
  // "2/15.0.0.1" for a neighbour, "2/glean", "drop"; several joined by " + ".
  std::string Of(const std::string& prefix) {
    const auto at = routes.find(P(prefix));
    if (at == routes.end()) return "none";
    std::string text;
    for (const GroupMember& member : groups[at->second]) {
      const Adjacency& adjacency = adjacencies[member.adjacency];
      if (!text.empty()) text += " + ";
      if (adjacency.kind == Adjacency::Kind::kDrop) {
        text += "drop";
        continue;
      }
      text += std::to_string(adjacency.interface) + "/";
      text += adjacency.kind == Adjacency::Kind::kGlean ? "glean" : adjacency.next_hop.ToString();
    }
    return text;
  }

  Rib& rib;
  std::map<net::Prefix, GroupId> routes;
  std::map<GroupId, GroupMembers> groups;
  std::map<AdjacencyId, Adjacency> adjacencies;
};

TEST_CASE("the lowest distance wins, then the lowest metric, and equals are used together") {
  RouteInput bgp = Static("18.0.0.0/24", "15.0.0.9");
  bgp.source = Source::kBgp;
  bgp.distance = DefaultDistance(Source::kBgp);
  RouteInput discard = Static("18.0.0.0/24", "15.0.0.1", 0, 7);
  discard.next_hops.clear();

  struct Row {
    const char* what;
    std::vector<RouteInput> paths;
    std::string expected;
  };
  const Row rows[] = {
      {"one path", {Static("18.0.0.0/24", "15.0.0.1")}, "2/15.0.0.1"},
      {"static before BGP", {bgp, Static("18.0.0.0/24", "15.0.0.1", 500)}, "2/15.0.0.1"},
      {"lower metric",
       {Static("18.0.0.0/24", "15.0.0.1", 20, 1), Static("18.0.0.0/24", "15.0.0.2", 10, 2)},
       "2/15.0.0.2"},
      {"equal cost",
       {Static("18.0.0.0/24", "15.0.0.2", 10, 1), Static("18.0.0.0/24", "16.0.0.2", 10, 2)},
       "2/15.0.0.2 + 3/16.0.0.2"},
      {"equal cost through one next hop",
       {Static("18.0.0.0/24", "15.0.0.2", 10, 1), Static("18.0.0.0/24", "15.0.0.2", 10, 2)},
       "2/15.0.0.2"},
      {"a next hop in no subnet does not take part",
       {Static("18.0.0.0/24", "99.0.0.2", 1, 1), Static("18.0.0.0/24", "15.0.0.2", 10, 2)},
       "2/15.0.0.2"},
      {"only unreachable next hops", {Static("18.0.0.0/24", "99.0.0.2")}, "none"},
      {"no next hop discards", {discard}, "drop"},
      {"the same path stated again replaces",
       {Static("18.0.0.0/24", "15.0.0.2", 10, 1), Static("18.0.0.0/24", "15.0.0.3", 10, 1)},
       "2/15.0.0.3"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Rib rib;
      Plane plane(rib);
      rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
      rib.Update(Connected("16.0.0.0/24", 3), RouteSet::kSpec);
      for (const RouteInput& path : row.paths) rib.Update(path, RouteSet::kSpec);
      plane.Pump();
      CHECK(plane.Of("18.0.0.0/24") == row.expected);
      CHECK(plane.Of("15.0.0.0/24") == "2/glean");
    }
  }
}

TEST_CASE("a connected subnet that comes or goes makes the routes behind it usable or not") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Static("18.0.0.0/24", "15.0.0.1", 10, 1), RouteSet::kSpec);
  rib.Update(Static("18.0.0.0/24", "16.0.0.1", 20, 2), RouteSet::kSpec);
  plane.Pump();
  CHECK(plane.Of("18.0.0.0/24") == "none");
  rib.Update(Connected("16.0.0.0/24", 3), RouteSet::kSpec);
  plane.Pump();
  CHECK(plane.Of("18.0.0.0/24") == "3/16.0.0.1");
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  plane.Pump();
  CHECK(plane.Of("18.0.0.0/24") == "2/15.0.0.1");
  rib.Withdraw(1, P("15.0.0.0/24"), Source::kConnected, 2, RouteSet::kSpec);
  plane.Pump();
  CHECK(plane.Of("18.0.0.0/24") == "3/16.0.0.1");
  CHECK(plane.Of("15.0.0.0/24") == "none");
}

TEST_CASE("a next hop that moves to another interface changes one group and no route") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  for (int i = 0; i < 100; ++i) {
    rib.Update(Static("18.0." + std::to_string(i) + ".0/24", "15.0.0.1"), RouteSet::kSpec);
  }
  plane.Pump();
  rib.Update(Connected("15.0.0.0/28", 4), RouteSet::kSpec);
  CHECK(rib.TakeAdjacencies().size() >= 1);
  const std::vector<GroupUpdate> groups = rib.TakeGroups();
  unsigned with_members = 0;
  for (const GroupUpdate& update : groups) with_members += !update.members.empty();
  CHECK(with_members == 2);  // the new subnet's own and the moved one
  unsigned routes = 0;
  while (rib.NextToSend()) {
    rib.Sent();
    ++routes;
  }
  CHECK(routes == 1);
}

RouteInput Host(const std::string& prefix, const std::string& provider, uint8_t mac) {
  return {1, P(prefix), Source::kVirtualNetwork, 1, 1, 0, {{A(provider), 7, 1, {{2, 0, 0, 0, 0, mac}}}}};
}

TEST_CASE("a host that moves changes its adjacency alone, unless somebody shares what it leaves or joins") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Host("10.1.0.1/32", "20.0.0.1", 1), RouteSet::kMappings);
  rib.Update(Host("10.1.0.2/32", "20.0.0.2", 2), RouteSet::kMappings);
  plane.Pump();
  const GroupId group = plane.routes.at(P("10.1.0.1/32"));
  const auto count_routes = [&] {
    unsigned routes = 0;
    for (; rib.NextToSend(); ++routes) rib.Sent();
    return routes;
  };

  SECTION("alone") {
    rib.Update(Host("10.1.0.1/32", "20.0.0.9", 9), RouteSet::kMappings);
    const std::vector<AdjacencyUpdate> adjacencies = rib.TakeAdjacencies();
    REQUIRE(adjacencies.size() == 1);
    CHECK(adjacencies[0].id == plane.groups.at(group)[0].adjacency);
    CHECK(adjacencies[0].wanted->next_hop == A("20.0.0.9"));
    CHECK(rib.TakeGroups().empty());
    CHECK(count_routes() == 0);
    CHECK(rib.Paths(1, P("10.1.0.1/32"))[0].next_hops[0].address == A("20.0.0.9"));
    // What it was before is free for another.
    rib.Update(Host("10.1.0.3/32", "20.0.0.1", 1), RouteSet::kMappings);
    CHECK(rib.TakeAdjacencies().at(0).id != adjacencies[0].id);
  }
  SECTION("to where another one is") {
    rib.Update(Host("10.1.0.1/32", "20.0.0.2", 2), RouteSet::kMappings);
    plane.Pump();
    CHECK(plane.routes.at(P("10.1.0.1/32")) == plane.routes.at(P("10.1.0.2/32")));
    // The two part again, and the one that stays must not be taken along.
    rib.Update(Host("10.1.0.1/32", "20.0.0.5", 5), RouteSet::kMappings);
    CHECK(rib.TakeAdjacencies().at(0).wanted->next_hop == A("20.0.0.5"));
    rib.Update(Host("10.1.0.2/32", "20.0.0.6", 6), RouteSet::kMappings);
    CHECK(count_routes() == 2);
  }
  SECTION("both at once, each to where the other was") {
    rib.Update(Host("10.1.0.1/32", "20.0.0.2", 2), RouteSet::kMappings);
    rib.Update(Host("10.1.0.2/32", "20.0.0.1", 1), RouteSet::kMappings);
    plane.Pump();
    CHECK(plane.Of("10.1.0.1/32") == "7/20.0.0.2");
    CHECK(plane.Of("10.1.0.2/32") == "7/20.0.0.1");
  }
  SECTION("a machine with addresses of both families is at one place") {
    rib.Update(Host("2001:db8::1/128", "20.0.0.1", 1), RouteSet::kMappings);
    plane.Pump();
    rib.Update(Host("10.1.0.1/32", "20.0.0.9", 9), RouteSet::kMappings);
    const std::vector<AdjacencyUpdate> adjacencies = rib.TakeAdjacencies();
    REQUIRE(adjacencies.size() == 1);  // a new one: the old one is not only its own
    plane.adjacencies[adjacencies[0].id] = *adjacencies[0].wanted;
    CHECK(rib.TakeGroups().at(0).id == group);
    rib.Update(Host("2001:db8::1/128", "20.0.0.9", 9), RouteSet::kMappings);
    plane.Pump();
    CHECK(plane.Of("2001:db8::1/128") == "7/20.0.0.9");
    CHECK(rib.adjacencies() == 3);  // the old one is not gone yet
  }
  SECTION("of a route that was refused it is a new list, so that it is tried again") {
    rib.Refuse({1, P("10.1.0.1/32"), group}, 7);
    rib.Update(Host("10.1.0.1/32", "20.0.0.9", 9), RouteSet::kMappings);
    CHECK(count_routes() == 1);
  }
}

TEST_CASE("replacing a set withdraws what it no longer holds and leaves other sets alone") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  rib.Update(Static("20.0.0.0/8", "15.0.0.1"), RouteSet::kSpec);
  const std::vector<RouteInput> first = {Static("18.0.0.0/24", "15.0.0.1"),
                                         Static("18.0.1.0/24", "15.0.0.1")};
  rib.Replace(1, RouteSet::kStaticRoutes, first);
  plane.Pump();
  CHECK(plane.Of("18.0.1.0/24") == "2/15.0.0.1");
  const std::vector<RouteInput> second = {Static("18.0.0.0/24", "15.0.0.7")};
  rib.Replace(1, RouteSet::kStaticRoutes, second);
  plane.Pump();
  CHECK(plane.Of("18.0.0.0/24") == "2/15.0.0.7");
  CHECK(plane.Of("18.0.1.0/24") == "none");
  CHECK(plane.Of("20.0.0.0/8") == "2/15.0.0.1");
}

TEST_CASE("a route is programmed when acknowledged as it was last sent, not before") {
  Rib rib;
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  const auto first = rib.NextToSend();
  REQUIRE(first);
  rib.Sent();
  CHECK(rib.count(1, RouteState::kPending) == 1);
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);  // equal: no change
  RouteInput other = Connected("15.0.0.0/24", 2);
  other.next_hops[0].interface = 3;
  rib.Update(other, RouteSet::kSpec);
  rib.Acknowledge(*first);
  CHECK(rib.count(1, RouteState::kProgrammed) == 0);
  const auto second = rib.NextToSend();
  REQUIRE(second);
  rib.Sent();
  rib.Acknowledge(*second);
  CHECK(rib.count(1, RouteState::kProgrammed) == 1);
  CHECK(rib.FindIpv4(1)->count(Source::kConnected).programmed == 1);
}

TEST_CASE("a refused route keeps its reason, can be retried, and is deleted in case an older one is there") {
  Rib rib;
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  const auto update = rib.NextToSend();
  rib.Sent();
  rib.Refuse(*update, 42);
  CHECK(rib.Paths(1, P("15.0.0.0/24")).at(0).refusal == 42);
  CHECK(rib.unanswered(1) == 0);
  CHECK(rib.RetryRefused(10) == 1);
  CHECK(rib.NextToSend() == update);
  rib.Sent();
  rib.Refuse(*update, 42);
  rib.RemoveVrf(1);
  const auto removal = rib.NextToSend();
  REQUIRE(removal);
  CHECK(removal->group == kNoGroup);
  rib.Sent();
  rib.Refuse(*removal, 4);
  CHECK(rib.FindIpv4(1) == nullptr);
}

TEST_CASE("after the dataplane was lost everything wanted is sent again and nothing else") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  rib.Update(Static("18.0.0.0/24", "15.0.0.1"), RouteSet::kSpec);
  plane.Pump();
  rib.Withdraw(1, P("18.0.0.0/24"), Source::kStatic, 0, RouteSet::kSpec);
  rib.ForgetInstalled();
  plane.routes.clear();
  plane.Pump();
  CHECK(plane.routes.size() == 1);
  CHECK(rib.count(1, RouteState::kProgrammed) == 1);
  CHECK(rib.FindIpv4(1)->size() == 1);
}

TEST_CASE("the longest match explains a destination") {
  Rib rib;
  rib.Update(Connected("15.0.0.0/24", 2), RouteSet::kSpec);
  rib.Update(Static("18.0.0.0/8", "15.0.0.1"), RouteSet::kSpec);
  rib.Update(Static("18.1.0.0/16", "15.0.0.2"), RouteSet::kSpec);
  rib.Update(Static("18.1.1.0/24", "99.0.0.2"), RouteSet::kSpec);  // not usable
  const std::vector<PathView> paths = rib.Explain(1, A("18.1.1.1"));
  REQUIRE(paths.size() == 1);
  CHECK(paths[0].prefix == P("18.1.0.0/16"));
  CHECK(paths[0].next_hops[0].interface == 2);
  CHECK(rib.Explain(1, A("19.0.0.1")).empty());
}

TEST_CASE("a reader of changes gets each path once, and a late one starts over") {
  ChangeList<int> list(4);
  CHECK(list.size() == 0);
  uint64_t position = list.Subscribe();
  for (const int key : {1, 2, 1, 3}) list.Append(key);
  std::vector<int> read;
  CHECK(list.Read(position, 10, read));
  CHECK(read == std::vector<int>{2, 1, 3});
  const uint64_t old = position;
  for (int key = 10; key < 20; ++key) list.Append(key);
  position = old;
  CHECK_FALSE(list.Read(position, 10, read));
}

TEST_CASE("next hops beyond what a group holds are the last ones, are not silent, and move up") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Connected("15.0.0.0/16", 2), RouteSet::kSpec);
  // Two paths of equal cost with 40 next hops each, 10 of them the same.
  const auto path = [](uint32_t id, unsigned first) {
    RouteInput route = Static("18.0.0.0/24", "15.0.0.1", 0, id);
    route.next_hops.clear();
    for (unsigned i = first; i < first + 40; ++i)
      route.next_hops.push_back({A("15.0.0." + std::to_string(i))});
    return route;
  };
  rib.Update(path(2, 31), RouteSet::kSpec);
  rib.Update(path(1, 1), RouteSet::kSpec);
  plane.Pump();
  const auto unused_of = [&] {
    std::string unused;
    for (const PathView& view : rib.Paths(1, P("18.0.0.0/24")))
      for (const uint16_t index : view.unused) unused += view.next_hops[index].address->ToString() + " ";
    return unused;
  };
  CHECK(plane.groups[plane.routes[P("18.0.0.0/24")]].size() == kGroupMembersMax);
  CHECK(rib.unused_next_hops(1) == 6);
  CHECK(unused_of() == "15.0.0.65 15.0.0.66 15.0.0.67 15.0.0.68 15.0.0.69 15.0.0.70 ");

  rib.Withdraw(1, P("18.0.0.0/24"), Source::kStatic, 1, RouteSet::kSpec);
  plane.Pump();
  CHECK(rib.unused_next_hops(1) == 0);
  CHECK(unused_of().empty());
  rib.Update(path(1, 1), RouteSet::kSpec);
  plane.Pump();
  CHECK(rib.unused_next_hops(1) == 6);
  rib.RemoveVrf(1);
  plane.Pump();
  CHECK(rib.unused_next_hops(1) == 0);
}

TEST_CASE("weights that add up beyond the largest keep their ratio") {
  Rib rib;
  Plane plane(rib);
  rib.Update(Connected("15.0.0.0/16", 2), RouteSet::kSpec);
  for (uint32_t id = 1; id <= 3; ++id) {
    RouteInput route = Static("18.0.0.0/24", "15.0.0.1", 0, id);
    route.next_hops = {{A("15.0.0.1"), 0, 256}, {A("15.0.0." + std::to_string(1 + id)), 0, 128}};
    rib.Update(route, RouteSet::kSpec);
  }
  plane.Pump();
  std::map<std::string, uint16_t> weights;
  for (const GroupMember& member : plane.groups[plane.routes[P("18.0.0.0/24")]])
    weights[plane.adjacencies[member.adjacency].next_hop.ToString()] = member.weight;
  // 768 : 128 each
  CHECK((weights == std::map<std::string, uint16_t>{
                        {"15.0.0.1", 256}, {"15.0.0.2", 43}, {"15.0.0.3", 43}, {"15.0.0.4", 43}}));
}

}  // namespace
}  // namespace sluice::rib
