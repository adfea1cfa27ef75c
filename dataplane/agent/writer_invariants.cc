// Walks all tables as a worker would meet them.
#include "dataplane/agent/writer_invariants.h"

#include <algorithm>

#include "dataplane/agent/table_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane::testing {
namespace {

// Sent to a host whose packets are taken as the tunnel's, or not at all.
void CheckTunnelAdjacency(const Tables& tables, const Adjacency& adjacency) {
  if (!adjacency.live) return;
  const Tunnel* tunnel = tables.tunnels.Find(adjacency.interface);
  SLUICE_CHECK(tunnel != nullptr && tunnel->up());
  SLUICE_CHECK(tunnel->is_overlay() == adjacency.neighbor_mac.has_value());
  SLUICE_CHECK(tunnel->is_overlay() || adjacency.next_hop == tunnel->remote);
  SLUICE_CHECK(tables.tunnels.remotes.Find(adjacency.next_hop) == adjacency.remote);
  const TunnelSelector selector = tunnel->ReceiveSelector();
  const InterfaceId receiver =
      tunnel->outer_ipv4
          ? tables.tunnels.ipv4().Find(TerminationKey4::Of(
                tunnel->local.v4().value, adjacency.next_hop.v4().value, selector, tunnel->key_in))
          : tables.tunnels.ipv6().Find(
                TerminationKey6::Of(tunnel->local.v6(), adjacency.next_hop.v6(), selector, tunnel->key_in));
  SLUICE_CHECK(receiver == tunnel->id);
}

// A tunnel has no place on a port, and an end that we answer on.
void CheckTunnel(const Tables& tables, const Interface& interface) {
  const Tunnel* tunnel = tables.tunnels.Find(interface.id);
  SLUICE_CHECK(tunnel != nullptr && tunnel->vrf == interface.vrf && interface.vrf != 0);
  SLUICE_CHECK(tables.FindRoute(0, net::Prefix(tunnel->local, tunnel->local.BitLength())) ==
               tables.groups.local());
}

void CheckAdjacency(TableWriter& writer, AdjacencyId id, VrfId vrf) {
  const Tables& tables = writer.tables();
  const Adjacency* adjacency = tables.adjacencies.Describe(id);
  SLUICE_CHECK(adjacency != nullptr);
  if (adjacency->interface == kNoInterface) return;
  const Interface* interface = tables.interfaces.Find(adjacency->interface);
  if (interface == nullptr) {
    SLUICE_CHECK(!adjacency->live && !adjacency->resolvable);
    return;
  }
  SLUICE_CHECK(adjacency->kind == AdjacencyKind::kTunnel || !adjacency->live || !interface->is_tunnel());
  SLUICE_CHECK(interface->vrf == vrf);
  if (adjacency->kind == AdjacencyKind::kTunnel) return CheckTunnelAdjacency(tables, *adjacency);
  if (interface->is_tunnel()) return;  // down: the number was another's
  // What a worker would write and where it would send is the interface's.
  SLUICE_CHECK(adjacency->port == interface->port && adjacency->vlan == interface->vlan);
  SLUICE_CHECK(!adjacency->live || interface->up);
}

void CheckGroup(TableWriter& writer, GroupId group, VrfId vrf) {
  const Tables& tables = writer.tables();
  SLUICE_CHECK(tables.groups.Exists(group));
  const auto members = tables.groups.Members(group);
  for (const BucketMember& member : members) CheckAdjacency(writer, member.adjacency, vrf);
  const bool any_live = std::any_of(members.begin(), members.end(), [&](const BucketMember& member) {
    return tables.adjacencies.Load(member.adjacency).live();
  });
  for (uint32_t hash = 0; hash < 64; ++hash) {
    const AdjacencyId chosen = tables.groups.Choose(tables.groups.Load(group), hash);
    const auto is_chosen = [&](const BucketMember& member) { return member.adjacency == chosen; };
    SLUICE_CHECK(std::any_of(members.begin(), members.end(), is_chosen));
    SLUICE_CHECK(!any_live || tables.adjacencies.Load(chosen).live());
  }
}

template <class Routes>
void CheckRoutes(TableWriter& writer, const Routes& routes, VrfId vrf) {
  const auto visit = [&](const auto& route) {
    if (route.group != writer.tables().groups.local()) CheckGroup(writer, route.group, vrf);
    return true;
  };
  routes.Visit(visit);
}

}  // namespace

void CheckInvariants(TableWriter& writer) {
  const Tables& tables = writer.tables();
  for (uint32_t id = 0; id < tables.vrfs.size(); ++id) {
    const auto vrf = static_cast<VrfId>(id);
    if (const Fib4* routes = tables.Ipv4Routes(vrf)) CheckRoutes(writer, *routes, vrf);
    if (const Fib6* routes = tables.Ipv6Routes(vrf)) CheckRoutes(writer, *routes, vrf);
  }
  for (uint32_t id = 1; id < tables.interfaces.size(); ++id) {
    const Interface* interface = tables.interfaces.Find(id);
    if (interface == nullptr) continue;
    SLUICE_CHECK(tables.Exists(interface->vrf));
    SLUICE_CHECK((tables.tunnels.Find(id) != nullptr) == interface->is_tunnel());
    if (interface->is_tunnel()) {
      CheckTunnel(tables, *interface);
    } else {
      const Subinterface mapped = tables.subinterfaces.Find(interface->port, interface->vlan);
      SLUICE_CHECK(mapped.interface() == id && mapped.vrf() == interface->vrf);
    }
    for (const net::InterfaceAddress& own : interface->addresses)
      SLUICE_CHECK(tables.FindRoute(interface->vrf, net::Prefix(own.address, own.address.BitLength())) ==
                   tables.groups.local());
  }
  for (const auto& [key, neighbor] : writer.resolver().neighbors()) {
    const AdjacencyId found = tables.neighbors.Find(key);
    SLUICE_CHECK(found == neighbor.glean);
    if (found == kNoAdjacency) continue;
    SLUICE_CHECK(tables.interfaces.Find(key.interface) != nullptr);
    CheckAdjacency(writer, found, tables.interfaces.Find(key.interface)->vrf);
  }
}

}  // namespace sluice::dataplane::testing
