// The sender against a fake agent that keeps the order of dependence: nothing may
// be refused that is right, and the end is what the tenants want, whatever
// happens on the way.
#include "control/programming/sender.h"

#include <catch2/catch.hpp>
#include <random>

#include "control/programming/fake_channel.h"
#include "control/programming/refusal.h"
#include "tests/lib/fake_agent.h"

namespace sluice::programming {
namespace {

using FakeChannel = ChannelTo<testing::FakeAgent>;

// Tenant N: connections 10N + i on VLAN 100N + i, subnet 15.i.0.0/24, static routes behind.
TenantObjects Tenant(uint32_t vrf, unsigned connections, uint16_t first_vlan) {
  TenantObjects tenant;
  tenant.vrf = {vrf, "tenant t" + std::to_string(vrf)};
  for (unsigned i = 0; i < connections; ++i) {
    const uint32_t id = vrf * 10 + i;
    const std::string name = tenant.vrf.name + ": connection c" + std::to_string(i);
    tenant.policers.push_back({id, vrf, name + ": inbound bandwidth", 1000, 0});
    InterfaceObject interface { id, vrf, id, name, "p1", static_cast<uint16_t>(first_vlan + i) };
    interface.policer_in = id;
    const std::string net = "15." + std::to_string(i) + ".0.";
    interface.addresses.push_back(*net::InterfaceAddress::Parse(net + "5/24"));
    tenant.interfaces.push_back(interface);
    tenant.neighbors.push_back({id, vrf, A(net + "9"), {{2, 0, 0, 0, 0, 9}}, name + ": neighbour"});
    tenant.routes.push_back({vrf, P(net + "0/24"), rib::Source::kConnected, 0, id, 0, {{std::nullopt, id}}});
    tenant.routes.push_back({vrf, P("18.0.0.0/24"), rib::Source::kStatic, 5, id, 0, {{A(net + "1")}}});
  }
  return tenant;
}

Attachment WithPort() {
  Attachment attachment;
  attachment.ports["p1"] = 0;
  return attachment;
}

TEST_CASE("a tenant goes out in the order of dependence and comes back in the reverse one, unrefused") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 2, 100), 7);
  CHECK(sender.Progress(1).acknowledged_revision == 0);
  Run(sender, channel);
  CHECK(sender.Progress(1).acknowledged_revision == 7);
  CHECK(sender.synced());
  CHECK(agent.routes.size() == 3);
  CHECK(agent.TargetsOf(agent.routes.rbegin()->second.record).size() == 2);  // 18.0.0.0/24 over both
  CHECK(agent.interfaces.at(10).record.vlan == 100);
  CHECK(agent.addresses.size() == 2);
  CHECK(agent.neighbors.size() == 2);

  sender.RemoveTenant(1);
  Run(sender, channel);
  CHECK(agent.vrfs.empty());
  CHECK(agent.interfaces.empty());
  CHECK(agent.adjacencies.empty());
  CHECK(agent.groups.empty());
  CHECK(agent.policers.empty());
  CHECK(agent.routes.empty());
  CHECK(channel.refused.empty());
}

TEST_CASE("the underlay goes out as VRF 0, which needs no record, and its progress is its own") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  TenantObjects underlay;
  underlay.vrf = {0, "underlay"};
  InterfaceObject tor{.interface = 90, .name = "underlay interface tor-a", .port = "p1", .vlan = 90};
  tor.addresses.push_back(*net::InterfaceAddress::Parse("192.0.2.5/24"));
  underlay.interfaces.push_back(tor);
  underlay.routes.push_back({0, P("192.0.2.0/24"), rib::Source::kConnected, 0, 0, 0, {{std::nullopt, 90}}});
  underlay.routes.push_back({0, P("0.0.0.0/0"), rib::Source::kStatic, 5, 0, 0, {{A("192.0.2.1")}}});
  sender.PutTenant(underlay, 1);
  Run(sender, channel);
  CHECK(sender.Progress(0).acknowledged_revision == 1);
  CHECK(agent.vrfs.empty());
  CHECK(agent.interfaces.at(90).record.vrf == 0);
  CHECK(agent.routes.size() == 2);

  // A tenant's interface has no port, so its adjacencies wait: no business of the underlay.
  TenantObjects tenant = Tenant(1, 1, 100);
  tenant.interfaces[0].port = "p9";
  sender.PutTenant(tenant, 2);
  Run(sender, channel);
  CHECK(sender.Progress(1).problem_count > 0);
  CHECK(sender.Progress(0).problem_count == 0);
  CHECK(sender.unanswered(0) == 0);

  underlay.interfaces.clear();
  underlay.routes.clear();
  sender.PutTenant(underlay, 3);
  Run(sender, channel);
  CHECK(sender.Progress(0).acknowledged_revision == 3);
  CHECK_FALSE(agent.interfaces.contains(90));
  CHECK(agent.routes.empty());
  CHECK(channel.refused.empty());
}

