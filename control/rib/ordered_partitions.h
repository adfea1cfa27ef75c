// A hash map cut into ordered ranges of keys, for tables of a million entries on
// a thread that must not pause: no insertion moves more than one range (a single
// hash map rehashes the whole table, 75 ms at a million), and entries can be read
// in order by sorting one range at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/net/check.h"

namespace sluice::rib {

// Key is default constructible to its smallest value, ordered and hashable.
// Insertions invalidate references and iterators, erasures those to what they
// erase. One thread.
template <typename Key, typename Value>
class OrderedPartitions {
 public:
  using Map = absl::flat_hash_map<Key, Value>;
  using value_type = typename Map::value_type;
  // Entries of one range, at most: as many as an Abseil table of 4,095 slots
  // takes, twice. Splitting sorts that many keys, well below a millisecond.
  static constexpr size_t kRangeMax = 7168;

  OrderedPartitions() { ranges_.push_back({}); }

  value_type* Find(const Key& key) {
    Map& map = ranges_[RangeOf(key)].map;
    const auto at = map.find(key);
    return at == map.end() ? nullptr : &*at;
  }
  const value_type* Find(const Key& key) const { return const_cast<OrderedPartitions*>(this)->Find(key); }

  // Second: it was added.
  std::pair<Value&, bool> FindOrAdd(const Key& key) {
    size_t range = RangeOf(key);
    if (ranges_[range].map.size() >= kRangeMax && !ranges_[range].map.contains(key)) {
      Split(range);
      range = RangeOf(key);
    }
    const auto [at, is_new] = ranges_[range].map.try_emplace(key);
    size_ += is_new;
    return {at->second, is_new};
  }

  void Erase(const Key& key) {
    const size_t range = RangeOf(key);
    Map& map = ranges_[range].map;
    size_ -= map.erase(key);
    if (!map.empty()) return;
    map = {};
    // The first range has no neighbour below to take its keys.
    if (range > 0) ranges_.erase(ranges_.begin() + static_cast<std::ptrdiff_t>(range));
  }

  size_t size() const { return size_; }

  // Every entry, in no order within a range. `visit` neither adds nor erases.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (Range& range : ranges_) {
      for (auto& [key, value] : range.map) visit(key, value);
    }
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    const_cast<OrderedPartitions*>(this)->ForEach(
        [&](const Key& key, Value& value) { visit(key, std::as_const(value)); });
  }

  // Keys from `from` on, in order, until `take(key)` is false; returns the key it
  // refused, absent when all were taken.
  template <typename Take>
  std::optional<Key> InOrder(const Key& from, Take take) const {
    std::vector<Key> keys;
    for (size_t range = RangeOf(from); range < ranges_.size(); ++range) {
      keys.clear();
      for (const auto& [key, value] : ranges_[range].map) {
        if (!(key < from)) keys.push_back(key);
      }
      std::sort(keys.begin(), keys.end());
      for (const Key& key : keys) {
        if (!take(key)) return key;
      }
    }
    return std::nullopt;
  }

 private:
  struct Range {
    Key first{};  // keys from here to the next range's first
    Map map;
  };

  size_t RangeOf(const Key& key) const {
    const auto after =
        std::upper_bound(ranges_.begin(), ranges_.end(), key,
                         [](const Key& wanted, const Range& range) { return wanted < range.first; });
    return static_cast<size_t>(after - ranges_.begin()) - 1;
  }

  void Split(size_t at) {
    Map full = std::move(ranges_[at].map);
    std::vector<Key> keys;
    keys.reserve(full.size());
    for (const auto& [key, value] : full) keys.push_back(key);
    const auto middle = keys.begin() + static_cast<std::ptrdiff_t>(keys.size() / 2);
    std::nth_element(keys.begin(), middle, keys.end());
    const Key first_upper = *middle;
    Map lower;
    Map upper;
    lower.reserve(full.size() / 2);
    upper.reserve(full.size() / 2);
    for (auto& [key, value] : full) (key < first_upper ? lower : upper).emplace(key, std::move(value));
    ranges_[at].map = std::move(lower);
    ranges_.insert(ranges_.begin() + static_cast<std::ptrdiff_t>(at) + 1, {first_upper, std::move(upper)});
  }

  std::vector<Range> ranges_;  // never empty; the first one starts at the smallest key
  size_t size_ = 0;
};

}  // namespace sluice::rib
