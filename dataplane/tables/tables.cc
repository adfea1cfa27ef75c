// Writes that concern several tables: validated first, published last.
#include "dataplane/tables/tables.h"

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

using channel::Limit;
using channel::RefusalReason;

constexpr uint16_t kVlanMax = 4094;
constexpr uint64_t kMib = uint64_t{1} << 20;

FibLimits LimitsOf(const TableLimits& limits, uint64_t routes) {
  // Each family may use all of the lookup memory that both may use together; the
  // sum is checked at each route. The updater's record is bounded by the routes.
  return {.routes_max = routes,
          .lookup_bytes_max = limits.fib_mib * kMib,
          .rib_bytes_max = uint64_t{2} * limits.fib_mib * kMib};
}

Ipv6Key KeyOf(const net::Ipv6Address& address) {
  return {address.High(), address.Low()};
}

net::Prefix HostPrefix(const net::Address& address) {
  return net::Prefix(address, address.BitLength());
}

uint16_t FlagsOf(const Interface& interface) {
  uint16_t flags = kSubinterfaceOwnMac;
  if (interface.up) flags |= kSubinterfaceUp;
  if (interface.vrf == 0) flags |= kSubinterfaceUnderlay;
  if (interface.strict_urpf) flags |= kSubinterfaceStrictUrpf;
  if (interface.policer_in != kNoPolicer) flags |= kSubinterfacePolicerIn;
  if (interface.clamp_mss) flags |= kSubinterfaceClampMss;
  if (interface.mac.IsZero()) flags &= static_cast<uint16_t>(~kSubinterfaceOwnMac);
  return flags;
}

// One worker's share of the limits.
ReassemblyOptions ReassemblyOptionsOf(const TablesOptions& options) {
  const TableLimits& limits = options.limits;
  const auto share = [&](uint32_t limit) { return (limit + options.workers - 1) / options.workers; };
  return {.datagrams = share(limits.reassembly_datagrams),
          .datagrams_per_tenant = share(limits.reassembly_datagrams_per_tenant),
          .datagrams_per_source = share(limits.reassembly_datagrams_per_source),
          .fragments_per_datagram = limits.reassembly_fragments_per_datagram,
          .datagram_bytes = limits.reassembly_datagram_bytes,
          .timeout_ticks = options.ticks_per_second / 1000 * limits.reassembly_timeout_ms,
          .vrfs = limits.vrfs,
          .seed = options.seed};
}

}  // namespace

Tables::Tables(const TablesOptions& options, Reclaimer& reclaimer)
    : limits(options.limits),
      retirement(reclaimer, options.limits.pending_removals),
      subinterfaces(options.ports),
      interfaces(options.limits.interfaces + 1, retirement),
      vrfs(options.limits.vrfs, retirement),
      adjacencies(options.limits, retirement),
      groups(options.limits, adjacencies, retirement),
      neighbors(options.limits, retirement),
      policers(options.limits, options.workers, options.ticks_per_second, retirement),
      own_addresses(options.limits),
      icmp_budgets(options.limits.vrfs, options.icmp, options.ticks_per_second),
      punt_budgets(options.limits.vrfs, options.workers, options.ticks_per_second, options.punt),
      tunnels(options.limits, retirement),
      slots(options.workers, retirement),
      sas({options.limits, options.workers, options.sequence_marks}, retirement),
      fib4_pool(LimitsOf(options.limits, options.limits.ipv4_routes), reclaimer),
      fib6_pool(LimitsOf(options.limits, options.limits.ipv6_routes), reclaimer),
      fib4(fib4_pool, options.limits.vrfs),
      fib6(fib6_pool, options.limits.vrfs),
      fibs_(options.limits.vrfs),
      vrf_interfaces_(options.limits.vrfs),
      generations_(options.limits.vrfs) {
  SLUICE_CHECK(options.limits.vrfs >= 1 && options.limits.vrfs <= 65536);
  SLUICE_CHECK(options.limits.interfaces < 65536 && options.ports <= 256);
  SLUICE_CHECK(PutVrf({.id = 0}).ok());
  for (WorkerIndex worker = 0; worker < options.workers; ++worker)
    reassembly.push_back(std::make_unique<ReassemblyTable>(ReassemblyOptionsOf(options)));
}

