// The agent's requests to the slow path: a queue between two threads, of which
// neither waits for the other.
#pragma once

#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"

namespace sluice::dataplane {

class NeighborMailbox final : public NeighborRequests {
 public:
  using Request = std::variant<InterfaceChange, NextHopWatch, StaticNeighbor>;

  // Agent's thread.
  void Push(const InterfaceChange& change) override { Add(change); }
  void Push(const NextHopWatch& watch) override { Add(watch); }
  void Push(const StaticNeighbor& entry) override { Add(entry); }

  // Slow path's thread: everything so far, in order.
  std::vector<Request> TakeAll() {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

 private:
  void Add(Request request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }

  std::mutex mutex_;
  std::vector<Request> requests_;
};

}  // namespace sluice::dataplane
