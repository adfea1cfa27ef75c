// A hostile peer at the other end of the shared rings: any indices, any record lengths, any
// bytes, changed between any two calls. Both ends of a ring of ours and the packet port over
// real shared memory survive it, read and write inside the ring only, and never run on for ever.
//
// The input is a list of steps, one byte each with what it needs behind it.
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "proto/channel/packet_port.h"
#include "proto/channel/packets.h"
#include "proto/channel/ring.h"
#include "proto/channel/shared_memory.h"
#include "proto/net/check.h"

namespace {

using namespace sluice::channel;  // NOLINT: a program of its own

class Input {
 public:
  Input(const uint8_t* bytes, size_t size) : at_(bytes), end_(bytes + size) {}
  bool done() const { return at_ == end_; }
  template <class Number>
  Number Take() {
    Number value{};
    const size_t there = std::min<size_t>(sizeof value, static_cast<size_t>(end_ - at_));
    std::memcpy(&value, at_, there);
    at_ += there;
    return value;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

enum Step : uint8_t {
  kWrittenIs,     // any index
  kWrittenGrows,  // by some multiple of 8
  kReadIs,
  kReadGrows,
  kBytes,   // eight of them somewhere
  kLength,  // where the consumer looks for the next record's length
  kPop,
  kRelease,
  kPrepareToSleep,
  kPush,
  kPublish,
  kStepCount,
};

// A ring whose bytes are a block of the heap of its own: the sanitizer sees the first one behind it.
struct HeapRing {
  static constexpr uint64_t kCapacity = 256;
  RingIndices indices{};
  std::unique_ptr<std::byte[]> bytes = std::make_unique<std::byte[]>(kCapacity);
  RingMemory memory() { return {&indices, bytes.get(), kCapacity}; }
};

// What the other process does to a ring; false: not a step of its.
bool Attack(Step step, Input& input, const RingMemory& ring) {
  const auto at = [&](uint64_t position) {
    return ring.bytes + (position & (ring.capacity - 1) & ~uint64_t{7});
  };
  switch (step) {
    case kWrittenIs:
      ring.indices->written = input.Take<uint64_t>();
      return true;
    case kWrittenGrows:
      ring.indices->written += input.Take<uint8_t>() * uint64_t{8};
      return true;
    case kReadIs:
      ring.indices->read = input.Take<uint64_t>();
      return true;
    case kReadGrows:
      ring.indices->read += input.Take<uint8_t>() * uint64_t{8};
      return true;
    case kBytes: {
      const uint64_t position = input.Take<uint16_t>();
      const auto word = input.Take<uint64_t>();
      std::memcpy(at(position), &word, sizeof word);
      return true;
    }
    case kLength: {
      const uint64_t position = ring.indices->read + input.Take<uint8_t>() * uint64_t{8};
      const uint32_t length = input.Take<uint32_t>();
      std::memcpy(at(position), &length, sizeof length);
      return true;
    }
    default:
      return false;
  }
}

// Our own two ends; each has the enemy on the other side.
void AttackRing(Input& input) {
  HeapRing toward_us, from_us;
  RingConsumer consumer(toward_us.memory());
  RingProducer producer(from_us.memory());
  std::vector<std::byte> into(96);
  while (!input.done()) {
    const auto step = static_cast<Step>(input.Take<uint8_t>() % kStepCount);
    HeapRing& attacked = step == kReadIs || step == kReadGrows ? from_us : toward_us;
    if (Attack(step, input, attacked.memory())) continue;
    uint32_t bytes = 0;
    if (step == kPop && consumer.Pop(into, &bytes) == RingConsumer::Result::kRecord)
      SLUICE_CHECK(bytes <= into.size());
    if (step == kRelease) consumer.Release();
    if (step == kPrepareToSleep) static_cast<void>(consumer.PrepareToSleep());
    if (step == kPush) {
      const size_t head = input.Take<uint8_t>() % 60, tail = input.Take<uint8_t>() % 60;
      static_cast<void>(producer.Push(std::span(into).first(head), std::span(into).first(tail)));
    }
    if (step == kPublish) static_cast<void>(producer.Publish());
    SLUICE_CHECK(producer.used_bytes() <= producer.capacity());
  }
}

// The inject ring as control fills it, read by the slow path; and the punt ring as control drains it.
void AttackPacketPort(Input& input) {
  static const auto memory = ChannelMemory::Create({.update_ring_bytes = 64 << 10,
                                                    .punt_ring_bytes = 32 << 10,
                                                    .inject_ring_bytes = 32 << 10,
                                                    .counters = {.workers = 1,
                                                                 .interfaces = 1,
                                                                 .adjacencies = 1,
                                                                 .vrfs = 1,
                                                                 .drop_reasons = 1,
                                                                 .policers = 1,
                                                                 .nodes = 1}},
                                                   1);
  SLUICE_CHECK(memory.ok());
  static PacketPort port(*memory);
  port.Attach(FileDescriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
  std::vector<std::byte> packet(kPacketBytesMax);
  while (!input.done()) {
    const auto step = static_cast<Step>(input.Take<uint8_t>() % kStepCount);
    const bool punt = step == kReadIs || step == kReadGrows;
    if (Attack(step, input, memory->Ring(punt ? kPuntRing : kInjectRing))) continue;
    InjectRecord record;
    uint32_t bytes = 0;
    if (step == kPop && port.Inject(&record, packet, &bytes) == PacketPort::Injected::kPacket)
      SLUICE_CHECK(bytes != 0 && bytes <= packet.size() && record.bytes == bytes);
    if (step == kRelease) port.Release();
    if (step == kPrepareToSleep) static_cast<void>(port.PrepareToSleep());
    if (step == kPush) {
      const size_t punted = input.Take<uint16_t>() % (packet.size() + 2);
      static_cast<void>(port.Punt({}, std::span(packet).first(std::min(punted, packet.size()))));
    }
    if (step == kPublish) port.Flush();
  }
  port.Detach();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  if ((input.Take<uint8_t>() & 1) == 0) {
    AttackRing(input);
  } else {
    AttackPacketPort(input);
  }
  return 0;
}
