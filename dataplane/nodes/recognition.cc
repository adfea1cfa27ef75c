// Eight frames side by side: a few words of each mbuf and of each header are
// loaded and transposed, so that a vector holds the same word of all of them;
// every test is then one or two instructions for the eight.
#include "dataplane/nodes/recognition.h"

#include <immintrin.h>

#include <bit>

#include "dataplane/tables/fib/lookup_avx512.h"

// GCC 12 warns about the undefined operands inside its own intrinsics (PR 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace sluice::dataplane::classify {
namespace {

#define SLUICE_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq")))

constexpr unsigned kLanes = 8;
constexpr unsigned kVectors = forward::kFramesTogether / kLanes;
static_assert(forward::kFramesTogether % kLanes == 0, "the arrays of a burst hold whole vectors");
using Frames = forward::FrameBurst<forward::Ipv4>;

// Word by word of eight places.
struct Columns {
  __m512i word[4];
};

SLUICE_AVX512 inline __m512i Set(uint64_t value) {
  return _mm512_set1_epi64(static_cast<long long>(value));
}
// all | (some & mask)
SLUICE_AVX512 inline __m512i OrAnd(__m512i all, __m512i some, __m512i mask) {
  return _mm512_ternarylogic_epi64(all, some, mask, 0xf8);
}

// From four vectors, each with four words of one place and of the next.
SLUICE_AVX512 inline Columns Transpose(__m512i p01, __m512i p23, __m512i p45, __m512i p67) {
  const __m512i first = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
  const __m512i second = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i low = _mm512_permutex2var_epi64(p01, first, p23);
  const __m512i high = _mm512_permutex2var_epi64(p45, first, p67);
  const __m512i low2 = _mm512_permutex2var_epi64(p01, second, p23);
  const __m512i high2 = _mm512_permutex2var_epi64(p45, second, p67);
  return {{_mm512_shuffle_i64x2(low, high, 0x44), _mm512_shuffle_i64x2(low, high, 0xee),
           _mm512_shuffle_i64x2(low2, high2, 0x44), _mm512_shuffle_i64x2(low2, high2, 0xee)}};
}

// Of each mbuf: its buffer, offset (bits 0-15), segments (32-47) and port (48-63), flags,
// length (0-15).
static_assert(offsetof(rte_mbuf, buf_addr) == 0 && offsetof(rte_mbuf, data_off) == 16 &&
              offsetof(rte_mbuf, nb_segs) == 20 && offsetof(rte_mbuf, port) == 22 &&
              offsetof(rte_mbuf, ol_flags) == 24 && offsetof(rte_mbuf, data_len) == 40);
SLUICE_AVX512 inline __m512i TwoMbufs(const rte_mbuf* a, const rte_mbuf* b) {
  const __m512i words = _mm512_setr_epi64(0, 2, 3, 5, 8, 10, 11, 13);
  return _mm512_permutex2var_epi64(_mm512_load_si512(a), words, _mm512_load_si512(b));
}
SLUICE_AVX512 inline Columns MbufWords(const rte_mbuf* const mbuf[]) {
  return Transpose(TwoMbufs(mbuf[0], mbuf[1]), TwoMbufs(mbuf[2], mbuf[3]), TwoMbufs(mbuf[4], mbuf[5]),
                   TwoMbufs(mbuf[6], mbuf[7]));
}

// Of each frame: bytes 0 to 5, and bytes 12 to 37, the last of which ends a tagged IPv4
// header. What is loaded last covers the source address.
SLUICE_AVX512 inline __m256i OneFrame(const uint8_t* frame) {
  const __m256i rest = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame + 6));
  return _mm256_mask_loadu_epi16(rest, 0x7, frame);
}
SLUICE_AVX512 inline __m512i TwoFrames(const uint8_t* a, const uint8_t* b) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(OneFrame(a)), OneFrame(b), 1);
}
SLUICE_AVX512 inline Columns FrameWords(const uint8_t* const frame[]) {
  return Transpose(TwoFrames(frame[0], frame[1]), TwoFrames(frame[2], frame[3]),
                   TwoFrames(frame[4], frame[5]), TwoFrames(frame[6], frame[7]));
}

