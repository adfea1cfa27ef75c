// The root table of a VRF grows and shrinks with its routes; whole tables go at once.
#include <algorithm>
#include <bit>
#include <utility>

#include "dataplane/tables/fib/fib.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

using fib::BlockRef;
using fib::kStride;
using fib::RibNode;
using fib::RootTable;
using fib::TrieBlock;
using fib::Word;

namespace {

// A table of 2^bits words costs at most 64 bytes a route when it is made: a virtual
// network has hundreds of hosts and may want them before it has thousands. It goes at
// half the routes, so that a flapping route does not rebuild it.
struct RootSize {
  unsigned bits;
  uint64_t routes_min;
};
constexpr RootSize kRootSizes[] = {{18, 65536}, {12, 256}, {0, 0}};

unsigned WantedBits(unsigned bits, uint64_t routes) {
  for (const RootSize& size : kRootSizes) {
    if (routes >= (size.bits > bits ? size.routes_min : size.routes_min / 2)) return size.bits;
  }
  return 0;
}

// Differs between VRFs, and is zero where there is one word.
uint32_t ColourOf(uint16_t vrf, unsigned bits) {
  return static_cast<uint32_t>(uint64_t{vrf * 0x9e3779b1u} >> (32 - bits));
}

void Colour(Word* entries, unsigned bits, uint32_t colour) {
  for (uint32_t i = 0; i < 1u << bits; ++i)
    if (i < (i ^ colour)) std::swap(entries[i], entries[i ^ colour]);
}

}  // namespace

template <class Family>
void Fib<Family>::PublishRoot(RootTable root) {
  root_ = root;
  view_.root.store(fib::RootWord(root.table, root.bits, root.colour), std::memory_order_release);
}

// An empty VRF shares block 0; the first route needs a root of its own.
template <class Family>
bool Fib<Family>::EnsureRoot() {
  if (root_.table != 0) return true;
  const BlockRef table = pool_.lookup_.Allocate(sizeof(Word), pool_.limits_.lookup_bytes_max);
  if (table == 0) return false;
  *pool_.lookup_.template At<Word>(table) = root_word_;
  PublishRoot({.table = table});
  return true;
}

// Where there is no room the old size stays: slower lookups, no error.
template <class Family>
void Fib<Family>::ResizeRoot() {
  const unsigned bits = WantedBits(root_.bits, route_count_);
  if (bits == root_.bits || root_.table == 0) return;
  const auto bytes = static_cast<uint32_t>(sizeof(Word) << bits);
  const BlockRef table = pool_.lookup_.Allocate(bytes, pool_.limits_.lookup_bytes_max);
  if (table == 0) return;
  if (!SplitBuckets(bits)) {
    pool_.lookup_.Free(table);
    return;
  }
  const uint32_t colour = ColourOf(vrf_, bits);
  FillRoot(root_word_, 0, pool_.lookup_.template At<Word>(table), bits);
  Colour(pool_.lookup_.template At<Word>(table), bits, colour);
  pool_.retired_.Retire(root_.table);
  PublishRoot({table, bits, colour});
}

// Grows nodes in place of all buckets above `depth_min`.
template <class Family>
bool Fib<Family>::SplitBuckets(unsigned depth_min) {
  std::vector<Route<Family>> found;
  if (depth_min > bucket_depth_min_) FindBuckets(rib_, root_word_, 0, {}, depth_min, &found);
  // A bucket's routes need at most three nodes of 64 bytes above a depth of 18,
  // and each size a span of its own.
  const uint64_t rib_bytes_needed = found.size() * 3 * 64 + 16 * fib::BlockArena::kSpanBytes;
  if (!found.empty() && pool_.rib_.span_bytes() + rib_bytes_needed > pool_.limits_.rib_bytes_max)
    return false;
  const unsigned before = std::exchange(bucket_depth_min_, depth_min);
  for (const Route<Family>& route : found) {
    const Path path = Descend(route.address, route.length);
    Routes routes;
    routes.InsertAll(*BucketAt(path.words[path.known]), route.address, path.known * kStride);
    if (Regrow(route.address, path, path.known, routes, pool_.limits_.lookup_bytes_max)) continue;
    bucket_depth_min_ = before;  // some are left
    return false;
  }
  return true;
}

// One route of each bucket that hangs above `depth_max`.
template <class Family>
void Fib<Family>::FindBuckets(BlockRef ref, Word word, unsigned depth, const Address& base,
                              unsigned depth_max, std::vector<Route<Family>>* found) const {
  if (depth >= depth_max || fib::IsLeaf(word)) return;
  if (fib::IsBucket(word)) {
    Routes routes;
    routes.InsertAll(*BucketAt(word), base, depth);
    found->push_back({routes.begin()->address, static_cast<uint8_t>(routes.begin()->length), 0, 0});
    return;
  }
  auto* node = pool_.rib_.template At<RibNode>(ref);
  fib::Slots slots;
  Expand(pool_.lookup_, word, &slots);
  for (unsigned slot = 0; slot < fib::kSlots; ++slot) {
    const bool inner = node->HasChild(slot);
    if (inner || fib::IsBucket(slots[slot]))
      FindBuckets(inner ? node->Child(slot) : 0, slots[slot], depth + kStride,
                  Family::WithSlot(base, depth, slot), depth_max, found);
  }
}

// Enters the words at depth `bits` below `word`, which stands at `depth`.
template <class Family>
void Fib<Family>::FillRoot(Word word, unsigned depth, Word* entries, unsigned bits) const {
  if (depth == bits || fib::IsLeaf(word)) {
    std::fill_n(entries, size_t{1} << (bits - depth), word);
    return;
  }
  SLUICE_CHECK(fib::IsBlock(word));
  fib::Slots slots;
  Expand(pool_.lookup_, word, &slots);
  const size_t step = size_t{1} << (bits - depth - kStride);
  for (unsigned slot = 0; slot < fib::kSlots; ++slot)
    FillRoot(slots[slot], depth + kStride, entries + slot * step, bits);
}

template <class Family>
void Fib<Family>::RetireTrie(Word word) {
  if (fib::IsLeaf(word)) return;
  if (fib::IsBlock(word)) {
    const auto* block = pool_.lookup_.template At<TrieBlock>(word);
    for (unsigned run = 0; run < block->run_count(); ++run) RetireTrie(block->words()[run]);
  }
  pool_.retired_.Retire(fib::RefOf(word));
}

template <class Family>
void Fib<Family>::FreeRib(BlockRef ref) {
  if (ref == 0) return;
  auto* node = pool_.rib_.template At<RibNode>(ref);
  const auto child_count = static_cast<unsigned>(std::popcount(node->children));
  for (unsigned i = 0; i < child_count; ++i) FreeRib(node->words()[i]);
  pool_.rib_.Free(ref);
}

template <class Family>
void Fib<Family>::Clear() {
  const RootTable old = root_;
  PublishRoot({});
  view_.default_group.store(0, std::memory_order_relaxed);
  default_tag_ = 0;
  bucket_depth_min_ = 0;
  RetireTrie(root_word_);
  if (old.table != 0) pool_.retired_.Retire(old.table);
  FreeRib(rib_);
  root_word_ = fib::Leaf(0);
  rib_ = 0;
  pool_.route_count_ -= route_count_;
  route_count_ = 0;
}

template class Fib<fib::Ipv4>;
template class Fib<fib::Ipv6>;

}  // namespace sluice::dataplane
