// Liveness of connections from ports and neighbours.
#include "control/api/connection_liveness.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "control/api/conditions.h"
#include "control/api/refused_text.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/tunnel_path.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

const tenant::Connection* Named(const std::vector<tenant::Connection>& links, std::string_view name) {
  const auto found =
      std::find_if(links.begin(), links.end(), [&](const auto& each) { return each.name == name; });
  return found == links.end() ? nullptr : &*found;
}

// Next hops of routes that packets reach over one link. Walks all combinations of next hops, so it
// is asked only where a neighbour failed.
class NextHopsOver {
 public:
  NextHopsOver(const std::vector<tenant::Connection>& links, const tenant::Connection& link)
      : links_(links), link_(link) {}

  void Add(const tenant::NextHops& hops) {
    for (const tenant::NextHop& hop : hops) {
      if (!hop.address) continue;
      const bool over = hop.connection.empty() ? tenant::NextHopCheck::Carrier(links_, *hop.address) == &link_
                                               : hop.connection == link_.name;
      if (over) found_.insert(*hop.address);
    }
  }
  void Add(const std::vector<tenant::StaticRoute>& routes) {
    for (const tenant::StaticRoute& route : routes) Add(route.next_hops);
  }
  std::set<net::Address> Take() { return std::move(found_); }

 private:
  const std::vector<tenant::Connection>& links_;
  const tenant::Connection& link_;
  std::set<net::Address> found_;
};

std::set<net::Address> NextHopsOf(const TenantRecord& record, const tenant::Connection& connection) {
  const auto& all = record.validated.model.connections;
  NextHopsOver found(all, connection);
  for (const tenant::Connection& each : all) found.Add(each.routes);
  for (uint32_t i = 0; i < record.routes.hops_end(); ++i)
    if (record.routes.InUse(i)) found.Add(record.routes.HopsAt(i));
  return found.Take();
}

std::set<net::Address> NextHopsOf(const GatewayRecord& record, const tenant::Connection& interface) {
  NextHopsOver found(record.underlay.interfaces, interface);
  found.Add(record.underlay.routes);
  return found.Take();
}

// `failed` are neighbours of the link that do not answer, at least one.
ConnectionLiveness Reachability(const tenant::Connection& link, const std::vector<net::Address>& failed,
                                std::set<net::Address> next_hops) {
  ConnectionLiveness liveness;
  const auto& peers = link.peer_addresses;
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
  absl::StrAppend(&liveness.unreachable, " on port ", link.port,
                  link.vlan == 0 ? "" : absl::StrCat(" VLAN ", link.vlan));
  if (liveness.cut_off) absl::StrAppend(&liveness.unreachable, "; no other next hop is left");
  return liveness;
}

// Whether packets to a far end can take this way of the underlay.
struct WayState {
  enum class Kind : uint8_t { kLive, kUnresolved, kDead };
  Kind kind = Kind::kLive;
  std::string reason;
  std::string words;  // why they cannot, or not yet
};
WayState StateOf(const tenant::UnderlayWay& way, const GatewayRecord& gateway,
                 const DataplaneState& dataplane) {
  using Kind = WayState::Kind;
  const std::string over = absl::StrCat("underlay interface ", way.interface->name);
  const auto ports = dataplane.Ports();
  if (ports)
    for (const PortState& port : *ports)
      if (port.name == way.interface->port && !port.link_up)
        return {Kind::kDead, "NoCarrier", absl::StrCat("port ", port.name, " of ", over, " has no carrier")};
  const auto number = gateway.row.underlay_numbers.find(way.interface->name);
  if (number == gateway.row.underlay_numbers.end()) return {};
  const NeighborLiveness neighbor = dataplane.Liveness(number->second, way.next_hop);
  const std::string asked = absl::StrCat(way.next_hop.is_v4() ? "ARP" : "neighbour discovery", " on ", over);
  if (neighbor == NeighborLiveness::kFailed)
    return {Kind::kDead, "NeighborFailed", absl::StrCat(way.next_hop.ToString(), " does not answer ", asked)};
  if (neighbor == NeighborLiveness::kResolving)
    return {Kind::kUnresolved, "NeighborUnresolved",
            absl::StrCat(way.next_hop.ToString(), " has not answered ", asked, " yet")};
  return {};
}

