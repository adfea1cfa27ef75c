// Validation of one connection, field by field.
#include "control/tenant/validate_connection.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "control/tenant/link_fields.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/text_fields.h"
#include "control/tenant/tunnel_path.h"
#include "control/tenant/validate_gre.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

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

// Port and VLAN.
void TakeVlanLink(const v1::L3Connection& wanted, const Environment& environment, const Place& place,
                  const Place& mtu_place, Findings& findings, Connection& connection) {
  connection.port = wanted.port();
  CheckPort(connection.port, connection.mtu, environment, place.Field("port"), mtu_place, findings);
  if (wanted.encapsulation_case() == v1::L3Connection::ENCAPSULATION_NOT_SET) {
    findings.Invalid(place.Field("vlan"), absl::StrCat("vlan or untagged is required; accepted: vlan 1 to ",
                                                       kVlanMax, ", or untagged {}"));
    return;
  }
  const Place at = place.Field(wanted.has_vlan() ? "vlan" : "untagged");
  const auto vlan = TakeVlan(wanted.has_vlan(), wanted.vlan(), connection.port, environment, at, findings);
  connection.vlan = vlan.value_or(0);
}

void TakePeers(v1::Connection& wanted, const Environment& environment, const Place& place, Findings& findings,
               Connection& connection) {
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
                   Findings& findings, Connection& connection) {
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

void TakeLink(v1::Connection& wanted, const Environment& environment, const Place& place, Findings& findings,
              Connection& connection) {
  if (wanted.has_l3()) {
    const v1::L3Connection& l3 = wanted.l3();
    connection.strict_reverse_path = l3.strict_reverse_path();
    TakeVlanLink(l3, environment, place.Field("l3"), place.Field("mtu"), findings, connection);
    return;
  }
  connection.gre = ValidateGre(*wanted.mutable_gre(), environment, place.Field("gre"), findings);
  connection.strict_reverse_path = wanted.gre().strict_reverse_path();
}

// RFC 8200 section 5: no IPv6 on a link of fewer bytes. A connection's own MTU is above that anyway.
void CheckMtuForIpv6(const Connection& connection, const Environment& environment, const Place& place,
                     Findings& findings) {
  if (!environment.ports) return;
  const auto port = std::find_if(environment.ports->begin(), environment.ports->end(),
                                 [&](const PortFacts& each) { return each.name == connection.port; });
  if (port == environment.ports->end() || port->mtu >= kMtuMin) return;
  for (size_t i = 0; i < connection.addresses.size(); ++i)
    if (!connection.addresses[i].address.is_v4())
      findings.Invalid(place.Element("addresses", i),
                       absl::StrCat("IPv6 needs an MTU of ", kMtuMin, "; port ", port->name, " has ",
                                    port->mtu, "; accepted: IPv4 addresses, or another port"));
}

// RFC 8200 section 5: a link that carries IPv6 carries packets of 1280 bytes.
void CheckRoomForIpv6(const Connection& connection, const Environment& environment, const Place& place,
                      Findings& findings) {
  const bool ipv6 = std::any_of(connection.addresses.begin(), connection.addresses.end(),
                                [](const net::InterfaceAddress& own) { return !own.address.is_v4(); });
  if (!connection.gre || !ipv6) return;
  const ExplainedMtu mtu = MtuOf(connection, environment.underlay, environment.ports);
  if (mtu.bytes >= kMtuMin) return;
  findings.Invalid(
      place.Field("addresses"),
      absl::StrCat("IPv6 needs an mtu of ", kMtuMin, ", the tunnel's is ", mtu.bytes, " (", mtu.reason,
                   "); accepted: a larger underlay mtu, or mtu ", kMtuMin, " with outer_df CLEAR"));
}

bool KindIsThere(const v1::Connection& wanted, const Place& place, Findings& findings) {
  switch (wanted.kind_case()) {
    case v1::Connection::kL3:
    case v1::Connection::kGre:
      return true;
    case v1::Connection::kIpsec:
      findings.Unimplemented(place.Field("ipsec"), "IPsec connections");
      return false;
    case v1::Connection::KIND_NOT_SET:
      findings.Invalid(place, "the connection has no kind; accepted: l3, gre");
      return false;
  }
  return false;
}

}  // namespace

std::optional<Connection> ValidateConnection(v1::Connection& wanted, const Environment& environment,
                                             const Place& place, Findings& findings) {
  const size_t before = findings.blocking_count();
  CheckDnsLabel(wanted.name(), place.Field("name"), findings);
  if (!KindIsThere(wanted, place, findings)) return std::nullopt;

  Connection connection;
  connection.name = wanted.name();
  connection.enabled = !wanted.has_enabled() || wanted.enabled();
  connection.inbound_kbps =
      Bandwidth(wanted.has_inbound_kbps(), wanted.inbound_kbps(), place.Field("inbound_kbps"), findings);
  connection.outbound_kbps =
      Bandwidth(wanted.has_outbound_kbps(), wanted.outbound_kbps(), place.Field("outbound_kbps"), findings);
  // TCP through a tunnel, which is narrower than the links beside it, must not depend on ICMP that
  // somebody filters.
  connection.clamp_mss = wanted.has_clamp_mss() ? wanted.clamp_mss() : !wanted.has_l3();
  connection.mtu = TakeMtu(wanted.has_mtu(), wanted.mtu(), place.Field("mtu"), findings);
  TakeLink(wanted, environment, place, findings, connection);
  const size_t before_addresses = findings.blocking_count();
  if (wanted.addresses().empty() && wanted.has_l3())
    findings.Invalid(place.Field("addresses"),
                     "an L3 connection needs an address of its own, such as 15.0.0.5/24");
  connection.addresses =
      TakeAddresses(*wanted.mutable_addresses(), environment.limits, place.Field("addresses"), findings);
  CheckMtuForIpv6(connection, environment, place, findings);
  // What depends on the addresses would only repeat that they are wrong.
  if (findings.blocking_count() != before_addresses) return std::nullopt;
  TakePeers(wanted, environment, place, findings, connection);
  if (wanted.has_l3())
    TakeNeighbors(*wanted.mutable_l3(), environment, place.Field("l3"), findings, connection);
  connection.routes =
      TakeStaticRoutes(*wanted.mutable_routes(), environment.limits.routes_per_connection,
                       "routes-per-connection", environment.limits, place.Field("routes"), findings);
  CheckRoomForIpv6(connection, environment, place, findings);

  if (findings.blocking_count() != before) return std::nullopt;
  return connection;
}

}  // namespace sluice::tenant
