// Validation of a tenant: its own fields, and what its connections must not
// share with each other.
#include "control/tenant/validate_tenant.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "control/tenant/link_fields.h"
#include "control/tenant/static_route.h"
#include "control/tenant/text_fields.h"
#include "control/tenant/validate_connection.h"
#include "control/tenant/validate_gre.h"
#include "control/tenant/validate_labels.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

// A tenant travels in one message: its spec, its status, and room for an answer
// around them stay below the 4 MiB that gRPC clients accept.
constexpr size_t kSpecBytesMax = size_t{3} << 19;  // 1.5 MiB

void RefuseWhatIsNotThere(const v1::TenantSpec& spec, const Place& place, Findings& findings) {
  if (spec.has_bgp_router()) findings.Unimplemented(place.Field("bgp_router"), "BGP routers");
  if (!spec.policy_maps().empty()) findings.Unimplemented(place.Field("policy_maps"), "BGP policy maps");
}

// The channel carries one router address per family.
void TakeRouterAddresses(v1::TenantSpec& spec, const Limits& limits, const Place& place, Findings& findings,
                         TenantModel& model) {
  if (static_cast<uint64_t>(spec.router_addresses_size()) > limits.router_addresses_per_tenant)
    findings.Limit(
        place.Field("router_addresses"), "router-addresses-per-tenant",
        absl::StrCat(spec.router_addresses_size(), " are wanted; limit router-addresses-per-tenant is ",
                     limits.router_addresses_per_tenant));
  for (int i = 0; i < spec.router_addresses_size(); ++i) {
    const Place at = place.Element("router_addresses", i);
    std::string& text = *spec.mutable_router_addresses(i);
    const auto prefix = net::InterfaceAddress::Parse(text);
    if (prefix && prefix->length == prefix->address.BitLength()) text = prefix->address.ToString();
    const auto address = UnicastAddress(text, at, findings);
    if (!address) continue;
    const auto taken =
        std::find_if(model.router_addresses.begin(), model.router_addresses.end(),
                     [&](const net::Address& each) { return each.family() == address->family(); });
    if (taken == model.router_addresses.end()) {
      model.router_addresses.push_back(*address);
    } else if (*taken == *address) {
      findings.Invalid(at, absl::StrCat(address->ToString(), " is there twice"));
    } else {
      findings.Limit(at, "router-addresses-per-family",
                     absl::StrCat(address->ToString(), " is a second router address of its family beside ",
                                  taken->ToString(), "; limit router-addresses-per-family is 1"));
    }
  }
}

// The channel's figure for a quota that the dataplane enforces; there 0 would mean none.
uint32_t Enforced(uint64_t quota) {
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  return static_cast<uint32_t>(std::clamp<uint64_t>(quota, 1, kMax));
}

void CheckNotZero(bool present, uint64_t wanted, std::string_view name, const Place& place,
                  Findings& findings) {
  if (present && wanted == 0)
    findings.Invalid(place.Field("quotas").Field(name), "a quota of 0; accepted: 1 or more");
}

uint64_t Quota(bool present, uint64_t wanted, uint64_t limit, std::string_view name, const Place& place,
               Findings& findings) {
  if (!present) return limit;
  if (wanted > limit)
    findings.Limit(place.Field("quotas"), name,
                   absl::StrCat("quota of ", wanted, " is wanted; limit ", std::string(name), " is ", limit));
  return std::min(wanted, limit);
}

// Also answers how many connections the tenant may have.
uint64_t TakeQuotas(const v1::TenantSpec& spec, const Limits& limits, const Place& place, Findings& findings,
                    TenantModel& model) {
  const auto& quotas = spec.quotas();
  model.static_routes_max =
      Quota(quotas.has_static_routes(), quotas.static_routes(), limits.static_routes_per_tenant,
            "static-routes-per-tenant", place, findings);
  model.mappings_max = limits.mappings_per_tenant;
  model.routes_ipv4_max =
      Enforced(Quota(quotas.has_routes_ipv4(), quotas.routes_ipv4(), limits.routes_ipv4_per_tenant,
                     "routes-ipv4-per-tenant", place, findings));
  model.routes_ipv6_max =
      Enforced(Quota(quotas.has_routes_ipv6(), quotas.routes_ipv6(), limits.routes_ipv6_per_tenant,
                     "routes-ipv6-per-tenant", place, findings));
  model.neighbors_max = Enforced(Quota(quotas.has_neighbors(), quotas.neighbors(),
                                       limits.neighbors_per_tenant, "neighbors-per-tenant", place, findings));
  CheckNotZero(quotas.has_routes_ipv4(), quotas.routes_ipv4(), "routes_ipv4", place, findings);
  CheckNotZero(quotas.has_routes_ipv6(), quotas.routes_ipv6(), "routes_ipv6", place, findings);
  CheckNotZero(quotas.has_neighbors(), quotas.neighbors(), "neighbors", place, findings);
  return Quota(quotas.has_connections(), quotas.connections(), limits.connections_per_tenant,
               "connections-per-tenant", place, findings);
}