// Waiting releases point into the members: they must not run after them.
Tables::~Tables() {
  fibs_.clear();
  retirement.ReleaseAll();
}

WriteResult Tables::PutVrf(const Vrf& vrf) {
  if (vrf.id >= vrfs.size()) return WriteResult::AtLimit(Limit::kVrfs, vrfs.size());
  if (retirement.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement.pending_max());
  const uint64_t ipv4_max = vrf.ipv4_routes_max != 0 ? vrf.ipv4_routes_max : limits.ipv4_routes_per_vrf;
  const uint64_t ipv6_max = vrf.ipv6_routes_max != 0 ? vrf.ipv6_routes_max : limits.ipv6_routes_per_vrf;
  auto& fibs = fibs_[vrf.id];
  if (fibs == nullptr) {
    // Before anybody can be in it: what the last tenant with this number left behind,
    // and workers may hold, is not of this one.
    generations_[vrf.id].fetch_add(1, std::memory_order_relaxed);
    fibs.reset(new VrfFibs{{fib4_pool, fib4, vrf.id, ipv4_max}, {fib6_pool, fib6, vrf.id, ipv6_max}});
  }
  fibs->ipv4.set_routes_max(ipv4_max);
  fibs->ipv6.set_routes_max(ipv6_max);
  vrfs.Publish(vrf.id, std::make_unique<const Vrf>(vrf));
  return WriteResult::Accepted();
}

WriteResult Tables::RemoveVrf(VrfId vrf) {
  if (!Exists(vrf)) return WriteResult::Refused(RefusalReason::kNotFound, vrf);
  if (vrf == 0) return WriteResult::Refused(RefusalReason::kInUse, vrf);
  if (vrf_interfaces_[vrf] != 0) return WriteResult::Refused(RefusalReason::kInUse, vrf_interfaces_[vrf]);
  if (own_addresses.CountOf(vrf) != 0)
    return WriteResult::Refused(RefusalReason::kInUse, own_addresses.CountOf(vrf));
  if (retirement.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement.pending_max());
  const auto release = [this](const auto& route) {
    groups.RemoveRoute(route.group);
    return true;
  };
  fibs_[vrf]->ipv4.Visit(release);
  fibs_[vrf]->ipv6.Visit(release);
  fibs_[vrf].reset();
  vrfs.Withdraw(vrf);
  return WriteResult::Accepted();
}

WriteResult Tables::CheckInterface(const Interface& interface) const {
  if (interface.id == kNoInterface) return WriteResult::Refused(RefusalReason::kOutOfRange, interface.id);
  if (interface.id >= interfaces.size()) return WriteResult::AtLimit(Limit::kInterfaces, limits.interfaces);
  const Interface* before = interfaces.Find(interface.id);
  if (before != nullptr && before->is_tunnel() != interface.is_tunnel())
    return WriteResult::Refused(RefusalReason::kConflict, interface.id);
  if (interface.is_tunnel()) {
    // Made by PutTunnel, which alone may take it to another VRF.
    const bool same = before != nullptr && before->vrf == interface.vrf;
    return same ? WriteResult::Accepted() : WriteResult::Refused(RefusalReason::kNotFound, interface.id);
  }
  if (interface.port >= subinterfaces.ports() || interface.vlan > kVlanMax)
    return WriteResult::Refused(RefusalReason::kOutOfRange,
                                interface.vlan > kVlanMax ? interface.vlan : interface.port);
  if (!Exists(interface.vrf)) return WriteResult::Refused(RefusalReason::kNotFound, interface.vrf);
  const InterfaceId holder = subinterfaces.Find(interface.port, interface.vlan).interface();
  if (holder != kNoInterface && holder != interface.id)
    return WriteResult::Refused(RefusalReason::kConflict, holder);
  return WriteResult::Accepted();
}

