// Steering over ports that accept, refuse, cannot mark, or run full.
#include "dataplane/eal/flow_steering.h"

#include <catch2/catch.hpp>

#include "dataplane/eal/fake_flow_port.h"

namespace sluice::dataplane {
namespace {

using testing::FakePort;
using testing::Hardware;
using testing::Texts;

SteeredFlow Vlan(uint16_t vlan, uint16_t queue = 0) {
  return {0, vlan, {}, queue, vlan};
}

FlowSteering SteeringOf(Hardware& hardware) {
  std::vector<std::unique_ptr<FlowPort>> ports;
  ports.push_back(std::make_unique<FakePort>(hardware));
  ports.push_back(nullptr);
  return FlowSteering(std::move(ports));
}

TEST_CASE("the rules of a port are those that are wanted") {
  Hardware hardware;
  {
    FlowSteering steering = SteeringOf(hardware);
    steering.Reconcile({Vlan(100), Vlan(200)});
    CHECK(Texts(hardware) ==
          std::set{FlowRule(Vlan(100), true).ToText(), FlowRule(Vlan(200), true).ToText()});
    const unsigned asked = hardware.asked;
    steering.Reconcile({Vlan(100), Vlan(200)});
    CHECK(hardware.asked == asked);  // what is there is left alone
    steering.Reconcile({Vlan(100, 1), Vlan(300)});
    CHECK(Texts(hardware) ==
          std::set{FlowRule(Vlan(100, 1), true).ToText(), FlowRule(Vlan(300), true).ToText()});
    CHECK(steering.Report(0).steered == 2);
    CHECK(steering.Report(0).refused == 0);
  }
  CHECK(hardware.rules.empty());
}

TEST_CASE("a port that does not mark still steers, and that is said") {
  Hardware hardware{.marks = false};
  FlowSteering steering = SteeringOf(hardware);
  steering.Reconcile({Vlan(100)});
  CHECK(Texts(hardware) == std::set{FlowRule(Vlan(100), false).ToText()});
  CHECK(steering.Report(0).steered == 1);
  CHECK(steering.Report(0).unmarked == 1);
}

TEST_CASE("a refused flow is reported in the port's words and not offered again and again") {
  Hardware hardware{.refuses = "vid is 200"};
  FlowSteering steering = SteeringOf(hardware);
  steering.Reconcile({Vlan(100), Vlan(200)});
  const FlowSteeringReport report = steering.Report(0);
  CHECK(report.steered == 1);
  CHECK(report.refused == 1);
  CHECK(report.refusal == "no such item");
  const unsigned asked = hardware.asked;
  steering.Reconcile({Vlan(100), Vlan(200)});
  CHECK(hardware.asked == asked);
  steering.Reconcile({Vlan(100)});
  CHECK(steering.Report(0).refused == 0);
  CHECK(steering.Report(0).refusal.empty());
}

TEST_CASE("room that is made is used for what had found none") {
  Hardware hardware{.room = 2};
  FlowSteering steering = SteeringOf(hardware);
  steering.Reconcile({Vlan(100), Vlan(200), Vlan(300)});
  CHECK(steering.Report(0).refused == 1);
  CHECK(steering.Report(0).refusal == "table full");
  steering.Reconcile({Vlan(200), Vlan(300)});
  CHECK(steering.Report(0).steered == 2);
  CHECK(steering.Report(0).refused == 0);
  CHECK(Texts(hardware).contains(FlowRule(Vlan(300), true).ToText()));
}

TEST_CASE("a port that cannot steer is left alone") {
  Hardware hardware;
  FlowSteering steering = SteeringOf(hardware);
  SteeredFlow elsewhere = Vlan(100);
  elsewhere.port = 1;
  SteeredFlow nowhere = Vlan(100);
  nowhere.port = 7;
  steering.Reconcile({elsewhere, nowhere});
  CHECK(hardware.asked == 0);
  CHECK(steering.Report(1).steered == 0);
  CHECK(steering.Report(7).steered == 0);
}

TEST_CASE("the probe tells steering from validating and from neither") {
  Hardware able, refuses{.refuses = "vlan"}, promises{.creates = false};
  FakePort yes(able), no(refuses), validates(promises);
  CHECK(ProbeFlowApi(yes) == kFlowApiYes);
  CHECK(able.rules.empty());
  CHECK(ProbeFlowApi(no) == "no: no such item");
  CHECK(ProbeFlowApi(validates) == "validates but does not create: table full");
}

}  // namespace
}  // namespace sluice::dataplane
