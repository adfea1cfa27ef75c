// How the RIB and the lookup trie change together: repainting the slots of a
// node, growing and shrinking what hangs below one.
#include <algorithm>
#include <bit>

#include "dataplane/tables/fib/fib.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using fib::BlockRef;
using fib::kStride;
using fib::RibNode;
using fib::Slots;
using fib::Word;

namespace {

// A node with at most so many routes and no node below becomes a bucket. Fewer
// than a bucket holds, so that a flapping route does not do it every time.
constexpr unsigned kMergeRoutes = fib::kBucketRoutes / 2;

// At the last level a block of a word per address is smaller than a bucket of that many
// routes: 24 bytes in place of 40 for each four neighbouring hosts.
template <class Family>
bool IsDense(unsigned depth, unsigned routes) {
  return depth + kStride >= Family::kBits && routes > kMergeRoutes;
}

// The first bits of the address where root tables need them.
template <class Family>
uint64_t Position(const typename Family::Address& address, unsigned depth) {
  return depth < 32 ? Family::Top(address, depth) : 0;
}

unsigned PrefixCount(const RibNode& node) {
  return static_cast<unsigned>(std::popcount(node.upper) + std::popcount(node.last));
}

}  // namespace

// Builds aside; on a refusal frees what readers let go and tries once more.
template <class Family>
bool Fib<Family>::Attempt(uint64_t limit_bytes, absl::FunctionRef<void(fib::TrieChange&)> build) {
  fib::TrieChange& change = pool_.change_;
  for (int i = 0; i < 2; ++i) {
    change.Begin(root_, limit_bytes);
    build(change);
    if (!change.failed()) {
      change.Commit(&pool_.retired_);
      return true;
    }
    change.Discard();
    pool_.retired_.ReclaimAll();
  }
  return false;
}

// `now` replaces the word at `level` of the path; returns the root word that
// results.
template <class Family>
Word Fib<Family>::Propagate(const Address& address, const Path& path, unsigned level, Word now) {
  fib::TrieChange& change = pool_.change_;
  while (level > 0 && now != path.words[level]) {
    --level;
    const unsigned depth = level * kStride;
    const unsigned slot = Family::Slot(address, depth);
    now = change.SetSlot(path.words[level], depth, Position<Family>(address, depth), slot, now);
  }
  if (level > 0) return root_word_;
  if (now != root_word_) change.SetRoot(now);
  return now;
}

// Publishes `group` where the path's prefix, which belongs to an existing node,
// is the longest match.
template <class Family>
bool Fib<Family>::Repaint(const Address& address, const Path& path, NextHopGroupId group,
                          uint64_t limit_bytes) {
  // Also when the tag alone changes, which therefore needs no memory.
  if ((path.group != 0 ? path.group : path.cover) == group) return true;
  const auto* node = pool_.rib_.template At<RibNode>(path.nodes[path.target]);
  const uint64_t mask = fib::RangeOf(path.length, path.slot) & ~node->CoveredByLonger(path.length);
  const unsigned depth = path.target * kStride;
  Word root_word = root_word_;
  const bool done = Attempt(limit_bytes, [&](fib::TrieChange& change) {
    const Word now = change.Paint(path.words[path.target], node, depth, Position<Family>(address, depth),
                                  mask, fib::Leaf(group));
    root_word = Propagate(address, path, path.target, now);
  });
  if (done) root_word_ = root_word;
  return done;
}

// Publishes `routes` as all that is below the path's first `level` nodes, in
// place of a leaf, a bucket or a node without nodes below.
template <class Family>
bool Fib<Family>::Regrow(const Address& address, const Path& path, unsigned level, const Routes& routes,
                         uint64_t limit_bytes) {
  Subtree subtree{};
  Word root_word = root_word_;
  const bool done = Attempt(limit_bytes, [&](fib::TrieChange&) {
    FreeRib(subtree.rib);
    DropBelow(path.words[level]);
    subtree = Build(level * kStride, routes, fib::Leaf(path.inherited[level]));
    root_word = Propagate(address, path, level, subtree.word);
  });
  if (!done) {
    FreeRib(subtree.rib);
    return false;
  }
  root_word_ = root_word;
  if (level < path.known) UnlinkNode(address, path, level);
  if (subtree.rib != 0) LinkNode(address, path, level, subtree.rib);
  return true;
}

template <class Family>
void Fib<Family>::DropBelow(Word word) {
  if (fib::IsLeaf(word)) return;
  pool_.change_.Drop(fib::RefOf(word));
  if (fib::IsBucket(word)) return;
  const auto* block = pool_.lookup_.template At<fib::TrieBlock>(word);
  for (unsigned run = 0; run < block->run_count(); ++run) DropBelow(block->words()[run]);
}

template <class Family>
Word Fib<Family>::BuildBucket(unsigned depth, const Routes& routes, Word cover) {
  const BlockRef ref = pool_.change_.NewBlock(Bucket::Bytes(routes.count()));
  if (ref == 0) return cover;  // never published
  routes.Write(pool_.lookup_.template At<Bucket>(ref), depth, cover);
  return fib::kBucket | ref;
}

