// A bucket ends the trie early: up to four routes that share the bits so far,
// each with the rest of its prefix, in less than a cache line. Sparse subtrees
// would otherwise be chains of blocks with one child each.
#pragma once

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/tables/fib/key.h"
#include "dataplane/tables/fib/trie_block.h"

namespace sluice::dataplane::fib {

// Routes per bucket: the lanes of one vector of IPv6 keys.
constexpr unsigned kBucketRoutes = 4;

// One RouteWord and one key per route follow. Only the words and the cover change
// once a bucket is published; it is also the updater's only record of its routes.
template <class Family>
struct Bucket {
  using Rest = typename Family::Rest;
  static constexpr unsigned kRestBits = 8 * sizeof(Rest);
  static constexpr int8_t kUnused = -1;

  Word cover;                    // the answer if no route matches
  int8_t shifts[kBucketRoutes];  // kRestBits - length beyond the bucket's depth, ascending lengths

  unsigned count() const {
    unsigned sum = 0;
    for (const int8_t shift : shifts) sum += shift != kUnused;
    return sum;
  }
  Word* words() { return reinterpret_cast<Word*>(this + 1); }
  const Word* words() const { return reinterpret_cast<const Word*>(this + 1); }
  // Bits beyond the bucket's depth, left-aligned, zero beyond the length.
  Rest* keys(unsigned count) { return reinterpret_cast<Rest*>(words() + KeyOffset(count)); }
  const Rest* keys(unsigned count) const { return reinterpret_cast<const Rest*>(words() + KeyOffset(count)); }

  static constexpr unsigned KeyOffset(unsigned count) {
    return sizeof(Rest) == 8 ? (count + 1) / 2 * 2 : count;
  }
  static constexpr uint32_t Bytes(unsigned count) {
    return 8 + 4 * KeyOffset(count) + static_cast<uint32_t>(sizeof(Rest)) * count;
  }

  // Where the answer stands for an address whose bits from the bucket's depth on
  // are `rest`.
  const Word* Match(Rest rest) const;
};
static_assert(sizeof(Bucket<Ipv4>) == 8 && sizeof(Bucket<Ipv6>) == 8);

// Lengths ascend, so the last route that matches is the longest.
inline const Word* Answer(const Word* cover, const Word* words, unsigned matches) {
  return matches == 0 ? cover : words + (std::bit_width(matches) - 1);
}

template <>
inline const Word* Bucket<Ipv6>::Match(uint64_t rest) const {
  int32_t packed;
  __builtin_memcpy(&packed, shifts, sizeof(packed));
  const __m256i shift = _mm256_cvtepi8_epi64(_mm_cvtsi32_si128(packed));
  const __m256i used = _mm256_cmpgt_epi64(shift, _mm256_set1_epi64x(kUnused));
  const auto used_count = static_cast<unsigned>(
      std::popcount(static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(used)))));
  const __m256i key = _mm256_maskload_epi64(reinterpret_cast<const long long*>(keys(used_count)), used);
  const __m256i differ =
      _mm256_srlv_epi64(_mm256_xor_si256(key, _mm256_set1_epi64x(static_cast<long long>(rest))), shift);
  const __m256i same = _mm256_and_si256(_mm256_cmpeq_epi64(differ, _mm256_setzero_si256()), used);
  return Answer(&cover, words(), static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(same))));
}

template <>
inline const Word* Bucket<Ipv4>::Match(uint32_t rest) const {
  int32_t packed;
  __builtin_memcpy(&packed, shifts, sizeof(packed));
  const __m128i shift = _mm_cvtepi8_epi32(_mm_cvtsi32_si128(packed));
  const __m128i used = _mm_cmpgt_epi32(shift, _mm_set1_epi32(kUnused));
  const auto used_count =
      static_cast<unsigned>(std::popcount(static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(used)))));
  const __m128i key = _mm_maskload_epi32(reinterpret_cast<const int*>(keys(used_count)), used);
  const __m128i differ = _mm_srlv_epi32(_mm_xor_si128(key, _mm_set1_epi32(static_cast<int>(rest))), shift);
  const __m128i same = _mm_and_si128(_mm_cmpeq_epi32(differ, _mm_setzero_si128()), used);
  return Answer(&cover, words(), static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(same))));
}

// The routes of a bucket, and one more, as the updater works on them: whole
// addresses, by ascending length.
template <class Family>
struct BucketRoute {
  typename Family::Address address;
  unsigned length;
  uint32_t word;  // RouteWord
};

template <class Family>
class BucketRoutes {
 public:
  unsigned count() const { return count_; }
  const BucketRoute<Family>* begin() const { return routes_.data(); }
  const BucketRoute<Family>* end() const { return routes_.data() + count_; }

  void Insert(const BucketRoute<Family>& route) {
    unsigned at = count_++;
    for (; at > 0 && routes_[at - 1].length > route.length; --at) routes_[at] = routes_[at - 1];
    routes_[at] = route;
  }

  // Adds the routes of a bucket at `depth` on the way to `address`.
  void InsertAll(const Bucket<Family>& bucket, const typename Family::Address& address, unsigned depth) {
    const unsigned bucket_count = bucket.count();
    for (unsigned i = 0; i < bucket_count; ++i) {
      const unsigned length = depth + Bucket<Family>::kRestBits - static_cast<unsigned>(bucket.shifts[i]);
      Insert({Family::WithRest(Family::Masked(address, depth), depth, bucket.keys(bucket_count)[i]), length,
              bucket.words()[i]});
    }
  }

  void Remove(unsigned length, const typename Family::Address& address) {
    unsigned kept = 0;
    for (unsigned i = 0; i < count_; ++i)
      if (routes_[i].length != length || routes_[i].address != address) routes_[kept++] = routes_[i];
    count_ = kept;
  }

  // Can one bucket at `depth` hold them?
  bool Fit(unsigned depth) const {
    return count_ <= kBucketRoutes &&
           (count_ == 0 || routes_[count_ - 1].length - depth <= Bucket<Family>::kRestBits);
  }

  // Writes them into a fresh bucket of Bytes(count()).
  void Write(Bucket<Family>* bucket, unsigned depth, Word cover) const {
    bucket->cover = cover;
    for (unsigned i = 0; i < kBucketRoutes; ++i) {
      bucket->shifts[i] = Bucket<Family>::kUnused;
      if (i >= count_) continue;
      bucket->shifts[i] = static_cast<int8_t>(Bucket<Family>::kRestBits - (routes_[i].length - depth));
      bucket->words()[i] = routes_[i].word;
      bucket->keys(count_)[i] = Family::RestAt(routes_[i].address, depth);
    }
  }

 private:
  std::array<BucketRoute<Family>, kBucketRoutes + 1> routes_;
  unsigned count_ = 0;
};

}  // namespace sluice::dataplane::fib