// All ways to a far end.
struct WayStates {
  size_t all = 0;
  size_t dead = 0;
  size_t unresolved = 0;
  std::string dead_reason;  // of the first
  std::string dead_words;
  std::string unresolved_words;
};
WayStates StatesOf(const std::vector<tenant::UnderlayWay>& ways, const GatewayRecord& gateway,
                   const DataplaneState& dataplane) {
  WayStates states;
  states.all = ways.size();
  for (const tenant::UnderlayWay& way : ways) {
    const WayState state = StateOf(way, gateway, dataplane);
    if (state.kind == WayState::Kind::kLive) continue;
    const bool dead = state.kind == WayState::Kind::kDead;
    std::string& words = dead ? states.dead_words : states.unresolved_words;
    absl::StrAppend(&words, words.empty() ? "" : "; ", state.words);
    if (dead && states.dead == 0) states.dead_reason = state.reason;
    ++(dead ? states.dead : states.unresolved);
  }
  return states;
}

// "peer silent: 3 probes of 2 s unanswered since 2026-11-29T07:12:31Z"
std::string SilenceText(const std::optional<tenant::PeerProbe>& probe, int64_t since_us) {
  const std::string since =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(since_us), absl::UTCTimeZone());
  // It was taken away just now; the dataplane has yet to hear of it.
  if (!probe) return absl::StrCat("peer silent since ", since);
  return absl::StrCat("peer silent: ", int{probe->misses}, " probes of ", probe->interval_s,
                      " s unanswered since ", since);
}

// The dataplane says whether a tunnel has a way; why it has none, its ways say. Without a route
// through the tunnel the dataplane does not look, and the ways alone decide. A next hop that is not
// resolved yet is as good as up to the dataplane, whose packets wait there; nothing is carried yet.
ConnectionLiveness TunnelLiveness(const tenant::GreTunnel& gre, uint32_t interface,
                                  const GatewayRecord& gateway, const DataplaneState& dataplane) {
  const std::vector<TunnelPath> paths = dataplane.TunnelPaths(interface);
  const std::string far_end = gre.remote.ToString();
  const WayStates ways = StatesOf(tenant::WaysTo(gateway.underlay, gre.remote), gateway, dataplane);
  const bool down = paths.empty() ? ways.dead == ways.all : !paths.front().live;
  ConnectionLiveness liveness;
  // Where no way is up, that is why the far end is not heard.
  const std::optional<int64_t> silent_since_us = dataplane.SilentSince(interface);
  if (silent_since_us && ways.dead < ways.all) {
    liveness.state = v1::CONNECTION_STATE_DISCONNECTED;
    liveness.reason = "PeerSilent";
    liveness.error = SilenceText(gre.probe, *silent_since_us);
    return liveness;
  }
  if (!down && ways.unresolved > 0 && ways.dead + ways.unresolved == ways.all) {
    liveness.state = v1::CONNECTION_STATE_CONNECTING;
    liveness.reason = "NeighborUnresolved";
    liveness.error = ways.unresolved_words;
    if (ways.dead > 0) absl::StrAppend(&liveness.error, "; ", ways.dead_words);
    return liveness;
  }
  if (!down && ways.dead == 0) return liveness;
  if (!down) {
    liveness.state = v1::CONNECTION_STATE_DEGRADED;
    liveness.unreachable =
        absl::StrCat(ways.dead, " of ", ways.all, " ways to ", far_end, " are down: ", ways.dead_words);
    return liveness;
  }
  liveness.state = v1::CONNECTION_STATE_DISCONNECTED;
  if (ways.all == 0) {
    liveness.reason = "NoUnderlayRoute";
    liveness.error = absl::StrCat("no underlay route to ", far_end);
    return liveness;
  }
  liveness.reason = ways.dead == 0 ? "UnderlayDown" : ways.dead_reason;
  liveness.error = paths.empty() || paths.front().down_reason.empty()
                       ? absl::StrCat("no way to ", far_end, " is up")
                       : paths.front().down_reason;
  if (ways.dead > 0) absl::StrAppend(&liveness.error, ": ", ways.dead_words);
  return liveness;
}

// Why nothing passes the link's port; absent when it does.
std::optional<ConnectionLiveness> PortFault(const tenant::Connection& link, const DataplaneState& dataplane) {
  const auto down = [](const char* reason, std::string error) {
    return ConnectionLiveness{v1::CONNECTION_STATE_DISCONNECTED, reason, std::move(error), ""};
  };
  const auto ports = dataplane.Ports();
  const auto port = !ports ? std::vector<PortState>::const_iterator{}
                           : std::find_if(ports->begin(), ports->end(),
                                          [&](const PortState& each) { return each.name == link.port; });
  if (!ports || port == ports->end())
    return down("NoSuchPort", absl::StrCat("the dataplane has no port ", link.port));
  if (!port->link_up) return down("NoCarrier", absl::StrCat("port ", link.port, " has no carrier"));
  return std::nullopt;
}

