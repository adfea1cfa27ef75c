// A ring of variable-length records in shared memory, one producer and one
// consumer, neither of which trusts the other: every index and every record is
// copied once and checked, so a hostile peer can spoil its own data, never ours.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::channel {

// The shared part, in front of the ring's bytes. Positions count bytes from the
// beginning of time and never wrap; a record takes 8 bytes (its length as u32 in
// host byte order, then zero), the payload, and padding to 8.
struct RingIndices {
  alignas(64) std::atomic<uint64_t> written;  // by the producer: records end here
  alignas(64) std::atomic<uint64_t> read;     // by the consumer: room begins here
  // By the consumer: not 0 while it sleeps and wants the doorbell.
  alignas(64) std::atomic<uint32_t> consumer_sleeps;
};
static_assert(sizeof(RingIndices) == 192);
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

inline constexpr uint32_t kRingFrameBytes = 8;

// Bytes that a record of `bytes` takes in a ring.
constexpr uint64_t RingSpace(uint64_t bytes) {
  return kRingFrameBytes + ((bytes + 7) & ~uint64_t{7});
}

// Where a ring lies. `capacity` is a power of two, at least 64; the memory
// belongs to somebody else and outlives producer and consumer.
struct RingMemory {
  RingIndices* indices = nullptr;
  std::byte* bytes = nullptr;
  uint64_t capacity = 0;
};

// One thread at a time.
class RingProducer {
 public:
  enum class Result {
    kPushed,
    kFull,     // try again when the consumer made room
    kCorrupt,  // the consumer's index is impossible: give the ring up
  };

  RingProducer() = default;
  // A ring that both sides start afresh: all indices zero.
  explicit RingProducer(RingMemory memory) : memory_(memory) {}

  // Appends one record made of two parts. The consumer sees it after Publish.
  // A record larger than half the ring is a mistake of the caller.
  Result Push(std::span<const std::byte> head, std::span<const std::byte> tail = {});

  // Shows the consumer what was pushed. True: it sleeps, ring its doorbell.
  [[nodiscard]] bool Publish();

  // Pushed but not yet given back by the consumer, in bytes: by its index as it is now, or, where
  // that is impossible, as it was last seen.
  uint64_t used_bytes() const;
  uint64_t capacity() const { return memory_.capacity; }

 private:
  void Copy(uint64_t position, const void* from, size_t bytes);
  bool MayHaveRead(uint64_t read) const;

  RingMemory memory_;
  uint64_t written_ = 0;  // ours; the shared copy is only for the consumer
  uint64_t published_ = 0;
  uint64_t known_read_ = 0;  // last seen and checked index of the consumer
};

// One thread at a time.
class RingConsumer {
 public:
  enum class Result {
    kRecord,
    kEmpty,
    kCorrupt,  // index or length impossible: give the ring up
  };

  RingConsumer() = default;
  explicit RingConsumer(RingMemory memory) : memory_(memory) {}

  // Copies the next record into `into`, `*bytes` long. A record that does not
  // fit is corrupt. Its room is the producer's again after Release.
  Result Pop(std::span<std::byte> into, uint32_t* bytes);

  // Gives the room of all popped records back.
  void Release();

  // Announces that the caller is about to sleep until its doorbell rings.
  // False: something arrived meanwhile, do not sleep.
  [[nodiscard]] bool PrepareToSleep();

 private:
  void Copy(uint64_t position, void* to, size_t bytes) const;

  RingMemory memory_;
  uint64_t read_ = 0;           // ours; the shared copy is only for the producer
  uint64_t known_written_ = 0;  // last seen and checked index of the producer
};

}  // namespace sluice::channel
