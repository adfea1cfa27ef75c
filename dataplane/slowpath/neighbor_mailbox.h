// The agent's requests to the slow path: a queue between two threads, of which
// neither waits for the other. What a newer request supersedes is not kept, so its
// length follows the objects that changed, not how often they did.
#pragma once

#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"

namespace sluice::dataplane {

class NeighborMailbox final : public NeighborRequests {
 public:
  using Request = std::variant<InterfaceChange, NextHopWatch, StaticNeighbor, PeerWatch>;
  // With so many the agent takes no further records of control; what it has begun may
  // still add a batch's worth.
  static constexpr size_t kRequestsMax = 65536;

  // Agent's thread.
  void Push(const InterfaceChange& change) override {
    const bool gone = change.removed || !change.up;
    const std::lock_guard lock(mutex_);
    Forget({Subject::kInterface, change.interface, {}});
    // An interface that went and came lost its neighbours on the way: both are told.
    if (gone) Forget({Subject::kInterfaceGone, change.interface, {}});
    Add({gone ? Subject::kInterfaceGone : Subject::kInterface, change.interface, {}}, change);
  }
  void Push(const NextHopWatch& watch) override {
    const std::lock_guard lock(mutex_);
    Add({Subject::kNextHop, watch.interface, watch.address}, watch);
  }
  void Push(const StaticNeighbor& entry) override {
    const std::lock_guard lock(mutex_);
    Add({Subject::kStatic, entry.interface, entry.address}, entry);
  }
  void Push(const PeerWatch& watch) override {
    const std::lock_guard lock(mutex_);
    Add({Subject::kPeer, watch.interface, {}}, watch);
  }
  bool HasRoom() const override {
    const std::lock_guard lock(mutex_);
    return requests_.size() < kRequestsMax;
  }

  // Slow path's thread: everything so far, each where its newest form was pushed.
  std::vector<Request> TakeAll() {
    const std::lock_guard lock(mutex_);
    places_.clear();
    std::vector<Request> taken(std::move_iterator(requests_.begin()), std::move_iterator(requests_.end()));
    requests_.clear();
    return taken;
  }

 private:
  enum class Subject : uint8_t { kInterfaceGone, kInterface, kNextHop, kStatic, kPeer };
  using Key = std::tuple<Subject, InterfaceId, net::Address>;

  void Forget(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    requests_.erase(found->second);
    places_.erase(found);
  }
  void Add(const Key& key, Request request) {
    Forget(key);
    places_[key] = requests_.insert(requests_.end(), std::move(request));
  }

  mutable std::mutex mutex_;
  std::list<Request> requests_;
  std::map<Key, std::list<Request>::iterator> places_;
};

}  // namespace sluice::dataplane
