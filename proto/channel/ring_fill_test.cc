// Anybody can see how full a ring is, whatever its ends have written into the indices.
#include "proto/channel/ring_fill.h"

#include <array>
#include <catch2/catch.hpp>

namespace sluice::channel {
namespace {

TEST_CASE("what is published and not released fills a ring, and no more than the ring") {
  RingIndices indices{};
  std::array<std::byte, 256> bytes{};
  const RingMemory ring{&indices, bytes.data(), bytes.size()};
  RingProducer producer(ring);
  RingConsumer consumer(ring);
  CHECK(RingUsedBytes(ring) == 0);
  const std::array<std::byte, 9> record{};
  REQUIRE((producer.Push(record) == RingProducer::Result::kPushed));
  CHECK(RingUsedBytes(ring) == 0);
  (void)producer.Publish();
  CHECK(RingUsedBytes(ring) == RingSpace(9));
  std::array<std::byte, 64> into{};
  uint32_t size = 0;
  CHECK((consumer.Pop(into, &size) == RingConsumer::Result::kRecord));
  consumer.Release();
  CHECK(RingUsedBytes(ring) == 0);
  indices.written = 10'000'000;
  CHECK(RingUsedBytes(ring) == ring.capacity);
  indices.read = 20'000'000;
  CHECK(RingUsedBytes(ring) == 0);
}

}  // namespace
}  // namespace sluice::channel
