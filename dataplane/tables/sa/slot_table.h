// Which worker owns what belongs to an owner slot: the sequence numbers and replay
// windows of its SAs, and the flows that ports steer. Changed under running workers.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/write_result.h"

namespace sluice::dataplane {

inline constexpr uint32_t kOwnerSlots = 256;

// Slots of the ring by which a worker hands ESP packets to one owner, a power of two: few
// enough that all rings of a worker hold 512 at most, up to 32 workers. The packet pool reckons
// with all.
inline constexpr uint32_t HandoverRingSlots(uint32_t workers) {
  if (workers < 2) return 0;
  return std::clamp<uint32_t>(std::bit_floor(512 / workers), 16, 256);
}

// What a worker reads of one slot.
class SlotOwner {
 public:
  // Where the slot's packets go.
  WorkerIndex worker() const { return static_cast<WorkerIndex>(word_); }
  // The former owner may still be at work: nobody touches the slot's SAs, and the new
  // owner leaves its packets in their rings.
  bool moving() const { return (word_ & kMoving) != 0; }
  bool Is(WorkerIndex worker) const { return word_ == worker; }

 private:
  friend class SlotTable;
  static constexpr uint32_t kMoving = 1u << 16;
  explicit SlotOwner(uint32_t word) : word_(word) {}

  uint32_t word_;
};

class SlotTable {
 public:
  // Slots go round the workers. `retirement` must outlive the table.
  SlotTable(WorkerIndex workers, Retirement& retirement) : workers_(workers), retirement_(retirement) {
    for (uint32_t slot = 0; slot < kOwnerSlots; ++slot) words_[slot].store(slot % workers);
  }

  WorkerIndex workers() const { return workers_; }
  // Any reader.
  SlotOwner OwnerOf(uint8_t slot) const { return SlotOwner(words_[slot].load(std::memory_order_acquire)); }

  // Writer. The slot is the worker's once every worker was quiescent after this call;
  // till then its packets wait. kInUse while a former move is under way.
  WriteResult Move(uint8_t slot, WorkerIndex worker) {
    if (worker >= workers_) return WriteResult::Refused(channel::RefusalReason::kOutOfRange, worker);
    const SlotOwner owner = OwnerOf(slot);
    if (owner.Is(worker)) return WriteResult::Accepted();
    if (owner.moving()) return WriteResult::Refused(channel::RefusalReason::kInUse, slot);
    if (retirement_.full())
      return WriteResult::AtLimit(channel::Limit::kPendingRemovals, retirement_.pending_max());
    words_[slot].store(worker | SlotOwner::kMoving, std::memory_order_release);
    retirement_.Retire([this, slot, worker] { words_[slot].store(worker, std::memory_order_release); });
    return WriteResult::Accepted();
  }

 private:
  const WorkerIndex workers_;
  Retirement& retirement_;
  std::array<std::atomic<uint32_t>, kOwnerSlots> words_{};
};

}  // namespace sluice::dataplane