// kSpecialIpv4Octet for the first octets of both addresses: a table by the high
// and one by the low half of an octet, with a bit for each kind of address.
SLUICE_AVX512 inline __m512i SpecialOctets(__m512i addresses) {
  const __m512i high = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 4, 0, 0, 0, 8, 8));
  const __m512i low = _mm512_broadcast_i32x4(_mm_setr_epi8(9, 8, 8, 8, 8, 8, 8, 8, 8, 12, 8, 8, 8, 8, 8, 10));
  const __m512i half = _mm512_set1_epi8(0xf);
  const __m512i by_high = _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi64(addresses, 4), half));
  const __m512i by_low = _mm512_shuffle_epi8(low, _mm512_and_si512(addresses, half));
  return _mm512_and_si512(_mm512_and_si512(by_high, by_low), Set(0x000000ff000000ff));
}

// The lanes whose header checksum is wrong, from its bytes 0-3, 4-11 and 12-19; see
// Ipv4ChecksumHolds().
SLUICE_AVX512 inline __mmask8 WrongChecksum(__m512i first, __m512i second, __m512i third) {
  const __m512i half = Set(0xffffffff);
  const __m512i highs = _mm512_add_epi64(_mm512_srli_epi64(second, 32), _mm512_srli_epi64(third, 32));
  const __m512i lows = _mm512_add_epi64(_mm512_and_si512(second, half), _mm512_and_si512(third, half));
  const __m512i sum = _mm512_add_epi64(_mm512_add_epi64(highs, lows), first);
  return _mm512_cmpgt_epu64_mask(_mm512_mullo_epi64(sum, Set(0xfffefffefffeffff)), Set(~uint64_t{0} / 65535));
}

// The lanes whose source may be an address of ours; see OwnAddresses.
SLUICE_AVX512 inline __mmask8 MayBeOurs(const OwnAddresses& own, __m512i subinterface, __m512i source) {
  const __m512i vrf = _mm512_and_si512(_mm512_srli_epi64(subinterface, 16), Set(0xffff));
  const __m512i filter =
      _mm512_i64gather_epi64(_mm512_slli_epi64(vrf, 4), static_cast<const void*>(own.Ipv4Filters()), 1);
  const __m512i hash = _mm512_mullo_epi64(source, Set(OwnAddresses::kMultiplier));
  const __m512i one = Set(1);
  const __m512i bits =
      _mm512_or_si512(_mm512_sllv_epi64(one, _mm512_srli_epi64(hash, 58)),
                      _mm512_sllv_epi64(one, _mm512_and_si512(_mm512_srli_epi64(hash, 52), Set(63))));
  const __m512i missing = _mm512_andnot_si512(filter, bits);
  return _mm512_testn_epi64_mask(missing, missing);
}
static_assert(OwnAddresses::kFilterBytes == 16);

// What the passes over a burst find out about its frames, a vector for eight. In each
// pass a vector waits for one load only, and the processor has several of them under
// way: in one pass all would wait for each other's loads.
struct Found {
  __m512i frame[kVectors];         // where it begins
  __m512i port[kVectors];          // it came in by
  __m512i available[kVectors];     // bytes from the IP header on
  __m512i odd[kVectors];           // not zero: odd
  __m512i vlan[kVectors];          // and port: its place in the SubinterfaceMap
  __m512i total[kVectors];         // length of the IP packet
  __m512i hop_word[kVectors];      // bytes 4 to 11 of its header
  __m512i addresses[kVectors];     // host byte order, the destination in the upper half
  __m512i subinterface[kVectors];  // Subinterface::Word()
  __mmask8 sound[kVectors];        // ordinary, but that the source may be an address of ours
};

// MacBits of the ports' own addresses. Most bursts come from one port.
SLUICE_AVX512 inline __m512i OwnMacs(const WorkerContext& worker, __m512i port) {
  static_assert(sizeof(TransmitPort) == 16);
  const __m512i first = _mm512_broadcastq_epi64(_mm512_castsi512_si128(port));
  if (__builtin_expect(_mm512_cmpneq_epi64_mask(port, first) == 0, 1))
    return Set(
        worker.transmit[static_cast<PortId>(_mm_cvtsi128_si64(_mm512_castsi512_si128(port)))].mac_bits);
  return _mm512_i64gather_epi64(_mm512_slli_epi64(port, 4),
                                static_cast<const void*>(&worker.transmit[0].mac_bits), 1);
}

