// Checks of the fields that links share.
#include "control/tenant/link_fields.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/tenant/static_route.h"
#include "control/tenant/text_fields.h"

namespace sluice::tenant {

namespace v1 = ::sluice::gateway::v1;

void CheckCount(size_t count, uint64_t limit, std::string_view name, const Place& place, Findings& findings) {
  if (count <= limit) return;
  findings.Limit(place, name, absl::StrCat(count, " are wanted; limit ", std::string(name), " is ", limit));
}

void CheckPort(const std::string& port, uint16_t mtu, const Environment& environment, const Place& place,
               const Place& mtu_place, Findings& findings) {
  if (port.empty()) {
    findings.Invalid(place, "a port is required");
    return;
  }
  if (!environment.ports) return;
  const auto found = std::find_if(environment.ports->begin(), environment.ports->end(),
                                  [&](const PortFacts& each) { return each.name == port; });
  if (found == environment.ports->end()) {
    const auto name = [](std::string* out, const PortFacts& each) { out->append(each.name); };
    findings.Invalid(
        place, absl::StrCat("there is no port \"", port, "\"; accepted: ",
                            environment.ports->empty() ? "none, the dataplane has no ports"
                                                       : absl::StrJoin(*environment.ports, ", ", name)));
    return;
  }
  if (mtu > found->mtu)
    findings.Invalid(
        mtu_place,
        absl::StrCat("mtu ", mtu, " is above the ", found->mtu, " of port ", found->name, "; accepted: ",
                     found->mtu < kMtuMin ? "to leave it out, for that of the port"
                                          : absl::StrCat(kMtuMin, " to ", found->mtu)));
}

uint16_t TakeMtu(bool present, uint32_t wanted, const Place& place, Findings& findings) {
  if (!present) return 0;
  if (wanted >= kMtuMin && wanted <= kMtuMax) return static_cast<uint16_t>(wanted);
  findings.Invalid(place, absl::StrCat("mtu ", wanted, "; accepted: ", kMtuMin, " to ", kMtuMax));
  return 0;
}

std::optional<uint16_t> TakeVlan(bool tagged, uint32_t wanted, const std::string& port,
                                 const Environment& environment, const Place& place, Findings& findings) {
  if (tagged && (wanted == 0 || wanted > kVlanMax)) {
    findings.Invalid(place, absl::StrCat("VLAN ", wanted, "; accepted: 1 to ", kVlanMax));
    return std::nullopt;
  }
  const auto vlan = tagged ? static_cast<uint16_t>(wanted) : uint16_t{0};
  const auto owner = environment.taken.find({port, vlan});
  if (owner == environment.taken.end()) return vlan;
  const std::string what = tagged ? absl::StrCat("VLAN ", vlan) : "the untagged traffic";
  findings.Invalid(place, absl::StrCat(what, " of port ", port, " belongs to ", owner->second,
                                       "; accepted: one that nobody else has"));
  return vlan;
}

std::vector<net::InterfaceAddress> TakeAddresses(google::protobuf::RepeatedPtrField<std::string>& wanted,
                                                 const Limits& limits, const Place& place,
                                                 Findings& findings) {
  std::vector<net::InterfaceAddress> addresses;
  CheckCount(static_cast<size_t>(wanted.size()), limits.addresses_per_connection, "addresses-per-connection",
             place, findings);
  for (int i = 0; i < wanted.size(); ++i) {
    const Place at{absl::StrCat(place.field, "[", i, "]"), place.object};
    if (const auto own = HostInSubnet(*wanted.Mutable(i), at, findings)) addresses.push_back(*own);
  }
  return addresses;
}

std::vector<StaticRoute> TakeStaticRoutes(google::protobuf::RepeatedPtrField<v1::StaticRoute>& wanted,
                                          uint64_t count_max, std::string_view count_limit,
                                          const Limits& limits, const Place& place, Findings& findings) {
  std::vector<StaticRoute> routes;
  CheckCount(static_cast<size_t>(wanted.size()), count_max, count_limit, place, findings);
  std::set<net::Prefix> seen;
  for (int i = 0; i < wanted.size(); ++i) {
    const Place at{absl::StrCat(place.field, "[", i, "]"), place.object};
    RouteComplaint complaint;
    auto route = ParseStaticRoute(wanted.Get(i), limits, complaint);
    if (!route) {
      const Place field = at.Field(complaint.field);
      if (complaint.is_limit) {
        findings.Limit(field, "next-hops-per-route", std::move(complaint.description));
      } else {
        findings.Invalid(field, std::move(complaint.description));
      }
    } else if (!seen.insert(route->prefix).second) {
      findings.Invalid(at.Field("prefix"), absl::StrCat(route->prefix.ToString(),
                                                        " is there twice; accepted: one route "
                                                        "with several next hops"));
    } else {
      ToProto(*route, *wanted.Mutable(i));
      routes.push_back(*std::move(route));
    }
  }
  return routes;
}

std::vector<PlacedSubnet> SubnetsOf(const std::vector<PlacedLink>& links) {
  std::vector<PlacedSubnet> subnets;
  for (const PlacedLink& each : links)
    for (size_t i = 0; i < each.link.addresses.size(); ++i) {
      const net::InterfaceAddress& own = each.link.addresses[i];
      subnets.push_back({own.Subnet(), own.address, each.place.Element("addresses", i), each.place.object});
    }
  return subnets;
}

void CheckSubnetsApart(const std::vector<PlacedSubnet>& subnets, Findings& findings) {
  for (size_t i = 0; i < subnets.size(); ++i) {
    const PlacedSubnet& each = subnets[i];
    for (size_t j = 0; j < i; ++j) {
      const PlacedSubnet& other = subnets[j];
      if (each.own && other.own == each.own) {
        findings.Invalid(each.place,
                         absl::StrCat(each.own->ToString(), " is already an address of ", other.owner));
        break;
      }
      if (other.owner != each.owner && other.prefix.Overlaps(each.prefix)) {
        findings.Invalid(each.place,
                         absl::StrCat(each.prefix.ToString(), " overlaps ", other.prefix.ToString(), " of ",
                                      other.owner, "; accepted: a subnet of its own for each"));
        break;
      }
    }
  }
}

}  // namespace sluice::tenant
