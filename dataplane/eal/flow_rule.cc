// Building rules, and reading them back.
#include "dataplane/eal/flow_rule.h"

#include <rte_byteorder.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using channel::TunnelKind;

constexpr uint16_t kVlanIdMask = 0x0fff;
constexpr uint16_t kGreKeyBit = 0x2000;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kGre = 47;
constexpr uint8_t kEsp = 50;
constexpr uint32_t kVniMax = (1u << 24) - 1;

void StoreVni(uint8_t bytes[3], uint32_t vni) {
  SLUICE_CHECK(vni <= kVniMax);
  for (unsigned i = 0; i < 3; ++i) bytes[i] = static_cast<uint8_t>(vni >> (16 - 8 * i));
}
uint32_t LoadVni(const uint8_t bytes[3]) {
  return uint32_t{bytes[0]} << 16 | uint32_t{bytes[1]} << 8 | bytes[2];
}

std::string Ipv4Text(rte_be32_t address) {
  return net::Address(net::Ipv4Address{rte_be_to_cpu_32(address)}).ToString();
}
std::string Ipv6Text(const uint8_t* bytes) {
  return net::Address(net::Ipv6Address::FromBytes(bytes)).ToString();
}
bool Any(const uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (bytes[i] != 0) return true;
  return false;
}

template <class Header>
const Header& Spec(const rte_flow_item& item) {
  return *static_cast<const Header*>(item.spec);
}
template <class Header>
const Header& Mask(const rte_flow_item& item) {
  return *static_cast<const Header*>(item.mask);
}

std::string Ipv4ItemText(const rte_flow_item& item) {
  const auto& spec = Spec<rte_flow_item_ipv4>(item).hdr;
  const auto& mask = Mask<rte_flow_item_ipv4>(item).hdr;
  std::string text = "ipv4";
  if (mask.next_proto_id != 0) absl::StrAppend(&text, " proto is ", spec.next_proto_id);
  if (mask.src_addr != 0) absl::StrAppend(&text, " src is ", Ipv4Text(spec.src_addr));
  if (mask.dst_addr != 0) absl::StrAppend(&text, " dst is ", Ipv4Text(spec.dst_addr));
  return text;
}

std::string Ipv6ItemText(const rte_flow_item& item) {
  const auto& spec = Spec<rte_flow_item_ipv6>(item).hdr;
  const auto& mask = Mask<rte_flow_item_ipv6>(item).hdr;
  std::string text = "ipv6";
  if (mask.proto != 0) absl::StrAppend(&text, " proto is ", spec.proto);
  if (Any(mask.src_addr, 16)) absl::StrAppend(&text, " src is ", Ipv6Text(spec.src_addr));
  if (Any(mask.dst_addr, 16)) absl::StrAppend(&text, " dst is ", Ipv6Text(spec.dst_addr));
  return text;
}

std::string GreItemText(const rte_flow_item& item) {
  const bool key = (Spec<rte_flow_item_gre>(item).c_rsvd0_ver & rte_cpu_to_be_16(kGreKeyBit)) != 0;
  return absl::StrCat("gre k_bit is ", key ? 1 : 0);
}

std::string ItemText(const rte_flow_item& item) {
  switch (item.type) {
    case RTE_FLOW_ITEM_TYPE_ETH:
      return "eth";
    case RTE_FLOW_ITEM_TYPE_VLAN:
      return absl::StrCat("vlan vid is ", rte_be_to_cpu_16(Spec<rte_flow_item_vlan>(item).tci) & kVlanIdMask);
    case RTE_FLOW_ITEM_TYPE_IPV4:
      return Ipv4ItemText(item);
    case RTE_FLOW_ITEM_TYPE_IPV6:
      return Ipv6ItemText(item);
    case RTE_FLOW_ITEM_TYPE_UDP:
      return absl::StrCat("udp dst is ", rte_be_to_cpu_16(Spec<rte_flow_item_udp>(item).hdr.dst_port));
    case RTE_FLOW_ITEM_TYPE_GRE:
      return GreItemText(item);
    case RTE_FLOW_ITEM_TYPE_GRE_KEY:
      return absl::StrCat("gre_key value is ", rte_be_to_cpu_32(Spec<rte_be32_t>(item)));
    case RTE_FLOW_ITEM_TYPE_NVGRE:
      return absl::StrCat("nvgre tni is ", LoadVni(Spec<rte_flow_item_nvgre>(item).tni));
    case RTE_FLOW_ITEM_TYPE_VXLAN:
      return absl::StrCat("vxlan vni is ", LoadVni(Spec<rte_flow_item_vxlan>(item).vni));
    default:
      SLUICE_CHECK(false);  // the rule was built above
  }
  return "";
}

std::string ActionText(const rte_flow_action& action) {
  if (action.type == RTE_FLOW_ACTION_TYPE_MARK)
    return absl::StrCat("mark id ", static_cast<const rte_flow_action_mark*>(action.conf)->id);
  SLUICE_CHECK(action.type == RTE_FLOW_ACTION_TYPE_QUEUE);
  return absl::StrCat("queue index ", static_cast<const rte_flow_action_queue*>(action.conf)->index);
}

}  // namespace

