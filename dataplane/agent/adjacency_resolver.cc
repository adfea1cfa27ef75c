// Adjacencies of control: rewrite and liveness from interface, port and neighbour.
#include "dataplane/agent/adjacency_resolver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::RefusalReason;

std::string Describe(DownCause cause, const net::Address& far_end) {
  switch (cause) {
    case DownCause::kNone:
      return "";
    case DownCause::kInterfaceMissing:
      return "interface does not exist";
    case DownCause::kInterfaceDown:
      return "interface is administratively down";
    case DownCause::kNoCarrier:
      return "port has no carrier";
    case DownCause::kNeighborUnresolved:
      return "neighbour is not resolved yet";
    case DownCause::kNeighborFailed:
      return "neighbour does not answer";
    case DownCause::kTunnelMissing:
      return "tunnel does not exist";
    case DownCause::kTunnelDown:
      return "tunnel is administratively down";
    case DownCause::kHostTaken:
      return absl::StrCat(far_end.ToString(), " is a host of another tunnel");
    case DownCause::kNoUnderlayRoute:
      return absl::StrCat("no route to ", far_end.ToString());
    case DownCause::kUnderlayDown:
      return absl::StrCat("no next hop to ", far_end.ToString(), " is up");
    case DownCause::kFarEndSilent:
      return absl::StrCat(far_end.ToString(), " does not answer");
    case DownCause::kFarEndOurs:
      return absl::StrCat(far_end.ToString(), " is an address of ours");
    case DownCause::kPeerSilent:
      return absl::StrCat(far_end.ToString(), " leaves probes unanswered");
  }
  return "";
}

const char* Describe(NeighborState state) {
  switch (state) {
    case NeighborState::kIncomplete:
      return "incomplete";
    case NeighborState::kReachable:
      return "reachable";
    case NeighborState::kStale:
      return "stale";
    case NeighborState::kDelay:
      return "delay";
    case NeighborState::kProbe:
      return "probe";
    case NeighborState::kFailed:
      return "failed";
    case NeighborState::kStatic:
      return "static";
  }
  return "";
}

net::Address AddressOf(const NeighborKey& key) {
  if (key.high == 0 && key.low >> 32 == NeighborKey::kIpv4Low >> 32)
    return net::Ipv4Address{static_cast<uint32_t>(key.low)};
  return net::Ipv6Address::FromHalves(key.high, key.low);
}

AdjacencyResolver::AdjacencyResolver(Tables& tables, std::vector<PortState> ports, NeighborRequests& requests,
                                     const channel::CounterOrigin& counters)
    : tables_(tables),
      ports_(std::move(ports)),
      requests_(requests),
      counters_(counters),
      on_interface_(tables.interfaces.size()),
      neighbors_on_(tables.interfaces.size()),
      users_(tables.interfaces.size()),
      neighbors_in_vrf_(tables.vrfs.size()),
      liveness_(tables.adjacencies.size()),
      path_links_(tables.adjacencies.size()) {}

net::MacAddress AdjacencyResolver::MacOf(const Interface& interface) const {
  return interface.mac.IsZero() && interface.port < ports_.size() ? ports_[interface.port].mac
                                                                  : interface.mac;
}

const AdjacencyResolver::Neighbor* AdjacencyResolver::Find(const NeighborKey& key) const {
  const auto found = neighbors_.find(key);
  return found == neighbors_.end() ? nullptr : &found->second;
}

// The whole rule of liveness: of tunnels in TunnelCauseOf, of others in CauseOf.
Adjacency AdjacencyResolver::Derive(AdjacencyId id, const Adjacency& adjacency, DownCause* cause) const {
  Adjacency derived{.kind = adjacency.kind,
                    .interface = adjacency.interface,
                    .next_hop = adjacency.next_hop,
                    .remote = adjacency.remote};
  const bool tunnel = adjacency.kind == AdjacencyKind::kTunnel;
  if (tunnel) derived.neighbor_mac = adjacency.neighbor_mac;
  *cause = DownCause::kNone;
  if (adjacency.kind == AdjacencyKind::kDrop || adjacency.kind == AdjacencyKind::kLocal) {
    derived.live = true;
    return derived;
  }
  const Interface* interface = tables_.interfaces.Find(adjacency.interface);
  // The number may be another's by now.
  if (interface == nullptr || interface->is_tunnel() != tunnel) {
    *cause = tunnel ? DownCause::kTunnelMissing : DownCause::kInterfaceMissing;
    return derived;
  }
  derived.mtu = tunnel ? TunnelMtuOf(*interface, adjacency) : interface->mtu;
  derived.policer_out = interface->policer_out;
  derived.clamp_mss = interface->clamp_mss;
  *cause = tunnel ? TunnelCauseOf(id, adjacency) : CauseOf(adjacency, *interface, &derived);
  derived.live = *cause == DownCause::kNone;
  return derived;
}

