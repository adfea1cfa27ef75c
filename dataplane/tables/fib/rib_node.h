// The updater's own record of the routes, beside the lookup trie and of the same
// shape: a tree bitmap (Eatherton, Varghese, Dittia 2004) that knows which prefix
// gave each slot its answer, which the lookup trie forgets. Writer's thread only.
#pragma once

#include <cstdint>

#include "dataplane/tables/fib/block_arena.h"
#include "dataplane/tables/fib/key.h"

namespace sluice::dataplane::fib {

// A node at depth d holds the prefixes of length d + 1 to d + 6. Inside it a
// prefix is (length 1 to 6, slot): the slot is left-aligned in 6 bits.
struct RibNode {
  uint64_t upper;     // prefixes of length 1 to 5: bit (1 << length) + (slot >> (6 - length))
  uint64_t last;      // prefixes of length 6: bit slot
  uint64_t children;  // slots with a node below
  // BlockRef of each child, then the RouteWord of each prefix.
  uint32_t* words() { return reinterpret_cast<uint32_t*>(this + 1); }
  const uint32_t* words() const { return reinterpret_cast<const uint32_t*>(this + 1); }

  bool empty() const { return (upper | last | children) == 0; }
  unsigned word_count() const;
  bool HasChild(unsigned slot) const { return (children >> slot & 1) != 0; }
  uint32_t& Child(unsigned slot);
  const uint32_t& Child(unsigned slot) const { return const_cast<RibNode*>(this)->Child(slot); }

  // The RouteWord of a prefix, null if it is not there.
  uint32_t* Find(unsigned length, unsigned slot);

  // The longest prefix of length at most `length_max` that covers the slot.
  // Returns its length and sets *group; 0 if there is none.
  unsigned Longest(unsigned slot, unsigned length_max, uint32_t* group) const;

  // The slots covered by a prefix longer than `length` (0 to 6).
  uint64_t CoveredByLonger(unsigned length) const;

  static constexpr uint32_t Bytes(unsigned word_count) { return 24 + 4 * word_count; }
};
static_assert(sizeof(RibNode) == 24);

// The slots a prefix covers.
constexpr uint64_t RangeOf(unsigned length, unsigned slot) {
  const unsigned width = kSlots >> length;
  return (width == kSlots ? ~uint64_t{0} : (uint64_t{1} << width) - 1) << slot;
}

// All of these return the node's reference, which changes when it had to move.
// They never fail: the caller made sure that `arena` has room (kRibNodeBytesMax
// for each node on the way).
constexpr uint32_t kRibNodeBytesMax = RibNode::Bytes(64 + 62 + 64);
BlockRef NewRibNode(BlockArena& arena);
BlockRef AddPrefix(BlockArena& arena, BlockRef node, unsigned length, unsigned slot, uint32_t route_word);
BlockRef RemovePrefix(BlockArena& arena, BlockRef node, unsigned length, unsigned slot);
BlockRef AddChild(BlockArena& arena, BlockRef node, unsigned slot, BlockRef child);
BlockRef RemoveChild(BlockArena& arena, BlockRef node, unsigned slot);

}  // namespace sluice::dataplane::fib
