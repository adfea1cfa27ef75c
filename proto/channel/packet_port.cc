// Punt and inject rings, dataplane side.
#include "proto/channel/packet_port.h"

#include <sys/epoll.h>

#include <array>
#include <cstring>
#include <utility>

#include "proto/channel/seqpacket.h"
#include "proto/net/check.h"

namespace sluice::channel {

PacketPort::PacketPort(const ChannelMemory& memory) : memory_(memory), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  SLUICE_CHECK(epoll_.valid());
}

PacketPort::Punted PacketPort::Punt(PuntRecord record, std::span<const std::byte> packet) {
  const std::lock_guard lock(mutex_);
  if (!doorbell_.valid() || corrupt_) return Punted::kDetached;
  if (packet.size() > kPacketBytesMax) return Punted::kFull;
  record.version = kPacketRecordVersion;
  record.bytes = static_cast<uint32_t>(packet.size());
  switch (punt_.Push(std::as_bytes(std::span(&record, 1)), packet)) {
    case RingProducer::Result::kPushed:
      return Punted::kPushed;
    case RingProducer::Result::kFull:
      return Punted::kFull;
    case RingProducer::Result::kCorrupt:
      break;
  }
  corrupt_ = true;
  return Punted::kDetached;
}

void PacketPort::Flush() {
  const std::lock_guard lock(mutex_);
  if (doorbell_.valid() && punt_.Publish()) RingDoorbell(doorbell_);
}

PacketPort::Injected PacketPort::Inject(InjectRecord* record, std::span<std::byte> packet, uint32_t* bytes) {
  const std::lock_guard lock(mutex_);
  if (!doorbell_.valid() || corrupt_) return Injected::kNothing;
  std::array<std::byte, sizeof(InjectRecord) + kPacketBytesMax> copy;
  uint32_t length;
  switch (inject_.Pop(copy, &length)) {
    case RingConsumer::Result::kEmpty:
      return Injected::kNothing;
    case RingConsumer::Result::kCorrupt:
      corrupt_ = true;
      return Injected::kNothing;
    case RingConsumer::Result::kRecord:
      break;
  }
  *record = {};
  if (length < sizeof *record) return Injected::kMalformed;
  std::memcpy(record, copy.data(), sizeof *record);
  const uint32_t packet_bytes = length - static_cast<uint32_t>(sizeof *record);
  const bool of_a_class = record->inject_class >= 1 && record->inject_class <= kInjectClasses;
  if (record->version != kPacketRecordVersion || !of_a_class || record->flags != 0 ||
      record->bytes != packet_bytes || packet_bytes == 0 || packet_bytes > packet.size())
    return Injected::kMalformed;
  std::memcpy(packet.data(), copy.data() + sizeof *record, packet_bytes);
  *bytes = packet_bytes;
  return Injected::kPacket;
}

void PacketPort::Release() {
  const std::lock_guard lock(mutex_);
  if (doorbell_.valid()) inject_.Release();
}

bool PacketPort::PrepareToSleep() {
  const std::lock_guard lock(mutex_);
  return !doorbell_.valid() || corrupt_ || inject_.PrepareToSleep();
}

void PacketPort::AnswerDoorbell() {
  const std::lock_guard lock(mutex_);
  if (!doorbell_.valid()) return;
  // Control closed its end: the agent will see the death of the other socket;
  // until then there is nothing to wake for.
  if (!channel::AnswerDoorbell(doorbell_)) doorbell_.Close();
}

void PacketPort::Attach(FileDescriptor doorbell) {
  const std::lock_guard lock(mutex_);
  memory_.ResetRing(kPuntRing);
  memory_.ResetRing(kInjectRing);
  punt_ = RingProducer(memory_.Ring(kPuntRing));
  inject_ = RingConsumer(memory_.Ring(kInjectRing));
  corrupt_ = false;
  doorbell_ = std::move(doorbell);
  epoll_event event{};
  event.events = EPOLLIN;
  SLUICE_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, doorbell_.get(), &event) == 0);
}

void PacketPort::Detach() {
  const std::lock_guard lock(mutex_);
  doorbell_.Close();
}

bool PacketPort::corrupt() {
  const std::lock_guard lock(mutex_);
  return corrupt_;
}

}  // namespace sluice::channel
