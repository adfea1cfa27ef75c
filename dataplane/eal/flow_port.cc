// The rte_flow calls of a DPDK port.
#include "dataplane/eal/flow_port.h"

#include <rte_errno.h>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

absl::Status Refused(const rte_flow_error& error) {
  const char* words = error.message != nullptr ? error.message : rte_strerror(rte_errno);
  return absl::UnavailableError(words);
}

}  // namespace

absl::Status DpdkFlowPort::Validate(const FlowRule& rule) {
  rte_flow_error error{};
  const int result = rte_flow_validate(port_, &rule.attributes(), rule.items(), rule.actions(), &error);
  return result == 0 ? absl::OkStatus() : Refused(error);
}

absl::StatusOr<rte_flow*> DpdkFlowPort::Create(const FlowRule& rule) {
  rte_flow_error error{};
  rte_flow* const flow = rte_flow_create(port_, &rule.attributes(), rule.items(), rule.actions(), &error);
  if (flow == nullptr) return Refused(error);
  return flow;
}

void DpdkFlowPort::Destroy(rte_flow* rule) {
  rte_flow_error error{};
  // A port that cannot forget a rule forgets all of them when it is closed.
  (void)rte_flow_destroy(port_, rule, &error);
}

std::string ProbeFlowApi(FlowPort& port) {
  const FlowRule rule({.port = 0, .vlan = 4094, .tunnel = {}, .queue = 0, .mark = kNoInterface}, false);
  if (const absl::Status valid = port.Validate(rule); !valid.ok())
    return absl::StrCat("no: ", valid.message());
  const absl::StatusOr<rte_flow*> created = port.Create(rule);
  if (!created.ok()) return absl::StrCat("validates but does not create: ", created.status().message());
  port.Destroy(*created);
  return kFlowApiYes;
}

}  // namespace sluice::dataplane
