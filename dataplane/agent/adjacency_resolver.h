// Keeps every adjacency's rewrite and liveness up to date with what they derive
// from: the interface, the port's carrier and the neighbour. Each of the three is
// a cause of its own for a next hop being down, with the time of its event.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
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
};
// "" while live, else words for operators.
const char* Describe(DownCause cause);
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

    const std::optional<net::MacAddress>& mac() const { return fixed ? fixed : learned; }
    bool failed() const { return !fixed && state == NeighborState::kFailed; }
  };
  struct Liveness {
    DownCause cause = DownCause::kNeighborUnresolved;
    Instant since{};
    VrfId vrf = 0;
  };
  using Neighbors = absl::flat_hash_map<NeighborKey, Neighbor, NeighborKeyHash>;

  // All must outlive the resolver; the observer may be null. `ports` is indexed
  // by PortId.
  AdjacencyResolver(Tables& tables, std::vector<PortState> ports, NeighborRequests& requests,
                    const channel::CounterOrigin& counters);
  void SetObserver(StateObserver* observer) { observer_ = observer; }
  // False: the slow path is behind, and what would add to its requests is to wait.
  bool slow_path_keeps_up() const { return requests_.HasRoom(); }

  // Creates or changes control's adjacency. The interface must exist where the
  // kind has one.
  WriteResult Put(AdjacencyId id, AdjacencyKind kind, InterfaceId interface, const net::Address& next_hop,
                  Instant now);
  WriteResult Remove(AdjacencyId id);

  // The interface was put or removed; everything on it follows. A removed
  // interface loses its neighbours.
  void OnInterface(InterfaceId interface, Instant now);
  void OnInterfaceRemoved(InterfaceId interface, Instant now);
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
  Adjacency Derive(const Adjacency& adjacency, DownCause* cause) const;
  // Publishes what changed; false when the table refused.
  WriteResult Refresh(AdjacencyId id, Adjacency adjacency, Instant when);
  void RefreshAll(InterfaceId interface, Instant when);
  void Unwatch(AdjacencyId id, const Adjacency& adjacency);
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
  uint64_t refused_neighbors_ = 0;
};

}  // namespace sluice::dataplane