TEST_CASE("nothing is said before the whole stored state is known") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 1);
  CHECK_FALSE(sender.Pump());
  CHECK(channel.Work(10).empty());
  sender.InitialStateComplete();
  sender.Pump();
  CHECK(channel.Work(1) == std::vector{channel::RecordType::kBeginSync});
}

TEST_CASE("a VLAN passes from one tenant to another in one go, without a refusal") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 2, 100), 1);
  Run(sender, channel);
  sender.PutTenant(Tenant(2, 1, 101), 1);
  sender.PutTenant(Tenant(1, 1, 100), 2);
  Run(sender, channel);
  CHECK(agent.interfaces.at(20).record.vlan == 101);
  CHECK(agent.interfaces.size() == 2);
  CHECK(channel.refused.empty());
  CHECK(sender.Progress(2).acknowledged_revision == 1);
}

TEST_CASE("an interface is told to clamp the MSS, and to leave it alone again") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  TenantObjects tenant = Tenant(1, 1, 100);
  uint64_t revision = 0;
  for (const bool clamp : {false, true, false}) {
    tenant.interfaces[0].clamp_mss = clamp;
    sender.PutTenant(tenant, ++revision);
    Run(sender, channel);
    CHECK(((agent.interfaces.at(10).record.flags & channel::kInterfaceClampMss) != 0) == clamp);
  }
}

TEST_CASE("two connections swap their VLANs in one go, without a refusal") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  TenantObjects tenant = Tenant(1, 2, 100);
  sender.PutTenant(tenant, 1);
  Run(sender, channel);
  std::swap(tenant.interfaces[0].vlan, tenant.interfaces[1].vlan);
  sender.PutTenant(tenant, 2);
  Run(sender, channel);
  CHECK(agent.interfaces.at(10).record.vlan == 101);
  CHECK(agent.interfaces.at(11).record.vlan == 100);
  CHECK((agent.interfaces.at(10).record.flags & channel::kInterfaceUp) != 0);
  CHECK((agent.interfaces.at(11).record.flags & channel::kInterfaceUp) != 0);
  CHECK(sender.Progress(1).acknowledged_revision == 2);
  CHECK(channel.refused.empty());
}

TEST_CASE("an interface on a port that is not there waits and says so, and so do its routes") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, {});
  sender.PutTenant(Tenant(1, 1, 100), 1);
  Run(sender, channel);
  const TenantProgress progress = sender.Progress(1);
  CHECK(progress.acknowledged_revision == 0);
  CHECK(progress.spec_problem_count == 5);  // interface, its address and neighbour, two routes
  REQUIRE_FALSE(progress.problems.empty());
  const Problem expected{"tenant t1: connection c0", "the dataplane has no port 'p1'"};
  CHECK(std::count(progress.problems.begin(), progress.problems.end(), expected) == 1);
  CHECK(sender.rib().count(1, rib::RouteState::kRefused) == 2);

  FakeChannel second(agent, 2);
  sender.Attach(second, WithPort());
  Run(sender, second);
  CHECK(sender.Progress(1).problems.empty());
  CHECK(sender.Progress(1).acknowledged_revision == 1);
  CHECK(agent.routes.size() == 2);
}

TEST_CASE("a route that lost its way before it was sent is not deleted either") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  TenantObjects tenant = Tenant(1, 1, 100);
  sender.PutTenant(tenant, 1);
  // Without the connected subnet the static route behind it has no next hop.
  std::erase_if(tenant.routes, [](const auto& route) { return route.source == rib::Source::kConnected; });
  sender.PutTenant(tenant, 2);
  Run(sender, channel);
  CHECK(agent.routes.empty());
  CHECK(channel.refused.empty());
  CHECK(sender.TakeRefusals().empty());
  CHECK(sender.unanswered(1) == 0);
}

