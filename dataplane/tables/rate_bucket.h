// A token bucket shared by workers without a lock: the virtual scheduling form
// of GCRA (ITU-T I.371 annex A) on one atomic clock value.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace sluice::dataplane {

// Time is in ticks of one clock that all workers share (the TSC). Inside, a
// sixteenth of a tick is the unit, so that rounding does not add up.
class RateBucket {
 public:
  // Not while workers use it. `burst` is in units, at `units_per_second`.
  void Configure(double units_per_second, uint64_t burst, uint64_t ticks_per_second) {
    const double ticks_per_unit = static_cast<double>(ticks_per_second) / units_per_second;
    scaled_per_unit_ = std::max<uint64_t>(
        1, static_cast<uint64_t>(ticks_per_unit * (uint64_t{1} << kFractionBits) * kScale));
    burst_ = Cost(burst);
    busy_until_.store(0, std::memory_order_relaxed);
  }

  // Any worker. Takes `units` if the bucket holds them.
  bool Take(uint64_t units, uint64_t now_ticks) {
    const uint64_t now = kOrigin + now_ticks * kScale;
    const uint64_t cost = Cost(units);
    const uint64_t empty_at = now - burst_;
    uint64_t busy = busy_until_.load(std::memory_order_relaxed);
    // A bucket that overflowed holds a burst and no more. Losing the race means
    // that somebody else raised it.
    if (busy < empty_at && busy_until_.compare_exchange_strong(busy, empty_at, std::memory_order_relaxed))
      busy = empty_at;
    if (busy + cost > now) return false;
    if (busy_until_.fetch_add(cost, std::memory_order_relaxed) + cost <= now) return true;
    busy_until_.fetch_sub(cost, std::memory_order_relaxed);
    return false;
  }

 private:
  __extension__ using Product = unsigned __int128;
  // Enough for 1 kbit/s and 4 Tbit/s.
  static constexpr unsigned kFractionBits = 20;
  static constexpr uint64_t kScale = 16;
  // Keeps "a burst ago" above zero on a machine that has just started.
  static constexpr uint64_t kOrigin = uint64_t{1} << 62;

  uint64_t Cost(uint64_t units) const {
    const Product half = Product{1} << (kFractionBits - 1);
    return static_cast<uint64_t>((static_cast<Product>(units) * scaled_per_unit_ + half) >> kFractionBits);
  }

  uint64_t scaled_per_unit_ = 1;
  uint64_t burst_ = 0;
  std::atomic<uint64_t> busy_until_{0};
};

}  // namespace sluice::dataplane
