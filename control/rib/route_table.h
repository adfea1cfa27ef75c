// The prefixes of one (VRF, family) with their paths and what became of them in
// the dataplane. Storage only: the choice of paths is Rib's. Compact, because
// it holds a million prefixes: about 50 bytes each with one path.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "control/rib/ordered_partitions.h"
#include "control/rib/path.h"
#include "control/rib/prefix_key.h"
#include "proto/net/check.h"

namespace sluice::rib {

enum class RouteState : uint8_t {
  kUnresolved = 0,  // no path has a usable next hop
  kPending = 1,     // chosen, not acknowledged yet
  kProgrammed = 2,  // acknowledged
  kRefused = 3,     // the dataplane said why
  kRemoving = 4,    // without paths; leaves when the dataplane confirmed
};
inline constexpr unsigned kRouteStateCount = 5;

struct RouteEntry {
  Path path;                  // the only one, when path_count is 1
  uint32_t many_paths = 0;    // index of the list when there are several
  GroupId chosen = kNoGroup;  // what the dataplane should have
  GroupId sent = kNoGroup;    // what it was last told
  uint16_t path_count = 0;
  uint8_t refusal = 0;  // why it was refused, as the caller coded it
  RouteState state : 3 = RouteState::kUnresolved;
  bool queued : 1 = false;      // waits to be sent
  uint8_t best_source : 3 = 0;  // Source, while state is kProgrammed
};
static_assert(sizeof(RouteEntry) == 32);

template <typename Key>
class RouteTable {
 public:
  using Entries = OrderedPartitions<Key, RouteEntry>;

  RouteEntry* Find(const Key& key) {
    auto* found = entries_.Find(key);
    return found == nullptr ? nullptr : &found->second;
  }
  const RouteEntry* Find(const Key& key) const { return const_cast<RouteTable*>(this)->Find(key); }

  // Second: it was added.
  std::pair<RouteEntry&, bool> FindOrAdd(const Key& key) {
    const std::pair<RouteEntry&, bool> found = entries_.FindOrAdd(key);
    if (found.second && lengths_[key.length]++ == 0) SortLengths();
    return found;
  }
  // Only an entry without paths.
  void Erase(const Key& key) {
    entries_.Erase(key);
    if (--lengths_[key.length] == 0) SortLengths();
  }

  std::span<Path> Paths(RouteEntry& entry) {
    if (entry.path_count <= 1) return {&entry.path, entry.path_count};
    return lists_[entry.many_paths];
  }
  std::span<const Path> Paths(const RouteEntry& entry) const {
    return const_cast<RouteTable*>(this)->Paths(const_cast<RouteEntry&>(entry));
  }
  void AddPath(RouteEntry& entry, const Path& path);
  void RemovePath(RouteEntry& entry, size_t index);

  // The longest prefix that holds `address` and for which `accept(entry)`.
  template <typename Accept>
  const typename Entries::value_type* LongestMatch(const net::Address& address, Accept accept) const {
    for (const uint8_t length : present_lengths_) {
      const auto* found = entries_.Find(Key::Of(address, length));
      if (found != nullptr && accept(found->second)) return found;
    }
    return nullptr;
  }

  size_t size() const { return entries_.size(); }
  Entries& entries() { return entries_; }
  const Entries& entries() const { return entries_; }

 private:
  // Longest first, only those that occur: a lookup probes few lengths.
  void SortLengths() {
    present_lengths_.clear();
    for (unsigned length = Key::kBitLength + 1; length-- > 0;) {
      if (lengths_[length] > 0) present_lengths_.push_back(static_cast<uint8_t>(length));
    }
  }

  Entries entries_;
  std::vector<std::vector<Path>> lists_;
  std::vector<uint32_t> free_lists_;
  std::array<uint32_t, Key::kBitLength + 1> lengths_{};
  std::vector<uint8_t> present_lengths_;
};

template <typename Key>
void RouteTable<Key>::AddPath(RouteEntry& entry, const Path& path) {
  if (entry.path_count == 0) {
    entry.path = path;
  } else if (entry.path_count == 1) {
    if (free_lists_.empty()) {
      free_lists_.push_back(static_cast<uint32_t>(lists_.size()));
      lists_.emplace_back();
    }
    entry.many_paths = free_lists_.back();
    free_lists_.pop_back();
    lists_[entry.many_paths] = {entry.path, path};
  } else {
    lists_[entry.many_paths].push_back(path);
  }
  ++entry.path_count;
}

template <typename Key>
void RouteTable<Key>::RemovePath(RouteEntry& entry, size_t index) {
  SLUICE_CHECK(index < entry.path_count);
  if (entry.path_count >= 2) {
    std::vector<Path>& list = lists_[entry.many_paths];
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
    if (list.size() == 1) {
      entry.path = list.front();
      list = {};
      free_lists_.push_back(entry.many_paths);
    }
  }
  --entry.path_count;
}

}  // namespace sluice::rib
