// Splits the smallest free run that is large enough; joins buddies on return.
#include "dataplane/tables/bucket_pool.h"

#include <bit>

#include "proto/net/check.h"

namespace sluice::dataplane {

BucketPool::BucketPool(uint32_t capacity) : capacity_(capacity), free_(32) {
  // The capacity as a sum of powers of two, the largest first, keeps every run
  // aligned to its size.
  uint32_t offset = 0;
  for (int order = 31; order >= 0; --order) {
    if ((capacity >> order & 1) == 0) continue;
    free_[order].insert(offset);
    offset += uint32_t{1} << order;
  }
}

std::optional<uint32_t> BucketPool::Take(uint32_t count) {
  SLUICE_CHECK(std::has_single_bit(count));
  const auto order = static_cast<unsigned>(std::countr_zero(count));
  unsigned from = order;
  while (from < free_.size() && free_[from].empty()) ++from;
  if (from == free_.size()) return std::nullopt;
  const uint32_t offset = *free_[from].begin();
  free_[from].erase(free_[from].begin());
  while (from > order) {
    --from;
    free_[from].insert(offset + (uint32_t{1} << from));
  }
  used_ += count;
  return offset;
}

void BucketPool::Give(uint32_t offset, uint32_t count) {
  used_ -= count;
  auto order = static_cast<unsigned>(std::countr_zero(count));
  while (order + 1 < free_.size()) {
    const auto buddy = free_[order].find(offset ^ (uint32_t{1} << order));
    if (buddy == free_[order].end()) break;
    offset &= ~(uint32_t{1} << order);
    free_[order].erase(buddy);
    ++order;
  }
  free_[order].insert(offset);
}

}  // namespace sluice::dataplane
