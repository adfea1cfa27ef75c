// The RIB against a model that recomputes everything from scratch: random paths
// of all sources come and go, the dataplane answers late, refuses and restarts.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "control/rib/rib.h"

namespace sluice::rib {
namespace {

using Target = std::multiset<std::tuple<unsigned, uint32_t, net::Address>>;  // kind, interface, next hop

// Obviously correct and slow.
struct Model {
  using Identity = std::tuple<net::Prefix, Source, uint32_t>;
  std::map<Identity, RouteInput> paths;

  std::optional<uint32_t> InterfaceOf(const net::Address& address) const {
    std::optional<uint32_t> best;
    int best_length = -1;
    for (const auto& [identity, path] : paths) {
      for (const NextHop& hop : path.next_hops) {
        if (hop.address || !path.prefix.Contains(address)) continue;
        const int length = path.prefix.length();
        if (length > best_length || (length == best_length && hop.interface < *best)) {
          best = hop.interface;
          best_length = length;
        }
      }
    }
    return best;
  }
  Target Resolve(const RouteInput& path) const {
    Target target;
    for (const NextHop& hop : path.next_hops) {
      if (!hop.address) {
        target.insert({2, hop.interface,
                       path.prefix.family() == net::Family::kIpv4 ? net::Address(net::Ipv4Address{})
                                                                  : net::Address(net::Ipv6Address{})});
      } else if (!hop.mac.IsZero()) {
        target.insert({3, hop.interface, *hop.address});
      } else if (auto interface = InterfaceOf(*hop.address)) {
        target.insert({1, *interface, *hop.address});
      }
    }
    return target;
  }
  std::map<net::Prefix, std::set<std::tuple<unsigned, uint32_t, net::Address>>> Routes() const {
    std::map<net::Prefix, std::pair<uint32_t, uint32_t>> best;
    for (const auto& [identity, path] : paths) {
      if (Resolve(path).empty()) continue;
      const std::pair<uint32_t, uint32_t> cost{path.distance, path.metric};
      const auto [at, is_new] = best.try_emplace(path.prefix, cost);
      if (!is_new) at->second = std::min(at->second, cost);
    }
    std::map<net::Prefix, std::set<std::tuple<unsigned, uint32_t, net::Address>>> routes;
    for (const auto& [identity, path] : paths) {
      const auto at = best.find(path.prefix);
      if (at == best.end() || at->second != std::pair<uint32_t, uint32_t>{path.distance, path.metric})
        continue;
      for (const auto& hop : Resolve(path)) routes[path.prefix].insert(hop);
    }
    return routes;
  }
};

struct Simulation {
  static constexpr uint32_t kFirstMachine = 0x0a010000;       // 10.1.0.0
  static constexpr uint64_t kMachines6 = 0x20010db8ffff0000;  // 2001:db8:ffff::
  static constexpr uint32_t kFirstHost = 0x14000000;          // 20.0.0.0

  explicit Simulation(uint32_t seed) : random(seed) {}
  uint32_t Pick(uint32_t count) { return static_cast<uint32_t>(random() % count); }

  // A machine of a virtual network, with an address of each family, is at one of three hosts, which it
  // shares with its neighbours.
  RouteInput RandomHost() {
    const uint32_t machine = Pick(8);
    const NextHop at{net::Ipv4Address{kFirstHost + machine + Pick(3)},
                     7,
                     1,
                     {{2, 0, 0, 0, 0, static_cast<uint8_t>(Pick(2))}}};
    return {1,
            Pick(2) == 0 ? net::Prefix(net::Ipv4Address{kFirstMachine + machine}, 32)
                         : net::Prefix(net::Ipv6Address::FromHalves(kMachines6, machine), 128),
            Source::kVirtualNetwork,
            1,
            Pick(10) == 0 ? 1u : 0u,
            0,
            {at}};
  }
  // Whatever was not answered yet: no machine's packets go where it never was.
  void CheckMachines() {
    // The dataplane takes a route up before a later group; the one here does not.
    std::set<net::Prefix> in_between;
    for (const RouteUpdate& update : in_flight) in_between.insert(update.prefix);
    for (const auto& [prefix, group] : plane) {
      if (!IsMachine(prefix) || in_between.contains(prefix)) continue;
      for (const GroupMember& member : groups[group]) {
        const uint32_t host = adjacencies[member.adjacency].next_hop.v4().value - kFirstHost;
        const bool v4 = prefix.address().is_v4();
        const auto machine = v4 ? prefix.address().v4().value - kFirstMachine
                                : static_cast<uint32_t>(prefix.address().v6().Low());
        REQUIRE(host - machine < 3);
      }
    }
  }
  static bool IsMachine(const net::Prefix& prefix) {
    const net::Address& address = prefix.address();
    return address.is_v4() ? address.v4().value >> 16 == kFirstMachine >> 16
                           : address.v6().High() == kMachines6;
  }

