// The list of changed routes that watchers read at their own pace. Several
// changes of one route are one entry; a reader keeps nothing but a position, so
// a slow one blocks nobody: when it falls behind the limit it is told to start over.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sluice::rib {

template <typename Key>
class ChangeList {
 public:
  // Positions count from `first`: lists that follow one another take distant
  // ones, so that a reader of the old list is not mistaken for one of the new.
  explicit ChangeList(size_t entries_max, uint64_t first = 1) : entries_max_(entries_max), first_(first) {}

  // Nothing is kept before the first reader asks for a position.
  uint64_t Subscribe() {
    active_ = true;
    return End();
  }

  bool active() const { return active_; }

  void Append(const Key& key) {
    if (!active_) return;
    auto [at, is_new] = newest_.try_emplace(key, End());
    if (!is_new) {
      log_[at->second - first_].reset();
      at->second = End();
    }
    log_.push_back(key);
    while (log_.size() > entries_max_) DropOldest();
  }

  // Appends up to `count_max` changed keys to `out` and moves `position` on.
  // False: the position is of another time, read a snapshot from Subscribe() on.
  bool Read(uint64_t& position, size_t count_max, std::vector<Key>& out) const {
    if (!active_ || position < first_ || position > End()) return false;
    size_t count = 0;
    for (; position < End() && count < count_max; ++position) {
      const std::optional<Key>& at = log_[position - first_];
      if (!at) continue;
      out.push_back(*at);
      ++count;
    }
    return true;
  }

  uint64_t End() const { return first_ + log_.size(); }
  size_t size() const { return newest_.size(); }

 private:
  void DropOldest() {
    if (log_.front()) newest_.erase(*log_.front());
    log_.pop_front();
    ++first_;
  }

  const size_t entries_max_;
  bool active_ = false;
  uint64_t first_;  // position of log_.front()
  std::deque<std::optional<Key>> log_;
  absl::flat_hash_map<Key, uint64_t> newest_;
};

}  // namespace sluice::rib