TEST_CASE("a refused route that nobody wants any more goes without a word of complaint") {
  testing::FakeAgent agent;
  agent.routes_max = 1;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  TenantObjects tenant = Tenant(1, 1, 100);
  sender.PutTenant(tenant, 1);
  Run(sender, channel);
  REQUIRE(sender.rib().count(1, rib::RouteState::kRefused) == 1);
  (void)sender.TakeRefusals();
  std::erase_if(tenant.routes, [](const auto& route) { return route.source == rib::Source::kStatic; });
  sender.PutTenant(tenant, 2);
  Run(sender, channel);
  CHECK(sender.TakeRefusals().empty());
  CHECK(sender.rib().count(1, rib::RouteState::kRefused) == 0);
  CHECK(agent.routes.size() == 1);
}

TEST_CASE("a revision with refused objects of the configuration is not acknowledged until they are taken") {
  testing::FakeAgent agent;
  agent.vrfs_max = 1;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 1);
  sender.PutTenant(Tenant(2, 2, 200), 2);
  Run(sender, channel);
  const TenantProgress refused = sender.Progress(2);
  CHECK(refused.stated_revision == 2);
  CHECK(refused.acknowledged_revision == 0);
  CHECK(refused.spec_problem_count > 0);
  const InterfaceProgress interface = sender.ProgressOf(2, 21);
  CHECK(interface.absent);
  CHECK(interface.addresses_absent == 1);
  REQUIRE_FALSE(interface.problems.empty());
  CHECK(interface.problems.front().name == "tenant t2: connection c1");
  CHECK(sender.ProgressOf(1, 10).problem_count == 0);
  const std::vector<Problem> told = sender.TakeRefusals();
  CHECK_FALSE(told.empty());
  for (const Problem& each : told) {
    INFO(each.name);
    CHECK(each.name.find("tenant t2") == 0);
  }

  sender.RemoveTenant(1);
  Run(sender, channel);
  CHECK(sender.Progress(2).acknowledged_revision == 2);
  CHECK(sender.ProgressOf(2, 21).problem_count == 0);
}

TEST_CASE(
    "a refused route of the configuration is its connection's; one of the static set holds nothing back") {
  testing::FakeAgent agent;
  agent.routes_max = 1;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 1);
  Run(sender, channel);
  CHECK(sender.Progress(1).acknowledged_revision == 0);
  CHECK(sender.Progress(1).spec_problem_count == 1);
  const InterfaceProgress interface = sender.ProgressOf(1, 10);
  CHECK_FALSE(interface.absent);
  REQUIRE(interface.problem_count == 1);
  CHECK(interface.problems[0].reason == "limit ipv4_routes (1) is reached");

  TenantObjects only_subnet = Tenant(1, 1, 100);
  only_subnet.routes.resize(1);
  sender.PutTenant(only_subnet, 2);
  sender.ChangeStaticRoutes(1, std::vector{Tenant(1, 1, 100).routes[1]}, {}, 3, true);
  Run(sender, channel);
  CHECK(sender.Progress(1).acknowledged_revision == 3);
  CHECK(sender.Progress(1).spec_problem_count == 0);
  CHECK(sender.Progress(1).problem_count == 1);
  CHECK(sender.ProgressOf(1, 10).problem_count == 0);
}