  RouteInput RandomPath() {
    if (Pick(3) == 0) return RandomHost();
    static const char* const kSubnets[] = {"15.0.0.0/24", "15.0.0.0/28", "16.0.0.0/24", "2001:db8::/64"};
    static const char* const kHops[] = {"15.0.0.1", "15.0.0.99", "16.0.0.1", "99.0.0.1"};
    if (Pick(5) == 0) {
      const uint32_t interface = 1 + Pick(3);
      return {1,
              *net::Prefix::Parse(kSubnets[Pick(4)]),
              Source::kConnected,
              0,
              interface,
              0,
              {{std::nullopt, interface}}};
    }
    const bool v6 = Pick(4) == 0;
    const std::string prefix =
        v6 ? "2001:db8:" + std::to_string(Pick(10)) + "::/48" : "18.0." + std::to_string(Pick(20)) + ".0/24";
    const Source source = Pick(2) == 0 ? Source::kStatic : Source::kBgp;
    RouteInput path{1, *net::Prefix::Parse(prefix), source, DefaultDistance(source), Pick(3), Pick(3), {}};
    const uint32_t hops = 1 + Pick(2);
    for (uint32_t i = 0; i < hops; ++i) {
      const std::string hop = v6 ? "2001:db8::" + std::to_string(1 + Pick(3)) : kHops[Pick(4)];
      path.next_hops.push_back({net::Address::Parse(hop)});
    }
    return path;
  }

  void Step() {
    const uint32_t what = Pick(100);
    const RouteInput path = RandomPath();
    const Model::Identity identity{path.prefix, path.source, path.path_id};
    if (what < 55) {
      rib.Update(path, RouteSet::kSpec);
      model.paths[identity] = path;
    } else if (what < 85) {
      rib.Withdraw(1, path.prefix, path.source, path.path_id, RouteSet::kSpec);
      model.paths.erase(identity);
    } else if (what < 99) {
      Pump(Pick(8));
    } else {
      rib.ForgetInstalled();
      plane.clear();
      in_flight.clear();
    }
  }
  void Pump(uint32_t routes_max) {
    for (const AdjacencyUpdate& update : rib.TakeAdjacencies()) {
      if (update.wanted) adjacencies[update.id] = *update.wanted;
      gone_adjacencies.erase(update.id);
      if (!update.wanted) gone_adjacencies.insert(update.id);
    }
    for (const GroupUpdate& update : rib.TakeGroups()) {
      gone_groups.erase(update.id);
      if (update.members.empty()) {
        gone_groups.insert(update.id);
      } else {
        groups[update.id] = update.members;
      }
    }
    while (routes_max-- > 0) {
      const auto update = rib.NextToSend();
      if (!update) break;
      rib.Sent();
      in_flight.push_back(*update);
    }
    for (uint32_t answers = Pick(8); answers > 0 && !in_flight.empty(); --answers) Answer();
    std::erase_if(gone_groups, [&](GroupId id) {
      if (rib.sent_routes(id) > 0) return false;
      rib.GroupGone(id);
      return true;
    });
    std::erase_if(gone_adjacencies, [&](AdjacencyId id) {
      for (const GroupId group : gone_groups)
        for (const GroupMember& member : groups[group])
          if (member.adjacency == id) return false;
      rib.AdjacencyGone(id);
      return true;
    });
  }
  void Answer() {
    const RouteUpdate update = in_flight.front();
    in_flight.pop_front();
    // The plane here forgets a group at once: what was refused would lead into its next life.
    const bool may_refuse = !settling && !IsMachine(update.prefix);
    if (may_refuse && Pick(10) == 0 && update.group != kNoGroup) {
      rib.Refuse(update, 7);
      return;
    }
    if (update.group == kNoGroup) {
      plane.erase(update.prefix);
    } else {
      plane[update.prefix] = update.group;
    }
    rib.Acknowledge(update);
  }
  // Everything sent and answered.
  void Finish() {
    settling = true;
    for (int round = 0; round < 1000; ++round) {
      rib.RetryRefused(1000);
      Pump(1000);
    }
    REQUIRE(in_flight.empty());
  }

  std::mt19937 random;
  Rib rib;
  Model model;
  std::map<net::Prefix, GroupId> plane;
  std::map<GroupId, GroupMembers> groups;
  std::map<AdjacencyId, Adjacency> adjacencies;
  std::set<GroupId> gone_groups;
  std::set<AdjacencyId> gone_adjacencies;
  std::deque<RouteUpdate> in_flight;
  bool settling = false;
};

TEST_CASE("the dataplane ends with what a recomputation from scratch gives") {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Simulation run(seed);
    for (int step = 0; step < 400; ++step) {
      run.Step();
      run.CheckMachines();
    }
    run.Finish();
    const auto expected = run.model.Routes();
    std::map<net::Prefix, std::set<std::tuple<unsigned, uint32_t, net::Address>>> got;
    for (const auto& [prefix, group] : run.plane) {
      for (const GroupMember& member : run.groups[group]) {
        const Adjacency& adjacency = run.adjacencies[member.adjacency];
        got[prefix].insert({static_cast<unsigned>(adjacency.kind), adjacency.interface, adjacency.next_hop});
      }
    }
    CHECK(got == expected);
    CHECK(run.rib.count(1, RouteState::kProgrammed) == expected.size());
    CHECK(run.rib.unanswered(1) == 0);
  }
}

}  // namespace
}  // namespace sluice::rib
