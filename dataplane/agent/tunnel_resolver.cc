// The resolver's tunnels: which tunnel takes a host's packets, and whether the
// underlay has a way to the far end. Workers look the way up for each packet; here
// it decides whether the tenant's routes still count on the tunnel.
#include <algorithm>
#include <utility>

#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/packet/esp.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

// A far end that nobody used has a number, and of an overlay the tunnel takes
// packets from it. `wanted` gets the number.
WriteResult AdjacencyResolver::EnterTunnel(Adjacency* wanted, bool host) {
  RemoteTable& remotes = tables_.tunnels.remotes;
  const auto remote = remotes.Acquire(wanted->next_hop);
  if (!remote) return WriteResult::AtLimit(channel::Limit::kTunnelRemotes, remotes.limit());
  if (host) {
    const WriteResult added = tables_.tunnels.AddHost(wanted->interface, wanted->next_hop);
    if (!added.ok()) {
      remotes.Release(*remote);
      return added;
    }
  }
  wanted->remote = *remote;
  return WriteResult::Accepted();
}

void AdjacencyResolver::OnTunnel(InterfaceId id, Instant now) {
  const Tunnel& tunnel = *tables_.tunnels.Find(id);
  for (const AdjacencyId adjacency_id : on_interface_[id]) {
    Adjacency adjacency = *tables_.adjacencies.Describe(adjacency_id);
    bool& entered = liveness_[adjacency_id].entered;
    if (adjacency.kind == AdjacencyKind::kTunnel && adjacency.neighbor_mac.has_value()) {
      // Back after it had to give way to another.
      if (!entered && tunnel.is_overlay()) entered = tables_.tunnels.AddHost(id, adjacency.next_hop).ok();
    } else if (adjacency.kind == AdjacencyKind::kTunnel && !tunnel.is_overlay()) {
      entered = true;
      if (adjacency.next_hop != tunnel.remote) {
        adjacency.next_hop = tunnel.remote;
        const RemoteId former = adjacency.remote;
        SLUICE_CHECK(EnterTunnel(&adjacency, false).ok());  // the tunnel holds the number itself
        LeavePath(adjacency_id, former);
        EnterPath(adjacency_id, adjacency.remote);
        SLUICE_CHECK(Refresh(adjacency_id, adjacency, now).ok());
        tables_.tunnels.remotes.Release(former);
      }
    }
    SLUICE_CHECK(Refresh(adjacency_id, adjacency, now).ok());
  }
}

void AdjacencyResolver::LeaveTunnel(InterfaceId id) {
  for (const AdjacencyId adjacency_id : on_interface_[id]) {
    const Adjacency& adjacency = *tables_.adjacencies.Describe(adjacency_id);
    const bool entered = std::exchange(liveness_[adjacency_id].entered, false);
    if (entered && adjacency.kind == AdjacencyKind::kTunnel && adjacency.neighbor_mac)
      SLUICE_CHECK(tables_.tunnels.RemoveHost(id, adjacency.next_hop).ok());
  }
}

DownCause AdjacencyResolver::TunnelCauseOf(AdjacencyId id, const Adjacency& adjacency) const {
  const Tunnel& tunnel = *tables_.tunnels.Find(adjacency.interface);
  if (tunnel.is_overlay() != adjacency.neighbor_mac.has_value()) return DownCause::kTunnelMissing;
  if (!tunnel.up()) return DownCause::kTunnelDown;
  if (!liveness_[id].entered) return DownCause::kHostTaken;
  const DownCause path = paths_[adjacency.remote].cause;
  return path == DownCause::kNone && silent_peers_.contains(tunnel.id) ? DownCause::kPeerSilent : path;
}

void AdjacencyResolver::OnPeer(const PeerReport& report, Instant now) {
  const Tunnel* tunnel = tables_.tunnels.Find(report.interface);
  const bool silent = report.silent && tunnel != nullptr && tunnel->probed();
  if (!silent && !silent_peers_.contains(report.interface)) return;
  if (silent) {
    silent_peers_[report.interface] = report.since;
  } else {
    silent_peers_.erase(report.interface);
  }
  RefreshAll(report.interface, now);
  if (observer_ != nullptr) observer_->OnPeer(report.interface);
}

void AdjacencyResolver::ForgetPeer(InterfaceId tunnel) {
  if (silent_peers_.erase(tunnel) != 0 && observer_ != nullptr) observer_->OnPeer(tunnel);
}

std::optional<Instant> AdjacencyResolver::SilentSince(InterfaceId tunnel) const {
  const auto at = silent_peers_.find(tunnel);
  return at == silent_peers_.end() ? std::nullopt : std::optional(at->second);
}

namespace {

// The longest inner packet that every outbound SA of the tunnel gets through `path_mtu`, whole
// blocks of its cipher (RFC 4301 section 8.1). Without an SA nothing leaves.
uint16_t EspTunnelMtu(const SaTable& sas, const Tunnel& tunnel, uint16_t path_mtu) {
  uint32_t mtu = path_mtu;
  for (const OutboundPolicy& policy : sas.DescribePolicies(tunnel.id)) {
    const SaDescription* const sa = sas.Describe(policy.sa);
    if (sa == nullptr) continue;
    mtu = std::min(mtu, EspInnerMtu(path_mtu, sa->endpoints.local.is_v4(), sa->udp, SuiteOf(sa->suite)));
  }
  return static_cast<uint16_t>(mtu);
}

}  // namespace