SLUICE_AVX512 inline void LookAtMbufs(const rte_mbuf* const mbuf[], Found& found, unsigned at) {
  const Columns buffer = MbufWords(mbuf);
  const __m512i low16 = Set(0xffff);
  found.frame[at] = _mm512_add_epi64(buffer.word[0], _mm512_and_si512(buffer.word[1], low16));
  found.port[at] = _mm512_srli_epi64(buffer.word[1], 48);
  found.available[at] = _mm512_sub_epi64(_mm512_and_si512(buffer.word[3], low16), Set(kTaggedL2Bytes));
  // OdditiesOf
  const __m512i segments = _mm512_xor_si512(buffer.word[1], Set(uint64_t{1} << 32));
  found.odd[at] = OrAnd(_mm512_and_si512(buffer.word[2], Set(RTE_MBUF_F_RX_VLAN_STRIPPED)), segments,
                        Set(uint64_t{0xffff} << 32));
}

SLUICE_AVX512 inline void LookAtFrames(const WorkerContext& worker, Found& found, unsigned at) {
  const Columns header = FrameWords(reinterpret_cast<const uint8_t* const*>(&found.frame[at]));
  // The VLAN's half of the tag, and the total length in the upper half.
  const __m512i turn =
      _mm512_broadcast_i32x4(_mm_setr_epi8(1, 0, -1, -1, 7, 6, -1, -1, 9, 8, -1, -1, 15, 14, -1, -1));
  const __m512i vlan_and_length = _mm512_shuffle_epi8(header.word[1], turn);
  static_assert(SubinterfaceMap::kVlans == 1 << 12);
  found.vlan[at] = OrAnd(_mm512_slli_epi64(found.port[at], 12), vlan_and_length, Set(0xfff));

  const __m512i expected = _mm512_or_si512(OwnMacs(worker, found.port[at]), Set(uint64_t{0x0081} << 48));
  __m512i odd = _mm512_or_si512(found.odd[at], _mm512_xor_si512(header.word[0], expected));
  odd = OrAnd(odd, _mm512_xor_si512(header.word[1], Set(uint64_t{0x450008} << 16)), Set(0xffffff0000));
  odd = _mm512_or_si512(odd, SpecialOctets(header.word[3]));
  const __m512i total = _mm512_srli_epi64(vlan_and_length, 32);
  const __m512i length = _mm512_or_si512(_mm512_sub_epi64(total, Set(kIpv4HeaderBytes)),
                                         _mm512_sub_epi64(found.available[at], total));
  found.odd[at] = _mm512_or_si512(odd, _mm512_srli_epi64(length, 63));
  const __mmask8 wrong = WrongChecksum(_mm512_srli_epi64(header.word[1], 32), header.word[2], header.word[3]);

  const __m512i host_order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  found.total[at] = total;
  found.hop_word[at] = header.word[2];
  found.addresses[at] = _mm512_shuffle_epi8(header.word[3], host_order);
  found.sound[at] = static_cast<__mmask8>(~unsigned{wrong});
}

SLUICE_AVX512 inline void LookAtSubinterfaces(const SubinterfaceMap& map, Found& found, unsigned at) {
  const __m512i subinterface =
      _mm512_i64gather_epi64(found.vlan[at], static_cast<const void*>(map.Words()), 8);
  const __m512i odd =
      OrAnd(found.odd[at], _mm512_xor_si512(subinterface, Set(uint64_t{kSubinterfaceUp} << 32)),
            Set(uint64_t{0xffff} << 32));
  found.subinterface[at] = subinterface;
  found.sound[at] = _mm512_mask_testn_epi64_mask(found.sound[at], odd, odd);
}

