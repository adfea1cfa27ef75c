// Keeps every adjacency's rewrite and liveness up to date with what they derive
// from: the interface, the port's carrier and the neighbour, or of a tunnel the way
// to its far end. Each is a cause of its own for a next hop being down, with the
// time of its event.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/agent/port_state.h"
#include "dataplane/agent/scope_table.h"
#include "dataplane/agent/state_observer.h"
#include "dataplane/tables/tables.h"
#include "proto/channel/counters.h"

namespace sluice::dataplane {

enum class DownCause : uint8_t {
  kNone,  // live
  kInterfaceMissing,
  kInterfaceDown,
  kNoCarrier,
  kNeighborUnresolved,
  kNeighborFailed,
  // Of tunnels.
  kTunnelMissing,
  kTunnelDown,
  kHostTaken,        // another tunnel receives what the host sends
  kNoUnderlayRoute,  // or one that drops
  kUnderlayDown,     // of its next hops none is up
  kFarEndSilent,     // it is on a link of ours and does not answer there
  kFarEndOurs,
  kPeerSilent,  // there is a way, but the far end leaves probes unanswered
};
// "" while live, else words for operators; `far_end` is that of a tunnel's adjacency.
std::string Describe(DownCause cause, const net::Address& far_end);
const char* Describe(NeighborState state);

struct NeighborKeyHash {
  size_t operator()(const NeighborKey& key) const { return key.Hash(); }
};
net::Address AddressOf(const NeighborKey& key);

// Agent's thread only.
class AdjacencyResolver {
 public:
  struct Neighbor {
    // What the slow path said last.
    NeighborState state = NeighborState::kIncomplete;
    std::optional<net::MacAddress> learned;
    // What control said; it wins.
    std::optional<net::MacAddress> fixed;
    Owner fixed_owner;
    Instant confirmed{};  // last found reachable; Instant{}: never
    // The adjacency that glean packets find; kNoAdjacency while unresolved.
    AdjacencyId glean = kNoAdjacency;
    // Control's adjacencies to it.
    absl::InlinedVector<AdjacencyId, 1> watchers;
    bool far_end = false;  // tunnels end there

    const std::optional<net::MacAddress>& mac() const { return fixed ? fixed : learned; }
    bool failed() const { return !fixed && state == NeighborState::kFailed; }
    bool watched() const { return far_end || !watchers.empty(); }
  };
  struct Liveness {
    DownCause cause = DownCause::kNeighborUnresolved;
    Instant since{};
    VrfId vrf = 0;
    // kTunnel: the tunnel exists and takes what comes from the far end.
    bool entered = false;
  };
  using Neighbors = absl::flat_hash_map<NeighborKey, Neighbor, NeighborKeyHash>;

  // All must outlive the resolver; the observer may be null. `ports` is indexed
  // by PortId.
  AdjacencyResolver(Tables& tables, std::vector<PortState> ports, NeighborRequests& requests,
                    const channel::CounterOrigin& counters);
  void SetObserver(StateObserver* observer) { observer_ = observer; }
  // False: the slow path is behind, and what would add to its requests is to wait.
  bool slow_path_keeps_up() const { return requests_.HasRoom(); }

  // Creates or changes control's adjacency: kind, interface and next_hop of
  // `wanted`, and neighbor_mac of an overlay's; GRE's next hop is the tunnel's. The
  // interface must exist, and be of the kind's sort, where the kind has one.
  // kConflict, with its number: another tunnel has the host.
  WriteResult Put(AdjacencyId id, Adjacency wanted, Instant now);
  WriteResult Remove(AdjacencyId id);

  // The interface was put or removed; everything on it follows. A removed
  // interface loses its neighbours.
  void OnInterface(InterfaceId interface, Instant now);
  void OnInterfaceRemoved(InterfaceId interface, Instant now);
  // The tunnel was put; or is about to be withdrawn, and keeps no hosts.
  void OnTunnel(InterfaceId tunnel, Instant now);
  void LeaveTunnel(InterfaceId tunnel);
  // Routes, groups or our addresses in the underlay changed, at `when` if that is
  // known. Then call FollowUnderlay until it says false: it looks at a bounded number
  // of far ends each time.
  void OnUnderlay(Instant when = {}) {
    paths_to_follow_ = paths_.size();
    underlay_changed_ = std::max(underlay_changed_, when);
  }
  bool FollowUnderlay(Instant now);
  // What was learned of the path to a far end changed.
  void OnPathMtu(const net::Address& far_end, Instant now);
  // Whether a tunnel's far end answers probes. What is said of a tunnel that has none, or none
  // any more, is ignored.
  void OnPeer(const PeerReport& report, Instant now);
  // The tunnel's probe, or what it asks, is another from now on, or gone.
  void ForgetPeer(InterfaceId tunnel);
  // Since when a tunnel's far end has not answered; absent: it does, or is not asked.
  std::optional<Instant> SilentSince(InterfaceId tunnel) const;
  // `when` is the time of the event.
  void OnCarrier(PortId port, bool up, Instant when);
  void OnNeighbor(const NeighborUpdate& update, Instant now);
  // Takes out the neighbours that could not be while removals had no room. Call
  // about once a second.
  void RetryRemovals();

