// Compilation of tenants. A disabled connection keeps its interface, down, and
// has no routes.
#include "control/tenant/compile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/tunnel_path.h"
#include "proto/net/check.h"

namespace sluice::tenant {
namespace {

using programming::InterfaceObject;
using programming::PolicerObject;
using programming::TenantObjects;
using rib::RouteInput;
using rib::Source;

const ConnectionNumbers& NumbersOf(const TenantNumbers& numbers, const std::string& connection) {
  const auto found = numbers.connections.find(connection);
  SLUICE_CHECK(found != numbers.connections.end());
  return found->second;
}

uint32_t InterfaceOf(const TenantNumbers& numbers, const std::string& network, const std::string& subnet) {
  const auto found = numbers.subnets.find({network, subnet});
  SLUICE_CHECK(found != numbers.subnets.end());
  return found->second;
}

RouteInput Route(uint32_t vrf, const net::Prefix& prefix, Source source, uint32_t path_id) {
  RouteInput route;
  route.vrf = vrf;
  route.prefix = prefix;
  route.source = source;
  route.distance = rib::DefaultDistance(source);
  route.path_id = path_id;
  return route;
}

// Connected subnets, and host routes to peers outside of them.
void AddLinkRoutes(const Connection& connection, const ConnectionNumbers& numbers, uint32_t vrf,
                   std::vector<RouteInput>& routes) {
  rib::NextHop on_link;
  on_link.interface = numbers.interface;
  std::vector<net::Prefix> subnets;
  for (const net::InterfaceAddress& own : connection.addresses) {
    const net::Prefix subnet = own.Subnet();
    // Two addresses of one subnet are one connected route.
    if (std::find(subnets.begin(), subnets.end(), subnet) != subnets.end()) continue;
    subnets.push_back(subnet);
    routes.push_back(Route(vrf, subnet, Source::kConnected, numbers.connection));
    routes.back().next_hops.push_back(on_link);
  }
  for (const net::Address& peer : connection.peer_addresses) {
    const auto inside = [&](const net::Prefix& subnet) { return subnet.Contains(peer); };
    if (std::any_of(subnets.begin(), subnets.end(), inside)) continue;
    routes.push_back(Route(vrf, net::Prefix(peer, peer.BitLength()), Source::kHostRoute, numbers.connection));
    routes.back().next_hops.push_back(on_link);
  }
}

void AddPolicer(const std::optional<uint32_t>& kbps, uint32_t number, uint32_t vrf, std::string name,
                TenantObjects& objects) {
  if (!kbps) return;
  PolicerObject policer;
  policer.policer = number;
  policer.vrf = vrf;
  policer.name = std::move(name);
  policer.rate_kbps = *kbps;
  objects.policers.push_back(std::move(policer));
}

void SetOuterHeader(const OuterHeader& outer, programming::TunnelEnds& ends) {
  if (outer.df == OuterHeader::Df::kCopy) ends.flags |= channel::kTunnelDfCopy;
  if (outer.df == OuterHeader::Df::kClear) ends.flags |= channel::kTunnelDfClear;
  if (outer.dscp) ends.flags |= channel::kTunnelPipe;
  if (outer.dscp_inward) ends.flags |= channel::kTunnelDscpInward;
  ends.ttl = outer.ttl;
  ends.dscp = outer.dscp.value_or(0);
}

programming::TunnelEnds TunnelEndsOf(const GreTunnel& gre) {
  programming::TunnelEnds ends;
  ends.kind = channel::TunnelKind::kGre;
  ends.local = gre.local;
  ends.remote = gre.remote;
  ends.key_in = gre.key.value_or(0);
  ends.key_out = gre.key ? gre.send_key : 0;
  if (gre.key) ends.flags |= channel::kTunnelKeyIn | channel::kTunnelKeyOut;
  if (gre.checksum) ends.flags |= channel::kTunnelGreChecksum;
  SetOuterHeader(gre.outer, ends);
  if (gre.probe) {
    ends.probe = channel::ProbeKind::kKeepalive;
    ends.probe_misses = gre.probe->misses;
    ends.probe_interval_s = gre.probe->interval_s;
  }
  return ends;
}

// `name` is the link's in the operator's words.
void AddLink(const TenantModel& model, const Connection& connection, const TenantNumbers& tenant_numbers,
             const std::string& name, uint16_t mtu, TenantObjects& objects) {
  const ConnectionNumbers& numbers = NumbersOf(tenant_numbers, connection.name);
  const uint32_t vrf = tenant_numbers.vrf;

  AddPolicer(connection.inbound_kbps, numbers.policer_in, vrf, name + ": inbound bandwidth", objects);
  AddPolicer(connection.outbound_kbps, numbers.policer_out, vrf, name + ": outbound bandwidth", objects);
  InterfaceObject interface;
  interface.interface = numbers.interface;
  interface.vrf = vrf;
  interface.connection = numbers.connection;
  interface.name = name;
  interface.port = connection.port;
  interface.vlan = connection.vlan;
  if (connection.gre) interface.tunnel = TunnelEndsOf(*connection.gre);
  interface.mtu = mtu;
  interface.up = connection.enabled;
  interface.strict_urpf = connection.strict_reverse_path;
  interface.clamp_mss = connection.clamp_mss;
  interface.policer_in = connection.inbound_kbps ? numbers.policer_in : 0;
  interface.policer_out = connection.outbound_kbps ? numbers.policer_out : 0;
  interface.addresses = connection.addresses;
  objects.interfaces.push_back(std::move(interface));
  for (const StaticNeighbor& neighbor : connection.static_neighbors)
    objects.neighbors.push_back({numbers.interface, vrf, neighbor.address, neighbor.mac,
                                 absl::StrCat(name, ": neighbour ", neighbor.address.ToString())});
  if (!connection.enabled) return;
  AddLinkRoutes(connection, numbers, vrf, objects.routes);
  for (const StaticRoute& route : connection.routes)
    objects.routes.push_back(CompileStaticRoute(route, model, tenant_numbers, numbers.connection));
}

const Connection* CarrierOf(const NextHop& hop, const TenantModel& model) {
  if (hop.connection.empty()) return NextHopCheck::Carrier(model.connections, *hop.address);
  const auto named = std::find_if(model.connections.begin(), model.connections.end(),
                                  [&](const Connection& each) { return each.name == hop.connection; });
  return named == model.connections.end() ? nullptr : &*named;
}

bool IsOwnAddress(const Connection& connection, const net::Address& address) {
  return std::any_of(connection.addresses.begin(), connection.addresses.end(),
                     [&](const net::InterfaceAddress& own) { return own.address == address; });
}

// Without an interface the RIB looks for the subnet itself and keeps the route
// unresolved while there is none, as for a connection that is disabled or gone.
rib::NextHop CompileHop(const NextHop& hop, const TenantModel& model, const TenantNumbers& numbers) {
  rib::NextHop to;
  to.weight = hop.weight;
  to.address = hop.address;
  const Connection* carrier = CarrierOf(hop, model);
  if (carrier == nullptr || !carrier->enabled) return to;
  const uint32_t interface = NumbersOf(numbers, carrier->name).interface;
  if (!hop.address || IsOwnAddress(*carrier, *hop.address)) {
    // Our own address, or the tunnel itself, as next hop: the destination is on that link.
    to.interface = interface;
    to.address.reset();
  } else if (!hop.connection.empty()) {
    to.interface = interface;
  }
  return to;
}

// Each subnet is a tunnel of its own. What no mapping covers is dropped: it is not sent to whoever
// is behind a shorter prefix.
void AddNetwork(const TenantModel& model, const VirtualNetwork& network, const TenantNumbers& numbers,
                uint16_t mtu, TenantObjects& objects) {
  const bool vxlan = network.encapsulation == Encapsulation::kVxlan;
  for (const VirtualSubnet& subnet : network.subnets) {
    InterfaceObject interface;
    interface.interface = InterfaceOf(numbers, network.name, subnet.name);
    interface.vrf = numbers.vrf;
    interface.name =
        absl::StrCat("tenant ", model.name, ": virtual network ", network.name, ": subnet ", subnet.name);
    interface.mtu = mtu;
    interface.clamp_mss = true;  // as of tunnels
    interface.mac = subnet.gateway_mac;
    interface.addresses = subnet.gateways;
    programming::TunnelEnds& ends = interface.tunnel.emplace();
    ends.kind = vxlan ? channel::TunnelKind::kVxlan : channel::TunnelKind::kNvgre;
    ends.flags = network.udp_checksum ? channel::kTunnelUdpChecksum : 0;
    ends.local = network.provider_address;
    ends.key_in = ends.key_out = subnet.network_id;
    ends.udp_port = network.udp_port;
    SetOuterHeader(network.outer, ends);
    for (const net::Prefix& prefix : subnet.prefixes)
      objects.routes.push_back(Route(numbers.vrf, prefix, Source::kVirtualNetwork, interface.interface));
    objects.interfaces.push_back(std::move(interface));
  }
}

}  // namespace

RouteInput CompileStaticRoute(const StaticRoute& route, const TenantModel& model,
                              const TenantNumbers& numbers, uint32_t path_id) {
  RouteInput input = Route(numbers.vrf, route.prefix, Source::kStatic, path_id);
  input.metric = route.metric;
  for (const NextHop& hop : route.next_hops) input.next_hops.push_back(CompileHop(hop, model, numbers));
  return input;
}

RouteInput CompileMapping(const Mapping& mapping, const std::string& network, const TenantNumbers& numbers,
                          uint32_t path_id) {
  RouteInput input = Route(numbers.vrf, mapping.prefix, Source::kVirtualNetwork, path_id);
  rib::NextHop host;
  host.address = mapping.provider;
  host.interface = InterfaceOf(numbers, network, mapping.subnet);
  host.mac = mapping.mac;
  input.next_hops.push_back(host);
  return input;
}

TenantObjects Compile(const TenantModel& model, const TenantNumbers& numbers,
                      const std::optional<std::vector<PortFacts>>& ports, const UnderlayModel& underlay) {
  TenantObjects objects;
  objects.vrf.vrf = numbers.vrf;
  objects.vrf.name = absl::StrCat("tenant ", model.name);
  for (const net::Address& address : model.router_addresses) {
    if (address.is_v4()) {
      objects.vrf.router_ipv4 = address.v4();
    } else {
      objects.vrf.router_ipv6 = address.v6();
    }
  }
  objects.vrf.ipv4_routes_max = model.routes_ipv4_max;
  objects.vrf.ipv6_routes_max = model.routes_ipv6_max;
  objects.vrf.neighbors_max = model.neighbors_max;
  for (const Connection& connection : model.connections)
    AddLink(model, connection, numbers, absl::StrCat("tenant ", model.name, ": connection ", connection.name),
            MtuOf(connection, underlay, ports).bytes, objects);
  for (const VirtualNetwork& network : model.virtual_networks)
    AddNetwork(model, network, numbers, MtuOf(network, underlay, ports).bytes, objects);
  return objects;
}

// Its interfaces are links like connections, of which none counts as a connection.
TenantObjects CompileUnderlay(const UnderlayModel& model, const UnderlayNumbers& numbers,
                              const std::optional<std::vector<PortFacts>>& ports) {
  TenantModel links;
  links.connections = model.interfaces;
  TenantNumbers link_numbers;
  for (const auto& [name, number] : numbers) link_numbers.connections[name].interface = number;
  TenantObjects objects;
  objects.vrf.name = "underlay";
  for (const Connection& link : links.connections)
    AddLink(links, link, link_numbers, absl::StrCat("underlay interface ", link.name), LinkMtu(link, ports),
            objects);
  for (const StaticRoute& route : model.routes)
    objects.routes.push_back(CompileStaticRoute(route, links, link_numbers, 0));
  return objects;
}

}  // namespace sluice::tenant