// It was accepted, perhaps before its ports were known; what it needs is not there.
ConnectionLiveness NotValid(const tenant::Findings& findings, const std::string& object) {
  const auto& all = findings.list();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.object == object; });
  return {v1::CONNECTION_STATE_DISCONNECTED, kNotValid,
          absl::StrCat("not in force: ", found == all.end()
                                             ? "the configuration around it is not valid, see Valid"
                                             : absl::StrCat(found->field, ": ", found->description)),
          ""};
}

ConnectionLiveness DataplaneAway() {
  return {v1::CONNECTION_STATE_DISCONNECTED, kDataplaneAway, "the dataplane is away", ""};
}

ConnectionLiveness InProgress() {
  return {v1::CONNECTION_STATE_CONNECTING, "InProgress",
          "the dataplane has not acknowledged the configuration yet", ""};
}

// Without its interface or all of its addresses nothing passes; without a route or a neighbour
// the rest does.
ConnectionLiveness Refused(const tenant::Connection& connection, const InterfaceProgramming& programming) {
  const bool cut_off = programming.absent || (programming.addresses_absent > 0 &&
                                              programming.addresses_absent >= connection.addresses.size());
  return {cut_off ? v1::CONNECTION_STATE_DISCONNECTED : v1::CONNECTION_STATE_DEGRADED, "Refused",
          absl::StrCat("the dataplane refused ", TextOf(programming.refused, programming.refused_count)), ""};
}

}  // namespace

ConnectionLiveness LivenessOf(const TenantRecord& record, const v1::Connection& wanted,
                              const GatewayRecord& gateway, const Surroundings& surroundings) {
  if (wanted.has_enabled() && !wanted.enabled())
    return {v1::CONNECTION_STATE_DISABLED, "Disabled", "the connection is disabled", ""};
  const tenant::Connection* connection = Named(record.validated.model.connections, wanted.name());
  if (connection == nullptr)
    return NotValid(record.validated.findings, tenant::ConnectionName(record.row.name, wanted.name()));
  const DataplaneState& dataplane = surroundings.dataplane;
  if (!dataplane.attached()) return DataplaneAway();
  if (!connection->gre)
    if (auto fault = PortFault(*connection, dataplane)) return *std::move(fault);
  const uint32_t vrf = record.row.numbers.vrf;
  const uint32_t interface = record.row.numbers.connections.at(wanted.name()).interface;
  const InterfaceProgramming programming = surroundings.programming.Interface(vrf, interface);
  if (programming.refused_count > 0) return Refused(*connection, programming);
  // Where something was refused, it belongs to other connections of the tenant.
  if (record.observed_generation < record.row.generation &&
      surroundings.programming.Tenant(vrf).spec_refused_count == 0)
    return InProgress();
  if (connection->gre) return TunnelLiveness(*connection->gre, interface, gateway, dataplane);
  const std::vector<net::Address> failed = dataplane.FailedNeighbors(interface);
  if (failed.empty()) return {};
  return Reachability(*connection, failed, NextHopsOf(record, *connection));
}

ConnectionLiveness UnderlayLivenessOf(const GatewayRecord& record, const std::string& name,
                                      const Surroundings& surroundings) {
  const tenant::Connection* link = Named(record.underlay.interfaces, name);
  if (link == nullptr) return NotValid(record.findings, tenant::UnderlayInterfaceName(name));
  const DataplaneState& dataplane = surroundings.dataplane;
  if (!dataplane.attached()) return DataplaneAway();
  if (auto fault = PortFault(*link, dataplane)) return *std::move(fault);
  const uint32_t interface = record.row.underlay_numbers.at(name);
  const InterfaceProgramming programming = surroundings.programming.Interface(0, interface);
  if (programming.refused_count > 0) return Refused(*link, programming);
  if (record.observed_generation < record.row.generation &&
      surroundings.programming.Tenant(0).spec_refused_count == 0)
    return InProgress();
  const std::vector<net::Address> failed = dataplane.FailedNeighbors(interface);
  if (failed.empty()) return {};
  return Reachability(*link, failed, NextHopsOf(record, *link));
}

}  // namespace sluice::api
