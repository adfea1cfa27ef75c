// Validation of virtual networks, field by field.
#include "control/tenant/validate_virtual_network.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "control/tenant/outer_header.h"
#include "control/tenant/text_fields.h"
#include "control/tenant/tunnel_path.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

constexpr uint32_t kUdpPortMax = 65535;
constexpr uint16_t kVxlanPort = 4789;  // RFC 7348 section 5
constexpr uint32_t kVniMin = 1;        // RFC 7348 section 5 keeps none; 0 is what an empty field says
constexpr uint32_t kVniMax = 0xffffff;
constexpr uint32_t kVsidMin = 4096;      // RFC 7637 section 3.2 keeps those below for itself
constexpr uint32_t kVsidMax = 0xfffffe;  // the highest is for messages between endpoints

// Locally administered, and the same on whatever gateway the tenant is.
net::MacAddress DerivedMac(uint32_t network_id) {
  return {{0x02, 0x53, 0x4c, static_cast<uint8_t>(network_id >> 16), static_cast<uint8_t>(network_id >> 8),
           static_cast<uint8_t>(network_id)}};
}

void TakeEncapsulation(const v1::VirtualNetwork& wanted, const Place& place, Findings& findings,
                       VirtualNetwork& network) {
  if (!v1::OverlayEncapsulation_IsValid(wanted.encapsulation()))
    findings.Invalid(place.Field("encapsulation"),
                     absl::StrCat("encapsulation ", static_cast<int>(wanted.encapsulation()),
                                  " is not known; accepted: VXLAN, NVGRE"));
  network.encapsulation = EncapsulationOf(wanted);
  const bool vxlan = network.encapsulation == Encapsulation::kVxlan;
  if (!vxlan && wanted.has_udp_port())
    findings.Invalid(place.Field("udp_port"), "NVGRE has no UDP port; accepted: with VXLAN");
  if (wanted.has_udp_port() && (wanted.udp_port() == 0 || wanted.udp_port() > kUdpPortMax))
    findings.Invalid(place.Field("udp_port"),
                     absl::StrCat("UDP port ", wanted.udp_port(), "; accepted: 1 to ", kUdpPortMax));
  if (vxlan) network.udp_port = wanted.has_udp_port() ? static_cast<uint16_t>(wanted.udp_port()) : kVxlanPort;
  if (wanted.routing_domain_id() != 0)
    findings.Unimplemented(place.Field("routing_domain_id"),
                           "routing domain ids (a VNI for packets between subnets)");
}

void TakeProviderAddress(v1::VirtualNetwork& wanted, const Environment& environment, const Place& place,
                         Findings& findings, VirtualNetwork& network) {
  const Place at = place.Field("provider_address");
  const auto address = UnicastAddress(*wanted.mutable_provider_address(), at, findings);
  if (!address) return;
  network.provider_address = *address;
  if (!IsOurs(environment.underlay, *address))
    findings.Invalid(at, absl::StrCat(address->ToString(),
                                      " is no address of the gateway's underlay interfaces; "
                                      "accepted: ",
                                      OurAddresses(environment.underlay)));
  network.outer = TakeOuterHeader(wanted, address->is_v4(), place, findings);
  network.udp_checksum = wanted.udp_checksum();
  const bool fits = network.encapsulation == Encapsulation::kVxlan && !address->is_v4();
  if (wanted.udp_checksum() && !fits)
    findings.Invalid(place.Field("udp_checksum"),
                     "the UDP checksum is an option of VXLAN over IPv6 only; accepted: leave it out");
}

// One family of a subnet: its prefix and our address in it.
void TakePrefix(std::string& prefix_text, bool has_gateway, std::string* gateway_text,
                const char* prefix_field, const char* gateway_field, const Place& place, Findings& findings,
                VirtualSubnet& subnet) {
  const Place at = place.Field(prefix_field);
  const auto prefix = net::Prefix::Parse(prefix_text);
  if (std::string why = PrefixComplaint(prefix_text); !why.empty())
    return findings.Invalid(at, std::move(why));
  if (prefix->is_default() || prefix->is_host())
    return findings.Invalid(at,
                            absl::StrCat(prefix->ToString(), " is no subnet; accepted: such as 10.1.0.0/24"));
  prefix_text = prefix->ToString();
  subnet.prefixes.push_back(*prefix);
  if (!has_gateway) return;
  const Place at_gateway = place.Field(gateway_field);
  const auto gateway = UnicastAddress(*gateway_text, at_gateway, findings);
  if (!gateway) return;
  if (!prefix->Contains(*gateway))
    return findings.Invalid(at_gateway, absl::StrCat(gateway->ToString(), " is not in ", prefix->ToString(),
                                                     "; accepted: a host address of the subnet"));
  std::string with_length = absl::StrCat(gateway->ToString(), "/", prefix->length());
  if (const auto own = HostInSubnet(with_length, at_gateway, findings)) subnet.gateways.push_back(*own);
}

