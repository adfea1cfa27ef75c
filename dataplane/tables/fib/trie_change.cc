// Painting, re-encoding and publication of trie blocks.
#include "dataplane/tables/fib/trie_change.h"

#include <bit>

namespace sluice::dataplane::fib {
namespace {

// Calls `visit(slot)` for each bit.
template <class Visit>
void ForEachSlot(uint64_t slots, Visit visit) {
  for (; slots != 0; slots &= slots - 1) visit(static_cast<unsigned>(std::countr_zero(slots)));
}

}  // namespace

void TrieChange::Begin(RootTable root, uint64_t limit_bytes) {
  root_ = root;
  limit_bytes_ = limit_bytes;
  failed_ = false;
}

Word TrieChange::Paint(Word old, const RibNode* node, unsigned depth, uint64_t position, uint64_t mask,
                       Word leaf) {
  if (mask == 0) return old;
  Slots was;
  Expand(lookup_, old, &was);
  Slots now = was;
  const uint64_t inner = node == nullptr ? 0 : node->children & mask;
  ForEachSlot(mask & ~inner, [&](unsigned slot) {
    if (IsBucket(now[slot])) {
      // A bucket belongs to one slot, its cover is its first word.
      StoreLater(lookup_.At<Word>(RefOf(now[slot])), leaf);
    } else {
      now[slot] = leaf;
    }
  });
  ForEachSlot(inner, [&](unsigned slot) {
    const auto* child = rib_.At<RibNode>(node->Child(slot));
    now[slot] = Paint(was[slot], child, depth + kStride, position << kStride | slot,
                      ~child->CoveredByLonger(0), leaf);
  });
  return Replace(old, depth, position, was, now);
}

Word TrieChange::SetSlot(Word old, unsigned depth, uint64_t position, unsigned slot, Word now) {
  if (IsBlock(old)) {
    auto* block = lookup_.At<TrieBlock>(old);
    const unsigned run = block->RunOf(slot);
    const Word was = block->words()[run];
    if (was == now) return old;
    const bool alone =
        (block->runs >> slot & 1) != 0 && (slot == kSlots - 1 || (block->runs >> (slot + 1) & 1) != 0);
    const bool merges = (run > 0 && block->words()[run - 1] == now) ||
                        (run + 1 < block->run_count() && block->words()[run + 1] == now);
    if (alone && !merges) {
      StoreRootEntry(depth, position, slot, was, now);
      stores_.push_back({&block->words()[run], now});
      return old;
    }
  }
  Slots was;
  Expand(lookup_, old, &was);
  Slots changed = was;
  changed[slot] = now;
  return Replace(old, depth, position, was, changed);
}

// Encodes `now`, reusing the old block where its runs are the same.
Word TrieChange::Replace(Word old, unsigned depth, uint64_t position, const Slots& was, const Slots& now) {
  if (was == now) return old;
  if (depth < root_.bits) {
    for (unsigned slot = 0; slot < kSlots; ++slot)
      if (was[slot] != now[slot]) StoreRootEntry(depth, position, slot, was[slot], now[slot]);
  }
  const uint64_t runs = RunStarts(now);
  if (IsBlock(old) && lookup_.At<TrieBlock>(old)->runs == runs) {
    StoreRuns(old, now);
    return old;
  }
  if (IsBlock(old)) stale_.push_back(old);
  return runs == 1 && IsLeaf(now[0]) ? now[0] : Encode(runs, now);
}

void TrieChange::StoreRuns(Word old, const Slots& now) {
  auto* block = lookup_.At<TrieBlock>(old);
  Word* word = block->words();
  ForEachSlot(block->runs, [&](unsigned slot) {
    if (*word != now[slot]) stores_.push_back({word, now[slot]});
    ++word;
  });
}

Word TrieChange::NewNode(Word old, unsigned depth, uint64_t position, const Slots& now) {
  Slots was;
  was.fill(old);
  return Replace(old, depth, position, was, now);
}

BlockRef TrieChange::NewBlock(uint32_t bytes) {
  const BlockRef ref = lookup_.Allocate(bytes, limit_bytes_);
  if (ref == 0) {
    failed_ = true;
  } else {
    fresh_.push_back(ref);
  }
  return ref;
}

Word TrieChange::Encode(uint64_t runs, const Slots& now) {
  const BlockRef ref = NewBlock(TrieBlock::Bytes(static_cast<unsigned>(std::popcount(runs))));
  if (ref == 0) return Leaf(0);  // never published
  auto* block = lookup_.At<TrieBlock>(ref);
  block->runs = runs;
  Word* word = block->words();
  ForEachSlot(runs, [&](unsigned slot) { *word++ = now[slot]; });
  return ref;
}

// Keeps the root table equal to the words at its depth. A slot above that depth
// stands for several entries, and only while it is a leaf: otherwise the node
// below has entered its own changes.
void TrieChange::StoreRootEntry(unsigned depth, uint64_t position, unsigned slot, Word was, Word now) {
  if (depth >= root_.bits) return;
  const unsigned below_bits = root_.bits - depth - kStride;
  if (below_bits > 0 && !(IsLeaf(was) && IsLeaf(now))) return;
  Word* table = lookup_.At<Word>(root_.table);
  const uint64_t first = (position << kStride | slot) << below_bits;
  for (uint64_t i = first; i < first + (uint64_t{1} << below_bits); ++i)
    stores_.push_back({table + (i ^ root_.colour), now});
}

void TrieChange::SetRoot(Word now) {
  if (root_.bits == 0) stores_.push_back({lookup_.At<Word>(root_.table), now});
}

void TrieChange::Discard() {
  for (const BlockRef ref : fresh_) lookup_.Free(ref);
  fresh_.clear();
  stale_.clear();
  stores_.clear();
}

void TrieChange::Commit(RetireQueue* retired) {
  for (const Store& store : stores_) Publish(store.at, store.value);
  for (const BlockRef ref : stale_) retired->Retire(ref);
  fresh_.clear();
  stale_.clear();
  stores_.clear();
}

}  // namespace sluice::dataplane::fib
