// Keeps the ports' rules in step with the tables, on a thread of its own: a port
// may take milliseconds for a rule, and the agent waits for nobody.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "dataplane/agent/qsbr_reclaimer.h"
#include "dataplane/agent/wanted_flows.h"
#include "dataplane/eal/flow_steering.h"

namespace sluice::dataplane {

class SteeringLoop {
 public:
  // All must outlive the loop, whose thread runs until it is destroyed.
  SteeringLoop(const Tables& tables, QsbrReclaimer& reclaimer, OwnerQueues queues, FlowSteering& steering);
  ~SteeringLoop();
  SteeringLoop(const SteeringLoop&) = delete;
  SteeringLoop& operator=(const SteeringLoop&) = delete;

  // An interface or tunnel came, changed or went. Any thread, never waits long; many
  // calls make one round.
  void OnInterfaces();

 private:
  void Run();
  // False when all borrowed readers of the tables are in use.
  bool Round();

  const Tables& tables_;
  QsbrReclaimer& reclaimer_;
  const OwnerQueues queues_;
  FlowSteering& steering_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool pending_ = true;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace sluice::dataplane
