// Who watches the dataplane's state: the agent notes the keys of what changed for
// each watcher, and the watcher asks for the present state of those keys. A slow
// watcher therefore costs a set of keys, never a queue that grows, and never
// misses the last state of anything.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/agent/state_observer.h"

namespace sluice::dataplane {

struct ChangedState {
  absl::flat_hash_set<AdjacencyId> adjacencies;
  absl::flat_hash_set<NeighborKey, NeighborKeyHash> neighbors;
  std::set<PortId> ports;
  std::set<InterfaceId> peers;  // of tunnels
  std::deque<DuplicateAddressReport> duplicates;

  bool empty() const {
    return adjacencies.empty() && neighbors.empty() && ports.empty() && peers.empty() && duplicates.empty();
  }
};

class StateWatcher {
 public:
  // Watcher's thread. Everything noted since the last call; waits for something
  // at most `timeout`.
  ChangedState Take(std::chrono::milliseconds timeout);
  // Any thread.
  template <class Noting>
  void Note(Noting noting) {
    {
      const std::lock_guard lock(mutex_);
      noting(changed_);
    }
    noted_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable noted_;
  ChangedState changed_;
};

class StateFeed final : public StateObserver {
 public:
  static constexpr size_t kWatchersMax = 16;
  static constexpr size_t kDuplicatesMax = 256;

  // Any thread. Null: too many watchers. Changes are noted from now until the
  // watcher is destroyed.
  std::shared_ptr<StateWatcher> Watch();

  // Agent's thread.
  void OnAdjacency(AdjacencyId adjacency) override;
  void OnNeighbor(const NeighborKey& neighbor) override;
  void OnCarrier(PortId port) override;
  void OnPeer(InterfaceId tunnel) override;
  void OnDuplicate(const DuplicateAddressReport& report);

 private:
  template <class Noting>
  void NoteAll(Noting noting);

  std::mutex mutex_;
  std::vector<std::weak_ptr<StateWatcher>> watchers_;
};

}  // namespace sluice::dataplane