// The smallest subtree at `depth` for routes that share the bits above it.
template <class Family>
typename Fib<Family>::Subtree Fib<Family>::Build(unsigned depth, const Routes& routes, Word cover) {
  if (routes.count() == 0) return {0, cover};
  if (depth >= bucket_depth_min_ && routes.Fit(depth) && !IsDense<Family>(depth, routes.count()))
    return {0, BuildBucket(depth, routes, cover)};
  BlockRef node = NewRibNode(pool_.rib_);
  Slots slots;
  slots.fill(cover);
  uint64_t below = 0;  // slots with longer routes
  for (const auto& route : routes) {
    const unsigned slot = Family::Slot(route.address, depth);
    if (route.length > depth + kStride) {
      below |= uint64_t{1} << slot;
      continue;
    }
    const unsigned length = route.length - depth;
    node = AddPrefix(pool_.rib_, node, length, slot, route.word);
    std::fill_n(slots.begin() + slot, fib::kSlots >> length, fib::Leaf(fib::GroupOf(route.word)));
  }
  for (; below != 0; below &= below - 1) {
    const auto slot = static_cast<unsigned>(std::countr_zero(below));
    Routes inside;
    for (const auto& route : routes)
      if (route.length > depth + kStride && Family::Slot(route.address, depth) == slot) inside.Insert(route);
    const Subtree child = Build(depth + kStride, inside, slots[slot]);
    slots[slot] = child.word;
    if (child.rib != 0) node = AddChild(pool_.rib_, node, slot, child.rib);
  }
  const uint64_t position = Position<Family>(routes.begin()->address, depth);
  return {node, pool_.change_.NewNode(cover, depth, position, slots)};
}

// Could a bucket, or nothing, take the node's place?
template <class Family>
bool Fib<Family>::IsSparse(BlockRef ref) const {
  const auto* node = pool_.rib_.template At<RibNode>(ref);
  return node->children == 0 && PrefixCount(*node) <= kMergeRoutes;
}

// The routes at and below the path's node at `level`; false if they are too many
// for a bucket, or do not fit one.
template <class Family>
bool Fib<Family>::Collect(const Address& address, const Path& path, unsigned level, Routes* routes) const {
  if (!IsSparse(path.nodes[level])) return false;
  auto* node = pool_.rib_.template At<RibNode>(path.nodes[level]);
  const unsigned depth = level * kStride;
  const Address base = Family::Masked(address, depth);
  unsigned count = PrefixCount(*node);
  Slots slots;
  Expand(pool_.lookup_, path.words[level], &slots);
  for (unsigned slot = 0; slot < fib::kSlots; ++slot) {
    if (!fib::IsBucket(slots[slot])) continue;
    count += BucketAt(slots[slot])->count();
    if (count > kMergeRoutes) return false;
    routes->InsertAll(*BucketAt(slots[slot]), Family::WithSlot(base, depth, slot), depth + kStride);
  }
  if (PrefixCount(*node) > 0) {
    for (unsigned slot = 0; slot < fib::kSlots; ++slot)
      for (unsigned length = 1; length <= kStride; ++length)
        if ((slot & (fib::kSlots - 1) >> length) == 0)
          if (const uint32_t* word = node->Find(length, slot))
            routes->Insert({Family::WithSlot(base, depth, slot), depth + length, *word});
  }
  return routes->count() == 0 || (depth >= bucket_depth_min_ && routes->Fit(depth));
}

// After a removal: nodes on the way that hold next to nothing become buckets or
// go. Without room they stay as they are, which is correct too.
template <class Family>
void Fib<Family>::Shrink(const Address& address, uint8_t length) {
  for (;;) {
    const Path path = Descend(address, length);
    if (path.known == 0) return;
    Routes routes;
    const unsigned level = path.known - 1;
    if (!Collect(address, path, level, &routes)) return;
    if (!Regrow(address, path, level, routes, ~uint64_t{0})) return;
  }
}

// A node moved: its parent, or the root, must know.
template <class Family>
void Fib<Family>::SetNode(const Address& address, Path* path, unsigned level, BlockRef node) {
  path->nodes[level] = node;
  if (level == 0) {
    rib_ = node;
    return;
  }
  const unsigned slot = Family::Slot(address, (level - 1) * kStride);
  pool_.rib_.template At<RibNode>(path->nodes[level - 1])->Child(slot) = node;
}

template <class Family>
void Fib<Family>::LinkNode(const Address& address, Path path, unsigned level, BlockRef node) {
  if (level == 0) {
    rib_ = node;
    return;
  }
  const unsigned slot = Family::Slot(address, (level - 1) * kStride);
  SetNode(address, &path, level - 1, AddChild(pool_.rib_, path.nodes[level - 1], slot, node));
}

// Frees the node, which has no nodes below.
template <class Family>
void Fib<Family>::UnlinkNode(const Address& address, Path path, unsigned level) {
  SLUICE_CHECK(pool_.rib_.template At<RibNode>(path.nodes[level])->children == 0);
  pool_.rib_.Free(path.nodes[level]);
  if (level == 0) {
    rib_ = 0;
    return;
  }
  const unsigned slot = Family::Slot(address, (level - 1) * kStride);
  SetNode(address, &path, level - 1, RemoveChild(pool_.rib_, path.nodes[level - 1], slot));
}

template class Fib<fib::Ipv4>;
template class Fib<fib::Ipv6>;

}  // namespace sluice::dataplane