FlowRule::FlowRule(const SteeredFlow& flow, bool with_mark) {
  SLUICE_CHECK(flow.tunnel.has_value() || flow.vlan != 0);
  attributes_.ingress = 1;
  Append(RTE_FLOW_ITEM_TYPE_ETH);
  if (flow.vlan != 0) {
    vlan_.spec.tci = rte_cpu_to_be_16(flow.vlan);
    vlan_.mask.tci = rte_cpu_to_be_16(kVlanIdMask);
    Append(RTE_FLOW_ITEM_TYPE_VLAN, &vlan_.spec, &vlan_.mask);
  }
  if (flow.tunnel.has_value()) AppendTunnel(*flow.tunnel);
  Append(RTE_FLOW_ITEM_TYPE_END);
  size_t actions = 0;
  mark_.id = flow.mark;
  queue_.index = flow.queue;
  if (with_mark) actions_[actions++] = {RTE_FLOW_ACTION_TYPE_MARK, &mark_};
  actions_[actions++] = {RTE_FLOW_ACTION_TYPE_QUEUE, &queue_};
  actions_[actions] = {RTE_FLOW_ACTION_TYPE_END, nullptr};
}

void FlowRule::Append(rte_flow_item_type type, const void* spec, const void* mask) {
  SLUICE_CHECK(item_count_ < items_.size());
  items_[item_count_++] = {type, spec, nullptr, mask};
}

void FlowRule::AppendOuterIp(const SteeredTunnel& tunnel, uint8_t protocol) {
  if (tunnel.local.is_v4()) {
    ipv4_.spec.hdr.next_proto_id = protocol;
    ipv4_.mask.hdr.next_proto_id = 0xff;
    ipv4_.spec.hdr.dst_addr = rte_cpu_to_be_32(tunnel.local.v4().value);
    ipv4_.mask.hdr.dst_addr = ~rte_be32_t{0};
    if (tunnel.remote.has_value()) {
      ipv4_.spec.hdr.src_addr = rte_cpu_to_be_32(tunnel.remote->v4().value);
      ipv4_.mask.hdr.src_addr = ~rte_be32_t{0};
    }
    return Append(RTE_FLOW_ITEM_TYPE_IPV4, &ipv4_.spec, &ipv4_.mask);
  }
  ipv6_.spec.hdr.proto = protocol;
  ipv6_.mask.hdr.proto = 0xff;
  std::memcpy(ipv6_.spec.hdr.dst_addr, tunnel.local.v6().bytes.data(), 16);
  std::memset(ipv6_.mask.hdr.dst_addr, 0xff, 16);
  if (tunnel.remote.has_value()) {
    std::memcpy(ipv6_.spec.hdr.src_addr, tunnel.remote->v6().bytes.data(), 16);
    std::memset(ipv6_.mask.hdr.src_addr, 0xff, 16);
  }
  Append(RTE_FLOW_ITEM_TYPE_IPV6, &ipv6_.spec, &ipv6_.mask);
}

void FlowRule::AppendTunnel(const SteeredTunnel& tunnel) {
  switch (tunnel.kind) {
    case TunnelKind::kVxlan:
      AppendOuterIp(tunnel, kUdp);
      udp_.spec.hdr.dst_port = rte_cpu_to_be_16(tunnel.udp_port);
      udp_.mask.hdr.dst_port = ~rte_be16_t{0};
      Append(RTE_FLOW_ITEM_TYPE_UDP, &udp_.spec, &udp_.mask);
      StoreVni(vxlan_.spec.vni, tunnel.key.value());
      StoreVni(vxlan_.mask.vni, kVniMax);
      return Append(RTE_FLOW_ITEM_TYPE_VXLAN, &vxlan_.spec, &vxlan_.mask);
    case TunnelKind::kNvgre:
      AppendOuterIp(tunnel, kGre);
      StoreVni(nvgre_.spec.tni, tunnel.key.value());
      StoreVni(nvgre_.mask.tni, kVniMax);
      return Append(RTE_FLOW_ITEM_TYPE_NVGRE, &nvgre_.spec, &nvgre_.mask);
    case TunnelKind::kGre:
      AppendOuterIp(tunnel, kGre);
      gre_.spec.c_rsvd0_ver = tunnel.key.has_value() ? rte_cpu_to_be_16(kGreKeyBit) : rte_be16_t{0};
      gre_.mask.c_rsvd0_ver = rte_cpu_to_be_16(kGreKeyBit);
      Append(RTE_FLOW_ITEM_TYPE_GRE, &gre_.spec, &gre_.mask);
      if (!tunnel.key.has_value()) return;
      gre_key_.spec = rte_cpu_to_be_32(*tunnel.key);
      gre_key_.mask = ~rte_be32_t{0};
      return Append(RTE_FLOW_ITEM_TYPE_GRE_KEY, &gre_key_.spec, &gre_key_.mask);
    case TunnelKind::kEsp:
      // Its flows are its SAs, which are not steered yet: WantedFlows asks for none.
      return AppendOuterIp(tunnel, kEsp);
  }
}

std::string FlowRule::ToText() const {
  std::string text = "ingress pattern";
  for (const rte_flow_item* item = items(); item->type != RTE_FLOW_ITEM_TYPE_END; ++item)
    absl::StrAppend(&text, " ", ItemText(*item), " /");
  absl::StrAppend(&text, " end actions");
  for (const rte_flow_action* action = actions(); action->type != RTE_FLOW_ACTION_TYPE_END; ++action)
    absl::StrAppend(&text, " ", ActionText(*action), " /");
  return absl::StrCat(text, " end");
}

}  // namespace sluice::dataplane