  // Control's static neighbour entries. The slow path is told.
  WriteResult PutFixed(InterfaceId interface, const net::Address& address, const net::MacAddress& mac,
                       Owner owner, Instant now);
  WriteResult RemoveFixed(InterfaceId interface, const net::Address& address, Instant now);

  const std::vector<PortState>& ports() const { return ports_; }
  // The interface's own MAC or its port's.
  net::MacAddress MacOf(const Interface& interface) const;
  // How many adjacencies of control name the interface.
  uint32_t UsersOf(InterfaceId interface) const { return users_[interface]; }
  // The VRF that adjacencies through the interface belong to, if there are any:
  // it may not change under them, whether the interface exists or not.
  std::optional<VrfId> VrfOf(InterfaceId interface) const;
  const Liveness& LivenessOf(AdjacencyId id) const { return liveness_[id]; }
  const Neighbors& neighbors() const { return neighbors_; }
  const Neighbor* Find(const NeighborKey& key) const;
  size_t NeighborsOn(InterfaceId interface) const { return neighbors_on_[interface].size(); }
  // Static entries of control on the interface.
  std::vector<net::Address> FixedOn(InterfaceId interface) const;
  template <class Visitor>
  void VisitFixedOwners(Visitor visitor) {
    for (auto& [key, neighbor] : neighbors_) visitor(neighbor.fixed_owner);
  }
  // Neighbours that were learned but not installed, at a limit.
  uint64_t refused_neighbors() const { return refused_neighbors_; }

 private:
  // Far ends looked at in one go: about a millisecond.
  static constexpr unsigned kPathStep = 1024;

  // The way to a far end, and whose it is: a host of a virtual network has a hundred
  // machines, and they come and go.
  struct UnderlayPath {
    DownCause cause = DownCause::kNoUnderlayRoute;
    std::optional<NeighborKey> connected;  // it is on this link: watched there
    AdjacencyId first = kNoAdjacency;      // that leads there; kNoAdjacency: the path is not used
  };
  // The others on the same path; of adjacencies that are on one.
  struct PathLinks {
    AdjacencyId before = kNoAdjacency;
    AdjacencyId after = kNoAdjacency;
  };

  Adjacency Derive(AdjacencyId id, const Adjacency& adjacency, DownCause* cause) const;
  DownCause CauseOf(const Adjacency& adjacency, const Interface& interface, Adjacency* derived) const;
  DownCause TunnelCauseOf(AdjacencyId id, const Adjacency& adjacency) const;
  // Largest inner packet, bytes: the interface's MTU, or what the path is known to carry.
  uint16_t TunnelMtuOf(const Interface& interface, const Adjacency& adjacency) const;
  WriteResult EnterTunnel(Adjacency* wanted, bool host);
  // An adjacency is on one path at a time.
  void LeavePath(AdjacencyId id, RemoteId remote);
  void EnterPath(AdjacencyId id, RemoteId remote);
  void Follow(RemoteId remote, Instant now);
  DownCause Judge(const net::Address& far_end, std::optional<NeighborKey>* connected) const;
  void WatchFarEnd(const std::optional<NeighborKey>& key, bool watched);
  // Publishes what changed; false when the table refused.
  WriteResult Refresh(AdjacencyId id, Adjacency adjacency, Instant when);
  void RefreshAll(InterfaceId interface, Instant when);
  // Ends what `before` took part in; `after` replaces it, if given.
  void Unwatch(AdjacencyId id, const Adjacency& before, const Adjacency* after = nullptr);
  Neighbor& Touch(const NeighborKey& key);
  WriteResult Resolve(const NeighborKey& key, Neighbor& neighbor, Instant when);
  WriteResult InstallGlean(const NeighborKey& key, Neighbor& neighbor, Instant when);
  void RemoveGlean(const NeighborKey& key, Neighbor& neighbor);
  void ForgetIfUnused(const NeighborKey& key);
  void Notify(const NeighborKey& key) const {
    if (observer_ != nullptr) observer_->OnNeighbor(key);
  }

  Tables& tables_;
  std::vector<PortState> ports_;
  NeighborRequests& requests_;
  const channel::CounterOrigin& counters_;
  StateObserver* observer_ = nullptr;
  Neighbors neighbors_;
  std::vector<absl::flat_hash_set<AdjacencyId>> on_interface_;  // adjacencies, control's and learned
  std::vector<absl::flat_hash_set<NeighborKey, NeighborKeyHash>> neighbors_on_;
  std::vector<uint32_t> users_;
  std::vector<uint32_t> neighbors_in_vrf_;  // installed for glean
  std::vector<Liveness> liveness_;          // by adjacency
  // Their glean adjacency is to go and could not yet.
  absl::flat_hash_set<NeighborKey, NeighborKeyHash> removals_put_off_;
  std::vector<UnderlayPath> paths_{1};                      // by far end
  std::vector<PathLinks> path_links_;                       // by adjacency
  absl::flat_hash_map<InterfaceId, Instant> silent_peers_;  // of tunnels, with their last sign of life
  RemoteId followed_ = kNoRemote;                           // the last one
  size_t paths_to_follow_ = 0;
  Instant underlay_changed_{};
  uint64_t refused_neighbors_ = 0;
};

}  // namespace sluice::dataplane
