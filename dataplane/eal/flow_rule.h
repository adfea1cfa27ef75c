// A steered flow in rte_flow's words.
#pragma once

#include <rte_flow.h>

#include <array>
#include <string>

#include "dataplane/eal/steered_flow.h"

namespace sluice::dataplane {

// The rule of one flow: attributes, items and actions, which point into the rule
// itself. Items are as few as tell the flow apart, since ports have few kinds of
// match: a GRE key, VNI or VSID only under the headers that lead to it.
class FlowRule {
 public:
  // Without `with_mark` for ports that steer but do not mark.
  FlowRule(const SteeredFlow& flow, bool with_mark);
  FlowRule(const FlowRule&) = delete;
  FlowRule& operator=(const FlowRule&) = delete;

  const rte_flow_attr& attributes() const { return attributes_; }
  // Both end with an item, or action, of type END.
  const rte_flow_item* items() const { return items_.data(); }
  const rte_flow_action* actions() const { return actions_.data(); }

  // As testpmd's `flow create PORT` takes it, read back from the items and actions.
  std::string ToText() const;

 private:
  void Append(rte_flow_item_type type, const void* spec = nullptr, const void* mask = nullptr);
  void AppendOuterIp(const SteeredTunnel& tunnel, uint8_t protocol);
  void AppendTunnel(const SteeredTunnel& tunnel);

  // Each header as it is matched, and which of its bits count.
  template <class Header>
  struct Match {
    Header spec{};
    Header mask{};
  };

  rte_flow_attr attributes_{};
  Match<rte_flow_item_vlan> vlan_;
  Match<rte_flow_item_ipv4> ipv4_;
  Match<rte_flow_item_ipv6> ipv6_;
  Match<rte_flow_item_udp> udp_;
  Match<rte_flow_item_gre> gre_;
  Match<rte_be32_t> gre_key_;
  Match<rte_flow_item_nvgre> nvgre_;
  Match<rte_flow_item_vxlan> vxlan_;
  rte_flow_action_mark mark_{};
  rte_flow_action_queue queue_{};
  size_t item_count_ = 0;
  std::array<rte_flow_item, 6> items_{};
  std::array<rte_flow_action, 3> actions_{};
};

}  // namespace sluice::dataplane
