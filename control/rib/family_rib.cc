// Selection and the standing of routes: see the header.
#include "control/rib/family_rib.h"

#include <algorithm>
#include <tuple>

#include "proto/net/check.h"

namespace sluice::rib {

template <typename Key>
GroupId FamilyRib<Key>::InternedNextHops(const RouteInput& input) {
  // Large sets repeat the same next hops route after route.
  if (last_interned_ != kNoGroup && next_hops_.Is(last_interned_, vrf_, Key::kFamily, input.next_hops)) {
    next_hops_.Share(last_interned_);
    return last_interned_;
  }
  last_interned_ = next_hops_.Acquire(vrf_, Key::kFamily, input.next_hops, subnets_);
  return last_interned_;
}

// The common change of a virtual network. What was refused is stated anew, by a new list.
template <typename Key>
bool FamilyRib<Key>::MoveHost(const Key& key, const RouteInput& input, RouteSet set) {
  if (input.next_hops.size() != 1 || input.next_hops[0].mac.IsZero()) return false;
  RouteEntry* entry = table_.Find(key);
  if (entry == nullptr || entry->path_count != 1 || entry->chosen != entry->path.next_hops) return false;
  if (entry->state != RouteState::kProgrammed && entry->state != RouteState::kPending) return false;
  const Path wanted{entry->chosen, input.metric, input.path_id, input.distance, input.source, set, 0};
  if (!entry->path.SameIdentity(wanted) || !entry->path.SameContent(wanted)) return false;
  const bool same = next_hops_.next_hops(entry->chosen) == input.next_hops;
  if (!same && !next_hops_.MoveHost(entry->chosen, input.next_hops[0])) return false;
  entry->path.mark = marks_[static_cast<unsigned>(set)];
  if (!same) Changed(key, *entry);
  return true;
}

template <typename Key>
bool FamilyRib<Key>::Update(const RouteInput& input, RouteSet set) {
  const Key key = Key::Of(input.prefix);
  if (MoveHost(key, input, set)) return false;
  const uint8_t mark = marks_[static_cast<unsigned>(set)];
  const Path path{
      InternedNextHops(input), input.metric, input.path_id, input.distance, input.source, set, mark};
  const auto [entry, is_new] = table_.FindOrAdd(key);
  if (is_new) ++states_[static_cast<unsigned>(entry.state)];
  const std::span<Path> paths = table_.Paths(entry);
  const auto same =
      std::find_if(paths.begin(), paths.end(), [&](const Path& at) { return at.SameIdentity(path); });
  if (same != paths.end() && same->SameContent(path)) {
    same->mark = mark;
    next_hops_.Release(path.next_hops);
    return false;
  }
  bool connected_changed = ConnectedChanged(key, path.next_hops, true);
  if (same != paths.end()) {
    const GroupId old = same->next_hops;
    *same = path;
    connected_changed |= ConnectedChanged(key, old, false);
    Select(key, entry);
    next_hops_.Release(old);
  } else {
    table_.AddPath(entry, path);
    ++sources_[static_cast<unsigned>(path.source)].paths;
    Select(key, entry);
  }
  return connected_changed;
}

template <typename Key>
bool FamilyRib<Key>::Withdraw(const Key& key, Source source, uint32_t path_id, RouteSet set) {
  RouteEntry* entry = table_.Find(key);
  if (entry == nullptr) return false;
  const Path wanted{kNoGroup, 0, path_id, 0, source, set, 0};
  const std::span<Path> paths = table_.Paths(*entry);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (paths[i].SameIdentity(wanted)) return RemovePath(key, *entry, i);
  }
  return false;
}

template <typename Key>
bool FamilyRib<Key>::RemovePath(const Key& key, RouteEntry& entry, size_t index) {
  const Path path = table_.Paths(entry)[index];
  changes_.Append({key.ToPrefix(), path.source, path.path_id});
  table_.RemovePath(entry, index);
  --sources_[static_cast<unsigned>(path.source)].paths;
  const bool connected_changed = ConnectedChanged(key, path.next_hops, false);
  Select(key, entry);
  next_hops_.Release(path.next_hops);
  EraseIfDone(key, entry);
  return connected_changed;
}

