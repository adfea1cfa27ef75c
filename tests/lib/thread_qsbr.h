// Quiescent-state reclamation over plain threads, for tests and benchmarks of
// tables without DPDK: the same contract as rte_rcu_qsbr.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/tables/reclaimer.h"

namespace sluice::testing {

class ThreadQsbr : public dataplane::Reclaimer {
 public:
  // Readers are offline until their first report; each has an index below
  // `reader_count`.
  explicit ThreadQsbr(unsigned reader_count) : seen_(reader_count) {}

  uint64_t Token() override { return now_.fetch_add(1, std::memory_order_acq_rel) + 1; }

  bool Passed(uint64_t token) override {
    for (const Reader& reader : seen_)
      if (reader.seen.load(std::memory_order_acquire) < token) return false;
    return true;
  }

  // Reader thread: holds no reference into any table.
  void Quiescent(unsigned reader) {
    seen_[reader].seen.store(now_.load(std::memory_order_acquire), std::memory_order_release);
  }

  // Reader thread, last call: never reads again.
  void Offline(unsigned reader) { seen_[reader].seen.store(~uint64_t{0}, std::memory_order_release); }

 private:
  struct alignas(64) Reader {
    std::atomic<uint64_t> seen{~uint64_t{0}};
  };

  std::atomic<uint64_t> now_{0};
  std::vector<Reader> seen_;
};

}  // namespace sluice::testing
