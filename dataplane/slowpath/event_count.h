// A count that the slow path's thread alone adds to and any thread may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::dataplane {

class EventCount {
 public:
  EventCount() = default;
  // Values are copied, as of now.
  EventCount(const EventCount& other) : value_(other.value()) {}
  EventCount& operator=(const EventCount& other) {
    value_.store(other.value(), std::memory_order_relaxed);
    return *this;
  }

  // One writer: no need to lock the bus.
  EventCount& operator+=(uint64_t events) {
    value_.store(value() + events, std::memory_order_relaxed);
    return *this;
  }
  EventCount& operator++() { return *this += 1; }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  operator uint64_t() const { return value(); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace sluice::dataplane
