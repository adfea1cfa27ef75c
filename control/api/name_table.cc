// Names of numbers.
#include "control/api/name_table.h"

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/api/write_rules.h"
#include "control/rib/next_hop_table.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {

namespace v1 = ::sluice::gateway::v1;

namespace {

std::string TunnelText(const v1::Connection& connection) {
  if (!connection.has_gre()) return {};
  const v1::GreConnection& gre = connection.gre();
  return absl::StrCat("GRE to ", gre.remote_address(), gre.has_key() ? absl::StrCat(" key ", gre.key()) : "");
}

}  // namespace

std::string PlaceText(const NameTable::Link& link) {
  if (!link.tunnel.empty()) return link.tunnel;
  return absl::StrCat(link.port, link.vlan == 0 ? ", untagged" : absl::StrCat(", VLAN ", link.vlan));
}

NameTable::NameTable(const DesiredState& state) {
  const store::GatewayRow& gateway = state.gateway();
  for (const auto& each : gateway.spec.underlay_interfaces())
    links_[gateway.underlay_numbers.at(each.name())] = {"", each.name(), each.port(),
                                                        static_cast<uint16_t>(each.vlan()), 0};
  for (const auto& [name, record] : state.tenants()) {
    const auto& numbers = record->row.numbers;
    tenants_[numbers.vrf] = name;
    AddSubnets(*record);
    for (const auto& connection : record->row.spec.connections()) {
      const auto at = numbers.connections.find(connection.name());
      if (at == numbers.connections.end()) continue;
      links_[at->second.interface] = {name,
                                      connection.name(),
                                      connection.l3().port(),
                                      static_cast<uint16_t>(connection.l3().vlan()),
                                      numbers.vrf,
                                      TunnelText(connection)};
    }
  }
}

void NameTable::AddSubnets(const TenantRecord& record) {
  for (const auto& network : record.row.spec.virtual_networks())
    for (const auto& subnet : network.subnets()) {
      const auto at = record.row.numbers.subnets.find({network.name(), subnet.name()});
      if (at == record.row.numbers.subnets.end()) continue;
      const auto encapsulation = tenant::EncapsulationOf(network);
      links_[at->second] = {record.row.name,
                            absl::StrCat(network.name(), "/", subnet.name()),
                            "",
                            0,
                            record.row.numbers.vrf,
                            absl::StrCat(encapsulation == tenant::Encapsulation::kVxlan ? "VXLAN " : "NVGRE ",
                                         tenant::NetworkIdText(encapsulation, subnet.network_id()))};
    }
}

std::string NameTable::TenantOf(uint32_t vrf) const {
  const auto found = tenants_.find(vrf);
  return found == tenants_.end() ? std::string() : found->second;
}

const NameTable::Link* NameTable::LinkOf(uint32_t interface) const {
  const auto found = links_.find(interface);
  return found == links_.end() ? nullptr : &found->second;
}

absl::StatusOr<uint32_t> NameTable::VrfOf(std::string_view tenant) const {
  const std::string label = LabelOf("tenants", tenant);
  for (const auto& [vrf, name] : tenants_)
    if (name == label) return vrf;
  return NoSuchTenant(label);
}

absl::StatusOr<uint32_t> NameTable::InterfaceOf(std::string_view tenant, std::string_view connection) const {
  auto vrf = VrfOf(tenant);
  if (!vrf.ok()) return vrf.status();
  const std::string label = LabelOf("connections", connection);
  for (const auto& [interface, link] : links_)
    if (link.vrf == *vrf && link.connection == label) return interface;
  return NoSuchConnection(TenantOf(*vrf), label);
}

v1::RouteSource SourceOf(rib::Source source) {
  switch (source) {
    case rib::Source::kConnected:
      return v1::ROUTE_SOURCE_CONNECTED;
    case rib::Source::kVirtualNetwork:
      return v1::ROUTE_SOURCE_VIRTUAL_NETWORK;
    case rib::Source::kHostRoute:
      return v1::ROUTE_SOURCE_PEER;
    case rib::Source::kIpsecSelector:
      return v1::ROUTE_SOURCE_IPSEC_SELECTOR;
    case rib::Source::kStatic:
      return v1::ROUTE_SOURCE_STATIC;
    case rib::Source::kBgp:
      return v1::ROUTE_SOURCE_BGP;
  }
  return v1::ROUTE_SOURCE_UNSPECIFIED;
}

v1::AddressFamily FamilyOf(net::Family family) {
  return family == net::Family::kIpv4 ? v1::ADDRESS_FAMILY_IPV4 : v1::ADDRESS_FAMILY_IPV6;
}

v1::Route ShowRoute(const RibRoute& route, const std::string& tenant, const NameTable& names) {
  v1::Route shown;
  shown.set_tenant(tenant);
  shown.set_family(FamilyOf(route.prefix.family()));
  shown.set_prefix(route.prefix.ToString());
  shown.set_path_id(route.path_id);
  shown.set_source(SourceOf(route.source));
  shown.set_metric(route.metric);
  shown.set_programmed(route.programmed);
  shown.set_stale(route.stale);
  shown.set_revision(route.revision);
  shown.set_best(route.best);
  for (const rib::NextHop& hop : route.next_hops) {
    auto& to = *shown.add_next_hops();
    if (hop.address) to.set_address(hop.address->ToString());
    if (const auto* link = names.LinkOf(hop.interface))
      to.mutable_resolved()->set_connection(link->connection);
    if (!hop.mac.IsZero()) to.mutable_resolved()->set_provider_address(to.address());
    to.set_weight(hop.weight);
  }
  for (const uint16_t index : route.unused)
    shown.mutable_next_hops(index)->set_unused_reason(
        absl::StrCat("a route spreads flows over ", rib::kGroupMembersMax, " next hops, which are others"));
  if (shown.next_hops().empty()) return shown;
  shown.set_next_hop(shown.next_hops(0).address());
  shown.set_weight(shown.next_hops(0).weight());
  *shown.mutable_resolved() = shown.next_hops(0).resolved();
  return shown;
}

}  // namespace sluice::api
