// Objects that a table unlinked wait here until no reader can hold them any
// more. One FIFO for all tables, with a named limit (kPendingRemovals).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "dataplane/tables/reclaimer.h"

namespace sluice::dataplane {

// The writer's thread only. Never waits.
class Retirement {
 public:
  // `reclaimer` must outlive this object.
  Retirement(Reclaimer& reclaimer, uint32_t pending_max) : reclaimer_(reclaimer), pending_max_(pending_max) {}

  // At the limit a table refuses removals and replacements until Reclaim() made room.
  bool full() { return turn_says_.has_value() ? *turn_says_ : IsFull(); }

  // While one lives, full() says what it said at its beginning: a change of several
  // steps that was begun is not refused half way, because an earlier step of it took
  // the last place. The limit may be exceeded by the steps of one change.
  class Turn {
   public:
    explicit Turn(Retirement& retirement)
        : retirement_(retirement), outer_(retirement.turn_says_.has_value()) {
      if (!outer_) retirement.turn_says_ = retirement.IsFull();
    }
    ~Turn() {
      if (!outer_) retirement_.turn_says_.reset();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Retirement& retirement_;
    const bool outer_;
  };

  uint32_t pending_max() const { return pending_max_; }
  uint64_t pending() const { return waiting_.size(); }

  // `release` runs once every reader was quiescent after this call.
  void Retire(std::function<void()> release) { waiting_.push_back({reclaimer_.Token(), std::move(release)}); }

  // Releases what no reader holds; the agent calls it when idle.
  void Reclaim() {
    while (!waiting_.empty() && reclaimer_.Passed(waiting_.front().token)) PopAndRelease();
  }

  // At the end, when no reader is left.
  void ReleaseAll() {
    while (!waiting_.empty()) PopAndRelease();
  }

 private:
  struct Waiting {
    uint64_t token;
    std::function<void()> release;
  };

  bool IsFull() {
    if (waiting_.size() >= pending_max_) Reclaim();
    return waiting_.size() >= pending_max_;
  }

  // Popped first: a release may retire something else.
  void PopAndRelease() {
    const auto release = std::move(waiting_.front().release);
    waiting_.pop_front();
    release();
  }

  Reclaimer& reclaimer_;
  const uint32_t pending_max_;
  std::optional<bool> turn_says_;
  std::deque<Waiting> waiting_;
};

}  // namespace sluice::dataplane
