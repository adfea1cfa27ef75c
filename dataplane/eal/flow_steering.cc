// Wanted against installed.
#include "dataplane/eal/flow_steering.h"

#include <utility>

namespace sluice::dataplane {

FlowSteering::FlowSteering(std::vector<std::unique_ptr<FlowPort>> ports)
    : ports_(ports.size()), reports_(ports.size()) {
  for (size_t i = 0; i < ports.size(); ++i) ports_[i].port = std::move(ports[i]);
}

FlowSteering::~FlowSteering() {
  Withdraw({});
}

void FlowSteering::Withdraw(const std::set<SteeredFlow>& wanted) {
  for (SteeringPort& port : ports_) {
    bool room = false;
    for (auto rule = port.rules.begin(); rule != port.rules.end();) {
      if (wanted.contains(rule->first)) {
        ++rule;
        continue;
      }
      if (rule->second.flow != nullptr) {
        port.port->Destroy(rule->second.flow);
        room = true;
      }
      rule = port.rules.erase(rule);
    }
    // Those that were refused are offered once more.
    if (room) std::erase_if(port.rules, [](const auto& rule) { return rule.second.flow == nullptr; });
  }
}

FlowSteering::Rule FlowSteering::Install(SteeringPort& port, const SteeredFlow& flow) {
  absl::Status refusal;
  for (const bool marked : {true, false}) {
    const FlowRule rule(flow, marked);
    refusal = port.port->Validate(rule);
    if (!refusal.ok()) continue;
    const absl::StatusOr<rte_flow*> created = port.port->Create(rule);
    if (created.ok()) return {*created, marked};
    refusal = created.status();
  }
  port.refusal = std::string(refusal.message());
  return {};
}

void FlowSteering::Reconcile(const std::set<SteeredFlow>& wanted) {
  Withdraw(wanted);
  for (const SteeredFlow& flow : wanted) {
    if (!CanSteer(flow.port)) continue;
    SteeringPort& port = ports_[flow.port];
    if (!port.rules.contains(flow)) port.rules.emplace(flow, Install(port, flow));
  }
  std::vector<FlowSteeringReport> reports(ports_.size());
  for (size_t i = 0; i < ports_.size(); ++i) {
    for (const auto& [flow, rule] : ports_[i].rules) {
      reports[i].steered += rule.flow != nullptr;
      reports[i].unmarked += rule.flow != nullptr && !rule.marked;
      reports[i].refused += rule.flow == nullptr;
    }
    if (reports[i].refused != 0) reports[i].refusal = ports_[i].refusal;
  }
  const std::lock_guard lock(reports_mutex_);
  reports_ = std::move(reports);
}

FlowSteeringReport FlowSteering::Report(PortId port) const {
  const std::lock_guard lock(reports_mutex_);
  return port < reports_.size() ? reports_[port] : FlowSteeringReport{};
}

}  // namespace sluice::dataplane
