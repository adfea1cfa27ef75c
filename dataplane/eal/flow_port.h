// The few rte_flow calls that we make, so that steering can be tested with a port
// that accepts, refuses or runs full.
#pragma once

#include <rte_flow.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/eal/flow_rule.h"
#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// rte_flow is called by one thread only, unless a driver says that more may.
class FlowPort {
 public:
  virtual ~FlowPort() = default;
  // The port's answer in its own words; nothing is installed.
  virtual absl::Status Validate(const FlowRule& rule) = 0;
  // The rule is copied by the port. Null is never a rule.
  virtual absl::StatusOr<rte_flow*> Create(const FlowRule& rule) = 0;
  virtual void Destroy(rte_flow* rule) = 0;
};

class DpdkFlowPort : public FlowPort {
 public:
  // A started port, which outlives this and every rule.
  explicit DpdkFlowPort(PortId port) : port_(port) {}
  absl::Status Validate(const FlowRule& rule) override;
  absl::StatusOr<rte_flow*> Create(const FlowRule& rule) override;
  void Destroy(rte_flow* rule) override;

 private:
  const PortId port_;
};

// Whether a port can steer at all, by creating and removing a rule "VLAN 4094 to
// queue 0", because some drivers validate what they cannot create. In words: "yes",
// "validates but does not create: ...", "no: ...".
std::string ProbeFlowApi(FlowPort& port);
inline constexpr const char* kFlowApiYes = "yes";

}  // namespace sluice::dataplane