uint16_t AdjacencyResolver::TunnelMtuOf(const Interface& interface, const Adjacency& adjacency) const {
  const Tunnel& tunnel = *tables_.tunnels.Find(adjacency.interface);
  const uint16_t path_mtu = tables_.tunnels.remotes.PathMtu(adjacency.remote);
  if (path_mtu == 0 || tunnel.may_be_cut()) return interface.mtu;
  if (tunnel.kind == TunnelKind::kEsp)
    return std::min(interface.mtu, EspTunnelMtu(tables_.sas, tunnel, path_mtu));
  return std::min(interface.mtu, static_cast<uint16_t>(path_mtu - tunnel.header_bytes));
}

void AdjacencyResolver::OnPathMtu(const net::Address& far_end, Instant now) {
  const RemoteId remote = tables_.tunnels.remotes.Find(far_end);
  if (remote >= paths_.size()) return;
  for (AdjacencyId id = paths_[remote].first; id != kNoAdjacency; id = path_links_[id].after) {
    const Adjacency adjacency = *tables_.adjacencies.Describe(id);
    SLUICE_CHECK(Refresh(id, adjacency, now).ok());
  }
}

void AdjacencyResolver::EnterPath(AdjacencyId id, RemoteId remote) {
  if (remote >= paths_.size()) {
    paths_.resize(remote + size_t{1});
    // The circle is larger now.
    if (paths_to_follow_ > 0) paths_to_follow_ = paths_.size();
  }
  UnderlayPath& path = paths_[remote];
  const bool added = path.first == kNoAdjacency;
  path_links_[id] = {kNoAdjacency, path.first};
  if (!added) path_links_[path.first].before = id;
  path.first = id;
  if (!added) return;
  path.cause = Judge(tables_.tunnels.remotes.Of(remote), &path.connected);
  WatchFarEnd(path.connected, true);
}

void AdjacencyResolver::LeavePath(AdjacencyId id, RemoteId remote) {
  UnderlayPath& path = paths_[remote];
  const auto [before, after] = std::exchange(path_links_[id], {});
  if (after != kNoAdjacency) path_links_[after].before = before;
  if (before != kNoAdjacency) {
    path_links_[before].after = after;
  } else {
    path.first = after;
  }
  if (path.first != kNoAdjacency) return;
  WatchFarEnd(path.connected, false);
  path = {};
}

// A far end on a link of ours is kept resolved like a next hop: its death is noticed
// without traffic.
void AdjacencyResolver::WatchFarEnd(const std::optional<NeighborKey>& key, bool watched) {
  if (!key) return;
  Neighbor& neighbor = Touch(*key);
  const bool before = neighbor.watched();
  neighbor.far_end = watched;
  if (neighbor.watched() != before) requests_.Push(NextHopWatch{key->interface, AddressOf(*key), watched});
  if (!watched) ForgetIfUnused(*key);
}

// What is not resolved yet is as good as up: packets wait there for the answer.
DownCause AdjacencyResolver::Judge(const net::Address& far_end, std::optional<NeighborKey>* connected) const {
  connected->reset();
  const GroupId group = far_end.is_v4() ? tables_.fib4.Lookup(0, far_end.v4().value)
                                        : tables_.fib6.Lookup(0, {far_end.v6().High(), far_end.v6().Low()});
  if (group == kNoGroup) return DownCause::kNoUnderlayRoute;
  if (group == tables_.groups.local()) return DownCause::kFarEndOurs;
  DownCause answer = DownCause::kNoUnderlayRoute;
  for (const BucketMember& member : tables_.groups.Members(group)) {
    const Adjacency& adjacency = *tables_.adjacencies.Describe(member.adjacency);
    if (adjacency.kind != AdjacencyKind::kNeighbor && adjacency.kind != AdjacencyKind::kGlean) continue;
    DownCause cause = liveness_[member.adjacency].cause;
    if (adjacency.kind == AdjacencyKind::kGlean && cause == DownCause::kNone) {
      *connected = NeighborKey::Of(adjacency.interface, far_end);
      const Neighbor* neighbor = Find(**connected);
      if (neighbor != nullptr && neighbor->failed()) cause = DownCause::kFarEndSilent;
    }
    if (cause == DownCause::kNone || cause == DownCause::kNeighborUnresolved) return DownCause::kNone;
    answer = cause == DownCause::kFarEndSilent ? cause : DownCause::kUnderlayDown;
  }
  return answer;
}

void AdjacencyResolver::Follow(RemoteId remote, Instant now) {
  UnderlayPath& path = paths_[remote];
  std::optional<NeighborKey> connected;
  const DownCause cause = Judge(tables_.tunnels.remotes.Of(remote), &connected);
  if (connected != path.connected) {
    WatchFarEnd(connected, true);
    WatchFarEnd(std::exchange(path.connected, connected), false);
  }
  if (std::exchange(path.cause, cause) == cause) return;
  for (AdjacencyId id = path.first; id != kNoAdjacency; id = path_links_[id].after) {
    const Adjacency adjacency = *tables_.adjacencies.Describe(id);
    SLUICE_CHECK(Refresh(id, adjacency, now).ok());
  }
}

bool AdjacencyResolver::FollowUnderlay(Instant now) {
  for (unsigned step = 0; step < kPathStep && paths_to_follow_ > 0; ++step) {
    --paths_to_follow_;
    followed_ = followed_ + 1 < paths_.size() ? followed_ + 1 : 0;
    if (paths_[followed_].first != kNoAdjacency) Follow(followed_, std::max(now, underlay_changed_));
  }
  return paths_to_follow_ > 0;
}

}  // namespace sluice::dataplane
