// Route updates: limits, the RIB's record, and the change of the lookup trie.
#include "dataplane/tables/fib/fib.h"

#include <absl/strings/str_format.h>

#include <algorithm>

#include "proto/net/check.h"

namespace sluice::dataplane {

using fib::BlockRef;
using fib::kStride;
using fib::RibNode;
using fib::Word;

namespace {

// What an update frees in passing: more than it retires on average, and few
// enough to keep its time short after a change of thousands of blocks.
constexpr unsigned kReclaimPerUpdate = 256;

absl::Status Exhausted(const char* scope, const char* family, const char* limit, uint64_t value) {
  return absl::ResourceExhaustedError(
      absl::StrFormat("limit %s.%s.%s (%d) reached", scope, family, limit, value));
}

}  // namespace

template <class Family>
Fib<Family>::Fib(FibPool<Family>& pool, FibViews<Family>& views, uint16_t vrf, uint64_t routes_max)
    : pool_(pool), view_(views.views_[vrf]), routes_max_(routes_max) {
  SLUICE_CHECK(vrf < views.vrf_count());
  SLUICE_CHECK(view_.root.load(std::memory_order_relaxed) == 0 &&
               view_.default_group.load(std::memory_order_relaxed) == 0);
}

template <class Family>
absl::Status Fib<Family>::Validate(const Address& address, uint8_t length, NextHopGroupId group) const {
  if (length > Family::kBits)
    return absl::InvalidArgumentError(absl::StrFormat("prefix length %d, at most %d", length, Family::kBits));
  if (Family::Masked(address, length) != address)
    return absl::InvalidArgumentError(absl::StrFormat("prefix has bits set beyond its length %d", length));
  if (group == 0 || group > kNextHopGroupIdMax)
    return absl::InvalidArgumentError(
        absl::StrFormat("next-hop group %d, must be 1 to %d", group, kNextHopGroupIdMax));
  return absl::OkStatus();
}

// Is there room for one more route, as far as that is known before building it?
template <class Family>
absl::Status Fib<Family>::CheckRoom() const {
  const FibLimits& limits = pool_.limits_;
  if (route_count_ >= routes_max_) return Exhausted("vrf", Family::kName, "routes_max", routes_max_);
  if (pool_.route_count_ >= limits.routes_max)
    return Exhausted("fib", Family::kName, "routes_max", limits.routes_max);
  // At worst every node on the way opens a span of its own.
  const uint64_t rib_bytes_needed = (kDepthMax + 1) * fib::BlockArena::kSpanBytes;
  if (pool_.rib_.span_bytes() + rib_bytes_needed > limits.rib_bytes_max)
    return Exhausted("fib", Family::kName, "rib_bytes_max", limits.rib_bytes_max);
  return absl::OkStatus();
}

template <class Family>
void Fib<Family>::CountRoute(int change) {
  route_count_ += static_cast<uint64_t>(change);
  pool_.route_count_ += static_cast<uint64_t>(change);
}

template <class Family>
typename Fib<Family>::Path Fib<Family>::Descend(const Address& address, uint8_t length) const {
  Path path;
  path.target = (length - 1u) / kStride;
  path.length = length - path.target * kStride;
  path.slot = Family::Slot(address, path.target * kStride);
  path.known = 0;
  path.cover = 0;
  path.group = 0;
  path.tag = 0;
  for (BlockRef ref = rib_; ref != 0;) {
    const unsigned level = path.known++;
    path.nodes[level] = ref;
    auto* node = pool_.rib_.template At<RibNode>(ref);
    if (level == path.target) {
      node->Longest(path.slot, path.length - 1, &path.cover);
      if (const uint32_t* word = node->Find(path.length, path.slot)) {
        path.group = *word & fib::kGroupMask;
        path.tag = static_cast<uint8_t>(*word >> fib::kGroupBits);
      }
      break;
    }
    const unsigned slot = Family::Slot(address, level * kStride);
    node->Longest(slot, kStride, &path.cover);
    ref = node->HasChild(slot) ? node->Child(slot) : 0;
  }
  return path;
}

// Builds the trie's change that answers `group` where the path's prefix is the
// longest match.
template <class Family>
bool Fib<Family>::TryBuildChange(const Address& address, const Path& path, NextHopGroupId group,
                                 uint64_t limit_bytes, Word* root_word) {
  fib::TrieChange& change = pool_.change_;
  change.Begin(root_, limit_bytes);
  std::array<Word, kDepthMax> words;
  words[0] = root_word_;
  for (unsigned i = 0; i < path.target; ++i)
    words[i + 1] = SlotWord(pool_.lookup_, words[i], Family::Slot(address, i * kStride));

  const auto position = [&](unsigned depth) { return depth < 32 ? Family::Top(address, depth) : 0; };
  const bool exists = path.known > path.target;
  const auto* node = exists ? pool_.rib_.template At<RibNode>(path.nodes[path.target]) : nullptr;
  const uint64_t longer = exists ? node->CoveredByLonger(path.length) : 0;
  unsigned level = path.target;
  Word now = change.Paint(words[level], node, level * kStride, position(level * kStride),
                          fib::RangeOf(path.length, path.slot) & ~longer, fib::Leaf(group));
  while (level > 0 && now != words[level]) {
    --level;
    const unsigned depth = level * kStride;
    now = change.SetSlot(words[level], depth, position(depth), Family::Slot(address, depth), now);
  }
  *root_word = level == 0 ? now : root_word_;
  if (*root_word != root_word_) change.SetRoot(*root_word);
  if (!change.failed()) return true;
  change.Discard();
  return false;
}

template <class Family>
bool Fib<Family>::BuildChange(const Address& address, const Path& path, NextHopGroupId group,
                              uint64_t limit_bytes, Word* root_word) {
  if (TryBuildChange(address, path, group, limit_bytes, root_word)) return true;
  pool_.retired_.ReclaimAll();
  return TryBuildChange(address, path, group, limit_bytes, root_word);
}

template <class Family>
absl::Status Fib<Family>::SetDefault(NextHopGroupId group, uint8_t tag) {
  const bool exists = view_.default_group.load(std::memory_order_relaxed) != 0;
  if (!exists && group != 0) {
    if (absl::Status room = CheckRoom(); !room.ok()) return room;
    CountRoute(1);
  }
  if (!exists && group == 0) return absl::NotFoundError("no default route");
  if (exists && group == 0) CountRoute(-1);
  view_.default_group.store(group, std::memory_order_relaxed);
  default_tag_ = tag;
  return absl::OkStatus();
}

template <class Family>
absl::Status Fib<Family>::Add(const Address& address, uint8_t length, NextHopGroupId group, uint8_t tag) {
  if (absl::Status valid = Validate(address, length, group); !valid.ok()) return valid;
  if (length == 0) return SetDefault(group, tag);
  pool_.retired_.Reclaim(kReclaimPerUpdate);
  const Path path = Descend(address, length);
  if (path.group == group && path.tag == tag) return absl::OkStatus();
  if (path.group == 0) {
    if (absl::Status room = CheckRoom(); !room.ok()) return room;
  }
  const NextHopGroupId before = path.group != 0 ? path.group : path.cover;
  const uint64_t limit_bytes = pool_.limits_.lookup_bytes_max;
  if (before != group) {
    Word root_word;
    if (!EnsureRoot() || !BuildChange(address, path, group, limit_bytes, &root_word)) {
      absl::Status refused = Exhausted("fib", Family::kName, "lookup_bytes_max", limit_bytes);
      if (pool_.waiting_bytes() == 0) return refused;
      return absl::ResourceExhaustedError(
          absl::StrFormat("%s; %d bytes of it wait for readers", refused.message(), pool_.waiting_bytes()));
    }
    pool_.change_.Commit(&pool_.retired_);
    root_word_ = root_word;
  }
  if (path.group != 0) {
    *pool_.rib_.template At<RibNode>(path.nodes[path.target])->Find(path.length, path.slot) =
        fib::RouteWord(group, tag);
    return absl::OkStatus();
  }
  InsertInRib(address, path, fib::RouteWord(group, tag));
  CountRoute(1);
  ResizeRoot();
  return absl::OkStatus();
}

template <class Family>
absl::Status Fib<Family>::Remove(const Address& address, uint8_t length) {
  if (absl::Status valid = Validate(address, length, 1); !valid.ok()) return valid;
  if (length == 0) return SetDefault(0, 0);
  pool_.retired_.Reclaim(kReclaimPerUpdate);
  const Path path = Descend(address, length);
  if (path.group == 0) return absl::NotFoundError("no such route");
  if (path.group != path.cover) {
    Word root_word;
    if (!BuildChange(address, path, path.cover, ~uint64_t{0}, &root_word))
      return absl::ResourceExhaustedError(
          absl::StrFormat("fib.%s: readers hold %d bytes of removed routes, twice lookup_bytes_max is used",
                          Family::kName, pool_.waiting_bytes()));
    pool_.change_.Commit(&pool_.retired_);
    root_word_ = root_word;
  }
  EraseFromRib(address, path);
  CountRoute(-1);
  ResizeRoot();
  return absl::OkStatus();
}

// A node moved: its parent, or the root, must know.
template <class Family>
void Fib<Family>::SetNode(const Address& address, Path* path, unsigned level, BlockRef node) {
  path->nodes[level] = node;
  if (level == 0) {
    rib_ = node;
    return;
  }
  pool_.rib_.template At<RibNode>(path->nodes[level - 1])
      ->Child(Family::Slot(address, (level - 1) * kStride)) = node;
}

template <class Family>
void Fib<Family>::InsertInRib(const Address& address, Path path, uint32_t route_word) {
  fib::BlockArena& rib = pool_.rib_;
  for (unsigned level = path.known; level <= path.target; ++level) {
    path.nodes[level] = fib::NewRibNode(rib);
    if (level == 0) {
      rib_ = path.nodes[0];
      continue;
    }
    const unsigned slot = Family::Slot(address, (level - 1) * kStride);
    SetNode(address, &path, level - 1, AddChild(rib, path.nodes[level - 1], slot, path.nodes[level]));
  }
  const BlockRef node = AddPrefix(rib, path.nodes[path.target], path.length, path.slot, route_word);
  SetNode(address, &path, path.target, node);
}

template <class Family>
void Fib<Family>::EraseFromRib(const Address& address, Path path) {
  fib::BlockArena& rib = pool_.rib_;
  SetNode(address, &path, path.target, RemovePrefix(rib, path.nodes[path.target], path.length, path.slot));
  for (unsigned level = path.target; rib.At<RibNode>(path.nodes[level])->empty(); --level) {
    rib.Free(path.nodes[level]);
    if (level == 0) {
      rib_ = 0;
      return;
    }
    const unsigned slot = Family::Slot(address, (level - 1) * kStride);
    SetNode(address, &path, level - 1, RemoveChild(rib, path.nodes[level - 1], slot));
  }
}

template <class Family>
NextHopGroupId Fib<Family>::Find(const Address& address, uint8_t length) const {
  if (length > Family::kBits || Family::Masked(address, length) != address) return 0;
  if (length == 0) return view_.default_group.load(std::memory_order_relaxed);
  return Descend(address, length).group;
}

template <class Family>
uint8_t Fib<Family>::FindTag(const Address& address, uint8_t length) const {
  if (length > Family::kBits || Family::Masked(address, length) != address) return 0;
  return length == 0 ? default_tag_ : Descend(address, length).tag;
}

template <class Family>
std::optional<Route<Family>> Fib<Family>::LongestMatch(const Address& address) const {
  Route<Family> best{{}, 0, view_.default_group.load(std::memory_order_relaxed)};
  BlockRef ref = rib_;
  for (unsigned depth = 0; ref != 0; depth += kStride) {
    const auto* node = pool_.rib_.template At<RibNode>(ref);
    const unsigned slot = Family::Slot(address, depth);
    if (const unsigned length = node->Longest(slot, kStride, &best.group); length != 0)
      best.length = static_cast<uint8_t>(depth + length);
    ref = node->HasChild(slot) ? node->Child(slot) : 0;
  }
  if (best.group == 0) return std::nullopt;
  best.address = Family::Masked(address, best.length);
  return best;
}

template <class Family>
bool Fib<Family>::VisitNode(BlockRef ref, unsigned depth, const Address& base, const Route<Family>& first,
                            Visitor visitor) const {
  auto* node = pool_.rib_.template At<RibNode>(ref);
  for (unsigned slot = 0; slot < fib::kSlots; ++slot) {
    const Address here = Family::WithSlot(base, depth, slot);
    // All that is left of this slot and below sorts before `first`.
    if (Family::Masked(first.address, std::min(depth + kStride, Family::kBits)) > here) continue;
    for (unsigned length = 1; length <= kStride; ++length) {
      if ((slot & (fib::kSlots - 1) >> length) != 0) continue;
      const uint32_t* word = node->Find(length, slot);
      if (word == nullptr) continue;
      const auto bits = static_cast<uint8_t>(depth + length);
      if (here < first.address || (here == first.address && bits < first.length)) continue;
      const auto tag = static_cast<uint8_t>(*word >> fib::kGroupBits);
      if (!visitor({here, bits, *word & fib::kGroupMask, tag})) return false;
    }
    if (node->HasChild(slot) && !VisitNode(node->Child(slot), depth + kStride, here, first, visitor))
      return false;
  }
  return true;
}

template <class Family>
void Fib<Family>::VisitFrom(const Address& first, uint8_t first_length, Visitor visitor) const {
  const NextHopGroupId fallback = view_.default_group.load(std::memory_order_relaxed);
  if (fallback != 0 && first_length == 0 && first == Address{} && !visitor({{}, 0, fallback, default_tag_}))
    return;
  if (rib_ != 0) VisitNode(rib_, 0, {}, {first, first_length, 0, 0}, visitor);
}

template class Fib<fib::Ipv4>;
template class Fib<fib::Ipv6>;

}  // namespace sluice::dataplane