TEST_CASE("what a limit refused is named and gets its chance when room comes") {
  testing::FakeAgent agent;
  agent.vrfs_max = 1;
  agent.routes_max = 3;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 1);
  Run(sender, channel);
  std::vector<rib::RouteInput> more;
  for (const char* prefix : {"20.0.0.0/24", "20.0.1.0/24"}) {
    more.push_back({1, P(prefix), rib::Source::kStatic, 5, 0, 0, {{A("15.0.0.1")}}});
  }
  sender.ChangeStaticRoutes(1, more, {}, 2, true);
  sender.PutTenant(Tenant(2, 1, 200), 1);
  Run(sender, channel);
  CHECK(sender.Progress(1).acknowledged_revision == 2);
  CHECK(sender.Progress(1).problem_count == 1);
  CHECK(sender.Progress(1).problems.at(0).reason == "limit ipv4_routes (3) is reached");
  const std::vector<Problem> problems = sender.Progress(2).problems;
  CHECK(std::count(problems.begin(), problems.end(), Problem{"tenant t2", "limit vrfs (1) is reached"}) == 1);

  sender.ChangeStaticRoutes(1, {}, std::vector{P("20.0.0.0/24"), P("20.0.1.0/24")}, 3, true);
  sender.ChangeStaticRoutes(1, std::vector{more[1]}, {}, 4, true);
  Run(sender, channel);
  CHECK(sender.Progress(1).problem_count == 0);
  sender.RemoveTenant(1);
  Run(sender, channel);
  CHECK(sender.Progress(2).problems.empty());
  CHECK(agent.routes.size() == 2);
}

TEST_CASE("what one dataplane acknowledged is not claimed of the next") {
  testing::FakeAgent agent, restarted;
  FakeChannel channel(agent, 1), other(restarted, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 3);
  Run(sender, channel);
  CHECK(sender.Progress(1).acknowledged_revision == 3);
  sender.Detach();
  CHECK(sender.Progress(1).acknowledged_revision == 0);
  sender.Attach(other, WithPort());
  CHECK(sender.Progress(1).acknowledged_revision == 0);
  Run(sender, other);
  CHECK(sender.Progress(1).acknowledged_revision == 3);
}

TEST_CASE("an address that takes the place of a host route is there in the end") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  TenantObjects tenant = Tenant(1, 1, 100);
  tenant.routes.push_back({1, P("15.0.0.77/32"), rib::Source::kStatic, 5, 10, 0, {{A("15.0.0.1")}}});
  sender.PutTenant(tenant, 1);
  Run(sender, channel);
  tenant.routes.pop_back();
  tenant.interfaces[0].addresses.push_back(*net::InterfaceAddress::Parse("15.0.0.77/24"));
  sender.PutTenant(tenant, 2);
  Run(sender, channel);
  CHECK(sender.Progress(1).problem_count == 0);
  CHECK(sender.Progress(1).acknowledged_revision == 2);
  CHECK(agent.addresses.size() == 2);
  CHECK(agent.routes.size() == 2);
}

TEST_CASE("an urgent next hop overtakes bulk routes") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  channel.room = 100'000;
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 1);
  Run(sender, channel);
  std::vector<rib::RouteInput> bulk;
  for (uint32_t i = 0; i < 20'000; ++i) {
    const net::Prefix prefix(net::Ipv4Address{20u << 24 | i << 8}, 24);
    bulk.push_back({1, prefix, rib::Source::kStatic, 5, 0, 0, {{A("15.0.0.1")}}});
  }
  sender.ChangeStaticRoutes(1, bulk, {}, 2, true);
  sender.Pump();
  TenantObjects moved = Tenant(1, 1, 100);
  moved.routes[1].next_hops[0].address = A("15.0.0.77");
  sender.PutTenant(moved, 3);
  sender.Pump();
  const std::vector<channel::RecordType> order = channel.Work(100'000);
  const auto at = std::find(order.begin(), order.end(), channel::RecordType::kNextHopGroup);
  CHECK(at - order.begin() < 2 * static_cast<long>(Sender::kBatchMax));
}

