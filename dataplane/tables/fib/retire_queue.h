// Blocks that were unlinked but may still be read: a FIFO of grace periods
// between BlockArena and the readers. Writer's thread only.
#pragma once

#include <cstdint>
#include <deque>

#include "dataplane/tables/fib/block_arena.h"
#include "dataplane/tables/reclaimer.h"

namespace sluice::dataplane::fib {

class RetireQueue {
 public:
  // Both must outlive the queue.
  RetireQueue(Reclaimer& reclaimer, BlockArena& arena) : reclaimer_(reclaimer), arena_(arena) {}

  // `block` is out of reach for readers that start now.
  void Retire(BlockRef block);

  // Frees at most `blocks_max` blocks whose grace period has passed; never waits.
  void Reclaim(unsigned blocks_max);
  // The same without a bound, also for blocks retired a moment ago.
  void ReclaimAll();

  uint64_t waiting_blocks() const { return blocks_.size(); }
  uint64_t waiting_bytes() const { return waiting_bytes_; }

 private:
  // Blocks share a token: a token costs an atomic addition readers see.
  static constexpr uint32_t kBatch = 64;
  struct GracePeriod {
    uint64_t token;
    uint32_t block_count;
  };

  void Seal();

  Reclaimer& reclaimer_;
  BlockArena& arena_;
  std::deque<BlockRef> blocks_;
  std::deque<GracePeriod> periods_;
  uint32_t open_count_ = 0;  // at the back of blocks_, without a token yet
  uint64_t waiting_bytes_ = 0;
};

}  // namespace sluice::dataplane::fib
