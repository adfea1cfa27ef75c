// Keeps the rules of all ports as they are wanted. A flow that its port does not
// take is received where RSS puts it, which costs nothing but its place: every
// worker forwards every flow.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "dataplane/eal/flow_port.h"
#include "dataplane/eal/steered_flow.h"

namespace sluice::dataplane {

// What became of the flows of a port.
struct FlowSteeringReport {
  uint64_t steered = 0;   // accepted
  uint64_t unmarked = 0;  // of these, without the mark
  uint64_t refused = 0;
  std::string refusal;  // the port's words for the last one; empty: none was refused
};

class FlowSteering {
 public:
  // By port; null: the port was asked at start and cannot steer.
  explicit FlowSteering(std::vector<std::unique_ptr<FlowPort>> ports);
  // Takes all rules back.
  ~FlowSteering();
  FlowSteering(const FlowSteering&) = delete;
  FlowSteering& operator=(const FlowSteering&) = delete;

  bool CanSteer(PortId port) const { return port < ports_.size() && ports_[port].port != nullptr; }
  // Makes the rules those of `wanted`: what is no longer wanted goes first, as it may
  // be in the way of what is new. A flow that was refused is not offered again until
  // it changes or a rule of its port is taken back, which may make room. One thread.
  void Reconcile(const std::set<SteeredFlow>& wanted);

  // Any thread.
  FlowSteeringReport Report(PortId port) const;

 private:
  struct Rule {
    rte_flow* flow = nullptr;  // null: refused
    bool marked = false;
  };
  struct SteeringPort {
    std::unique_ptr<FlowPort> port;
    std::map<SteeredFlow, Rule> rules;
    std::string refusal;
  };

  static Rule Install(SteeringPort& port, const SteeredFlow& flow);
  void Withdraw(const std::set<SteeredFlow>& wanted);

  std::vector<SteeringPort> ports_;
  mutable std::mutex reports_mutex_;
  std::vector<FlowSteeringReport> reports_;
};

}  // namespace sluice::dataplane
