// Interfaces first, then the routes over them.
#include "control/tenant/validate_underlay.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "control/tenant/link_fields.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/static_route.h"
#include "control/tenant/text_fields.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Absent when the interface as it is could not be programmed.
std::optional<Connection> TakeInterface(v1::UnderlayInterface& wanted, const Environment& environment,
                                        const Place& place, Findings& findings) {
  const size_t before = findings.blocking_count();
  CheckDnsLabel(wanted.name(), place.Field("name"), findings);
  Connection link;
  link.name = wanted.name();
  link.port = wanted.port();
  link.mtu = TakeMtu(wanted.has_mtu(), wanted.mtu(), place.Field("mtu"), findings);
  CheckPort(link.port, link.mtu, environment, place.Field("port"), place.Field("mtu"), findings);
  const auto vlan =
      TakeVlan(wanted.has_vlan(), wanted.vlan(), link.port, environment, place.Field("vlan"), findings);
  link.vlan = vlan.value_or(0);
  if (wanted.addresses().empty())
    findings.Invalid(place.Field("addresses"),
                     "an underlay interface needs an address of its own, such as 192.0.2.5/24");
  link.addresses =
      TakeAddresses(*wanted.mutable_addresses(), environment.limits, place.Field("addresses"), findings);
  if (findings.blocking_count() != before) return std::nullopt;
  return link;
}

std::vector<PlacedLink> TakeInterfaces(v1::GatewaySpec& spec, Environment environment, const Place& place,
                                       Findings& findings) {
  std::vector<PlacedLink> links;
  std::map<std::string, int> names;
  CheckCount(static_cast<size_t>(spec.underlay_interfaces_size()), environment.limits.underlay_interfaces,
             "underlay-interfaces", place.Field("underlay_interfaces"), findings);
  for (int i = 0; i < spec.underlay_interfaces_size(); ++i) {
    auto& wanted = *spec.mutable_underlay_interfaces(i);
    const Place at =
        place.Element("underlay_interfaces", static_cast<size_t>(i)).Of(UnderlayInterfaceName(wanted.name()));
    const auto [first, fresh] = names.try_emplace(wanted.name(), i);
    if (!fresh)
      findings.Invalid(at.Field("name"),
                       absl::StrCat("\"", wanted.name(), "\" is the name of underlay_interfaces[",
                                    first->second, "], too; accepted: a name of its own"));
    auto link = TakeInterface(wanted, environment, at, findings);
    if (!link || !fresh) continue;
    environment.taken.try_emplace({link->port, link->vlan}, at.object);
    links.push_back({*std::move(link), at});
  }
  return links;
}

}  // namespace

std::string UnderlayInterfaceName(std::string_view interface) {
  return absl::StrCat("gateway/underlay_interfaces/", std::string(interface));
}

UnderlayModel ValidateUnderlay(v1::GatewaySpec& spec, const Environment& environment, Findings& findings) {
  const Place place{"spec", "gateway"};
  UnderlayModel model;
  const std::vector<PlacedLink> links = TakeInterfaces(spec, environment, place, findings);
  CheckSubnetsApart(SubnetsOf(links), findings);
  for (const PlacedLink& each : links) model.interfaces.push_back(each.link);
  const Limits& limits = environment.limits;
  const Place at_routes = place.Field("underlay_routes");
  model.routes = TakeStaticRoutes(*spec.mutable_underlay_routes(), limits.underlay_routes, "underlay-routes",
                                  limits, at_routes, findings);
  // Of an interface that is wrong its next hops would only repeat it.
  if (links.size() != static_cast<size_t>(spec.underlay_interfaces_size())) return model;
  NextHopCheck check(model.interfaces, {"the underlay", "underlay interface"});
  for (size_t i = 0; i < model.routes.size(); ++i)
    if (auto complaint = CheckNextHops(model.routes[i], check))
      findings.Invalid(place.Element("underlay_routes", i).Field(complaint->field),
                       std::move(complaint->description));
  return model;
}

}  // namespace sluice::tenant