TEST_CASE("what an urgent change leaves behind is deleted while bulk routes still flow") {
  testing::FakeAgent agent;
  FakeChannel channel(agent, 1);
  channel.room = 100'000;
  Sender sender;
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  sender.PutTenant(Tenant(1, 1, 100), 1);
  sender.PutTenant(Tenant(2, 2, 200), 1);
  Run(sender, channel);
  std::vector<rib::RouteInput> bulk;
  for (uint32_t i = 0; i < 40'000; ++i) {
    const net::Prefix prefix(net::Ipv4Address{20u << 24 | i << 8}, 24);
    bulk.push_back({1, prefix, rib::Source::kStatic, 5, 0, 0, {{A("15.0.0.1")}}});
  }
  sender.ChangeStaticRoutes(1, bulk, {}, 2, true);
  sender.Pump();
  TenantObjects moved = Tenant(2, 2, 200);
  moved.routes[1].next_hops[0].address = A("15.0.0.77");
  sender.PutTenant(moved, 2);
  int turns = 0;
  for (; sender.unanswered(2) > 0; ++turns) {
    REQUIRE(sender.unanswered(1) > 20'000);
    sender.Pump();
    channel.Work(Sender::kBatchMax);
    sender.TakeAnswers();
  }
  CHECK(turns <= 8);
  CHECK(sender.unanswered(1) > 20'000);
}

TEST_CASE("after control's restart no route is without its group at any moment, and the old is swept") {
  testing::FakeAgent agent;
  {
    FakeChannel channel(agent, 1);
    Sender sender;
    sender.InitialStateComplete();
    sender.Attach(channel, WithPort());
    for (uint32_t vrf = 1; vrf <= 5; ++vrf)
      sender.PutTenant(Tenant(vrf, 2, static_cast<uint16_t>(vrf * 100)), 1);
    Run(sender, channel);
  }
  const auto before = agent.routes;
  std::map<testing::FakeAgent::RouteKey, std::set<std::string>> targets;
  for (const auto& [key, held] : before) targets[key] = agent.TargetsOf(held.record);

  FakeChannel channel(agent, 2);
  Sender sender;
  // Another order, so that the RIB's own numbers differ; one tenant is gone.
  for (uint32_t vrf = 5; vrf >= 2; --vrf)
    sender.PutTenant(Tenant(vrf, 2, static_cast<uint16_t>(vrf * 100)), 1);
  sender.InitialStateComplete();
  sender.Attach(channel, WithPort());
  for (int idle = 0; idle < 3;) {
    const bool more = sender.Pump();
    const bool worked = !channel.Work(1).empty();
    for (const auto& [key, held] : agent.routes) REQUIRE(agent.TargetsOf(held.record) == targets.at(key));
    idle = sender.TakeAnswers() || worked || more ? 0 : idle + 1;
  }
  CHECK(agent.routes.size() == before.size() - 3);
  CHECK(agent.vrfs.size() == 4);
  CHECK(channel.refused.empty());
}

// Random changes, a slow agent, restarts of both sides.
TEST_CASE("whatever happens, the dataplane ends with exactly what the tenants want") {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto pick = [&](uint32_t count) { return static_cast<uint32_t>(random() % count); };
    testing::FakeAgent agent;
    uint32_t epoch = 1;
    auto channel = std::make_unique<FakeChannel>(agent, epoch);
    Sender sender;
    sender.InitialStateComplete();
    sender.Attach(*channel, WithPort());
    std::map<uint32_t, unsigned> wanted;
    for (int step = 0; step < 200; ++step) {
      const uint32_t vrf = 1 + pick(4);
      switch (pick(8)) {
        case 0:
        case 1: {
          const unsigned connections = 1 + pick(3);
          // Tenants compete for VLANs only with themselves.
          sender.PutTenant(Tenant(vrf, connections, static_cast<uint16_t>(vrf * 100)),
                           static_cast<uint64_t>(step) + 1);
          wanted[vrf] = connections;
          break;
        }
        case 2:
          sender.RemoveTenant(vrf);
          wanted.erase(vrf);
          break;
        case 3:
          if (pick(6) == 0) {
            sender.Detach();
            if (pick(2) == 0) agent = testing::FakeAgent();
            channel = std::make_unique<FakeChannel>(agent, ++epoch);
            sender.Attach(*channel, WithPort());
          }
          break;
        default:
          sender.Pump();
          channel->Work(pick(40));
          sender.TakeAnswers();
      }
    }
    Run(sender, *channel);
    size_t interfaces = 0;
    size_t routes = 0;
    for (const auto& [vrf, connections] : wanted) {
      interfaces += connections;
      routes += connections + 1;
      CHECK(sender.unanswered(vrf) == 0);
      CHECK(sender.Progress(vrf).problems.empty());
    }
    CHECK(agent.vrfs.size() == wanted.size());
    CHECK(agent.interfaces.size() == interfaces);
    CHECK(agent.addresses.size() == interfaces);
    CHECK(agent.routes.size() == routes);
    CHECK(agent.adjacencies.size() == 2 * interfaces);
    CHECK(channel->refused.empty());
  }
}

}  // namespace
}  // namespace sluice::programming
