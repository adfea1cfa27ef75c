// The ring: order, wrap, room, sleeping, and a peer that writes nonsense.
#include "proto/channel/ring.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace sluice::channel {
namespace {

struct Ring {
  static constexpr uint64_t kCapacity = 256;
  std::unique_ptr<RingIndices> indices = std::make_unique<RingIndices>();
  std::array<std::byte, kCapacity> bytes{};
  RingMemory memory() { return {indices.get(), bytes.data(), kCapacity}; }
};

std::vector<std::byte> Record(size_t size, int first) {
  std::vector<std::byte> record(size);
  for (size_t i = 0; i < size; ++i) record[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return record;
}

struct Popped {
  RingConsumer::Result result;
  std::vector<std::byte> bytes;
};

Popped Pop(RingConsumer& consumer, size_t room = 128) {
  std::vector<std::byte> into(room);
  uint32_t bytes = 0;
  const auto result = consumer.Pop(into, &bytes);
  into.resize(result == RingConsumer::Result::kRecord ? bytes : 0);
  return {result, into};
}

TEST_CASE("records of every length come out as they went in, over many wraps") {
  Ring ring;
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  for (int round = 0; round < 1000; ++round) {
    const auto record = Record(static_cast<size_t>(round) % 101, round);
    const std::span all(record);
    REQUIRE(producer.Push(all.first(all.size() / 3), all.subspan(all.size() / 3)) ==
            RingProducer::Result::kPushed);
    CHECK(Pop(consumer).result == RingConsumer::Result::kEmpty);
    (void)producer.Publish();
    CHECK(Pop(consumer).bytes == record);
    consumer.Release();
  }
}

TEST_CASE("a full ring refuses until room was given back") {
  Ring ring;
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  const auto record = Record(56, 1);  // 64 bytes each: four fit
  for (int i = 0; i < 4; ++i) REQUIRE(producer.Push(record) == RingProducer::Result::kPushed);
  CHECK(producer.Push(record) == RingProducer::Result::kFull);
  CHECK(producer.used_bytes() == 256);
  (void)producer.Publish();
  CHECK(Pop(consumer).bytes == record);
  CHECK(producer.Push(record) == RingProducer::Result::kFull);
  consumer.Release();
  CHECK(producer.Push(record) == RingProducer::Result::kPushed);
}

TEST_CASE("a producer that pushes nothing more sees what was taken") {
  Ring ring;
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  CHECK(RingProducer().used_bytes() == 0);
  REQUIRE(producer.Push(Record(56, 1)) == RingProducer::Result::kPushed);
  REQUIRE(producer.Push(Record(56, 2)) == RingProducer::Result::kPushed);
  CHECK(producer.used_bytes() == 128);
  (void)producer.Publish();
  (void)Pop(consumer);
  CHECK(producer.used_bytes() == 128);
  consumer.Release();
  CHECK(producer.used_bytes() == 64);
  for (const uint64_t impossible : {uint64_t{60}, uint64_t{256}, ~uint64_t{7}}) {
    ring.indices->read = impossible;
    CHECK(producer.used_bytes() == 128);
  }
}

TEST_CASE("the doorbell is asked for exactly when the consumer sleeps") {
  Ring ring;
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  const auto record = Record(8, 1);
  REQUIRE(producer.Push(record) == RingProducer::Result::kPushed);
  CHECK_FALSE(producer.Publish());
  CHECK_FALSE(consumer.PrepareToSleep());  // a record is there
  CHECK(Pop(consumer).result == RingConsumer::Result::kRecord);
  CHECK(consumer.PrepareToSleep());
  CHECK_FALSE(producer.Publish());  // nothing new
  REQUIRE(producer.Push(record) == RingProducer::Result::kPushed);
  CHECK(producer.Publish());
  REQUIRE(producer.Push(record) == RingProducer::Result::kPushed);
  CHECK_FALSE(producer.Publish());  // rung already
}

TEST_CASE("a consumer detects every impossible index and length") {
  struct Row {
    const char* what;
    uint64_t written;
    uint32_t length;
    size_t room;
  };
  const Row rows[] = {
      {"written beyond a full ring", Ring::kCapacity + 8, 8, 128},
      {"written behind what was read", ~uint64_t{7}, 8, 128},
      {"written between records", 12, 8, 128},
      {"length beyond what was written", 16, 9, 128},
      {"length of four gigabytes", 256, 0xffffffff, 128},
      {"length beyond the caller's room", 256, 129, 128},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Ring ring;
      RingConsumer consumer(ring.memory());
      std::memcpy(ring.bytes.data(), &row.length, sizeof row.length);
      ring.indices->written = row.written;
      CHECK(Pop(consumer, row.room).result == RingConsumer::Result::kCorrupt);
    }
  }
}

TEST_CASE("a producer detects a consumer that claims to have read what was not published") {
  Ring ring;
  RingProducer producer(ring.memory());
  const auto record = Record(56, 1);
  for (int i = 0; i < 4; ++i) REQUIRE(producer.Push(record) == RingProducer::Result::kPushed);
  const uint64_t claim = GENERATE(uint64_t{64}, uint64_t{3}, ~uint64_t{0}, uint64_t{320});
  ring.indices->read = claim;
  CHECK(producer.Push(record) == RingProducer::Result::kCorrupt);
}

TEST_CASE("a producer and a consumer on two threads lose and reorder nothing") {
  Ring ring;
  constexpr uint32_t kRecords = 200'000;
  std::thread writer([&] {
    RingProducer producer(ring.memory());
    for (uint32_t i = 0; i < kRecords; ++i) {
      std::array<uint32_t, 8> record;
      record.fill(i);
      const auto part = std::as_bytes(std::span(record)).first(4 + 4 * (i % 8));
      while (producer.Push(part) != RingProducer::Result::kPushed) {
        (void)producer.Publish();
        std::this_thread::yield();
      }
      if (i % 3 == 0) (void)producer.Publish();
    }
    (void)producer.Publish();
  });
  RingConsumer consumer(ring.memory());
  uint32_t expected = 0;
  bool intact = true;
  while (expected < kRecords && intact) {
    std::array<uint32_t, 8> record;
    uint32_t bytes = 0;
    const auto result = consumer.Pop(std::as_writable_bytes(std::span(record)), &bytes);
    if (result == RingConsumer::Result::kEmpty) {
      consumer.Release();
      std::this_thread::yield();
      continue;
    }
    intact = result == RingConsumer::Result::kRecord && bytes == 4 + 4 * (expected % 8);
    for (uint32_t i = 0; i < bytes / 4; ++i) intact = intact && record[i] == expected;
    ++expected;
  }
  writer.join();
  CHECK(intact);
  CHECK(expected == kRecords);
}

}  // namespace
}  // namespace sluice::channel
