// Variable-size blocks out of one fixed stretch of address space: what the
// tries of all VRFs of a family are built from. A buddy allocator deals in
// spans of 4 KiB up to 1 MiB; spans are cut into blocks of one size class.
// Single writer; knows nothing of readers (RetireQueue does).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::dataplane::fib {

// A block's offset in the arena in units of 8 bytes. 0 is the first block ever
// allocated and stands for "none".
using BlockRef = uint32_t;

class BlockArena {
 public:
  static constexpr uint32_t kGranuleBytes = 8;
  static constexpr uint32_t kSpanBytes = 4096;
  static constexpr uint32_t kLargestBlockBytes = 1u << 20;
  static constexpr uint64_t kReserveBytesMax = uint64_t{1} << 33;  // 30 bits of granules

  // Reserves address space (no memory) for `reserve_bytes`, rounded up to 1 MiB.
  // The stretch never moves; pages are committed on first use, huge ones where
  // the kernel has them.
  explicit BlockArena(uint64_t reserve_bytes);
  ~BlockArena();
  BlockArena(const BlockArena&) = delete;
  BlockArena& operator=(const BlockArena&) = delete;

  // A block of at least `bytes` (1 to 1 MiB), contents unspecified; 0 when it
  // would take the spans in use above `limit_bytes` or the reserve.
  BlockRef Allocate(uint32_t bytes, uint64_t limit_bytes);
  void Free(BlockRef block);

  // What `Allocate` really gave, at least what was asked for.
  uint32_t CapacityBytes(BlockRef block) const;

  std::byte* memory() const { return memory_; }
  template <typename T>
  T* At(BlockRef block) const {
    return reinterpret_cast<T*>(memory_ + uint64_t{block} * kGranuleBytes);
  }

  // Spans in use, including free blocks inside of them.
  uint64_t span_bytes() const { return spans_used_ * kSpanBytes; }
  // Blocks in use.
  uint64_t block_bytes() const { return block_bytes_; }
  // The high-water mark: what the kernel may have committed.
  uint64_t touched_bytes() const { return spans_touched_ * kSpanBytes; }
  // What the allocator keeps beside the arena.
  uint64_t bookkeeping_bytes() const { return spans_.capacity() * sizeof(Span); }

 private:
  static constexpr unsigned kClassCount = 40;
  static constexpr unsigned kOrderCount = 9;  // 4 KiB to 1 MiB
  static constexpr uint32_t kNone = ~uint32_t{0};
  enum class Use : uint8_t { kInside, kFree, kBlocks, kLarge };

  // State of a span; for larger runs only the first span's counts.
  struct Span {
    uint32_t next;  // in the free list of its order or the list of its class
    uint32_t previous;
    uint16_t free_granule;    // first free block inside, as granule of the span; kNoBlock
    uint16_t unused_granule;  // everything from here on was never handed out
    uint16_t live;            // blocks in use
    Use use;
    uint8_t kind;  // order when kFree or kLarge, size class when kBlocks
  };
  static constexpr uint16_t kNoBlock = 0xffff;

  static unsigned ClassOf(uint32_t bytes);
  static uint32_t ClassBytes(unsigned size_class);
  static unsigned OrderOf(uint32_t bytes);

  uint32_t TakeRun(unsigned order, uint64_t limit_bytes);
  bool Extend();
  void GiveRun(uint32_t first, unsigned order);
  uint32_t SpanWithRoom(unsigned size_class, uint64_t limit_bytes);
  void Link(uint32_t* head, uint32_t span);
  void Unlink(uint32_t* head, uint32_t span);

  std::byte* memory_ = nullptr;
  uint64_t reserve_spans_;
  uint64_t spans_used_ = 0;
  uint64_t spans_touched_ = 0;
  uint64_t block_bytes_ = 0;
  std::vector<Span> spans_;
  uint32_t free_runs_[kOrderCount];
  uint32_t with_room_[kClassCount];
};

}  // namespace sluice::dataplane::fib
