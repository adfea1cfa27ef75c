// The rte_flow probe.
#include "dataplane/eal/flow_probe.h"

#include <rte_errno.h>
#include <rte_flow.h>

#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

std::string Words(const rte_flow_error& error) {
  return error.message != nullptr ? error.message : rte_strerror(rte_errno);
}

}  // namespace

std::string ProbeFlowApi(PortId port) {
  rte_flow_attr attributes{};
  attributes.ingress = 1;
  rte_flow_item_vlan vlan{};
  vlan.tci = RTE_BE16(4094);
  rte_flow_item_vlan mask{};
  mask.tci = RTE_BE16(0x0fff);
  const rte_flow_item pattern[] = {{RTE_FLOW_ITEM_TYPE_ETH, nullptr, nullptr, nullptr},
                                   {RTE_FLOW_ITEM_TYPE_VLAN, &vlan, nullptr, &mask},
                                   {RTE_FLOW_ITEM_TYPE_END, nullptr, nullptr, nullptr}};
  const rte_flow_action_queue queue{0};
  const rte_flow_action actions[] = {{RTE_FLOW_ACTION_TYPE_QUEUE, &queue},
                                     {RTE_FLOW_ACTION_TYPE_END, nullptr}};

  rte_flow_error error{};
  if (rte_flow_validate(port, &attributes, pattern, actions, &error) != 0)
    return absl::StrCat("no: ", Words(error));
  error = {};
  rte_flow* const flow = rte_flow_create(port, &attributes, pattern, actions, &error);
  if (flow == nullptr) return absl::StrCat("validates but does not create: ", Words(error));
  rte_flow_destroy(port, flow, &error);
  return "yes";
}

}  // namespace sluice::dataplane
