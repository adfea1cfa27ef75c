// Batches of retired blocks, freed in order.
#include "dataplane/tables/fib/retire_queue.h"

namespace sluice::dataplane::fib {

void RetireQueue::Retire(BlockRef block) {
  blocks_.push_back(block);
  waiting_bytes_ += arena_.CapacityBytes(block);
  if (++open_count_ == kBatch) Seal();
}

void RetireQueue::Seal() {
  if (open_count_ == 0) return;
  periods_.push_back({reclaimer_.Token(), open_count_});
  open_count_ = 0;
}

void RetireQueue::Reclaim(unsigned blocks_max) {
  while (blocks_max > 0 && !periods_.empty() && reclaimer_.Passed(periods_.front().token)) {
    GracePeriod& period = periods_.front();
    for (; period.block_count > 0 && blocks_max > 0; --period.block_count, --blocks_max) {
      waiting_bytes_ -= arena_.CapacityBytes(blocks_.front());
      arena_.Free(blocks_.front());
      blocks_.pop_front();
    }
    if (period.block_count == 0) periods_.pop_front();
  }
}

void RetireQueue::ReclaimAll() {
  Seal();
  Reclaim(~0u);
}

}  // namespace sluice::dataplane::fib