void CheckVlansApart(const std::vector<PlacedLink>& placed, Findings& findings) {
  std::map<PortVlan, const PlacedLink*> owners;
  for (const PlacedLink& each : placed) {
    if (each.link.gre) continue;
    const auto [owner, fresh] = owners.try_emplace({each.link.port, each.link.vlan}, &each);
    if (fresh) continue;
    const std::string what =
        each.link.vlan == 0 ? "the untagged traffic" : absl::StrCat("VLAN ", each.link.vlan);
    findings.Invalid(each.place.Field(each.link.vlan == 0 ? "l3.untagged" : "l3.vlan"),
                     absl::StrCat(what, " of port ", each.link.port, " belongs to ",
                                  owner->second->place.object, "; accepted: one that nobody else has"));
  }
}

void CheckTunnelsApart(const std::vector<PlacedLink>& placed, Findings& findings) {
  std::map<GreEnds, const PlacedLink*> owners;
  for (const PlacedLink& each : placed) {
    if (!each.link.gre) continue;
    const GreEnds ends = EndsOf(*each.link.gre);
    const auto [owner, fresh] = owners.try_emplace(ends, &each);
    if (fresh) continue;
    findings.Invalid(each.place.Field("gre.key"),
                     absl::StrCat(EndsText(ends), " belongs to ", owner->second->place.object,
                                  "; accepted: a key that no other tunnel between these addresses has"));
  }
}

// What is wrong with a peer of `each` beside the connection `other` of the same VRF, where both
// would have a route to it.
std::string PeerComplaint(const net::Address& peer, const PlacedLink& other) {
  const auto& addresses = other.link.addresses;
  for (const net::InterfaceAddress& own : addresses) {
    if (own.address == peer)
      return absl::StrCat(peer.ToString(), " is our own address on ", other.place.object,
                          "; accepted: that of the other side");
    if (own.Subnet().Contains(peer))
      return absl::StrCat(peer.ToString(), " is in ", own.Subnet().ToString(), " of ", other.place.object,
                          "; accepted: a peer outside the subnets of other connections");
  }
  return {};
}

// An address is on one link. A link-local one means another neighbour on each (RFC 4007 section 6).
void CheckPeersApart(const std::vector<PlacedLink>& placed, const TenantModel& model, Findings& findings) {
  std::map<net::Address, const PlacedLink*> first_of;
  for (const PlacedLink& each : placed) {
    for (size_t i = 0; i < each.link.peer_addresses.size(); ++i) {
      const net::Address& peer = each.link.peer_addresses[i];
      if (!peer.is_v4() && peer.v6().IsLinkLocal()) continue;
      const Place at = each.place.Element("peer_addresses", i);
      const auto [first, fresh] = first_of.try_emplace(peer, &each);
      if (!fresh)
        findings.Invalid(at,
                         absl::StrCat(peer.ToString(), " is already a peer of ", first->second->place.object,
                                      "; accepted: a peer on one connection of a tenant"));
      const auto& routers = model.router_addresses;
      if (std::find(routers.begin(), routers.end(), peer) != routers.end())
        findings.Invalid(at, absl::StrCat(peer.ToString(),
                                          " is the tenant's own router address; accepted: that "
                                          "of the other side"));
      for (const PlacedLink& other : placed)
        if (&other != &each)
          if (std::string why = PeerComplaint(peer, other); !why.empty())
            findings.Invalid(at, std::move(why));
    }
  }
}

void CheckRouterAddressesApart(const std::vector<PlacedLink>& placed, const TenantModel& model,
                               const Place& place, Findings& findings) {
  for (const VirtualNetwork& network : model.virtual_networks)
    for (const VirtualSubnet& subnet : network.subnets)
      for (const net::InterfaceAddress& own : subnet.gateways)
        if (std::find(model.router_addresses.begin(), model.router_addresses.end(), own.address) !=
            model.router_addresses.end())
          findings.Invalid(place.Field("router_addresses"),
                           absl::StrCat(own.address.ToString(), " is already an address of ",
                                        VirtualNetworkName(model.name, network.name)));
  for (const net::Address& router : model.router_addresses)
    for (const PlacedLink& each : placed)
      for (const net::InterfaceAddress& own : each.link.addresses)
        if (own.address == router)
          findings.Invalid(place.Field("router_addresses"),
                           absl::StrCat(router.ToString(), " is already an address of ", each.place.object));
}

void CheckRoutes(const std::vector<PlacedLink>& placed, const TenantModel& model, Findings& findings) {
  NextHopCheck check(model.connections);
  for (const PlacedLink& each : placed)
    for (size_t i = 0; i < each.link.routes.size(); ++i)
      if (auto complaint = CheckNextHops(each.link.routes[i], check))
        findings.Invalid(each.place.Element("routes", i).Field(complaint->field),
                         std::move(complaint->description));
}