void TakePrefixes(v1::VirtualSubnet& wanted, const Place& place, Findings& findings, VirtualSubnet& subnet) {
  TakePrefix(*wanted.mutable_prefix(), wanted.has_gateway_address(),
             wanted.has_gateway_address() ? wanted.mutable_gateway_address() : nullptr, "prefix",
             "gateway_address", place, findings, subnet);
  if (!wanted.has_ipv6_prefix()) {
    if (wanted.has_ipv6_gateway_address())
      findings.Invalid(place.Field("ipv6_gateway_address"),
                       "there is no ipv6_prefix for it; accepted: gateway_address when `prefix` is IPv6");
    return;
  }
  const auto second = net::Prefix::Parse(wanted.ipv6_prefix());
  if (second && second->family() == net::Family::kIpv4)
    return findings.Invalid(place.Field("ipv6_prefix"),
                            absl::StrCat(second->ToString(), " is not IPv6; accepted: in `prefix`"));
  if (!subnet.prefixes.empty() && subnet.prefixes[0].family() == net::Family::kIpv6)
    return findings.Invalid(place.Field("ipv6_prefix"),
                            "`prefix` is IPv6 already; accepted: one prefix of each family");
  TakePrefix(*wanted.mutable_ipv6_prefix(), wanted.has_ipv6_gateway_address(),
             wanted.has_ipv6_gateway_address() ? wanted.mutable_ipv6_gateway_address() : nullptr,
             "ipv6_prefix", "ipv6_gateway_address", place, findings, subnet);
}

void TakeNetworkId(const v1::VirtualSubnet& wanted, Encapsulation encapsulation,
                   const Environment& environment, const Place& place, Findings& findings,
                   VirtualSubnet& subnet) {
  const bool vxlan = encapsulation == Encapsulation::kVxlan;
  const uint32_t min = vxlan ? kVniMin : kVsidMin;
  const uint32_t max = vxlan ? kVniMax : kVsidMax;
  const Place at = place.Field("network_id");
  subnet.network_id = wanted.network_id();
  if (wanted.network_id() < min || wanted.network_id() > max)
    return findings.Invalid(at, absl::StrCat(NetworkIdText(encapsulation, wanted.network_id()),
                                             "; accepted: ", min, " to ", max));
  const auto owner = environment.network_ids.find({encapsulation, wanted.network_id()});
  if (owner == environment.network_ids.end()) return;
  findings.Invalid(at, absl::StrCat(NetworkIdText(encapsulation, wanted.network_id()), " belongs to ",
                                    owner->second, "; accepted: one that no other subnet has"));
}

std::optional<net::MacAddress> TakeMac(v1::VirtualNetwork& wanted, const Place& place, Findings& findings) {
  if (!wanted.has_gateway_mac()) return std::nullopt;
  return UnicastMac(*wanted.mutable_gateway_mac(), place.Field("gateway_mac"), findings);
}

void TakeSubnets(v1::VirtualNetwork& wanted, const Environment& environment, const Place& place,
                 Findings& findings, VirtualNetwork& network) {
  const uint32_t max = environment.limits.subnets_per_virtual_network;
  if (static_cast<uint32_t>(wanted.subnets_size()) > max)
    findings.Limit(
        place.Field("subnets"), "subnets-per-virtual-network",
        absl::StrCat(wanted.subnets_size(), " are wanted; limit subnets-per-virtual-network is ", max));
  const auto mac = TakeMac(wanted, place, findings);
  std::map<std::string, int> names;
  for (int i = 0; i < wanted.subnets_size(); ++i) {
    const Place at = place.Element("subnets", i);
    auto& each = *wanted.mutable_subnets(i);
    VirtualSubnet subnet;
    subnet.name = each.name();
    CheckDnsLabel(each.name(), at.Field("name"), findings);
    const auto [first, fresh] = names.try_emplace(each.name(), i);
    if (!fresh)
      findings.Invalid(at.Field("name"), absl::StrCat("\"", each.name(), "\" is the name of subnets[",
                                                      first->second, "], too; accepted: a name of its own"));
    TakePrefixes(each, at, findings, subnet);
    TakeNetworkId(each, network.encapsulation, environment, at, findings, subnet);
    subnet.gateway_mac = mac ? *mac : DerivedMac(subnet.network_id);
    network.subnets.push_back(std::move(subnet));
  }
}

