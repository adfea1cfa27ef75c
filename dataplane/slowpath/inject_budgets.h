// How many packets of control the slow path takes, per class and tenant: a session that
// went wild costs the others neither buffers nor room in a worker's ring.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "dataplane/slowpath/token_bucket.h"
#include "dataplane/tables/ids.h"
#include "proto/channel/packets.h"

namespace sluice::dataplane {

struct InjectRate {
  uint32_t per_second;
  uint32_t burst;
};
// In the order of InjectClass. A full table to a BGP peer is some 20,000 segments, and
// one tenant's burst takes at most half of a worker's ring.
inline constexpr std::array<InjectRate, channel::kInjectClasses> kInjectRates = {
    {{500, 100}, {20000, 256}, {10000, 256}}};

// Slow path's thread only.
class InjectBudgets {
 public:
  bool Take(VrfId vrf, channel::InjectClass inject_class, Instant now) {
    auto tenant = tenants_.find(vrf);
    if (tenant == tenants_.end()) tenant = tenants_.emplace(vrf, FullBuckets()).first;
    return tenant->second[static_cast<size_t>(inject_class) - 1].Take(now);
  }

 private:
  using Buckets = std::array<TokenBucket, channel::kInjectClasses>;

  static Buckets FullBuckets() {
    const auto full = [](size_t index) {
      return TokenBucket(kInjectRates[index].per_second, kInjectRates[index].burst);
    };
    return {full(0), full(1), full(2)};
  }

  // One entry per VRF that control ever sent from: at most as many as there are VRFs.
  std::unordered_map<VrfId, Buckets> tenants_;
};

}  // namespace sluice::dataplane
