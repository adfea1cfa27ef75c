// Gathers roots, blocks and words of eight packets at a time. The same walk as
// in fib_views.cc, level by level over the whole burst, so that the cache misses
// of all packets overlap. A gather is some 40 micro-operations, of which the
// processor holds 300 to 500: one that waits for another right behind it would keep
// those of the next packets out, so each loop gathers only once.
#include "dataplane/tables/fib/lookup_avx512.h"

#include <immintrin.h>

#include <bit>

#include "dataplane/tables/fib/bucket.h"
#include "dataplane/tables/fib/fib_views.h"
#include "dataplane/tables/fib/trie_block.h"

// GCC 12 warns about the undefined operands inside its own intrinsics (PR 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace sluice::dataplane::fib {
namespace {

#define SLUICE_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512vpopcntdq")))

constexpr unsigned kGroups = kVectorBurst / kVectorLanes;
constexpr int kGranuleShift = 3;
static_assert(BlockArena::kGranuleBytes == 1 << kGranuleShift);
static_assert(sizeof(FibView) == 16 && offsetof(FibView, default_group) == 8);

// Eight packets on their way down.
struct Lanes {
  __m256i word;    // where each got
  __m256i rest;    // and what is left of its address, left-aligned
  __mmask8 valid;  // lanes that hold a packet
};

SLUICE_AVX512 inline __m512i BlockOffset(__m256i word) {
  return _mm512_slli_epi64(_mm512_cvtepu32_epi64(word), kGranuleShift);
}

SLUICE_AVX512 inline __mmask8 AtBlock(const Lanes& lanes) {
  return _mm256_mask_cmplt_epu32_mask(lanes.valid, lanes.word, _mm256_set1_epi32(kBucket));
}

SLUICE_AVX512 inline __m256i ViewIndex(const uint16_t vrf[], __mmask8 valid) {
  return _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_maskz_loadu_epi16(valid, vrf)), 1);
}

SLUICE_AVX512 inline __m512i Roots(const FibView* views, const uint16_t vrf[], __mmask8 valid) {
  return _mm512_mask_i32gather_epi64(_mm512_setzero_si512(), valid, ViewIndex(vrf, valid), views, 8);
}

SLUICE_AVX512 inline Lanes Enter(const std::byte* memory, __m512i root, const uint32_t address[],
                                 __mmask8 valid) {
  const __m512i bits = _mm512_and_si512(_mm512_srli_epi64(root, 32), _mm512_set1_epi64(0x1f));
  const __m512i block =
      _mm512_slli_epi64(_mm512_and_si512(root, _mm512_set1_epi64(0xffffffff)), kGranuleShift);
  const __m256i key = _mm256_maskz_loadu_epi32(valid, address);
  const __m512i top =
      _mm512_srlv_epi64(_mm512_cvtepu32_epi64(key), _mm512_sub_epi64(_mm512_set1_epi64(32), bits));
  const __m512i index = _mm512_xor_si512(top, _mm512_srli_epi64(root, 40));  // RootIndex
  const __m512i offset = _mm512_add_epi64(block, _mm512_slli_epi64(index, 2));
  const __m256i word = _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), valid, offset, memory, 1);
  return {word, _mm256_sllv_epi32(key, _mm512_cvtepi64_epi32(bits)), valid};
}

// The maps of the blocks that the lanes in `at_block` are at.
SLUICE_AVX512 inline __m512i Runs(const std::byte* memory, const Lanes& lanes, __mmask8 at_block) {
  return _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), at_block, BlockOffset(lanes.word), memory, 1);
}

// One level further for the lanes in `at_block`.
SLUICE_AVX512 inline void Descend(const std::byte* memory, Lanes& lanes, __m512i runs, __mmask8 at_block) {
  const __m512i block = BlockOffset(lanes.word);
  const __m512i slot = _mm512_cvtepu32_epi64(_mm256_srli_epi32(lanes.rest, 32 - kStride));
  // How many runs start up to the slot: its bits shifted to the top and counted.
  const __m512i upto = _mm512_sllv_epi64(runs, _mm512_sub_epi64(_mm512_set1_epi64(63), slot));
  const __m512i run = _mm512_slli_epi64(_mm512_popcnt_epi64(upto), 2);
  // Words follow the eight bytes of the map; runs count from one.
  const __m512i offset = _mm512_add_epi64(_mm512_add_epi64(block, run), _mm512_set1_epi64(8 - 4));
  lanes.word = _mm512_mask_i64gather_epi32(lanes.word, at_block, offset, memory, 1);
  lanes.rest = _mm256_mask_slli_epi32(lanes.rest, at_block, lanes.rest, kStride);
}

