// Power-of-two runs of bucket slots out of one array (a buddy allocator), for
// next-hop groups with several members.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace sluice::dataplane {

// Hands out offsets only; the writer's thread.
class BucketPool {
 public:
  explicit BucketPool(uint32_t capacity);

  // `count` is a power of two. Absent when no run of that size is free.
  std::optional<uint32_t> Take(uint32_t count);
  void Give(uint32_t offset, uint32_t count);

  uint32_t capacity() const { return capacity_; }
  uint32_t used() const { return used_; }

 private:
  const uint32_t capacity_;
  uint32_t used_ = 0;
  std::vector<std::set<uint32_t>> free_;  // by the logarithm of the size
};

}  // namespace sluice::dataplane
