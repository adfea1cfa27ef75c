// The shared ring's two ends. What lies in shared memory is loaded exactly once
// into a local, checked, and only the local is used.
#include "proto/channel/ring.h"

#include <algorithm>
#include <cstring>

#include "proto/net/check.h"

namespace sluice::channel {
namespace {

// Keeps the compiler from reading shared memory a second time in place of the
// copy that was just made.
inline void CopyIsFinal() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace

void RingProducer::Copy(uint64_t position, const void* from, size_t bytes) {
  const uint64_t at = position & (memory_.capacity - 1);
  const size_t first = std::min<uint64_t>(bytes, memory_.capacity - at);
  std::memcpy(memory_.bytes + at, from, first);
  if (first < bytes) std::memcpy(memory_.bytes, static_cast<const std::byte*>(from) + first, bytes - first);
}

// The consumer cannot be ahead of what we published, nor go back.
bool RingProducer::MayHaveRead(uint64_t read) const {
  return read - known_read_ <= published_ - known_read_ && read % 8 == 0;
}

uint64_t RingProducer::used_bytes() const {
  if (memory_.indices == nullptr) return 0;
  const uint64_t read = memory_.indices->read.load(std::memory_order_acquire);
  return written_ - (MayHaveRead(read) ? read : known_read_);
}

RingProducer::Result RingProducer::Push(std::span<const std::byte> head, std::span<const std::byte> tail) {
  const uint64_t payload = head.size() + tail.size();
  const uint64_t space = RingSpace(payload);
  SLUICE_CHECK(space <= memory_.capacity / 2);
  if (written_ + space - known_read_ > memory_.capacity) {
    const uint64_t read = memory_.indices->read.load(std::memory_order_acquire);
    if (!MayHaveRead(read)) return Result::kCorrupt;
    known_read_ = read;
    if (written_ + space - known_read_ > memory_.capacity) return Result::kFull;
  }
  const uint32_t frame[2] = {static_cast<uint32_t>(payload), 0};
  Copy(written_, frame, sizeof frame);
  Copy(written_ + kRingFrameBytes, head.data(), head.size());
  if (!tail.empty()) Copy(written_ + kRingFrameBytes + head.size(), tail.data(), tail.size());
  written_ += space;
  return Result::kPushed;
}

bool RingProducer::Publish() {
  if (published_ == written_) return false;
  published_ = written_;
  // Sequentially consistent with PrepareToSleep: either the consumer sees the
  // new index, or we see that it sleeps.
  memory_.indices->written.store(written_, std::memory_order_seq_cst);
  if (memory_.indices->consumer_sleeps.load(std::memory_order_seq_cst) == 0) return false;
  return memory_.indices->consumer_sleeps.exchange(0, std::memory_order_relaxed) != 0;
}

void RingConsumer::Copy(uint64_t position, void* to, size_t bytes) const {
  const uint64_t at = position & (memory_.capacity - 1);
  const size_t first = std::min<uint64_t>(bytes, memory_.capacity - at);
  std::memcpy(to, memory_.bytes + at, first);
  if (first < bytes) std::memcpy(static_cast<std::byte*>(to) + first, memory_.bytes, bytes - first);
}

RingConsumer::Result RingConsumer::Pop(std::span<std::byte> into, uint32_t* bytes) {
  if (read_ == known_written_) {
    const uint64_t written = memory_.indices->written.load(std::memory_order_acquire);
    // At most a full ring ahead of us, and never behind.
    if (written - read_ > memory_.capacity || written % 8 != 0) return Result::kCorrupt;
    if (written == read_) return Result::kEmpty;
    known_written_ = written;
  }
  uint32_t frame[2];
  Copy(read_, frame, sizeof frame);
  CopyIsFinal();
  const uint32_t payload = frame[0];
  const uint64_t space = RingSpace(payload);
  if (payload > into.size() || space > known_written_ - read_) return Result::kCorrupt;
  Copy(read_ + kRingFrameBytes, into.data(), payload);
  CopyIsFinal();
  read_ += space;
  *bytes = payload;
  return Result::kRecord;
}

void RingConsumer::Release() {
  memory_.indices->read.store(read_, std::memory_order_release);
}

bool RingConsumer::PrepareToSleep() {
  memory_.indices->consumer_sleeps.store(1, std::memory_order_seq_cst);
  if (memory_.indices->written.load(std::memory_order_seq_cst) == read_) return true;
  memory_.indices->consumer_sleeps.store(0, std::memory_order_relaxed);
  return false;
}

}  // namespace sluice::channel
