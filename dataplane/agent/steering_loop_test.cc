// The steering thread beside a running agent.
#include "dataplane/agent/steering_loop.h"

#include <catch2/catch.hpp>

#include "dataplane/agent/running_agent.h"
#include "dataplane/eal/fake_flow_port.h"

namespace sluice::dataplane {
namespace {

using namespace testing;  // NOLINT: the fixtures' vocabulary

TEST_CASE("rules follow what control states, and are gone with the loop") {
  TemporaryDirectory directory;
  const std::string path = directory.File("channel");
  RunningAgent running(path);
  Hardware hardware;
  {
    std::vector<std::unique_ptr<FlowPort>> ports;
    ports.push_back(std::make_unique<FakePort>(hardware));
    FlowSteering steering(std::move(ports));
    OwnerQueues queues(1, 1);
    queues.Add(0, 0, 0);
    SteeringLoop loop(running.tables(), running.reclaimer(), queues, steering);
    running.writer().SetInterfaceObserver([&loop] { loop.OnInterfaces(); });
    running.agent().Start();
    Control control(path);
    for (Record& record :
         std::vector<Record>{BeginSync(), VrfIs(1), InterfaceIs(1, 1, 100), InterfaceIs(2, 1, 101)})
      control.Send(record);
    control.Flush();
    CHECK(Eventually([&] { return steering.Report(0).steered == 2; }));
    control.Send(Delete(channel::RecordType::kInterfaceDelete, 1));
    control.Flush();
    CHECK(Eventually([&] { return steering.Report(0).steered == 1; }));
    running.agent().Stop();
  }
  CHECK(hardware.rules.empty());
}

}  // namespace
}  // namespace sluice::dataplane
