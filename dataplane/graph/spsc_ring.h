// A ring of fixed records from one producer thread to one consumer thread. The
// producer never waits: what does not fit is counted and lost.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

namespace sluice::dataplane {

template <class T>
class SpscRing {
 public:
  // `capacity` is a power of two.
  explicit SpscRing(uint32_t capacity) : mask_(capacity - 1), records_(new T[capacity]) {}

  // Producer: a record to fill, then Publish(); null when the ring is full.
  T* Reserve() {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) > mask_) {
      missed_.store(missed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return nullptr;
    }
    return &records_[tail & mask_];
  }
  void Publish() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // Consumer: the oldest record, then Release(); null when there is none.
  const T* Front() const {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &records_[head & mask_];
  }
  void Release() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // Any thread: records in it at some moment of the call. The producer may find fewer
  // than it thinks, never more.
  uint32_t size() const {
    const uint32_t head = head_.load(std::memory_order_acquire);
    return tail_.load(std::memory_order_acquire) - head;
  }

  // Any thread: records that did not fit, ever.
  uint64_t missed() const { return missed_.load(std::memory_order_relaxed); }

 private:
  const uint32_t mask_;
  std::unique_ptr<T[]> records_;
  alignas(64) std::atomic<uint32_t> tail_{0};
  std::atomic<uint64_t> missed_{0};
  alignas(64) std::atomic<uint32_t> head_{0};
};

}  // namespace sluice::dataplane
