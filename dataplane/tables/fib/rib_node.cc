// Rank and resize of tree bitmap nodes.
#include "dataplane/tables/fib/rib_node.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "proto/net/check.h"

namespace sluice::dataplane::fib {
namespace {

unsigned Count(uint64_t bits) {
  return static_cast<unsigned>(std::popcount(bits));
}

// The bits of `upper` on the way to `slot`.
uint64_t PathBits(unsigned slot) {
  uint64_t bits = 0;
  for (unsigned length = 1; length < kStride; ++length)
    bits |= uint64_t{1} << ((1u << length) + (slot >> (kStride - length)));
  return bits;
}

// Index into words() of a prefix, whether it is there or not.
unsigned WordOf(const RibNode& node, unsigned length, unsigned slot) {
  const unsigned before = Count(node.children);
  if (length == kStride) return before + Count(node.upper) + Count(_bzhi_u64(node.last, slot));
  return before + Count(_bzhi_u64(node.upper, (1u << length) + (slot >> (kStride - length))));
}

void FlipPrefix(RibNode& node, unsigned length, unsigned slot) {
  if (length == kStride) {
    node.last ^= uint64_t{1} << slot;
  } else {
    node.upper ^= uint64_t{1} << ((1u << length) + (slot >> (kStride - length)));
  }
}

// Makes a gap at words()[at]; the bitmaps still show the state before.
BlockRef OpenWord(BlockArena& arena, BlockRef ref, unsigned at) {
  auto* node = arena.At<RibNode>(ref);
  const unsigned count = node->word_count();
  if (RibNode::Bytes(count + 1) <= arena.CapacityBytes(ref)) {
    std::memmove(node->words() + at + 1, node->words() + at, 4 * (count - at));
    return ref;
  }
  const BlockRef larger_ref = arena.Allocate(RibNode::Bytes(count + 1), ~uint64_t{0});
  SLUICE_CHECK(larger_ref != 0);
  auto* larger = arena.At<RibNode>(larger_ref);
  std::memcpy(larger, node, RibNode::Bytes(at));
  std::memcpy(larger->words() + at + 1, node->words() + at, 4 * (count - at));
  arena.Free(ref);
  return larger_ref;
}

// Removes words()[at]; the bitmaps still show the state before.
BlockRef CloseWord(BlockArena& arena, BlockRef ref, unsigned at) {
  auto* node = arena.At<RibNode>(ref);
  const unsigned count = node->word_count();
  std::memmove(node->words() + at, node->words() + at + 1, 4 * (count - at - 1));
  const uint32_t bytes = RibNode::Bytes(count - 1);
  // Half a class of slack, so that a flapping route does not move its node.
  if (bytes + bytes / 8 + 8 > arena.CapacityBytes(ref)) return ref;
  const BlockRef smaller = arena.Allocate(bytes, ~uint64_t{0});
  if (smaller == 0) return ref;
  std::memcpy(arena.At<RibNode>(smaller), node, bytes);
  arena.Free(ref);
  return smaller;
}

}  // namespace

unsigned RibNode::word_count() const {
  return Count(children) + Count(upper) + Count(last);
}

uint32_t& RibNode::Child(unsigned slot) {
  return words()[Count(_bzhi_u64(children, slot))];
}

uint32_t* RibNode::Find(unsigned length, unsigned slot) {
  const bool there = length == kStride ? (last >> slot & 1) != 0
                                       : (upper >> ((1u << length) + (slot >> (kStride - length))) & 1) != 0;
  return there ? &words()[WordOf(*this, length, slot)] : nullptr;
}

unsigned RibNode::Longest(unsigned slot, unsigned length_max, uint32_t* group) const {
  if (length_max == kStride && (last >> slot & 1) != 0) {
    *group = words()[WordOf(*this, kStride, slot)] & kGroupMask;
    return kStride;
  }
  const unsigned bit_end = length_max >= kStride ? 64 : 2u << length_max;
  const uint64_t matches = _bzhi_u64(upper & PathBits(slot), bit_end);
  if (matches == 0) return 0;
  const auto bit = static_cast<unsigned>(63 - std::countl_zero(matches));
  *group = words()[Count(children) + Count(_bzhi_u64(upper, bit))] & kGroupMask;
  return static_cast<unsigned>(std::bit_width(bit)) - 1;
}

uint64_t RibNode::CoveredByLonger(unsigned length) const {
  uint64_t slots = length < 6 ? last : 0;
  if (length < 5) slots |= _pdep_u64(upper >> 32, 0x5555555555555555) * 3;
  if (length < 4) slots |= _pdep_u64(upper >> 16 & 0xffff, 0x1111111111111111) * 0xf;
  if (length < 3) slots |= _pdep_u64(upper >> 8 & 0xff, 0x0101010101010101) * 0xff;
  if (length < 2) slots |= _pdep_u64(upper >> 4 & 0xf, 0x0001000100010001) * 0xffff;
  if (length < 1) slots |= _pdep_u64(upper >> 2 & 0x3, 0x0000000100000001) * 0xffffffff;
  return slots;
}

BlockRef NewRibNode(BlockArena& arena) {
  const BlockRef ref = arena.Allocate(RibNode::Bytes(1), ~uint64_t{0});
  SLUICE_CHECK(ref != 0);
  std::memset(arena.At<RibNode>(ref), 0, sizeof(RibNode));
  return ref;
}

BlockRef AddPrefix(BlockArena& arena, BlockRef ref, unsigned length, unsigned slot, uint32_t route_word) {
  const unsigned at = WordOf(*arena.At<RibNode>(ref), length, slot);
  ref = OpenWord(arena, ref, at);
  auto* node = arena.At<RibNode>(ref);
  node->words()[at] = route_word;
  FlipPrefix(*node, length, slot);
  return ref;
}

BlockRef RemovePrefix(BlockArena& arena, BlockRef ref, unsigned length, unsigned slot) {
  ref = CloseWord(arena, ref, WordOf(*arena.At<RibNode>(ref), length, slot));
  FlipPrefix(*arena.At<RibNode>(ref), length, slot);
  return ref;
}

BlockRef AddChild(BlockArena& arena, BlockRef ref, unsigned slot, BlockRef child) {
  const unsigned at = Count(_bzhi_u64(arena.At<RibNode>(ref)->children, slot));
  ref = OpenWord(arena, ref, at);
  auto* node = arena.At<RibNode>(ref);
  node->words()[at] = child;
  node->children |= uint64_t{1} << slot;
  return ref;
}

BlockRef RemoveChild(BlockArena& arena, BlockRef ref, unsigned slot) {
  ref = CloseWord(arena, ref, Count(_bzhi_u64(arena.At<RibNode>(ref)->children, slot)));
  arena.At<RibNode>(ref)->children &= ~(uint64_t{1} << slot);
  return ref;
}

}  // namespace sluice::dataplane::fib