template <typename Key>
bool FamilyRib<Key>::EndReplace(RouteSet set) {
  const uint8_t mark = marks_[static_cast<unsigned>(set)];
  std::vector<std::pair<Key, Path>> gone;
  table_.entries().ForEach([&](const Key& key, const RouteEntry& entry) {
    for (const Path& path : table_.Paths(entry)) {
      if (path.set == set && path.mark != mark) gone.push_back({key, path});
    }
  });
  bool connected_changed = false;
  for (const auto& [key, path] : gone) {
    connected_changed |= Withdraw(key, path.source, path.path_id, set);
  }
  return connected_changed;
}

template <typename Key>
bool FamilyRib<Key>::WithdrawAll() {
  std::vector<Key> keys;
  keys.reserve(table_.size());
  table_.entries().ForEach([&](const Key& key, const RouteEntry&) { keys.push_back(key); });
  bool connected_changed = false;
  for (const Key& key : keys) {
    // RemovePath erases the entry when it was the last path and nothing was sent.
    for (RouteEntry* entry = table_.Find(key); entry != nullptr && entry->path_count > 0;
         entry = table_.Find(key)) {
      connected_changed |= RemovePath(key, *entry, entry->path_count - 1u);
    }
  }
  return connected_changed;
}

template <typename Key>
void FamilyRib<Key>::SelectAgain(const absl::flat_hash_set<GroupId>& flipped) {
  table_.entries().ForEach([&](const Key& key, RouteEntry& entry) {
    const std::span<const Path> paths = table_.Paths(entry);
    const bool concerned = std::any_of(paths.begin(), paths.end(),
                                       [&](const Path& path) { return flipped.contains(path.next_hops); });
    if (concerned) Select(key, entry);
  });
}

// A path straight onto an interface makes its prefix a subnet through which
// other next hops resolve.
template <typename Key>
bool FamilyRib<Key>::ConnectedChanged(const Key& key, GroupId next_hops, bool added) {
  bool changed = false;
  for (const NextHop& hop : next_hops_.next_hops(next_hops)) {
    if (hop.address || hop.interface == 0) continue;
    changed = true;
    if (added) {
      subnets_.Add(key.ToPrefix(), hop.interface);
    } else {
      subnets_.Remove(key.ToPrefix(), hop.interface);
    }
  }
  return changed;
}

template <typename Key>
Cost FamilyRib<Key>::BestOf(const RouteEntry& entry) const {
  return BestCost(table_.Paths(entry),
                  [this](const Path& path) { return next_hops_.Usable(path.next_hops); });
}

// Returns the list to use with one hold for the entry.
template <typename Key>
GroupId FamilyRib<Key>::Choose(const RouteEntry& entry, const Cost& best) {
  GroupId only = kNoGroup;
  for (const Path& path : table_.Paths(entry)) {
    if (!best.IsThatOf(path) || !next_hops_.Usable(path.next_hops) || path.next_hops == only) continue;
    if (only != kNoGroup) return Merged(entry, best);
    only = path.next_hops;
  }
  if (only != kNoGroup) next_hops_.Hold(only);
  return only;
}

template <typename Key>
GroupId FamilyRib<Key>::Merged(const RouteEntry& entry, const Cost& best) {
  NextHops all;
  for (const Path& path : table_.Paths(entry)) {
    if (!best.IsThatOf(path) || !next_hops_.Usable(path.next_hops)) continue;
    const NextHops& more = next_hops_.next_hops(path.next_hops);
    // A discarding path beside forwarding ones of equal cost adds nothing.
    all.insert(all.end(), more.begin(), more.end());
  }
  // The same set in another order is the same group.
  std::sort(all.begin(), all.end(), [](const NextHop& a, const NextHop& b) {
    return std::tie(a.interface, a.address, a.mac, a.weight) <
           std::tie(b.interface, b.address, b.mac, b.weight);
  });
  return next_hops_.Acquire(vrf_, Key::kFamily, all, subnets_);
}

template <typename Key>
void FamilyRib<Key>::Select(const Key& key, RouteEntry& entry) {
  const GroupId old = entry.chosen;
  const Cost best = BestOf(entry);
  const GroupId chosen = Choose(entry, best);
  Changed(key, entry);
  if (chosen == old) {
    if (chosen != kNoGroup) next_hops_.Release(chosen);
    return;
  }
  if (chosen != kNoGroup) {
    next_hops_.Want(chosen);
  }
  entry.chosen = chosen;
  if (chosen == kNoGroup && entry.sent == kNoGroup) {
    SetState(key, entry, RouteState::kUnresolved);
  } else {
    const bool removing = entry.path_count == 0;
    SetState(key, entry, removing ? RouteState::kRemoving : RouteState::kPending);
    Queue(key, entry);
  }
  if (old != kNoGroup) {
    next_hops_.Unwant(old);
    next_hops_.Release(old);
  }
}

