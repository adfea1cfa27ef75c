// Tables and descriptions of virtual networks.
#include "tools/sluicectl/virtual_network_text.h"

#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/outer_header_text.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/tenant_text.h"
#include "tools/sluicectl/text_table.h"

namespace sluice::ctl {
namespace {

std::string EncapsulationText(const api::VirtualNetwork& network) {
  if (network.encapsulation() == api::OVERLAY_ENCAPSULATION_NVGRE) return "NVGRE";
  return network.has_udp_port() ? "VXLAN, UDP port " + std::to_string(network.udp_port()) : "VXLAN";
}

std::string PrefixesText(const api::VirtualSubnet& subnet) {
  return subnet.prefix() + (subnet.has_ipv6_prefix() ? ", " + subnet.ipv6_prefix() : "");
}

std::string GatewaysText(const api::VirtualSubnet& subnet) {
  std::string out = subnet.gateway_address();
  if (subnet.has_ipv6_gateway_address()) out += (out.empty() ? "" : ", ") + subnet.ipv6_gateway_address();
  return out;
}

std::string SubnetsTable(const VirtualNetworkView& view) {
  std::vector<Row> rows;
  for (const api::VirtualSubnet& subnet : view.spec.subnets()) {
    api::VirtualSubnetStatus status;
    for (const auto& each : view.status.subnets())
      if (each.name() == subnet.name()) status = each;
    rows.push_back({subnet.name(), std::to_string(subnet.network_id()), PrefixesText(subnet),
                    GatewaysText(subnet), status.gateway_mac(), CountText(status.mappings()),
                    CountText(status.statistics().inbound_packets()),
                    CountText(status.statistics().outbound_packets())});
  }
  return TableText({{"SUBNET"},
                    {"NETWORK ID", Align::kRight},
                    {"PREFIX"},
                    {"GATEWAY"},
                    {"MAC"},
                    {"MAPPINGS", Align::kRight},
                    {"IN PACKETS", Align::kRight},
                    {"OUT PACKETS", Align::kRight}},
                   rows);
}

}  // namespace

std::vector<VirtualNetworkView> VirtualNetworksOf(const api::Tenant& tenant) {
  std::vector<VirtualNetworkView> views;
  for (const auto& network : tenant.spec().virtual_networks()) {
    VirtualNetworkView& view = views.emplace_back(VirtualNetworkView{tenant.name(), network, {}});
    for (const auto& status : tenant.status().virtual_networks())
      if (status.name() == network.name()) view.status = status;
  }
  return views;
}

std::string VirtualNetworksTable(const std::vector<VirtualNetworkView>& views) {
  std::vector<Row> rows;
  for (const VirtualNetworkView& view : views)
    rows.push_back({view.tenant, view.spec.name(), EnumText(view.status.configuration_state().status()),
                    EncapsulationText(view.spec), view.spec.provider_address(),
                    std::to_string(view.spec.subnets_size()), CountText(view.status.mappings()),
                    CountText(view.status.hosts()), std::to_string(view.status.mappings_version())});
  return TableText({{"TENANT"},
                    {"NETWORK"},
                    {"STATE"},
                    {"ENCAPSULATION"},
                    {"PROVIDER ADDRESS"},
                    {"SUBNETS", Align::kRight},
                    {"MAPPINGS", Align::kRight},
                    {"HOSTS", Align::kRight},
                    {"VERSION", Align::kRight}},
                   rows);
}

std::string VirtualNetworkDescription(const VirtualNetworkView& view) {
  const api::OverlayStatistics& statistics = view.status.statistics();
  std::string out = "virtual network " + view.tenant + "/" + view.spec.name() + "\n";
  out +=
      Indented(FactsText({
                   {"state", StateText(view.status.configuration_state())},
                   {"encapsulation", EncapsulationText(view.spec)},
                   {"provider address", view.spec.provider_address()},
                   {"outer header", OuterHeaderText(view.spec)},
                   {"MTU", std::to_string(view.status.mtu()) + " (" + view.status.mtu_explanation() + ")"},
                   {"mappings", CountText(view.status.mappings()) + " to " + CountText(view.status.hosts()) +
                                    " hosts, version " + std::to_string(view.status.mappings_version())},
                   {"inbound", CountText(statistics.inbound_packets()) + " packets, " +
                                   CountText(statistics.inbound_bytes()) + " bytes"},
                   {"outbound", CountText(statistics.outbound_packets()) + " packets, " +
                                    CountText(statistics.outbound_bytes()) + " bytes"},
               }),
               2);
  out += "\nsubnets\n" + Indented(SubnetsTable(view), 2);
  if (!view.status.conditions().empty())
    out += "\nconditions\n" + Indented(ConditionsTable(view.status.conditions()), 2);
  return out;
}

std::string MappingsTable(const std::vector<api::Mapping>& mappings) {
  std::vector<Row> rows;
  for (const api::Mapping& mapping : mappings)
    rows.push_back({mapping.prefix(), mapping.subnet(), mapping.provider_address(), mapping.mac()});
  return TableText({{"PREFIX"}, {"SUBNET"}, {"HOST"}, {"MAC"}}, rows);
}

std::string MappingsResultText(const std::string& network, const api::MappingsResult& result) {
  return "mappings of " + network + ": version " + std::to_string(result.version()) + ", " +
         CountText(result.mappings()) + " mappings (" + CountText(result.added()) + " added, " +
         CountText(result.changed()) + " changed, " + CountText(result.removed()) + " removed)\n";
}

}  // namespace sluice::ctl
