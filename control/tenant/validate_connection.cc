// Validation of one connection, field by field.
#include "control/tenant/validate_connection.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/static_route.h"
#include "control/tenant/text_fields.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

constexpr uint32_t kMtuMin = 1280;  // RFC 8200 section 5
constexpr uint32_t kMtuMax = 9000;
constexpr uint32_t kVlanMax = 4094;

void CheckCount(size_t count, uint64_t limit, std::string_view name, const Place& place, Findings& findings) {
  if (count <= limit) return;
  findings.Limit(place, name, absl::StrCat(count, " are wanted; limit ", std::string(name), " is ", limit));
}

std::optional<uint32_t> Bandwidth(bool present, uint64_t kbps, const Place& place, Findings& findings) {
  if (!present) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  if (kbps == 0 || kbps > kMax) {
    findings.Invalid(
        place, absl::StrCat(kbps, " kbit/s; accepted: 1 to ", kMax,
                            ", or leave it out for no limit (to stop all traffic disable the connection)"));
    return std::nullopt;
  }
  return static_cast<uint32_t>(kbps);
}

void TakePort(v1::L3Connection& wanted, const Environment& environment, const Place& place,
              Findings& findings, L3Connection& connection) {
  connection.port = wanted.port();
  if (wanted.port().empty()) {
    findings.Invalid(place.Field("port"), "a port is required");
    return;
  }
  if (!environment.ports) return;
  const auto found = std::find_if(environment.ports->begin(), environment.ports->end(),
                                  [&](const PortFacts& each) { return each.name == wanted.port(); });
  if (found == environment.ports->end()) {
    const auto name = [](std::string* out, const PortFacts& each) { out->append(each.name); };
    findings.Invalid(place.Field("port"), absl::StrCat("there is no port \"", wanted.port(), "\"; accepted: ",
                                                       environment.ports->empty()
                                                           ? "none, the dataplane has no ports"
                                                           : absl::StrJoin(*environment.ports, ", ", name)));
    return;
  }
  if (connection.mtu > found->mtu)
    findings.Invalid({absl::StrCat(place.field.substr(0, place.field.rfind('.')), ".mtu"), place.object},
                     absl::StrCat("mtu ", connection.mtu, " is above the ", found->mtu, " of port ",
                                  found->name, "; accepted: ",
                                  found->mtu < kMtuMin ? "to leave it out, for that of the port"
                                                       : absl::StrCat(kMtuMin, " to ", found->mtu)));
}

// RFC 8200 section 5: no IPv6 on a link of fewer bytes. A connection's own MTU is above that anyway.
void CheckMtuForIpv6(const v1::L3Connection& wanted, const Environment& environment, const Place& place,
                     const L3Connection& connection, Findings& findings) {
  if (!environment.ports) return;
  const auto port = std::find_if(environment.ports->begin(), environment.ports->end(),
                                 [&](const PortFacts& each) { return each.name == wanted.port(); });
  if (port == environment.ports->end() || port->mtu >= kMtuMin) return;
  for (size_t i = 0; i < connection.addresses.size(); ++i)
    if (!connection.addresses[i].address.is_v4())
      findings.Invalid(place.Element("addresses", i),
                       absl::StrCat("IPv6 needs an MTU of ", kMtuMin, "; port ", port->name, " has ",
                                    port->mtu, "; accepted: IPv4 addresses, or another port"));
}

void TakeVlan(const v1::L3Connection& wanted, const Environment& environment, const Place& place,
              Findings& findings, L3Connection& connection) {
  if (wanted.encapsulation_case() == v1::L3Connection::ENCAPSULATION_NOT_SET) {
    findings.Invalid(place.Field("vlan"), absl::StrCat("vlan or untagged is required; accepted: vlan 1 to ",
                                                       kVlanMax, ", or untagged {}"));
    return;
  }
  const bool tagged = wanted.has_vlan();
  if (tagged && (wanted.vlan() == 0 || wanted.vlan() > kVlanMax)) {
    findings.Invalid(place.Field("vlan"),
                     absl::StrCat("VLAN ", wanted.vlan(), "; accepted: 1 to ", kVlanMax));
    return;
  }
  connection.vlan = tagged ? static_cast<uint16_t>(wanted.vlan()) : 0;
  const auto owner = environment.taken.find({connection.port, connection.vlan});
  if (owner == environment.taken.end()) return;
  const std::string what = tagged ? absl::StrCat("VLAN ", connection.vlan) : "the untagged traffic";
  findings.Invalid(place.Field(tagged ? "vlan" : "untagged"),
                   absl::StrCat(what, " of port ", connection.port, " belongs to ", owner->second,
                                "; accepted: one that no other connection has"));
}

void TakeAddresses(v1::Connection& wanted, const Environment& environment, const Place& place,
                   Findings& findings, L3Connection& connection) {
  CheckCount(wanted.addresses_size(), environment.limits.addresses_per_connection, "addresses-per-connection",
             place.Field("addresses"), findings);
  if (wanted.addresses().empty())
    findings.Invalid(place.Field("addresses"),
                     "an L3 connection needs an address of its own, such as 15.0.0.5/24");
  for (int i = 0; i < wanted.addresses_size(); ++i) {
    const auto own = HostInSubnet(*wanted.mutable_addresses(i), place.Element("addresses", i), findings);
    if (own) connection.addresses.push_back(*own);
  }
}

