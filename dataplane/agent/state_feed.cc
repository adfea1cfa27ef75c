// Notes of changes for watchers.
#include "dataplane/agent/state_feed.h"

#include <utility>

namespace sluice::dataplane {

ChangedState StateWatcher::Take(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  noted_.wait_for(lock, timeout, [this] { return !changed_.empty(); });
  return std::exchange(changed_, {});
}

std::shared_ptr<StateWatcher> StateFeed::Watch() {
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const auto& watcher) { return watcher.expired(); });
  if (watchers_.size() >= kWatchersMax) return nullptr;
  auto watcher = std::make_shared<StateWatcher>();
  watchers_.push_back(watcher);
  return watcher;
}

template <class Noting>
void StateFeed::NoteAll(Noting noting) {
  const std::lock_guard lock(mutex_);
  for (const auto& weak : watchers_)
    if (const auto watcher = weak.lock()) watcher->Note(noting);
}

void StateFeed::OnAdjacency(AdjacencyId adjacency) {
  NoteAll([adjacency](ChangedState& changed) { changed.adjacencies.insert(adjacency); });
}

void StateFeed::OnNeighbor(const NeighborKey& neighbor) {
  NoteAll([&neighbor](ChangedState& changed) { changed.neighbors.insert(neighbor); });
}

void StateFeed::OnCarrier(PortId port) {
  NoteAll([port](ChangedState& changed) { changed.ports.insert(port); });
}

void StateFeed::OnPeer(InterfaceId tunnel) {
  NoteAll([tunnel](ChangedState& changed) { changed.peers.insert(tunnel); });
}

void StateFeed::OnDuplicate(const DuplicateAddressReport& report) {
  NoteAll([&report](ChangedState& changed) {
    if (changed.duplicates.size() == kDuplicatesMax) changed.duplicates.pop_front();
    changed.duplicates.push_back(report);
  });
}

}  // namespace sluice::dataplane