// Those of the lanes in `suspects` whose source is an address of ours.
SLUICE_AVX512 unsigned Ours(const Tables& tables, const Found& found, unsigned at, unsigned suspects) {
  alignas(64) uint64_t subinterface[kLanes], addresses[kLanes];
  _mm512_store_si512(subinterface, found.subinterface[at]);
  _mm512_store_si512(addresses, found.addresses[at]);
  unsigned ours = 0;
  for (unsigned rest = suspects; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    const VrfId vrf = Subinterface::OfWord(subinterface[lane]).vrf();
    ours |= unsigned{forward::IsOurs<forward::Ipv4>(tables, vrf, static_cast<uint32_t>(addresses[lane]))}
            << lane;
  }
  return ours;
}

// The ordinary frames, one after the other.
struct Ordinary {
  alignas(64) uint64_t available[forward::kFramesTogether];
  __m512i differs;  // from the first one's arrival
  __m512i bytes;
};

// Moves the lanes in `lanes` together.
SLUICE_AVX512 inline __m512i Gathered(__mmask8 lanes, __m512i words) {
  return __builtin_expect(lanes == 0xff, 1) ? words : _mm512_maskz_compress_epi64(lanes, words);
}

// What becomes of the frames in `lanes` where they leave with a tag; see Ipv4HopCounted().
SLUICE_AVX512 inline void AppendDeparture(const Found& found, unsigned at, __mmask8 lanes, __m512i arrival,
                                          Frames& burst, unsigned to) {
  const __m512i total = Gathered(lanes, found.total[at]), word = Gathered(lanes, found.hop_word[at]);
  const __m512i one_more = Set(uint64_t{1} << 48), one_hop = Set(uint64_t{1} << 32);
  const __m512i counted = _mm512_add_epi64(word, _mm512_sub_epi64(one_more, one_hop));
  const __mmask8 carried = _mm512_cmpge_epu64_mask(word, Set(uint64_t{0xfffe} << 48));
  _mm512_storeu_si512(burst.hop_word + to, _mm512_mask_add_epi64(counted, carried, counted, one_more));

  const __m512i hops = _mm512_and_si512(word, Set(uint64_t{0xff} << 32));
  const __m512i ip_bytes =
      _mm512_mask_mov_epi64(total, _mm512_cmple_epu64_mask(hops, one_hop), Set(Frames::kNoHopLeft));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(burst.ip_bytes + to), _mm512_cvtepi64_epi32(ip_bytes));

  // FrameLengthWord
  const __m512i bytes = _mm512_add_epi64(total, Set(kTaggedL2Bytes));
  const __m512i both = _mm512_or_si512(bytes, _mm512_slli_epi64(bytes, 32));
  const __m512i lengths = OrAnd(both, _mm512_slli_epi64(arrival, 32), Set(uint64_t{0xffff} << 48));
  _mm512_storeu_si512(burst.lengths + to, lengths);
}