void TakePeers(v1::Connection& wanted, const Environment& environment, const Place& place, Findings& findings,
               L3Connection& connection) {
  CheckCount(wanted.peer_addresses_size(), environment.limits.peers_per_connection, "peers-per-connection",
             place.Field("peer_addresses"), findings);
  std::set<net::Address> seen;
  for (int i = 0; i < wanted.peer_addresses_size(); ++i) {
    const Place at = place.Element("peer_addresses", i);
    const auto peer = UnicastAddress(*wanted.mutable_peer_addresses(i), at, findings);
    if (!peer) continue;
    const auto same_family = [&](const net::InterfaceAddress& own) {
      return own.address.family() == peer->family();
    };
    std::string complaint = NeighborComplaint(connection, *peer);
    const auto& own = connection.addresses;
    if (!seen.insert(*peer).second) {
      findings.Invalid(at, absl::StrCat(peer->ToString(), " is there twice"));
    } else if (!complaint.empty()) {
      findings.Invalid(at, std::move(complaint));
    } else if (std::none_of(own.begin(), own.end(), same_family)) {
      findings.Invalid(at, absl::StrCat(peer->ToString(),
                                        " has no address of its family beside it; accepted: a peer "
                                        "of a family in addresses"));
    } else {
      connection.peer_addresses.push_back(*peer);
    }
  }
}

void TakeNeighbors(v1::L3Connection& wanted, const Environment& environment, const Place& place,
                   Findings& findings, L3Connection& connection) {
  CheckCount(wanted.static_neighbors_size(), environment.limits.static_neighbors_per_connection,
             "static-neighbors-per-connection", place.Field("static_neighbors"), findings);
  std::set<net::Address> seen;
  for (int i = 0; i < wanted.static_neighbors_size(); ++i) {
    const Place at = place.Element("static_neighbors", i);
    auto& neighbor = *wanted.mutable_static_neighbors(i);
    const auto address = UnicastAddress(*neighbor.mutable_address(), at.Field("address"), findings);
    const auto mac = UnicastMac(*neighbor.mutable_mac(), at.Field("mac"), findings);
    if (!address || !mac) continue;
    std::string complaint = NeighborComplaint(connection, *address);
    if (!complaint.empty()) {
      findings.Invalid(at.Field("address"), std::move(complaint));
    } else if (!Reaches(connection, *address)) {
      findings.Invalid(at.Field("address"), absl::StrCat(address->ToString(),
                                                         " is neither in a subnet of the connection "
                                                         "nor one of its peer addresses"));
    } else if (!seen.insert(*address).second) {
      findings.Invalid(at.Field("address"), absl::StrCat(address->ToString(), " is there twice"));
    } else {
      connection.static_neighbors.push_back({*address, *mac});
    }
  }
}

void TakeRoutes(v1::Connection& wanted, const Environment& environment, const Place& place,
                Findings& findings, L3Connection& connection) {
  CheckCount(wanted.routes_size(), environment.limits.routes_per_connection, "routes-per-connection",
             place.Field("routes"), findings);
  std::set<net::Prefix> seen;
  for (int i = 0; i < wanted.routes_size(); ++i) {
    const Place at = place.Element("routes", i);
    RouteComplaint complaint;
    auto route = ParseStaticRoute(wanted.routes(i), environment.limits, complaint);
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
      ToProto(*route, *wanted.mutable_routes(i));
      connection.routes.push_back(*std::move(route));
    }
  }
}

bool KindIsThere(const v1::Connection& wanted, const Place& place, Findings& findings) {
  switch (wanted.kind_case()) {
    case v1::Connection::kL3:
      return true;
    case v1::Connection::kIpsec:
      findings.Unimplemented(place.Field("ipsec"), "IPsec connections");
      return false;
    case v1::Connection::kGre:
      findings.Unimplemented(place.Field("gre"), "GRE connections");
      return false;
    case v1::Connection::KIND_NOT_SET:
      findings.Invalid(place, "the connection has no kind; accepted: l3");
      return false;
  }
  return false;
}

}  // namespace

std::optional<L3Connection> ValidateConnection(v1::Connection& wanted, const Environment& environment,
                                               const Place& place, Findings& findings) {
  const size_t before = findings.blocking_count();
  CheckDnsLabel(wanted.name(), place.Field("name"), findings);
  if (!KindIsThere(wanted, place, findings)) return std::nullopt;

  L3Connection connection;
  connection.name = wanted.name();
  connection.enabled = !wanted.has_enabled() || wanted.enabled();
  connection.inbound_kbps =
      Bandwidth(wanted.has_inbound_kbps(), wanted.inbound_kbps(), place.Field("inbound_kbps"), findings);
  connection.outbound_kbps =
      Bandwidth(wanted.has_outbound_kbps(), wanted.outbound_kbps(), place.Field("outbound_kbps"), findings);
  if (wanted.has_mtu() && (wanted.mtu() < kMtuMin || wanted.mtu() > kMtuMax)) {
    findings.Invalid(place.Field("mtu"),
                     absl::StrCat("mtu ", wanted.mtu(), "; accepted: ", kMtuMin, " to ", kMtuMax));
  } else if (wanted.has_mtu()) {
    connection.mtu = static_cast<uint16_t>(wanted.mtu());
  }
  auto& l3 = *wanted.mutable_l3();
  connection.strict_reverse_path = l3.strict_reverse_path();
  const Place at_l3 = place.Field("l3");
  TakePort(l3, environment, at_l3, findings, connection);
  TakeVlan(l3, environment, at_l3, findings, connection);
  const size_t before_addresses = findings.blocking_count();
  TakeAddresses(wanted, environment, place, findings, connection);
  CheckMtuForIpv6(l3, environment, place, connection, findings);
  // What depends on the addresses would only repeat that they are wrong.
  if (findings.blocking_count() != before_addresses) return std::nullopt;
  TakePeers(wanted, environment, place, findings, connection);
  TakeNeighbors(l3, environment, at_l3, findings, connection);
  TakeRoutes(wanted, environment, place, findings, connection);

  if (findings.blocking_count() != before) return std::nullopt;
  return connection;
}

}  // namespace sluice::tenant