// What is left for inner packets must be enough for IPv6, which has no smaller MTU.
void CheckMtu(const Environment& environment, const Place& place, Findings& findings,
              const VirtualNetwork& network) {
  const ExplainedMtu mtu = MtuOf(network, environment.underlay, environment.ports);
  if (mtu.bytes < kMtuMin)
    findings.Invalid(place.Field("provider_address"),
                     absl::StrCat("the underlay leaves ", mtu.bytes, " bytes (", mtu.reason,
                                  "); accepted: an underlay that leaves ", kMtuMin, " or more"));
}

void CheckNetworkIdsApart(const std::vector<PlacedNetwork>& placed, Findings& findings) {
  std::map<std::pair<Encapsulation, uint32_t>, std::string> owners;
  for (const PlacedNetwork& each : placed) {
    for (size_t i = 0; i < each.network.subnets.size(); ++i) {
      const VirtualSubnet& subnet = each.network.subnets[i];
      const auto [owner, fresh] =
          owners.try_emplace({each.network.encapsulation, subnet.network_id},
                             absl::StrCat(each.place.object, ", subnet ", subnet.name));
      if (fresh) continue;
      findings.Invalid(
          each.place.Element("subnets", i).Field("network_id"),
          absl::StrCat(NetworkIdText(each.network.encapsulation, subnet.network_id), " belongs to ",
                       owner->second, "; accepted: one that no other subnet has"));
    }
  }
}

}  // namespace

void AddSubnets(const PlacedNetwork& network, std::vector<PlacedSubnet>& subnets) {
  for (size_t i = 0; i < network.network.subnets.size(); ++i) {
    const VirtualSubnet& subnet = network.network.subnets[i];
    for (const net::Prefix& prefix : subnet.prefixes)
      subnets.push_back({prefix, std::nullopt, network.place.Element("subnets", i).Field("prefix"),
                         absl::StrCat(network.place.object, ", subnet ", subnet.name)});
  }
}

std::string VirtualNetworkName(std::string_view tenant, std::string_view network) {
  return absl::StrCat("tenants/", std::string(tenant), "/virtualNetworks/", std::string(network));
}

Encapsulation EncapsulationOf(const v1::VirtualNetwork& network) {
  return network.encapsulation() == v1::OVERLAY_ENCAPSULATION_NVGRE ? Encapsulation::kNvgre
                                                                    : Encapsulation::kVxlan;
}

std::string NetworkIdText(Encapsulation encapsulation, uint32_t network_id) {
  return absl::StrCat(encapsulation == Encapsulation::kVxlan ? "VNI " : "VSID ", network_id);
}

std::vector<PlacedNetwork> TakeVirtualNetworks(v1::TenantSpec& spec, std::string_view tenant,
                                               const Environment& environment, const Place& place,
                                               Findings& findings) {
  std::vector<PlacedNetwork> placed;
  const uint32_t max = environment.limits.virtual_networks_per_tenant;
  if (static_cast<uint32_t>(spec.virtual_networks_size()) > max)
    findings.Limit(place.Field("virtual_networks"), "virtual-networks-per-tenant",
                   absl::StrCat(spec.virtual_networks_size(),
                                " are wanted; limit virtual-networks-per-tenant is ", max));
  std::map<std::string, int> names;
  for (int i = 0; i < spec.virtual_networks_size(); ++i) {
    auto& wanted = *spec.mutable_virtual_networks(i);
    const Place at = place.Element("virtual_networks", i).Of(VirtualNetworkName(tenant, wanted.name()));
    const size_t before = findings.blocking_count();
    VirtualNetwork network;
    network.name = wanted.name();
    CheckDnsLabel(wanted.name(), at.Field("name"), findings);
    const auto [first, fresh] = names.try_emplace(wanted.name(), i);
    if (!fresh)
      findings.Invalid(at.Field("name"),
                       absl::StrCat("\"", wanted.name(), "\" is the name of virtual_networks[", first->second,
                                    "], too; accepted: a name of its own"));
    TakeEncapsulation(wanted, at, findings, network);
    TakeProviderAddress(wanted, environment, at, findings, network);
    network.mtu = TakeMtu(wanted.has_mtu(), wanted.mtu(), at.Field("mtu"), findings);
    TakeSubnets(wanted, environment, at, findings, network);
    CheckMtu(environment, at, findings, network);
    if (findings.blocking_count() == before) placed.push_back({std::move(network), at});
  }
  CheckNetworkIdsApart(placed, findings);
  return placed;
}

}  // namespace sluice::tenant