WriteResult Tables::PutInterface(const Interface& interface) {
  if (const WriteResult checked = CheckInterface(interface); !checked.ok()) return checked;
  if (retirement.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement.pending_max());
  if (const Interface* before = interfaces.Find(interface.id)) {
    --vrf_interfaces_[before->vrf];
    if (!before->is_tunnel() && (before->port != interface.port || before->vlan != interface.vlan))
      subinterfaces.Set(before->port, before->vlan, {});
  }
  ++vrf_interfaces_[interface.vrf];
  interfaces.Publish(interface.id, std::make_unique<const Interface>(interface));
  if (interface.is_tunnel()) return WriteResult::Accepted();
  subinterfaces.Set(interface.port, interface.vlan,
                    {interface.id, interface.vrf, FlagsOf(interface), interface.mtu});
  return WriteResult::Accepted();
}

WriteResult Tables::RemoveInterface(InterfaceId id) {
  const Interface* interface = id < interfaces.size() ? interfaces.Find(id) : nullptr;
  if (interface == nullptr || interface->is_tunnel())
    return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (retirement.full()) return WriteResult::AtLimit(Limit::kPendingRemovals, retirement.pending_max());
  subinterfaces.Set(interface->port, interface->vlan, {});
  --vrf_interfaces_[interface->vrf];
  interfaces.Withdraw(id);
  return WriteResult::Accepted();
}

WriteResult Tables::PutTunnel(const Interface& interface, const Tunnel& wanted) {
  SLUICE_CHECK(interface.is_tunnel());
  if (interface.id == kNoInterface) return WriteResult::Refused(RefusalReason::kOutOfRange, interface.id);
  if (interface.id >= interfaces.size()) return WriteResult::AtLimit(Limit::kInterfaces, limits.interfaces);
  // Tunnels end in the underlay; they do not carry it.
  if (!Exists(interface.vrf) || interface.vrf == 0)
    return WriteResult::Refused(RefusalReason::kNotFound, interface.vrf);
  const Interface* before = interfaces.Find(interface.id);
  if (before != nullptr && !before->is_tunnel())
    return WriteResult::Refused(RefusalReason::kConflict, interface.id);
  if (wanted.kind != TunnelKind::kEsp) {
    if (const WriteResult left = sas.RemoveTunnel(interface.id); !left.ok()) return left;
  }
  Tunnel tunnel = wanted;
  tunnel.id = interface.id;
  tunnel.vrf = interface.vrf;
  tunnel.arrival_flags =
      static_cast<uint8_t>(FlagsOf(interface) & (kSubinterfaceStrictUrpf | kSubinterfacePolicerIn));
  if (const WriteResult put = tunnels.Put(tunnel); !put.ok()) return put;
  if (before != nullptr) --vrf_interfaces_[before->vrf];
  ++vrf_interfaces_[interface.vrf];
  interfaces.Publish(interface.id, std::make_unique<const Interface>(interface));
  return WriteResult::Accepted();
}

WriteResult Tables::RemoveTunnel(InterfaceId id) {
  if (id >= interfaces.size() || tunnels.Find(id) == nullptr)
    return WriteResult::Refused(RefusalReason::kNotFound, id);
  if (const WriteResult left = sas.RemoveTunnel(id); !left.ok()) return left;
  if (const WriteResult removed = tunnels.Remove(id); !removed.ok()) return removed;
  --vrf_interfaces_[interfaces.Find(id)->vrf];
  interfaces.Withdraw(id);
  return WriteResult::Accepted();
}

WriteResult Tables::PutAdjacency(AdjacencyId id, const Adjacency& adjacency) {
  const bool before = adjacencies.Describe(id) != nullptr && adjacencies.Load(id).live();
  Adjacency wanted = adjacency;
  const Tunnel* const tunnel =
      adjacency.kind == AdjacencyKind::kTunnel && adjacency.interface < interfaces.size()
          ? tunnels.Find(adjacency.interface)
          : nullptr;
  wanted.esp = tunnel != nullptr && tunnel->kind == TunnelKind::kEsp;
  if (const WriteResult put = adjacencies.Put(id, wanted); !put.ok()) return put;
  const bool after = adjacencies.Load(id).live();
  if (before != after) groups.SetLive(id, after);
  return WriteResult::Accepted();
}

