// Punt and inject through the shared memory, and a control that injects nonsense.
#include "proto/channel/packet_port.h"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "proto/channel/seqpacket.h"

namespace sluice::channel {
namespace {

struct Attached {
  Attached() : memory(*ChannelMemory::Create(ChannelSizes{}, 1)), port(memory) {
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
    bell = FileDescriptor(pair[1]);
    port.Attach(FileDescriptor(pair[0]));
    punts = RingConsumer(memory.Ring(kPuntRing));
    injects = RingProducer(memory.Ring(kInjectRing));
  }
  ChannelMemory memory;
  PacketPort port;
  FileDescriptor bell;  // control's end
  RingConsumer punts;
  RingProducer injects;
};

std::vector<std::byte> Packet(size_t bytes) {
  return std::vector<std::byte>(bytes, std::byte{0x45});
}

TEST_CASE("a punted packet reaches control with its class and VRF") {
  Attached attached;
  CHECK(attached.punts.PrepareToSleep());
  const PuntRecord record{.punt_class = static_cast<uint8_t>(PuntClass::kLocal), .vrf = 3, .interface = 9};
  CHECK(attached.port.Punt(record, Packet(100)) == PacketPort::Punted::kPushed);
  attached.port.Flush();
  CHECK(WaitReadable(attached.bell, std::chrono::seconds(5)));

  std::array<std::byte, sizeof(PuntRecord) + kPacketBytesMax> copy;
  uint32_t bytes = 0;
  REQUIRE(attached.punts.Pop(copy, &bytes) == RingConsumer::Result::kRecord);
  PuntRecord got;
  std::memcpy(&got, copy.data(), sizeof got);
  CHECK(bytes == sizeof got + 100);
  CHECK(got.bytes == 100);
  CHECK(got.vrf == 3);
  CHECK(got.version == kPacketRecordVersion);
}

TEST_CASE("a full punt ring and an absent control are told apart") {
  Attached attached;
  while (attached.port.Punt({}, Packet(9000)) == PacketPort::Punted::kPushed) {
  }
  CHECK(attached.port.Punt({}, Packet(9000)) == PacketPort::Punted::kFull);
  attached.port.Detach();
  CHECK(attached.port.Punt({}, Packet(9000)) == PacketPort::Punted::kDetached);
}

TEST_CASE("an injected packet arrives, malformed ones are told and skipped") {
  Attached attached;
  CHECK(attached.port.PrepareToSleep());
  const auto packet = Packet(64);
  const auto inject = [&](InjectRecord record) {
    CHECK(attached.injects.Push(std::as_bytes(std::span(&record, 1)), packet) ==
          RingProducer::Result::kPushed);
  };
  inject({.version = 2, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 64});
  inject({.version = 1, .inject_class = 1, .flags = 1, .vrf = 1, .reserved = 0, .bytes = 64});
  inject({.version = 1, .inject_class = 0, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 64});
  inject({.version = 1, .inject_class = 4, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 64});
  inject({.version = 1, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 65});
  inject({.version = 1, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 0});
  CHECK(attached.injects.Push(Packet(3)) == RingProducer::Result::kPushed);
  inject({.version = 1, .inject_class = 1, .flags = 0, .vrf = 7, .reserved = 0, .bytes = 64});
  CHECK(attached.injects.Publish());

  InjectRecord record{};
  std::array<std::byte, kPacketBytesMax> into;
  uint32_t bytes = 0;
  for (const uint32_t vrf : {1, 1, 1, 1, 1, 1, 0}) {
    CHECK(attached.port.Inject(&record, into, &bytes) == PacketPort::Injected::kMalformed);
    CHECK(record.vrf == vrf);
  }
  REQUIRE(attached.port.Inject(&record, into, &bytes) == PacketPort::Injected::kPacket);
  CHECK(record.vrf == 7);
  CHECK(bytes == 64);
  CHECK(attached.port.Inject(&record, into, &bytes) == PacketPort::Injected::kNothing);
}

TEST_CASE("nonsense without end does not hold the slow path: each call takes one record") {
  Attached attached;
  for (unsigned i = 0; i < 100; ++i) CHECK(attached.injects.Push(Packet(3)) == RingProducer::Result::kPushed);
  static_cast<void>(attached.injects.Publish());
  InjectRecord record{};
  std::array<std::byte, kPacketBytesMax> into;
  uint32_t bytes = 0;
  for (unsigned i = 0; i < 100; ++i)
    CHECK(attached.port.Inject(&record, into, &bytes) == PacketPort::Injected::kMalformed);
  CHECK(attached.port.Inject(&record, into, &bytes) == PacketPort::Injected::kNothing);
  attached.port.Release();
  CHECK(attached.port.PrepareToSleep());
}

TEST_CASE("a corrupt inject ring is reported for the agent to close, and read no further") {
  Attached attached;
  attached.memory.Ring(kInjectRing).indices->written = ~uint64_t{0};
  InjectRecord record{};
  std::array<std::byte, kPacketBytesMax> into;
  uint32_t bytes = 0;
  CHECK(attached.port.Inject(&record, into, &bytes) == PacketPort::Injected::kNothing);
  CHECK(attached.port.corrupt());
  CHECK(attached.port.Punt({}, Packet(64)) == PacketPort::Punted::kDetached);
}

}  // namespace
}  // namespace sluice::channel