uint64_t Booked(const TenantModel& model, const Capacity& capacity) {
  uint64_t booked = 0;
  for (const Connection& each : model.connections) {
    const uint64_t kbps = uint64_t{each.inbound_kbps.value_or(0)} + each.outbound_kbps.value_or(0);
    booked += BookedKbps(capacity, each.gre ? capacity.gre_cap_kbps : capacity.l3_cap_kbps, kbps);
  }
  return booked;
}

// Growing needs room; what was booked before stays, also above a capacity that
// was lowered since.
void CheckCapacity(uint64_t booked, const Environment& environment, const Place& place, Findings& findings) {
  const auto& total = environment.capacity.total_kbps;
  if (!total || booked <= environment.booked_before_kbps) return;
  const uint64_t others = environment.booked_by_others_kbps;
  const uint64_t available = *total > others ? *total - others : 0;
  if (booked <= available) return;
  findings.Limit(place.Field("connections"), "capacity",
                 absl::StrCat("connections book ", booked, " kbit/s; ", available,
                              " kbit/s of the gateway's ", *total, " kbit/s are available"));
}

std::vector<PlacedLink> TakeConnections(v1::TenantSpec& spec, std::string_view tenant,
                                        const Environment& environment, const Place& place,
                                        Findings& findings) {
  std::vector<PlacedLink> placed;
  std::map<std::string, int> names;
  for (int i = 0; i < spec.connections_size(); ++i) {
    auto& wanted = *spec.mutable_connections(i);
    const Place at = place.Element("connections", i).Of(ConnectionName(tenant, wanted.name()));
    const auto [first, fresh] = names.try_emplace(wanted.name(), i);
    if (!fresh)
      findings.Invalid(at.Field("name"), absl::StrCat("\"", wanted.name(), "\" is the name of connections[",
                                                      first->second, "], too; accepted: a name of its own"));
    auto connection = ValidateConnection(wanted, environment, at, findings);
    if (connection && fresh) placed.push_back({*std::move(connection), at});
  }
  return placed;
}

}  // namespace

std::string TenantName(std::string_view tenant) {
  return absl::StrCat("tenants/", std::string(tenant));
}

std::string ConnectionName(std::string_view tenant, std::string_view connection) {
  return absl::StrCat("tenants/", std::string(tenant), "/connections/", std::string(connection));
}

ValidatedTenant ValidateTenant(std::string_view name, v1::TenantSpec spec, const Environment& environment) {
  ValidatedTenant result;
  Findings& findings = result.findings;
  TenantModel& model = result.model;
  const Place root{"", TenantName(name)};
  const Place place{"spec", root.object};
  model.name = std::string(name);
  CheckDnsLabel(name, root.Field("name"), findings);
  if (spec.ByteSizeLong() > kSpecBytesMax)
    findings.Limit(place, "tenant-spec-bytes",
                   absl::StrCat("the spec has ", spec.ByteSizeLong(), " bytes; limit tenant-spec-bytes is ",
                                kSpecBytesMax, ", large sets of routes go through ReplaceStaticRoutes"));
  ValidateLabels(spec.labels(), environment.limits.labels_per_tenant, place.Field("labels"), findings);
  RefuseWhatIsNotThere(spec, place, findings);
  TakeRouterAddresses(spec, environment.limits, place, findings, model);
  const uint64_t connections_max = TakeQuotas(spec, environment.limits, place, findings, model);
  if (static_cast<uint64_t>(spec.connections_size()) > connections_max)
    findings.Limit(
        place.Field("connections"), "connections-per-tenant",
        absl::StrCat(spec.connections_size(), " connections are wanted; limit connections-per-tenant is ",
                     connections_max));

  const std::vector<PlacedLink> placed = TakeConnections(spec, name, environment, place, findings);
  for (const PlacedLink& each : placed) model.connections.push_back(each.link);
  CheckVlansApart(placed, findings);
  CheckTunnelsApart(placed, findings);
  const std::vector<PlacedNetwork> networks = TakeVirtualNetworks(spec, name, environment, place, findings);
  for (const PlacedNetwork& each : networks) model.virtual_networks.push_back(each.network);
  std::vector<PlacedSubnet> subnets = SubnetsOf(placed);
  for (const PlacedNetwork& each : networks) AddSubnets(each, subnets);
  CheckSubnetsApart(subnets, findings);
  CheckRouterAddressesApart(placed, model, place, findings);
  CheckPeersApart(placed, model, findings);
  CheckRoutes(placed, model, findings);
  result.booked_kbps = Booked(model, environment.capacity);
  CheckCapacity(result.booked_kbps, environment, place, findings);
  const auto& quotas = spec.quotas();
  if (quotas.has_bandwidth_kbps() && result.booked_kbps > quotas.bandwidth_kbps())
    findings.Limit(place.Field("connections"), "bandwidth quota",
                   absl::StrCat("connections book ", result.booked_kbps, " kbit/s; the tenant's quota is ",
                                quotas.bandwidth_kbps(), " kbit/s"));
  result.spec = std::move(spec);
  return result;
}

}  // namespace sluice::tenant