template <typename Key>
void FamilyRib<Key>::SetState(const Key& key, RouteEntry& entry, RouteState state) {
  if (entry.state == RouteState::kProgrammed) --sources_[entry.best_source].programmed;
  --states_[static_cast<unsigned>(entry.state)];
  const bool shown = entry.state == RouteState::kProgrammed || state == RouteState::kProgrammed;
  entry.state = state;
  ++states_[static_cast<unsigned>(entry.state)];
  if (state == RouteState::kProgrammed) {
    const Cost best = BestOf(entry);
    for (const Path& path : table_.Paths(entry)) {
      if (best.IsThatOf(path)) entry.best_source = static_cast<uint8_t>(path.source) & 7;
    }
    ++sources_[entry.best_source].programmed;
  }
  if (state != RouteState::kRefused) entry.refusal = 0;
  if (shown) Changed(key, entry);
}

template <typename Key>
void FamilyRib<Key>::SetSent(RouteEntry& entry, GroupId group) {
  if (entry.sent != kNoGroup) --installed_;
  if (entry.sent != kNoGroup && entry.sent != kUnknownGroup) next_hops_.AddSent(entry.sent, -1);
  entry.sent = group;
  if (entry.sent != kNoGroup) ++installed_;
  if (entry.sent != kNoGroup && entry.sent != kUnknownGroup) next_hops_.AddSent(entry.sent, +1);
}

template <typename Key>
void FamilyRib<Key>::Queue(const Key& key, RouteEntry& entry) {
  if (entry.queued) return;
  entry.queued = true;
  queue_.push_back(key);
}

template <typename Key>
std::optional<RouteUpdate> FamilyRib<Key>::NextToSend() {
  while (!queue_.empty()) {
    RouteEntry* entry = table_.Find(queue_.front());
    if (entry != nullptr && entry->queued) {
      // What lost its last way before it was sent is not there to be deleted.
      if (entry->chosen != kNoGroup || entry->sent != kNoGroup)
        return RouteUpdate{vrf_, queue_.front().ToPrefix(), entry->chosen};
      entry->queued = false;
    }
    queue_.pop_front();
  }
  return std::nullopt;
}

template <typename Key>
void FamilyRib<Key>::Sent() {
  RouteEntry* entry = table_.Find(queue_.front());
  SLUICE_CHECK(entry != nullptr && entry->queued);
  queue_.pop_front();
  entry->queued = false;
  SetSent(*entry, entry->chosen);
}

template <typename Key>
void FamilyRib<Key>::Park(RefusalCode reason) {
  const Key key = queue_.front();
  RouteEntry* entry = table_.Find(key);
  SLUICE_CHECK(entry != nullptr && entry->queued);
  queue_.pop_front();
  entry->queued = false;
  SetState(key, *entry, RouteState::kRefused);
  entry->refusal = reason;
  parked_.push_back(key);
}

template <typename Key>
void FamilyRib<Key>::Unpark() {
  for (const Key& key : parked_) {
    RouteEntry* entry = table_.Find(key);
    if (entry == nullptr || entry->state != RouteState::kRefused) continue;
    SetState(key, *entry, RouteState::kPending);
    Queue(key, *entry);
  }
  parked_.clear();
}

template <typename Key>
size_t FamilyRib<Key>::RetryRefused(size_t count) {
  size_t queued = 0;
  while (!refused_.empty() && queued < count) {
    const Key key = refused_.back();
    refused_.pop_back();
    RouteEntry* entry = table_.Find(key);
    if (entry == nullptr || entry->state != RouteState::kRefused) continue;
    SetState(key, *entry, RouteState::kPending);
    Queue(key, *entry);
    ++queued;
  }
  return queued;
}

template <typename Key>
void FamilyRib<Key>::Acknowledge(const Key& key, GroupId group) {
  RouteEntry* entry = table_.Find(key);
  if (entry == nullptr || entry->queued || entry->chosen != group || entry->sent != group) return;
  if (group != kNoGroup) {
    SetState(key, *entry, RouteState::kProgrammed);
    return;
  }
  SetState(key, *entry, RouteState::kUnresolved);
  EraseIfDone(key, *entry);
}