// In the order in which causes are reported.
DownCause AdjacencyResolver::CauseOf(const Adjacency& adjacency, const Interface& interface,
                                     Adjacency* derived) const {
  derived->port = interface.port;
  derived->vlan = interface.vlan;
  derived->source_mac = MacOf(interface);
  const Neighbor* neighbor = adjacency.kind == AdjacencyKind::kNeighbor
                                 ? Find(NeighborKey::Of(adjacency.interface, adjacency.next_hop))
                                 : nullptr;
  if (neighbor != nullptr) derived->neighbor_mac = neighbor->mac();
  if (!interface.up) return DownCause::kInterfaceDown;
  if (!ports_[interface.port].carrier) return DownCause::kNoCarrier;
  derived->resolvable = true;
  if (adjacency.kind != AdjacencyKind::kNeighbor || derived->neighbor_mac) return DownCause::kNone;
  return neighbor != nullptr && neighbor->failed() ? DownCause::kNeighborFailed
                                                   : DownCause::kNeighborUnresolved;
}

WriteResult AdjacencyResolver::Refresh(AdjacencyId id, Adjacency adjacency, Instant when) {
  DownCause cause;
  const Adjacency derived = Derive(id, adjacency, &cause);
  const Adjacency* before = tables_.adjacencies.Describe(id);
  const bool resized = before != nullptr && before->mtu != derived.mtu;
  if (before == nullptr || *before != derived) {
    if (const WriteResult put = tables_.PutAdjacency(id, derived); !put.ok()) return put;
  }
  Liveness& liveness = liveness_[id];
  if (before != nullptr && liveness.cause == cause) {
    if (resized && observer_ != nullptr) observer_->OnAdjacency(id);
    return WriteResult::Accepted();
  }
  liveness.cause = cause;
  liveness.since = when;
  if (liveness.vrf == 0) OnUnderlay(when);
  if (observer_ != nullptr) observer_->OnAdjacency(id);
  return WriteResult::Accepted();
}

void AdjacencyResolver::RefreshAll(InterfaceId interface, Instant when) {
  for (const AdjacencyId id : on_interface_[interface]) {
    // Only creation can meet a limit.
    const Adjacency adjacency = *tables_.adjacencies.Describe(id);
    SLUICE_CHECK(Refresh(id, adjacency, when).ok());
  }
}

WriteResult AdjacencyResolver::Put(AdjacencyId id, Adjacency wanted, Instant now) {
  if (!tables_.adjacencies.IsControls(id))
    return WriteResult::AtLimit(channel::Limit::kAdjacencies, tables_.limits.adjacencies);
  const InterfaceId interface = wanted.interface;
  const VrfId vrf = interface == kNoInterface ? VrfId{0} : tables_.interfaces.Find(interface)->vrf;
  const bool tunnel = wanted.kind == AdjacencyKind::kTunnel;
  if (tunnel && !wanted.neighbor_mac) wanted.next_hop = tables_.tunnels.Find(interface)->remote;
  const Adjacency* known = tables_.adjacencies.Describe(id);
  const std::optional<Adjacency> before = known == nullptr ? std::nullopt : std::optional(*known);
  const bool same_place = before && before->kind == wanted.kind && before->interface == interface &&
                          before->next_hop == wanted.next_hop;
  const bool entered = !tunnel || liveness_[id].entered;
  if (same_place && entered && (!tunnel || before->neighbor_mac == wanted.neighbor_mac))
    return WriteResult::Accepted();
  // Routes of one tenant lead here: it may not lead into another tenant.
  if (before && tables_.groups.Uses(id) && interface != kNoInterface &&
      (before->interface == kNoInterface || liveness_[id].vrf != vrf))
    return WriteResult::Refused(RefusalReason::kInUse, vrf);

  if (tunnel) {
    if (const WriteResult put = EnterTunnel(&wanted, wanted.neighbor_mac.has_value()); !put.ok()) return put;
  }
  if (wanted.kind == AdjacencyKind::kNeighbor) {
    Neighbor& neighbor = Touch(NeighborKey::Of(interface, wanted.next_hop));
    if (!neighbor.watched()) requests_.Push(NextHopWatch{interface, wanted.next_hop, true});
    neighbor.watchers.push_back(id);
  }
  const bool same_path =
      tunnel && before && before->kind == AdjacencyKind::kTunnel && before->remote == wanted.remote;
  if (before) Unwatch(id, *before, &wanted);
  if (tunnel && !same_path) EnterPath(id, wanted.remote);
  if (interface != kNoInterface && !(before && before->interface == interface)) {
    on_interface_[interface].insert(id);
    ++users_[interface];
  }
  liveness_[id].vrf = vrf;
  liveness_[id].entered = tunnel;
  // Of the same host by another MAC: the same adjacency.
  if (!same_place) counters_.RestartAdjacency(id);
  const WriteResult put = Refresh(id, wanted, now);
  SLUICE_CHECK(put.ok());  // the id and every value were checked
  if (vrf == 0) OnUnderlay();
  return put;
}

