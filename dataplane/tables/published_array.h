// An array of immutable objects that workers read by id while one writer swaps
// them: the shape of the VRF and interface tables.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/tables/retirement.h"
#include "proto/net/check.h"

namespace sluice::dataplane {

template <class T>
class PublishedArray {
 public:
  // Ids are 0 .. size - 1. `retirement` must outlive the array.
  PublishedArray(uint32_t size, Retirement& retirement)
      : size_(size), slots_(new std::atomic<const T*>[size]()), retirement_(retirement) {}
  PublishedArray(const PublishedArray&) = delete;
  PublishedArray& operator=(const PublishedArray&) = delete;
  // No reader may be left.
  ~PublishedArray() {
    for (uint32_t id = 0; id < size_; ++id) delete slots_[id].load(std::memory_order_relaxed);
  }

  uint32_t size() const { return size_; }
  uint32_t used() const { return used_; }

  // Any reader. The object is valid until the reader is next quiescent; null
  // when there is none. `id` must be below size().
  const T* Find(uint32_t id) const { return slots_[id].load(std::memory_order_acquire); }

  // Writer. Replaces what was there.
  void Publish(uint32_t id, std::unique_ptr<const T> object) {
    SLUICE_CHECK(id < size_);
    if (object != nullptr) ++used_;
    const T* before = slots_[id].exchange(object.release(), std::memory_order_acq_rel);
    if (before == nullptr) return;
    --used_;
    retirement_.Retire([before] { delete before; });
  }
  void Withdraw(uint32_t id) { Publish(id, nullptr); }

 private:
  const uint32_t size_;
  uint32_t used_ = 0;
  std::unique_ptr<std::atomic<const T*>[]> slots_;
  Retirement& retirement_;
};

}  // namespace sluice::dataplane