template <typename Key>
void FamilyRib<Key>::Refuse(const Key& key, GroupId group, RefusalCode code) {
  RouteEntry* entry = table_.Find(key);
  if (entry == nullptr || entry->queued || entry->chosen != group || entry->sent != group) return;
  if (group == kNoGroup) {
    // There was nothing to delete.
    Acknowledge(key, group);
    return;
  }
  SetSent(*entry, kUnknownGroup);
  SetState(key, *entry, RouteState::kRefused);
  entry->refusal = code;
  refused_.push_back(key);
}

template <typename Key>
void FamilyRib<Key>::ForgetInstalled() {
  std::vector<Key> gone;
  refused_.clear();
  parked_.clear();
  table_.entries().ForEach([&](const Key& key, RouteEntry& entry) {
    entry.sent = kNoGroup;
    if (entry.chosen != kNoGroup) {
      SetState(key, entry, RouteState::kPending);
      Queue(key, entry);
      return;
    }
    SetState(key, entry, RouteState::kUnresolved);
    entry.queued = false;
    if (entry.path_count == 0) gone.push_back(key);
  });
  installed_ = 0;
  for (const Key& key : gone) EraseIfDone(key, *table_.Find(key));
}

template <typename Key>
std::vector<PathView> FamilyRib<Key>::Paths(const Key& key) const {
  std::vector<PathView> views;
  const RouteEntry* entry = table_.Find(key);
  if (entry == nullptr) return views;
  const Cost best = BestOf(*entry);
  for (const Path& path : table_.Paths(*entry)) views.push_back(View(key, *entry, path, best));
  return views;
}

template <typename Key>
std::optional<RefusalCode> FamilyRib<Key>::RefusalOf(const Key& key) const {
  const RouteEntry* entry = table_.Find(key);
  if (entry == nullptr || entry->state != RouteState::kRefused) return std::nullopt;
  return entry->refusal;
}

template <typename Key>
std::optional<Key> FamilyRib<Key>::LongestMatch(const net::Address& address) const {
  const auto* found =
      table_.LongestMatch(address, [](const RouteEntry& entry) { return entry.chosen != kNoGroup; });
  if (found == nullptr) return std::nullopt;
  return found->first;
}

template <typename Key>
std::optional<Key> FamilyRib<Key>::Page(const Key& from, size_t limit, std::vector<PathView>& out) const {
  size_t count = 0;
  return table_.entries().InOrder(from, [&](const Key& key) {
    if (count >= limit) return false;
    for (PathView& view : Paths(key)) {
      out.push_back(std::move(view));
      ++count;
    }
    return true;
  });
}

template <typename Key>
PathView FamilyRib<Key>::View(const Key& key, const RouteEntry& entry, const Path& path,
                              const Cost& best) const {
  PathView view{key.ToPrefix(), path.source, path.set, path.path_id, path.distance, path.metric};
  view.next_hops = next_hops_.next_hops(path.next_hops);
  for (NextHop& hop : view.next_hops) {
    if (!hop.address || hop.interface != 0) continue;
    hop.interface = subnets_.InterfaceOf(*hop.address).value_or(0);
  }
  view.usable = next_hops_.Usable(path.next_hops);
  view.best = view.usable && best.IsThatOf(path);
  for (size_t i = 0; view.best && i < view.next_hops.size(); ++i)
    if (next_hops_.IsUnused(entry.chosen, view.next_hops[i], subnets_))
      view.unused.push_back(static_cast<uint16_t>(i));
  view.state = entry.state;
  view.refusal = entry.refusal;
  return view;
}

template <typename Key>
void FamilyRib<Key>::EraseIfDone(const Key& key, RouteEntry& entry) {
  if (entry.path_count > 0 || entry.sent != kNoGroup || entry.state == RouteState::kRemoving) return;
  --states_[static_cast<unsigned>(entry.state)];
  table_.Erase(key);
}

template <typename Key>
void FamilyRib<Key>::Changed(const Key& key, const RouteEntry& entry) {
  if (!changes_.active()) return;
  for (const Path& path : table_.Paths(entry)) changes_.Append({key.ToPrefix(), path.source, path.path_id});
}

template class FamilyRib<Ipv4Key>;
template class FamilyRib<Ipv6Key>;

}  // namespace sluice::rib
