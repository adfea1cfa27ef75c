// Liveness of connections from ports and neighbours.
#include "control/api/connection_liveness.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "control/api/refused_text.h"
#include "control/tenant/next_hop_check.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

const tenant::L3Connection* ModelOf(const TenantRecord& record, std::string_view connection) {
  const auto& all = record.validated.model.connections;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == connection; });
  return found == all.end() ? nullptr : &*found;
}

// Next hops of the tenant's routes that packets reach over `connection`. Walks all combinations of
// next hops, so it is asked only where a neighbour failed.
std::set<net::Address> NextHopsOver(const TenantRecord& record, const tenant::L3Connection& connection) {
  const auto& all = record.validated.model.connections;
  std::set<net::Address> found;
  const auto add = [&](const tenant::NextHops& hops) {
    for (const tenant::NextHop& hop : hops) {
      const bool over = hop.connection.empty()
                            ? tenant::NextHopCheck::Carrier(all, hop.address) == &connection
                            : hop.connection == connection.name;
      if (over) found.insert(hop.address);
    }
  };
  for (const tenant::L3Connection& each : all)
    for (const tenant::StaticRoute& route : each.routes) add(route.next_hops);
  for (uint32_t i = 0; i < record.routes.hops_end(); ++i)
    if (record.routes.InUse(i)) add(record.routes.HopsAt(i));
  return found;
}

ConnectionLiveness Reachability(const TenantRecord& record, const tenant::L3Connection& connection,
                                uint32_t interface, const DataplaneState& dataplane) {
  ConnectionLiveness liveness;
  const std::vector<net::Address> failed = dataplane.FailedNeighbors(interface);
  if (failed.empty()) return liveness;
  std::set<net::Address> next_hops = NextHopsOver(record, connection);
  const auto& peers = connection.peer_addresses;
  const size_t wanted = next_hops.size();
  constexpr size_t kShownMax = 5;
  size_t silent = 0;
  for (const net::Address& address : failed) {
    const bool is_hop = next_hops.erase(address) != 0;
    if (!is_hop && std::find(peers.begin(), peers.end(), address) == peers.end()) continue;
    if (++silent > kShownMax) continue;
    absl::StrAppend(&liveness.unreachable, silent == 1 ? "" : ", ", is_hop ? "next hop " : "neighbour ",
                    address.ToString(), " does not answer ", address.is_v4() ? "ARP" : "neighbour discovery");
  }
  if (silent == 0) return liveness;
  liveness.state = v1::CONNECTION_STATE_DEGRADED;
  liveness.cut_off = wanted > 0 && next_hops.empty();
  if (silent > kShownMax) absl::StrAppend(&liveness.unreachable, ", and ", silent - kShownMax, " more");
  absl::StrAppend(&liveness.unreachable, " on port ", connection.port,
                  connection.vlan == 0 ? "" : absl::StrCat(" VLAN ", connection.vlan));
  if (liveness.cut_off) absl::StrAppend(&liveness.unreachable, "; no other next hop is left");
  return liveness;
}

// Without its interface or all of its addresses nothing passes; without a route or a neighbour
// the rest does.
ConnectionLiveness Refused(const tenant::L3Connection& connection, const InterfaceProgramming& programming) {
  const bool cut_off = programming.absent || (programming.addresses_absent > 0 &&
                                              programming.addresses_absent >= connection.addresses.size());
  return {cut_off ? v1::CONNECTION_STATE_DISCONNECTED : v1::CONNECTION_STATE_DEGRADED, "Refused",
          absl::StrCat("the dataplane refused ", TextOf(programming.refused, programming.refused_count)), ""};
}

}  // namespace

ConnectionLiveness LivenessOf(const TenantRecord& record, const v1::Connection& wanted,
                              const Surroundings& surroundings) {
  if (wanted.has_enabled() && !wanted.enabled())
    return {v1::CONNECTION_STATE_DISABLED, "Disabled", "the connection is disabled", ""};
  const tenant::L3Connection* connection = ModelOf(record, wanted.name());
  if (connection == nullptr)
    return {v1::CONNECTION_STATE_DISCONNECTED, "NoLongerValid",
            "the stored configuration is not valid any more, see conditions", ""};
  const DataplaneState& dataplane = surroundings.dataplane;
  if (!dataplane.attached())
    return {v1::CONNECTION_STATE_DISCONNECTED, "DataplaneAway", "the dataplane is away", ""};
  const auto ports = dataplane.Ports();
  const auto port = !ports ? std::vector<PortState>::const_iterator{}
                           : std::find_if(ports->begin(), ports->end(), [&](const PortState& each) {
                               return each.name == connection->port;
                             });
  if (!ports || port == ports->end())
    return {v1::CONNECTION_STATE_DISCONNECTED, "NoSuchPort",
            absl::StrCat("the dataplane has no port ", connection->port), ""};
  if (!port->link_up)
    return {v1::CONNECTION_STATE_DISCONNECTED, "NoCarrier",
            absl::StrCat("port ", connection->port, " has no carrier"), ""};
  const uint32_t interface = record.row.numbers.connections.at(wanted.name()).interface;
  const InterfaceProgramming programming =
      surroundings.programming.Interface(record.row.numbers.vrf, interface);
  if (programming.refused_count > 0) return Refused(*connection, programming);
  // Where something was refused, it belongs to other connections of the tenant.
  if (record.observed_generation < record.row.generation &&
      surroundings.programming.Tenant(record.row.numbers.vrf).spec_refused_count == 0)
    return {v1::CONNECTION_STATE_CONNECTING, "InProgress",
            "the dataplane has not acknowledged the configuration yet", ""};
  return Reachability(record, *connection, interface, dataplane);
}

}  // namespace sluice::api