// The packets of a burst that ended in buckets, taken out of their lanes.
struct Bucketed {
  alignas(32) uint32_t words[kVectorLanes];
  alignas(32) uint32_t rests[kVectorLanes];
  unsigned lanes;  // a bit for each
};

// Fetches all buckets before any is looked into: each is a cache miss of its own
// in large tables.
SLUICE_AVX512 inline void FetchBuckets(const std::byte* memory, const Lanes& lanes, Bucketed& bucketed) {
  const __m256i kind = _mm256_srli_epi32(lanes.word, 30);
  bucketed.lanes = _mm256_mask_cmpeq_epi32_mask(lanes.valid, kind, _mm256_set1_epi32(1));
  if (bucketed.lanes == 0) return;
  _mm256_store_si256(reinterpret_cast<__m256i*>(bucketed.words), lanes.word);
  _mm256_store_si256(reinterpret_cast<__m256i*>(bucketed.rests), lanes.rest);
  for (unsigned rest = bucketed.lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    __builtin_prefetch(memory + (uint64_t{RefOf(bucketed.words[lane])} << kGranuleShift));
  }
}

// Packet by packet: buckets are compared with vectors of their own.
SLUICE_AVX512 inline void FinishBuckets(const std::byte* memory, Lanes& lanes, Bucketed& bucketed) {
  if (bucketed.lanes == 0) return;
  for (unsigned rest = bucketed.lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    const uint64_t offset = uint64_t{RefOf(bucketed.words[lane])} << kGranuleShift;
    const auto* bucket = reinterpret_cast<const Bucket<Ipv4>*>(memory + offset);
    bucketed.words[lane] = Load(bucket->Match(bucketed.rests[lane]));
  }
  lanes.word = _mm256_load_si256(reinterpret_cast<const __m256i*>(bucketed.words));
}

// The groups, with the VRF's default where there is no route.
SLUICE_AVX512 inline __m256i Groups(const FibView* views, const uint16_t vrf[], const Lanes& lanes) {
  const __m256i group = _mm256_and_si256(lanes.word, _mm256_set1_epi32(static_cast<int>(kGroupMask)));
  const __mmask8 none = _mm256_mask_cmpeq_epi32_mask(lanes.valid, group, _mm256_setzero_si256());
  if (none == 0) return group;
  const auto* defaults = reinterpret_cast<const std::byte*>(views) + offsetof(FibView, default_group);
  return _mm256_mmask_i32gather_epi32(group, none, ViewIndex(vrf, lanes.valid), defaults, 8);
}

}  // namespace

bool HasVectorLookup() {
#if defined(__SANITIZE_THREAD__) || defined(_GLIBCXX_TSAN)
  return false;
#else
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vpopcntdq");
#endif
}

SLUICE_AVX512 void VectorLookup(const std::byte* memory, const FibView* views, const uint16_t vrf[],
                                const uint32_t address[], uint32_t out[], unsigned count) {
  Lanes lanes[kGroups];
  __m512i found[kGroups];  // roots, then maps
  __mmask8 at_block[kGroups];
  const unsigned groups = (count + kVectorLanes - 1) / kVectorLanes;
  for (unsigned g = 0; g < groups; ++g) {
    const unsigned left = count - g * kVectorLanes;
    lanes[g].valid = static_cast<__mmask8>(left >= kVectorLanes ? 0xff : (1u << left) - 1);
    found[g] = Roots(views, vrf + g * kVectorLanes, lanes[g].valid);
  }
  for (unsigned g = 0; g < groups; ++g)
    lanes[g] = Enter(memory, found[g], address + g * kVectorLanes, lanes[g].valid);
  while (true) {
    unsigned deeper = 0;
    for (unsigned g = 0; g < groups; ++g) {
      at_block[g] = AtBlock(lanes[g]);
      deeper |= at_block[g];
      if (at_block[g] != 0) found[g] = Runs(memory, lanes[g], at_block[g]);
    }
    if (deeper == 0) break;
    for (unsigned g = 0; g < groups; ++g)
      if (at_block[g] != 0) Descend(memory, lanes[g], found[g], at_block[g]);
  }
  Bucketed bucketed[kGroups];
  for (unsigned g = 0; g < groups; ++g) FetchBuckets(memory, lanes[g], bucketed[g]);
  for (unsigned g = 0; g < groups; ++g) {
    FinishBuckets(memory, lanes[g], bucketed[g]);
    _mm256_mask_storeu_epi32(out + g * kVectorLanes, lanes[g].valid,
                             Groups(views, vrf + g * kVectorLanes, lanes[g]));
  }
}

}  // namespace sluice::dataplane::fib
