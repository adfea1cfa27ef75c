// Rules of mappings.
#include "control/tenant/mapping.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/tenant/text_fields.h"
#include "control/tenant/tunnel_path.h"

namespace sluice::tenant {
namespace {

constexpr size_t kSubnetsShownMax = 8;

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", text.substr(0, 80), "\"");
}

}  // namespace

std::optional<net::Prefix> ParseCustomerPrefix(const std::string& text) {
  if (const auto address = net::Address::Parse(text)) return net::Prefix(*address, address->BitLength());
  return net::Prefix::Parse(text);
}

std::string CustomerPrefixText(const net::Prefix& prefix) {
  return prefix.is_host() ? prefix.address().ToString() : prefix.ToString();
}

void ToProto(const Mapping& mapping, gateway::v1::Mapping& out) {
  out.set_prefix(CustomerPrefixText(mapping.prefix));
  out.set_subnet(mapping.subnet);
  out.set_provider_address(mapping.provider.ToString());
  out.set_mac(mapping.mac.ToString());
}

MappingRules::MappingRules(const TenantModel& model, const VirtualNetwork& network,
                           const UnderlayModel& underlay)
    : network_(network), underlay_(underlay) {
  for (const VirtualNetwork& each : model.virtual_networks)
    for (const VirtualSubnet& subnet : each.subnets)
      for (const net::Prefix& prefix : subnet.prefixes)
        subnets_.push_back({prefix, each.name == network.name ? subnet.name : "",
                            absl::StrCat("subnet ", subnet.name, " of virtual network ", each.name)});
  for (const Connection& each : model.connections)
    for (const net::InterfaceAddress& own : each.addresses)
      subnets_.push_back({own.Subnet(), "", absl::StrCat("connection ", each.name)});
}

const VirtualSubnet* MappingRules::Find(const std::string& name) const {
  const auto found = std::find_if(network_.subnets.begin(), network_.subnets.end(),
                                  [&](const VirtualSubnet& each) { return each.name == name; });
  return found == network_.subnets.end() ? nullptr : &*found;
}

std::string MappingRules::SubnetNames() const {
  std::string text;
  size_t shown = 0;
  for (const Subnet& each : subnets_) {
    if (each.name.empty() || ++shown > kSubnetsShownMax) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", each.name, " (", each.prefix.ToString(), ")");
  }
  if (text.empty()) return absl::StrCat("none, virtual network ", network_.name, " has no subnet");
  return text;
}

std::optional<MappingComplaint> MappingRules::CheckPrefix(const Mapping& mapping) const {
  const VirtualSubnet* own = Find(mapping.subnet);
  if (own == nullptr)
    return MappingComplaint{"subnet", absl::StrCat("virtual network ", network_.name, " has no subnet ",
                                                   Quoted(mapping.subnet), "; accepted: ", SubnetNames())};
  for (const net::InterfaceAddress& gateway : own->gateways)
    if (mapping.prefix.is_host() && mapping.prefix.address() == gateway.address)
      return MappingComplaint{
          "prefix", absl::StrCat(gateway.address.ToString(), " is our own address in subnet ", own->name,
                                 "; accepted: that of a virtual machine")};
  for (const Subnet& other : subnets_)
    if (other.name != own->name && other.prefix.Contains(mapping.prefix))
      return MappingComplaint{
          "prefix", absl::StrCat(mapping.prefix.ToString(), " lies in ", other.prefix.ToString(), " of ",
                                 other.owner, "; accepted: a prefix of subnet ", own->name,
                                 ", or one behind it that is in no other subnet")};
  return std::nullopt;
}

std::optional<MappingComplaint> MappingRules::CheckHost(const Mapping& mapping) const {
  const net::Address& ours = network_.provider_address;
  if (mapping.provider.family() != ours.family())
    return MappingComplaint{"provider_address", absl::StrCat(mapping.provider.ToString(),
                                                             " is not of the family of our provider "
                                                             "address ",
                                                             ours.ToString(), "; accepted: an ",
                                                             ours.is_v4() ? "IPv4" : "IPv6", " address")};
  // Packets would come back to us and into the tunnel again.
  if (mapping.provider == ours || IsOurs(underlay_, mapping.provider))
    return MappingComplaint{"provider_address",
                            absl::StrCat(mapping.provider.ToString(),
                                         " is an address of the gateway itself; accepted: that of the host")};
  const VirtualSubnet* own = Find(mapping.subnet);
  if (own != nullptr && mapping.mac == own->gateway_mac)
    return MappingComplaint{"mac", absl::StrCat(mapping.mac.ToString(), " is ours in subnet ", own->name,
                                                "; accepted: that of the virtual machine")};
  return std::nullopt;
}

std::optional<MappingComplaint> MappingRules::Complaint(const Mapping& mapping) const {
  if (auto complaint = CheckPrefix(mapping)) return complaint;
  return CheckHost(mapping);
}

std::optional<Mapping> MappingRules::Parse(const gateway::v1::Mapping& wanted,
                                           MappingComplaint& complaint) const {
  Mapping mapping;
  const auto refuse = [&](const char* field, std::string description) {
    complaint = {field, std::move(description)};
    return std::nullopt;
  };
  const auto prefix = ParseCustomerPrefix(wanted.prefix());
  if (!prefix)
    return refuse("prefix", net::Prefix::ParseLoose(wanted.prefix())
                                ? PrefixComplaint(wanted.prefix())
                                : absl::StrCat(Quoted(wanted.prefix()),
                                               " is neither an address nor a prefix; "
                                               "accepted: such as 10.1.0.4 or 10.1.0.0/28"));
  mapping.prefix = *prefix;
  if (!prefix->is_default())
    if (std::string why = PrefixComplaint(prefix->ToString()); !why.empty())
      return refuse("prefix", std::move(why));
  const auto holds = [&](const Subnet& each) { return !each.name.empty() && each.prefix.Contains(*prefix); };
  const auto holder = std::find_if(subnets_.begin(), subnets_.end(), holds);
  if (wanted.has_subnet()) {
    mapping.subnet = wanted.subnet();
  } else if (holder != subnets_.end()) {
    mapping.subnet = holder->name;
  } else {
    return refuse("prefix",
                  absl::StrCat(prefix->ToString(), " is in no subnet of virtual network ", network_.name,
                               "; accepted: with the name of the subnet that it is "
                               "reached through, one of ",
                               SubnetNames()));
  }
  const auto provider = net::Address::Parse(wanted.provider_address());
  if (!provider)
    return refuse("provider_address", absl::StrCat(Quoted(wanted.provider_address()),
                                                   " is not an address; accepted: such as 192.0.2.7"));
  if (std::string why = UnicastComplaint(*provider); !why.empty())
    return refuse("provider_address", std::move(why));
  mapping.provider = *provider;
  const auto mac = net::MacAddress::Parse(wanted.mac());
  if (!mac || mac->IsMulticast() || mac->IsZero())
    return refuse("mac", absl::StrCat(Quoted(wanted.mac()),
                                      mac ? " is not the address of one machine" : " is no MAC address",
                                      "; accepted: such as 02:00:5e:00:53:01"));
  mapping.mac = *mac;
  if (auto why = Complaint(mapping)) {
    complaint = *std::move(why);
    return std::nullopt;
  }
  return mapping;
}

}  // namespace sluice::tenant
