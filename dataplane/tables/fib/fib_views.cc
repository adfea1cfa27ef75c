// The workers' lookups. A burst goes down the tries level by level, all packets
// of a level together, so that their cache misses overlap.
#include "dataplane/tables/fib/fib_views.h"

#include <algorithm>

#include "dataplane/tables/fib/trie_block.h"

namespace sluice::dataplane {
namespace {

using fib::IsLeaf;
using fib::TrieBlock;
using fib::Word;

constexpr unsigned kChunk = 32;

// Where a packet stands in its trie.
template <class Family>
struct Step {
  typename Family::Cursor cursor;
  uint32_t block;
  uint32_t packet;
};

inline const std::byte* BlockAt(const std::byte* memory, uint32_t ref) {
  return memory + uint64_t{ref} * fib::BlockArena::kGranuleBytes;
}

inline Word Enter(const std::byte* memory, uint64_t root, uint64_t index) {
  return fib::Load(reinterpret_cast<const Word*>(BlockAt(memory, static_cast<uint32_t>(root))) + index);
}

inline Word Walk(const std::byte* memory, uint32_t ref, unsigned slot) {
  const auto* block = reinterpret_cast<const TrieBlock*>(BlockAt(memory, ref));
  return fib::Load(&block->words()[block->RunOf(slot)]);
}

}  // namespace

template <class Family>
NextHopGroupId FibViews<Family>::Lookup(uint16_t vrf, const Address& address) const {
  const FibView& view = views_[vrf];
  const uint64_t root = view.root.load(std::memory_order_acquire);
  const auto bits = static_cast<unsigned>(root >> 32);
  Word word = Enter(memory_, root, Family::Top(address, bits));
  for (auto cursor = Family::CursorAt(address, bits); !IsLeaf(word); cursor.Descend())
    word = Walk(memory_, word, cursor.Slot());
  const NextHopGroupId group = fib::GroupOf(word);
  return group != 0 ? group : view.default_group.load(std::memory_order_relaxed);
}

template <class Family>
void FibViews<Family>::LookupChunk(const uint16_t vrf[], const Address address[], NextHopGroupId out[],
                                   unsigned count) const {
  const std::byte* const memory = memory_;
  const FibView* const views = views_.get();
  Step<Family> steps[kChunk];
  Word words[kChunk];
  uint64_t roots[kChunk];

  for (unsigned i = 0; i < count; ++i) {
    const uint64_t root = views[vrf[i]].root.load(std::memory_order_acquire);
    roots[i] = root;
    const uint64_t index = Family::Top(address[i], static_cast<unsigned>(root >> 32));
    __builtin_prefetch(BlockAt(memory, static_cast<uint32_t>(root)) + index * sizeof(Word));
  }
  // The packets that are not done are kept dense without a branch: a branch per
  // packet would be mispredicted at every change of depth.
  unsigned active = 0;
  for (unsigned i = 0; i < count; ++i) {
    const auto bits = static_cast<unsigned>(roots[i] >> 32);
    const Word word = Enter(memory, roots[i], Family::Top(address[i], bits));
    words[i] = word;
    steps[active] = {Family::CursorAt(address[i], bits), word, i};
    active += !IsLeaf(word);
    // A leaf's "block" may be unmapped: prefetch something that is hot instead.
    __builtin_prefetch(BlockAt(memory, IsLeaf(word) ? 0 : word));
  }
  while (active > 0) {
    unsigned next = 0;
    for (unsigned i = 0; i < active; ++i) {
      Step<Family> step = steps[i];
      const Word word = Walk(memory, step.block, step.cursor.Slot());
      words[step.packet] = word;
      step.cursor.Descend();
      step.block = word;
      steps[next] = step;
      next += !IsLeaf(word);
      __builtin_prefetch(BlockAt(memory, IsLeaf(word) ? 0 : word));
    }
    active = next;
  }
  for (unsigned i = 0; i < count; ++i) {
    const NextHopGroupId group = fib::GroupOf(words[i]);
    const NextHopGroupId fallback = views[vrf[i]].default_group.load(std::memory_order_relaxed);
    out[i] = group != 0 ? group : fallback;
  }
}

template <class Family>
void FibViews<Family>::LookupBurst(const uint16_t vrf[], const Address address[], NextHopGroupId out[],
                                   unsigned count) const {
  for (unsigned done = 0; done < count; done += kChunk)
    LookupChunk(vrf + done, address + done, out + done, std::min(kChunk, count - done));
}

template class FibViews<fib::Ipv4>;
template class FibViews<fib::Ipv6>;

}  // namespace sluice::dataplane