SLUICE_AVX512 inline void Append(const Found& found, unsigned at, __mmask8 lanes, __m512i mbufs,
                                 Frames& burst, Ordinary& ordinary, unsigned to) {
  const __m512i kept = Set(ArrivalWord(Subinterface::OfWord(~uint64_t{0}), 0, 0));
  const __m512i set = Set(ArrivalWord(Subinterface(), forward::Ipv4::kFamily, kTaggedL2Bytes));
  const __m512i arrival = Gathered(lanes, OrAnd(set, found.subinterface[at], kept));
  const __m512i available = Gathered(lanes, found.available[at]);
  _mm512_storeu_si512(burst.arrival + to, arrival);
  _mm512_storeu_si512(ordinary.available + to, available);
  const auto used = static_cast<__mmask8>((1u << std::popcount(unsigned{lanes})) - 1);
  ordinary.differs = _mm512_mask_ternarylogic_epi64(ordinary.differs, used, arrival, Set(burst.arrival[0]),
                                                    0xf6);  // differs | (arrival ^ first)
  ordinary.bytes = _mm512_mask_add_epi64(ordinary.bytes, used, ordinary.bytes, available);

  _mm512_storeu_si512(burst.packet + to, Gathered(lanes, mbufs));
  _mm512_storeu_si512(burst.ip + to, _mm512_add_epi64(Gathered(lanes, found.frame[at]), Set(kTaggedL2Bytes)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(burst.vrf + to),
                   _mm512_cvtepi64_epi16(_mm512_srli_epi64(arrival, 16)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(burst.destination + to),
                      _mm512_cvtepi64_epi32(_mm512_srli_epi64(Gathered(lanes, found.addresses[at]), 32)));
  AppendDeparture(found, at, lanes, arrival, burst, to);
}

SLUICE_AVX512 inline void Receive(const CounterBlock& counters, const Frames& burst, const Ordinary& ordinary,
                                  unsigned count) {
  if (_mm512_test_epi64_mask(ordinary.differs, ordinary.differs) == 0) {
    // All of one interface; one by one, each would wait for the one before it.
    PacketsAndBytes& counter = counters.interface_rx[static_cast<InterfaceId>(burst.arrival[0])];
    Count(counter.packets, count);
    Count(counter.bytes, static_cast<uint64_t>(_mm512_reduce_add_epi64(ordinary.bytes)));
    return;
  }
  for (unsigned i = 0; i < count; ++i)
    counters.Received(static_cast<InterfaceId>(burst.arrival[i]), ordinary.available[i]);
}

// A frame where drivers put it, without waiting for its mbuf to say so.
inline void Prefetch(rte_mbuf* const packets[], unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    __builtin_prefetch(reinterpret_cast<uint8_t*>(&MetaOf(*packets[i]) + 1) + RTE_PKTMBUF_HEADROOM, 1);
}

SLUICE_AVX512 inline void LookAtAll(const WorkerContext& worker, rte_mbuf* const packets[], unsigned count,
                                    Found& found) {
  const unsigned whole = count / kLanes, vectors = (count + kLanes - 1) / kLanes;
  Prefetch(packets, count);
  for (unsigned at = 0; at < whole; ++at) LookAtMbufs(packets + at * kLanes, found, at);
  if (whole != vectors) {
    const rte_mbuf* padded[kLanes];
    for (unsigned lane = 0; lane < kLanes; ++lane)
      padded[lane] = packets[whole * kLanes + lane < count ? whole * kLanes + lane : whole * kLanes];
    LookAtMbufs(padded, found, whole);
  }
  for (unsigned at = 0; at < vectors; ++at) LookAtFrames(worker, found, at);
  for (unsigned at = 0; at < vectors; ++at) LookAtSubinterfaces(worker.tables->subinterfaces, found, at);
}

}  // namespace

bool HasVectorRecognition() {
  return fib::HasVectorLookup();
}

SLUICE_AVX512 uint16_t RecogniseIpv4(const WorkerContext& worker, rte_mbuf* const packets[], uint16_t count,
                                     Frames& burst, rte_mbuf* odd[], uint16_t& odd_count) {
  Found found;
  LookAtAll(worker, packets, count, found);
  Ordinary ordinary;
  ordinary.differs = ordinary.bytes = _mm512_setzero_si512();
  unsigned taken = 0, left = 0;
  for (unsigned at = 0; at * kLanes < count; ++at) {
    const unsigned rest = std::min<unsigned>(count - at * kLanes, kLanes);
    const auto valid = static_cast<__mmask8>((1u << rest) - 1);
    const __m512i mbufs = _mm512_maskz_loadu_epi64(valid, packets + at * kLanes);
    const __m512i source = _mm512_and_si512(found.addresses[at], Set(0xffffffff));
    auto lanes = static_cast<__mmask8>(found.sound[at] & valid);
    const auto suspects = static_cast<__mmask8>(
        lanes & MayBeOurs(worker.tables->own_addresses, found.subinterface[at], source));
    if (__builtin_expect(suspects != 0, 0))
      lanes = static_cast<__mmask8>(lanes & ~Ours(*worker.tables, found, at, suspects));
    Append(found, at, lanes, mbufs, burst, ordinary, taken);
    taken += static_cast<unsigned>(std::popcount(unsigned{lanes}));
    const auto others = static_cast<__mmask8>(valid & ~unsigned{lanes});
    if (__builtin_expect(others == 0, 1)) continue;
    _mm512_storeu_si512(odd + left, _mm512_maskz_compress_epi64(others, mbufs));
    left += static_cast<unsigned>(std::popcount(unsigned{others}));
  }
  if (taken != 0) Receive(worker.counters, burst, ordinary, taken);
  odd_count = static_cast<uint16_t>(left);
  return static_cast<uint16_t>(taken);
}

}  // namespace sluice::dataplane::classify
