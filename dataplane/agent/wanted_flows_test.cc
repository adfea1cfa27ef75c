// From records to the flows that ports are asked to steer.
#include "dataplane/agent/wanted_flows.h"

#include <catch2/catch.hpp>

#include "dataplane/agent/writer_fixture.h"

namespace sluice::dataplane {
namespace {

using namespace testing;  // NOLINT: the fixtures' vocabulary
using channel::TunnelKind;

net::Address A(const char* text) {
  return net::Address::Parse(text).value();
}

// Port 0 has a queue for each of two workers, port 1 one for the second.
OwnerQueues TwoWorkers() {
  OwnerQueues queues(2, 2);
  queues.Add(0, 0, 0);
  queues.Add(0, 1, 1);
  queues.Add(1, 1, 0);
  return queues;
}

TEST_CASE("the flows of a worker go to the first queue that it polls") {
  OwnerQueues queues = TwoWorkers();
  queues.Add(0, 1, 7);  // a second one
  CHECK(queues.Find(0, 0) == 0);
  CHECK(queues.Find(0, 1) == 1);
  CHECK(queues.Find(1, 0) == std::nullopt);
  CHECK(queues.Find(1, 1) == 0);
  CHECK(queues.Find(2, 1) == std::nullopt);
}

TablesOptions TablesOfTwoWorkers() {
  TablesOptions options = SmallTables();
  options.workers = 2;
  return options;
}

TEST_CASE("a flow follows its slot to another worker") {
  Writer to(TablesOfTwoWorkers());
  to.Take(BeginSync());
  to.Take(VrfIs(1));
  to.Take(InterfaceIs(2, 1, 101, 0));
  CHECK(WantedFlows(to.tables, TwoWorkers()) == std::set<SteeredFlow>{{0, 101, {}, 0, 2}});
  REQUIRE(to.tables.slots.Move(OwnerSlotOf(2), 1).ok());
  CHECK(WantedFlows(to.tables, TwoWorkers()) == std::set<SteeredFlow>{{0, 101, {}, 1, 2}});
}

TEST_CASE("VLANs of tenants are steered where their owner polls a queue") {
  Writer to(TablesOfTwoWorkers());
  to.Take(BeginSync());
  to.Take(VrfIs(1));
  to.Take(InterfaceIs(1, 1, 100, 0));
  to.Take(InterfaceIs(2, 1, 101, 0));
  to.Take(InterfaceIs(3, 1, 0, 0));    // untagged
  to.Take(InterfaceIs(4, 1, 100, 1));  // worker 0 polls no queue of port 1
  to.Take(InterfaceIs(5, 1, 101, 1));
  const std::set<SteeredFlow> want{{0, 100, {}, 1, 1}, {0, 101, {}, 0, 2}, {1, 101, {}, 0, 5}};
  CHECK(WantedFlows(to.tables, TwoWorkers()) == want);
}

TEST_CASE("tunnels are steered on every interface of the underlay") {
  Writer to(TablesOfTwoWorkers());
  to.Take(BeginSync());
  to.Take(VrfIs(1));
  to.Take(GreIs(4, 1, "192.0.2.1", "198.51.100.2"));
  CHECK(WantedFlows(to.tables, TwoWorkers()).empty());
  to.Take(InterfaceIs(1, 0, 30, 0));
  to.Take(InterfaceIs(2, 0, 0, 1));
  to.Take(OverlayIs(7, 1, "192.0.2.1", 5001));
  const Tunnel& gre = *to.tables.tunnels.Find(4);
  const Tunnel& overlay = *to.tables.tunnels.Find(7);
  const SteeredTunnel site{TunnelKind::kGre, A("192.0.2.1"), A("198.51.100.2"), gre.key_in, 0};
  const SteeredTunnel hosts{TunnelKind::kVxlan, A("192.0.2.1"), {}, 5001, overlay.udp_port};
  const std::set<SteeredFlow> want{{0, 30, site, 0, 4}, {0, 30, hosts, 1, 7}, {1, 0, hosts, 0, 7}};
  CHECK(WantedFlows(to.tables, TwoWorkers()) == want);
  to.Take(Delete(channel::RecordType::kTunnelDelete, 7));
  CHECK(WantedFlows(to.tables, TwoWorkers()) == std::set<SteeredFlow>{{0, 30, site, 0, 4}});
}

TEST_CASE("whoever steers hears of interfaces and tunnels that come and go") {
  Writer to(TablesOfTwoWorkers());
  unsigned heard = 0;
  to.writer.SetInterfaceObserver([&heard] { ++heard; });
  to.Take(BeginSync());
  to.Take(VrfIs(1));
  CHECK(heard == 0);
  to.Take(InterfaceIs(1, 1, 100));
  CHECK(heard == 1);
  to.Take(InterfaceIs(1, 1, 100));  // the same again
  CHECK(heard == 1);
  to.Take(GreIs(4, 1, "192.0.2.1", "198.51.100.2"));
  CHECK(heard == 2);
  to.Take(Delete(channel::RecordType::kTunnelDelete, 4));
  to.Take(Delete(channel::RecordType::kInterfaceDelete, 1));
  CHECK(heard == 4);
}

}  // namespace
}  // namespace sluice::dataplane
