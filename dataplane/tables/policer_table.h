// Policers of connections, exact over several workers: one shared token bucket
// each, from which a worker borrows about 100 microseconds of the rate at a
// time and spends it on its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/rate_bucket.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/write_result.h"

namespace sluice::dataplane {

class PolicerTable {
 public:
  // `ticks_per_second` of the clock that Admit() is given, the same on all workers.
  PolicerTable(const TableLimits& limits, WorkerIndex workers, uint64_t ticks_per_second,
               Retirement& retirement);
  ~PolicerTable();
  PolicerTable(const PolicerTable&) = delete;
  PolicerTable& operator=(const PolicerTable&) = delete;

  uint32_t size() const { return limit_ + 1; }

  // The worker with this index only. May `bytes` (inner L3) of a packet pass?
  // `now` reads the clock; it is called only to borrow. A policer that does not
  // exist admits everything.
  template <class Clock>
  bool Admit(WorkerIndex worker, PolicerId id, uint32_t bytes, Clock now) {
    const Policer* policer = policers_[id].load(std::memory_order_acquire);
    if (policer == nullptr) return true;
    Purse& purse = purses_[uint64_t{worker} * size() + id];
    if (__builtin_expect(purse.generation == policer->generation && purse.bytes >= bytes, 1)) {
      purse.bytes -= bytes;
      return true;
    }
    return Borrow(*policer, purse, bytes, now());
  }

  // Writer. rate_kbps is at least 1; burst_bytes 0 = the default: what the rate
  // gives in 50 ms, about a round trip over a WAN, so that one TCP flow can fill it,
  // but at least ten packets of 1500 bytes or one of mtu_bytes. A given burst
  // smaller than one packet is refused: no such packet would ever pass.
  WriteResult Put(PolicerId id, uint32_t rate_kbps, uint32_t burst_bytes, uint32_t mtu_bytes = 9000);
  WriteResult Remove(PolicerId id);
  bool Exists(PolicerId id) const {
    return id < size() && policers_[id].load(std::memory_order_relaxed) != nullptr;
  }
  uint32_t used() const { return used_; }

 private:
  struct alignas(64) Policer {
    uint32_t generation;     // tells what was borrowed from a predecessor
    uint32_t quantum_bytes;  // what a worker borrows
    // The bucket is shared by design; the rest never changes.
    mutable RateBucket bucket;
  };
  // What one worker has borrowed and not yet spent.
  struct Purse {
    uint32_t generation = 0;
    uint32_t bytes = 0;
  };

  static bool Borrow(const Policer& policer, Purse& purse, uint32_t bytes, uint64_t now);

  const uint32_t limit_;
  const uint64_t ticks_per_second_;
  uint32_t used_ = 0;
  uint32_t generation_ = 0;
  Retirement& retirement_;
  std::unique_ptr<std::atomic<const Policer*>[]> policers_;
  std::unique_ptr<Purse[]> purses_;
};

}  // namespace sluice::dataplane
