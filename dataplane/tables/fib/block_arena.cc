// Buddy allocation of spans below, size-class free lists inside the spans above.
#include "dataplane/tables/fib/block_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "proto/net/check.h"

namespace sluice::dataplane::fib {
namespace {

constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;
constexpr uint32_t kLargestClassBytes = 1024;
constexpr uint32_t kSuperSpans = BlockArena::kLargestBlockBytes / BlockArena::kSpanBytes;

constexpr uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

BlockArena::BlockArena(uint64_t reserve_bytes)
    : reserve_spans_(RoundUp(reserve_bytes, kHugePageBytes) / kSpanBytes) {
  SLUICE_CHECK(reserve_bytes > 0 && reserve_bytes <= kReserveBytesMax);
  std::fill(std::begin(free_runs_), std::end(free_runs_), kNone);
  std::fill(std::begin(with_room_), std::end(with_room_), kNone);
  const uint64_t bytes = reserve_spans_ * kSpanBytes;
  void* mapped = mmap(nullptr, bytes + kHugePageBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  SLUICE_CHECK(mapped != MAP_FAILED);
  // Huge pages need aligned stretches: trim both ends.
  const auto start = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t aligned = RoundUp(start, kHugePageBytes);
  if (aligned > start) munmap(mapped, aligned - start);
  if (aligned < start + kHugePageBytes)
    munmap(reinterpret_cast<void*>(aligned + bytes), start + kHugePageBytes - aligned);
  memory_ = reinterpret_cast<std::byte*>(aligned);
  // Only advice: without huge pages the tables work, with more TLB misses.
  (void)madvise(memory_, bytes, MADV_HUGEPAGE);
  SLUICE_CHECK(Allocate(kGranuleBytes, ~uint64_t{0}) == 0);
}

BlockArena::~BlockArena() {
  munmap(memory_, reserve_spans_ * kSpanBytes);
}

// 8-byte steps to 128 bytes, then eight steps per doubling: at most 1/8 lost.
unsigned BlockArena::ClassOf(uint32_t bytes) {
  if (bytes <= 128) return (std::max(bytes, 1u) - 1) / 8;
  const unsigned doubling = std::bit_width(bytes - 1) - 8;  // 0 above 128, 1 above 256, 2 above 512
  return 16 + 8 * doubling + (bytes - 1 - (128u << doubling)) / (16u << doubling);
}

uint32_t BlockArena::ClassBytes(unsigned size_class) {
  if (size_class < 16) return 8 * (size_class + 1);
  const unsigned doubling = (size_class - 16) / 8;
  return (128u << doubling) + ((size_class - 16) % 8 + 1) * (16u << doubling);
}

unsigned BlockArena::OrderOf(uint32_t bytes) {
  return static_cast<unsigned>(std::bit_width((bytes - 1) / kSpanBytes));
}

void BlockArena::Link(uint32_t* head, uint32_t span) {
  spans_[span].previous = kNone;
  spans_[span].next = *head;
  if (*head != kNone) spans_[*head].previous = span;
  *head = span;
}

void BlockArena::Unlink(uint32_t* head, uint32_t span) {
  const Span& gone = spans_[span];
  if (gone.previous == kNone) {
    *head = gone.next;
  } else {
    spans_[gone.previous].next = gone.next;
  }
  if (gone.next != kNone) spans_[gone.next].previous = gone.previous;
}

// Opens the next untouched 1 MiB.
bool BlockArena::Extend() {
  if (spans_touched_ + kSuperSpans > reserve_spans_) return false;
  const auto first = static_cast<uint32_t>(spans_touched_);
  // Grown by the step, not doubled: this is part of the memory per route.
  if (spans_.capacity() < first + kSuperSpans)
    spans_.reserve(first + std::max<size_t>(kSuperSpans, first / 8));
  spans_.resize(first + kSuperSpans, Span{kNone, kNone, kNoBlock, 0, 0, Use::kInside, 0});
  spans_touched_ += kSuperSpans;
  spans_[first].use = Use::kFree;
  spans_[first].kind = kOrderCount - 1;
  Link(&free_runs_[kOrderCount - 1], first);
  return true;
}

uint32_t BlockArena::TakeRun(unsigned order, uint64_t limit_bytes) {
  if (((spans_used_ + (uint64_t{1} << order)) * kSpanBytes) > limit_bytes) return kNone;
  unsigned from = order;
  while (from < kOrderCount && free_runs_[from] == kNone) ++from;
  if (from == kOrderCount) {
    if (!Extend()) return kNone;
    from = kOrderCount - 1;
  }
  const uint32_t first = free_runs_[from];
  Unlink(&free_runs_[from], first);
  while (from > order) {
    --from;
    const uint32_t half = first + (1u << from);
    spans_[half].use = Use::kFree;
    spans_[half].kind = static_cast<uint8_t>(from);
    Link(&free_runs_[from], half);
  }
  spans_used_ += uint64_t{1} << order;
  return first;
}

void BlockArena::GiveRun(uint32_t first, unsigned order) {
  spans_used_ -= uint64_t{1} << order;
  while (order + 1 < kOrderCount) {
    const uint32_t buddy = first ^ (1u << order);
    if (spans_[buddy].use != Use::kFree || spans_[buddy].kind != order) break;
    Unlink(&free_runs_[order], buddy);
    spans_[std::max(first, buddy)].use = Use::kInside;
    first = std::min(first, buddy);
    ++order;
  }
  spans_[first].use = Use::kFree;
  spans_[first].kind = static_cast<uint8_t>(order);
  Link(&free_runs_[order], first);
}

uint32_t BlockArena::SpanWithRoom(unsigned size_class, uint64_t limit_bytes) {
  if (with_room_[size_class] != kNone) return with_room_[size_class];
  const uint32_t index = TakeRun(0, limit_bytes);
  if (index == kNone) return kNone;
  Span& span = spans_[index];
  span.use = Use::kBlocks;
  span.kind = static_cast<uint8_t>(size_class);
  span.free_granule = kNoBlock;
  span.unused_granule = 0;
  span.live = 0;
  Link(&with_room_[size_class], index);
  return index;
}

BlockRef BlockArena::Allocate(uint32_t bytes, uint64_t limit_bytes) {
  SLUICE_CHECK(bytes > 0 && bytes <= kLargestBlockBytes);
  constexpr uint32_t kSpanGranules = kSpanBytes / kGranuleBytes;
  if (bytes > kLargestClassBytes) {
    const unsigned order = OrderOf(bytes);
    const uint32_t first = TakeRun(order, limit_bytes);
    if (first == kNone) return 0;
    spans_[first].use = Use::kLarge;
    spans_[first].kind = static_cast<uint8_t>(order);
    block_bytes_ += uint64_t{kSpanBytes} << order;
    return first * kSpanGranules;
  }
  const unsigned size_class = ClassOf(bytes);
  const uint32_t index = SpanWithRoom(size_class, limit_bytes);
  if (index == kNone) return 0;
  Span& span = spans_[index];
  const uint32_t step = ClassBytes(size_class) / kGranuleBytes;
  uint16_t granule = span.free_granule;
  if (granule != kNoBlock) {
    span.free_granule = *At<uint16_t>(index * kSpanGranules + granule);
  } else {
    granule = span.unused_granule;
    span.unused_granule = static_cast<uint16_t>(granule + step);
  }
  ++span.live;
  block_bytes_ += ClassBytes(size_class);
  if (span.free_granule == kNoBlock && span.unused_granule + step > kSpanGranules)
    Unlink(&with_room_[size_class], index);
  return index * kSpanGranules + granule;
}

void BlockArena::Free(BlockRef block) {
  constexpr uint32_t kSpanGranules = kSpanBytes / kGranuleBytes;
  const uint32_t index = block / kSpanGranules;
  Span& span = spans_[index];
  if (span.use == Use::kLarge) {
    block_bytes_ -= uint64_t{kSpanBytes} << span.kind;
    GiveRun(index, span.kind);
    return;
  }
  SLUICE_CHECK(span.use == Use::kBlocks && span.live > 0);
  const unsigned size_class = span.kind;
  const uint32_t step = ClassBytes(size_class) / kGranuleBytes;
  const bool was_full = span.free_granule == kNoBlock && span.unused_granule + step > kSpanGranules;
  *At<uint16_t>(block) = span.free_granule;
  span.free_granule = static_cast<uint16_t>(block % kSpanGranules);
  --span.live;
  block_bytes_ -= ClassBytes(size_class);
  if (was_full) Link(&with_room_[size_class], index);
  if (span.live == 0) {
    Unlink(&with_room_[size_class], index);
    GiveRun(index, 0);
  }
}

uint32_t BlockArena::CapacityBytes(BlockRef block) const {
  const Span& span = spans_[block / (kSpanBytes / kGranuleBytes)];
  return span.use == Use::kLarge ? kSpanBytes << span.kind : ClassBytes(span.kind);
}

}  // namespace sluice::dataplane::fib