WriteResult Tables::RemoveAdjacency(AdjacencyId id) {
  if (groups.Uses(id)) return WriteResult::Refused(RefusalReason::kInUse, id);
  return adjacencies.Remove(id);
}

WriteResult Tables::AddRoute(VrfId vrf, const net::Prefix& prefix, GroupId group, uint8_t tag,
                             RouteValue* before) {
  if (!Exists(vrf)) return WriteResult::Refused(RefusalReason::kNotFound, vrf);
  if (!groups.Exists(group)) return WriteResult::Refused(RefusalReason::kNotFound, group);
  if (prefix.is_host() && own_addresses.Contains(vrf, prefix.address()))
    return WriteResult::Refused(RefusalReason::kConflict);
  return SetRoute(vrf, prefix, group, tag, before);
}

WriteResult Tables::CheckRouteLimits(const VrfFibs& fibs, net::Family family) const {
  const bool v4 = family == net::Family::kIpv4;
  const uint64_t in_vrf = v4 ? fibs.ipv4.route_count() : fibs.ipv6.route_count();
  const uint64_t vrf_max = v4 ? fibs.ipv4.routes_max() : fibs.ipv6.routes_max();
  if (in_vrf >= vrf_max)
    return WriteResult::AtLimit(v4 ? Limit::kIpv4RoutesPerVrf : Limit::kIpv6RoutesPerVrf, vrf_max);
  const uint64_t all = v4 ? fib4_pool.route_count() : fib6_pool.route_count();
  const uint64_t all_max = v4 ? limits.ipv4_routes : limits.ipv6_routes;
  if (all >= all_max) return WriteResult::AtLimit(v4 ? Limit::kIpv4Routes : Limit::kIpv6Routes, all_max);
  if (fib4_pool.lookup_bytes() + fib6_pool.lookup_bytes() >= limits.fib_mib * kMib)
    return WriteResult::AtLimit(Limit::kFibMemory, limits.fib_mib * kMib);
  return WriteResult::Accepted();
}

WriteResult Tables::SetRoute(VrfId vrf, const net::Prefix& prefix, GroupId group, uint8_t tag,
                             RouteValue* was) {
  VrfFibs& fibs = *fibs_[vrf];
  const RouteValue before = FindRouteValue(vrf, prefix);
  if (before.group == kNoGroup) {
    if (const WriteResult room = CheckRouteLimits(fibs, prefix.family()); !room.ok()) return room;
  }
  const net::Address& address = prefix.address();
  const absl::Status added = address.is_v4()
                                 ? fibs.ipv4.Add(address.v4().value, prefix.length(), group, tag)
                                 : fibs.ipv6.Add(KeyOf(address.v6()), prefix.length(), group, tag);
  // The other limits were looked at above.
  if (!added.ok()) return WriteResult::AtLimit(Limit::kFibMemory, limits.fib_mib * kMib);
  RoutesChanged(vrf);
  groups.AddRoute(group);
  if (before.group != kNoGroup) groups.RemoveRoute(before.group);
  if (was != nullptr) *was = before;
  return WriteResult::Accepted();
}

WriteResult Tables::RemoveRoute(VrfId vrf, const net::Prefix& prefix) {
  if (!Exists(vrf)) return WriteResult::Refused(RefusalReason::kNotFound, vrf);
  if (prefix.is_host() && own_addresses.Contains(vrf, prefix.address()))
    return WriteResult::Refused(RefusalReason::kConflict);
  return EraseRoute(vrf, prefix);
}

