// Outbound sequence numbers that are never used twice, whatever dies: a worker moves a
// mark in memory that outlives the process on before it uses the numbers below it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

namespace sluice::dataplane {

// What outlives the dataplane of one SA, in the caller's memory; by the SA's number.
struct SequenceMark {
  // Outbound: no number above it was used. Inbound: the highest that was authenticated.
  std::atomic<uint64_t> value{0};
};
static_assert(sizeof(SequenceMark) == 8);

inline constexpr uint64_t kSequenceBlock = 65'536;

// The owner worker's. 24 bytes, so that they share a cache line with what else it writes.
class SequenceReservation {
 public:
  // The first number is the one after `floor`, where the mark stands.
  SequenceReservation(uint64_t floor, bool extended)
      : next_(floor == std::numeric_limits<uint64_t>::max() ? 0 : floor + 1),
        reserved_(floor),
        last_(extended ? std::numeric_limits<uint64_t>::max() : std::numeric_limits<uint32_t>::max()) {}

  // The next number; 0: there is none left, ever (RFC 4303 section 3.3.3). Always the same `mark`.
  uint64_t Take(SequenceMark& mark) {
    if (__builtin_expect(next_ > reserved_ || next_ == 0, 0) && !Reserve(mark)) return 0;
    return next_++;
  }

  // Any thread, roughly: the next one.
  uint64_t next() const { return next_; }

 private:
  bool Reserve(SequenceMark& mark) {
    if (next_ == 0 || next_ > last_) return false;
    const uint64_t left = last_ - next_;
    reserved_ = next_ + std::min(left, kSequenceBlock - 1);
    mark.value.store(reserved_, std::memory_order_release);
    return true;
  }

  uint64_t next_;
  uint64_t reserved_;
  uint64_t last_;
};

}  // namespace sluice::dataplane