void AdjacencyResolver::Unwatch(AdjacencyId id, const Adjacency& before, const Adjacency* after) {
  if (before.interface == kNoInterface) return;
  if (after == nullptr || after->interface != before.interface) {
    on_interface_[before.interface].erase(id);
    --users_[before.interface];
  }
  if (before.kind == AdjacencyKind::kTunnel) {
    if (before.neighbor_mac && liveness_[id].entered)
      SLUICE_CHECK(tables_.tunnels.RemoveHost(before.interface, before.next_hop).ok());
    const bool stays =
        after != nullptr && after->kind == AdjacencyKind::kTunnel && after->remote == before.remote;
    if (!stays) LeavePath(id, before.remote);
    tables_.tunnels.remotes.Release(before.remote);
  }
  if (before.kind != AdjacencyKind::kNeighbor) return;
  const NeighborKey key = NeighborKey::Of(before.interface, before.next_hop);
  Neighbor& neighbor = neighbors_.at(key);
  neighbor.watchers.erase(std::find(neighbor.watchers.begin(), neighbor.watchers.end(), id));
  if (neighbor.watched()) return;
  requests_.Push(NextHopWatch{before.interface, before.next_hop, false});
  ForgetIfUnused(key);
}

WriteResult AdjacencyResolver::Remove(AdjacencyId id) {
  const Adjacency* known = tables_.adjacencies.IsControls(id) ? tables_.adjacencies.Describe(id) : nullptr;
  if (known == nullptr) return WriteResult::Refused(RefusalReason::kNotFound, id);
  const Adjacency before = *known;
  if (const WriteResult removed = tables_.RemoveAdjacency(id); !removed.ok()) return removed;
  Unwatch(id, before);
  liveness_[id] = {};
  if (observer_ != nullptr) observer_->OnAdjacency(id);
  return WriteResult::Accepted();
}

std::optional<VrfId> AdjacencyResolver::VrfOf(InterfaceId interface) const {
  for (const AdjacencyId id : on_interface_[interface]) return liveness_[id].vrf;
  return std::nullopt;
}

void AdjacencyResolver::OnInterface(InterfaceId interface, Instant now) {
  RefreshAll(interface, now);
}

void AdjacencyResolver::OnInterfaceRemoved(InterfaceId interface, Instant now) {
  const auto keys = std::exchange(neighbors_on_[interface], {});
  for (const NeighborKey& key : keys) {
    Neighbor& neighbor = neighbors_.at(key);
    RemoveGlean(key, neighbor);
    neighbor.learned.reset();
    neighbor.fixed.reset();
    neighbor.fixed_owner = {};
    neighbor.state = NeighborState::kIncomplete;
    if (!neighbor.watched() && neighbor.glean == kNoAdjacency) {
      neighbors_.erase(key);
    } else {
      neighbors_on_[interface].insert(key);
    }
    Notify(key);
  }
  RefreshAll(interface, now);
}

void AdjacencyResolver::OnCarrier(PortId port, bool up, Instant when) {
  if (port >= ports_.size() || ports_[port].carrier == up) return;
  ports_[port].carrier = up;
  for (InterfaceId id = 1; id < tables_.interfaces.size(); ++id) {
    const Interface* interface = tables_.interfaces.Find(id);
    if (interface != nullptr && interface->port == port) RefreshAll(id, when);
  }
  if (observer_ != nullptr) observer_->OnCarrier(port);
}

}  // namespace sluice::dataplane
