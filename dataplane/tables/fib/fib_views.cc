// The workers' lookups. A burst goes down the tries level by level, all packets
// of a level together, so that their cache misses overlap.
#include "dataplane/tables/fib/fib_views.h"

#include <algorithm>
#include <type_traits>

#include "dataplane/tables/fib/bucket.h"
#include "dataplane/tables/fib/lookup_avx512.h"
#include "dataplane/tables/fib/trie_block.h"

namespace sluice::dataplane {
namespace {

using fib::Bucket;
using fib::IsBlock;
using fib::IsBucket;
using fib::IsLeaf;
using fib::TrieBlock;
using fib::Word;

// Enough misses in flight to cover the latency, few enough to stay in L1.
constexpr unsigned kChunk = 32;

inline const std::byte* BlockAt(const std::byte* memory, uint32_t ref) {
  return memory + uint64_t{ref} * fib::BlockArena::kGranuleBytes;
}

inline const Word* Entry(const std::byte* memory, uint64_t root, uint64_t top) {
  return reinterpret_cast<const Word*>(BlockAt(memory, fib::RootTableOf(root))) + fib::RootIndex(root, top);
}

inline Word Walk(const std::byte* memory, Word word, unsigned slot) {
  const auto* block = reinterpret_cast<const TrieBlock*>(BlockAt(memory, word));
  return fib::Load(&block->words()[block->RunOf(slot)]);
}

template <class Family>
inline Word Finish(const std::byte* memory, Word word, typename Family::Rest rest) {
  const auto* bucket = reinterpret_cast<const Bucket<Family>*>(BlockAt(memory, fib::RefOf(word)));
  return fib::Load(bucket->Match(rest));
}

// A leaf's "block" may be unmapped memory: fetch something that is hot instead.
inline void PrefetchNext(const std::byte* memory, Word word) {
  __builtin_prefetch(BlockAt(memory, IsLeaf(word) ? 0 : fib::RefOf(word)));
}

// Where a packet stands in its trie.
template <class Family>
struct Step {
  typename Family::Cursor cursor;
  uint32_t packet;
};

// The packets of a chunk on their way down. Those that are not done are kept
// dense without branches: a branch per packet would be mispredicted wherever
// depths differ.
template <class Family>
struct Descent {
  Step<Family> steps[kChunk];  // packets at a block
  unsigned step_count = 0;
  uint32_t in_bucket[kChunk];
  unsigned in_bucket_count = 0;
  Word words[kChunk];                   // where each packet got
  typename Family::Rest rests[kChunk];  // and what is left of its address

  void Put(unsigned at, Word word, const Step<Family>& step) {
    words[step.packet] = word;
    rests[step.packet] = step.cursor.Front();
    steps[at] = step;
    in_bucket[in_bucket_count] = step.packet;
    in_bucket_count += IsBucket(word);
  }
};

}  // namespace

template <class Family>
NextHopGroupId FibViews<Family>::Lookup(uint16_t vrf, const Address& address) const {
  const FibView& view = views_[vrf];
  const uint64_t root = view.root.load(std::memory_order_acquire);
  const unsigned bits = fib::RootBitsOf(root);
  Word word = fib::Load(Entry(memory_, root, Family::Top(address, bits)));
  auto cursor = Family::CursorAt(address, bits);
  for (; IsBlock(word); cursor.Descend()) word = Walk(memory_, word, cursor.Slot());
  if (IsBucket(word)) word = Finish<Family>(memory_, word, cursor.Front());
  const NextHopGroupId group = fib::GroupOf(word);
  return group != 0 ? group : view.default_group.load(std::memory_order_relaxed);
}

template <class Family>
void FibViews<Family>::LookupChunk(const uint16_t vrf[], const Address address[], NextHopGroupId out[],
                                   unsigned count) const {
  const std::byte* const memory = memory_;
  const FibView* const views = views_.get();
  Descent<Family> down;
  uint64_t roots[kChunk];

  for (unsigned i = 0; i < count; ++i) {
    roots[i] = views[vrf[i]].root.load(std::memory_order_acquire);
    __builtin_prefetch(Entry(memory, roots[i], Family::Top(address[i], fib::RootBitsOf(roots[i]))));
  }
  for (unsigned i = 0; i < count; ++i) {
    const unsigned bits = fib::RootBitsOf(roots[i]);
    const Word word = fib::Load(Entry(memory, roots[i], Family::Top(address[i], bits)));
    PrefetchNext(memory, word);
    down.Put(down.step_count, word, {Family::CursorAt(address[i], bits), i});
    down.step_count += IsBlock(word);
  }
  while (down.step_count > 0) {
    unsigned next = 0;
    for (unsigned i = 0; i < down.step_count; ++i) {
      Step<Family> step = down.steps[i];
      const Word word = Walk(memory, down.words[step.packet], step.cursor.Slot());
      PrefetchNext(memory, word);
      step.cursor.Descend();
      down.Put(next, word, step);
      next += IsBlock(word);
    }
    down.step_count = next;
  }
  for (unsigned i = 0; i < down.in_bucket_count; ++i) {
    const uint32_t packet = down.in_bucket[i];
    down.words[packet] = Finish<Family>(memory, down.words[packet], down.rests[packet]);
  }
  for (unsigned i = 0; i < count; ++i) {
    const NextHopGroupId group = fib::GroupOf(down.words[i]);
    const NextHopGroupId fallback = views[vrf[i]].default_group.load(std::memory_order_relaxed);
    out[i] = group != 0 ? group : fallback;
  }
}

template <class Family>
void FibViews<Family>::LookupBurst(const uint16_t vrf[], const Address address[], NextHopGroupId out[],
                                   unsigned count) const {
  if constexpr (std::is_same_v<Family, fib::Ipv4>) {
    static const bool vector = fib::HasVectorLookup();
    static_assert(fib::kVectorBurst == kChunk);
    for (unsigned done = 0; vector && done < count; done += kChunk)
      fib::VectorLookup(memory_, views_.get(), vrf + done, address + done, out + done,
                        std::min(kChunk, count - done));
    if (vector) return;
  }
  LookupBurstScalar(vrf, address, out, count);
}

template <class Family>
void FibViews<Family>::LookupBurstScalar(const uint16_t vrf[], const Address address[], NextHopGroupId out[],
                                         unsigned count) const {
  for (unsigned done = 0; done < count; done += kChunk)
    LookupChunk(vrf + done, address + done, out + done, std::min(kChunk, count - done));
}

template class FibViews<fib::Ipv4>;
template class FibViews<fib::Ipv6>;

}  // namespace sluice::dataplane