WriteResult Tables::EraseRoute(VrfId vrf, const net::Prefix& prefix) {
  const GroupId before = FindRoute(vrf, prefix);
  if (before == kNoGroup) return WriteResult::Refused(RefusalReason::kNotFound);
  const net::Address& address = prefix.address();
  const absl::Status removed = address.is_v4()
                                   ? fibs_[vrf]->ipv4.Remove(address.v4().value, prefix.length())
                                   : fibs_[vrf]->ipv6.Remove(KeyOf(address.v6()), prefix.length());
  if (!removed.ok()) return WriteResult::AtLimit(Limit::kFibMemory, limits.fib_mib * kMib);
  RoutesChanged(vrf);
  groups.RemoveRoute(before);
  return WriteResult::Accepted();
}

GroupId Tables::FindRoute(VrfId vrf, const net::Prefix& prefix) const {
  if (!Exists(vrf)) return kNoGroup;
  const net::Address& address = prefix.address();
  if (address.is_v4()) return fibs_[vrf]->ipv4.Find(address.v4().value, prefix.length());
  return fibs_[vrf]->ipv6.Find(KeyOf(address.v6()), prefix.length());
}

RouteValue Tables::FindRouteValue(VrfId vrf, const net::Prefix& prefix) const {
  if (!Exists(vrf)) return {};
  const net::Address& address = prefix.address();
  if (address.is_v4()) return fibs_[vrf]->ipv4.FindValue(address.v4().value, prefix.length());
  return fibs_[vrf]->ipv6.FindValue(KeyOf(address.v6()), prefix.length());
}

WriteResult Tables::RestoreRoute(VrfId vrf, const net::Prefix& prefix, const RouteValue& route) {
  const GroupId before = FindRoute(vrf, prefix);
  const net::Address& address = prefix.address();
  const absl::Status replaced =
      address.is_v4()
          ? fibs_[vrf]->ipv4.Replace(address.v4().value, prefix.length(), route.group, route.tag)
          : fibs_[vrf]->ipv6.Replace(KeyOf(address.v6()), prefix.length(), route.group, route.tag);
  if (!replaced.ok()) return WriteResult::AtLimit(Limit::kFibMemory, limits.fib_mib * kMib);
  RoutesChanged(vrf);
  groups.AddRoute(route.group);
  groups.RemoveRoute(before);
  return WriteResult::Accepted();
}

WriteResult Tables::AddLocalAddress(VrfId vrf, const net::Address& address, RouteValue* displaced) {
  if (!Exists(vrf)) return WriteResult::Refused(RefusalReason::kNotFound, vrf);
  // Its owner would take the route for programmed, and miss it when the address goes.
  if (displaced == nullptr && !own_addresses.Contains(vrf, address) &&
      FindRoute(vrf, HostPrefix(address)) != kNoGroup)
    return WriteResult::Refused(RefusalReason::kConflict);
  if (const WriteResult added = own_addresses.Add(vrf, address); !added.ok()) return added;
  const WriteResult routed = SetRoute(vrf, HostPrefix(address), groups.local(), 0, displaced);
  if (!routed.ok()) SLUICE_CHECK(own_addresses.Remove(vrf, address).ok());
  return routed;
}

WriteResult Tables::RemoveLocalAddress(VrfId vrf, const net::Address& address, const RouteValue* restored) {
  if (!Exists(vrf) || !own_addresses.Contains(vrf, address))
    return WriteResult::Refused(RefusalReason::kNotFound, vrf);
  const net::Prefix host = HostPrefix(address);
  const WriteResult gone = restored == nullptr ? EraseRoute(vrf, host) : RestoreRoute(vrf, host, *restored);
  if (!gone.ok()) return gone;
  return own_addresses.Remove(vrf, address);
}

void Tables::Reclaim() {
  retirement.Reclaim();
  fib4_pool.Reclaim();
  fib6_pool.Reclaim();
}

const Fib4* Tables::Ipv4Routes(VrfId vrf) const {
  return Exists(vrf) ? &fibs_[vrf]->ipv4 : nullptr;
}
const Fib6* Tables::Ipv6Routes(VrfId vrf) const {
  return Exists(vrf) ? &fibs_[vrf]->ipv6 : nullptr;
}

}  // namespace sluice::dataplane
