// The block of the lookup trie: a 64-bit map of where runs of equal slots start
// and one 32-bit word per run. A word is a leaf or a reference to a block, so
// storing one word publishes everything below it.
#pragma once

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/tables/fib/block_arena.h"
#include "dataplane/tables/fib/key.h"

namespace sluice::dataplane::fib {

// Bit 31 set: leaf, the rest is the next-hop group (0 = no route). Else bit 30
// set: the BlockRef of a Bucket (bucket.h); clear: of a TrieBlock.
using Word = uint32_t;
constexpr Word kLeaf = Word{1} << 31;
constexpr Word kBucket = Word{1} << 30;
constexpr Word Leaf(uint32_t group) {
  return kLeaf | group;
}
constexpr bool IsLeaf(Word word) {
  return (word & kLeaf) != 0;
}
constexpr bool IsBucket(Word word) {
  return (word >> 30) == 1;
}
constexpr bool IsBlock(Word word) {
  return (word >> 30) == 0;
}
constexpr BlockRef RefOf(Word word) {
  return word & (kBucket - 1);
}  // of a bucket or block

// Words may change under readers; blocks never change their run map once
// published.
inline Word Load(const Word* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
inline void Publish(Word* word, Word value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

struct TrieBlock {
  uint64_t runs;  // bit i: slot i differs from slot i - 1; bit 0 is always set
  // One word per run follows.
  Word* words() { return reinterpret_cast<Word*>(this + 1); }
  const Word* words() const { return reinterpret_cast<const Word*>(this + 1); }

  // Where the answer of `slot` stands.
  unsigned RunOf(unsigned slot) const {
    return static_cast<unsigned>(std::popcount(_bzhi_u64(runs, slot + 1))) - 1;
  }
  unsigned run_count() const { return static_cast<unsigned>(std::popcount(runs)); }
  static constexpr uint32_t Bytes(unsigned run_count) { return 8 + 4 * run_count; }
};
static_assert(sizeof(TrieBlock) == 8);

// A block written out slot by slot, as the writer works on it.
using Slots = std::array<Word, kSlots>;

inline uint64_t RunStarts(const Slots& slots) {
  uint64_t runs = 1;
  for (unsigned i = 1; i < kSlots; ++i) runs |= uint64_t{slots[i] != slots[i - 1]} << i;
  return runs;
}

// `word` as slots: those of its block, or 64 times the leaf. Never of a bucket.
inline void Expand(const BlockArena& arena, Word word, Slots* slots) {
  if (IsLeaf(word)) {
    slots->fill(word);
    return;
  }
  const auto* block = arena.At<TrieBlock>(word);
  uint64_t rest = block->runs;
  for (unsigned run = 0; rest != 0; ++run) {
    const unsigned first = static_cast<unsigned>(std::countr_zero(rest));
    rest &= rest - 1;
    const unsigned end = rest == 0 ? kSlots : static_cast<unsigned>(std::countr_zero(rest));
    for (unsigned i = first; i < end; ++i) (*slots)[i] = block->words()[run];
  }
}

// The word of one slot below `word`.
inline Word SlotWord(const BlockArena& arena, Word word, unsigned slot) {
  if (IsLeaf(word)) return word;
  const auto* block = arena.At<TrieBlock>(word);
  return block->words()[block->RunOf(slot)];
}

}  // namespace sluice::dataplane::fib
