// Attachment and rings, control side.
#include "proto/channel/channel_client.h"

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "proto/channel/seqpacket.h"
#include "proto/net/check.h"

namespace sluice::channel {
namespace {

absl::Status StatusOf(HelloReply& reply) {
  reply.text[sizeof reply.text - 1] = '\0';
  const std::string text = absl::StrFormat("the dataplane refused the channel: %s", reply.text);
  switch (static_cast<HelloVerdict>(reply.verdict)) {
    case HelloVerdict::kAccepted:
      return absl::OkStatus();
    case HelloVerdict::kVersion:
      return absl::FailedPreconditionError(text);
    case HelloVerdict::kAttached:
      return absl::AlreadyExistsError(text);
    case HelloVerdict::kMalformed:
      return absl::InvalidArgumentError(text);
  }
  return absl::InvalidArgumentError("channel socket: unknown verdict in the hello");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelClient>> ChannelClient::Connect(const std::string& path,
                                                                      uint64_t control_instance,
                                                                      std::chrono::milliseconds timeout) {
  auto socket = ConnectSeqpacket(path);
  if (!socket.ok()) return socket.status();
  int pid = 0;
  if (!PeerIsTrusted(*socket, &pid))
    return absl::PermissionDeniedError(absl::StrFormat("socket %s: its owner is another user", path));
  const HelloRequest request{kHelloMagic, kLayoutVersion, kRecordVersion, control_instance};
  if (absl::Status sent = SendMessage(*socket, std::as_bytes(std::span(&request, 1)), {}); !sent.ok())
    return sent;
  if (!WaitReadable(*socket, timeout))
    return absl::UnavailableError(absl::StrFormat("socket %s: no answer from the dataplane", path));

  HelloReply reply{};
  size_t bytes = 0;
  std::vector<FileDescriptor> descriptors;
  if (ReceiveMessage(*socket, std::as_writable_bytes(std::span(&reply, 1)), &bytes, &descriptors) !=
          ReceiveResult::kMessage ||
      bytes != sizeof reply || reply.magic != kHelloMagic)
    return absl::UnavailableError(absl::StrFormat("socket %s: the dataplane gave no hello", path));
  if (absl::Status verdict = StatusOf(reply); !verdict.ok()) return verdict;
  if (descriptors.size() != kHelloDescriptors)
    return absl::InvalidArgumentError(absl::StrFormat("socket %s: no memory came with the hello", path));
  auto memory = AttachedMemory::Map(descriptors[0], descriptors[1]);
  if (!memory.ok()) return memory.status();
  if (memory->layout().instance != reply.instance)
    return absl::InvalidArgumentError("channel memory: of another instance than the hello");
  return std::unique_ptr<ChannelClient>(
      new ChannelClient(*std::move(socket), std::move(descriptors[2]), *std::move(memory), reply.epoch));
}

ChannelClient::ChannelClient(FileDescriptor socket, FileDescriptor packet_doorbell, AttachedMemory memory,
                             uint32_t epoch)
    : socket_(std::move(socket)),
      packet_doorbell_(std::move(packet_doorbell)),
      memory_(std::move(memory)),
      epoch_(epoch),
      updates_(memory_.Ring(kUpdateRing)),
      refusals_(memory_.Ring(kRefusalRing)),
      punts_(memory_.Ring(kPuntRing)),
      injects_(memory_.Ring(kInjectRing)) {}

uint64_t ChannelClient::TrySend(RecordHeader* record, uint32_t bytes) {
  SLUICE_CHECK(bytes >= sizeof *record && bytes <= kMaxRecordBytes && bytes % kRecordAlignment == 0);
  record->version = kRecordVersion;
  record->length = bytes;
  record->sequence = next_sequence_;
  record->epoch = epoch_;
  record->reserved = 0;
  switch (updates_.Push({reinterpret_cast<const std::byte*>(record), bytes})) {
    case RingProducer::Result::kPushed:
      return next_sequence_++;
    case RingProducer::Result::kFull:
      return 0;
    case RingProducer::Result::kCorrupt:
      corrupt_ = true;
  }
  return 0;
}

void ChannelClient::Flush() {
  if (updates_.Publish()) RingDoorbell(socket_);
}

std::optional<Refusal> ChannelClient::NextRefusal() {
  Refusal refusal;
  uint32_t bytes = 0;
  switch (refusals_.Pop(std::as_writable_bytes(std::span(&refusal, 1)), &bytes)) {
    case RingConsumer::Result::kRecord:
      refusals_.Release();
      if (bytes == sizeof refusal) return refusal;
      [[fallthrough]];
    case RingConsumer::Result::kCorrupt:
      corrupt_ = true;
      return std::nullopt;
    case RingConsumer::Result::kEmpty:
      return std::nullopt;
  }
  return std::nullopt;
}

absl::Status ChannelClient::Service() {
  if (corrupt_) return absl::UnavailableError("the dataplane broke the channel's rings");
  if (!AnswerDoorbell(socket_)) return absl::UnavailableError("the dataplane closed the channel");
  return absl::OkStatus();
}

bool ChannelClient::PrepareToSleep(uint64_t sequence) {
  // Nothing to wait for but refusals and death, or a record that was sent.
  SLUICE_CHECK(sequence < next_sequence_);
  if (!refusals_.PrepareToSleep()) return false;
  Progress& progress = memory_.progress();
  progress.wake_at_sequence.store(sequence, std::memory_order_seq_cst);
  if (sequence == 0 || progress.applied_sequence.load(std::memory_order_seq_cst) < sequence) return true;
  progress.wake_at_sequence.store(0, std::memory_order_relaxed);
  return false;
}

std::optional<PuntRecord> ChannelClient::NextPunt(std::span<std::byte> packet) {
  std::array<std::byte, sizeof(PuntRecord) + kPacketBytesMax> copy;
  uint32_t length = 0;
  while (!packets_corrupt_) {
    const RingConsumer::Result result = punts_.Pop(copy, &length);
    if (result == RingConsumer::Result::kEmpty) return std::nullopt;
    if (result == RingConsumer::Result::kCorrupt) break;
    PuntRecord record;
    if (length < sizeof record) break;
    std::memcpy(&record, copy.data(), sizeof record);
    if (record.version != kPacketRecordVersion || record.bytes != length - sizeof record) break;
    if (record.bytes > packet.size()) continue;  // the caller's buffer is too small for it
    std::memcpy(packet.data(), copy.data() + sizeof record, record.bytes);
    return record;
  }
  packets_corrupt_ = true;
  return std::nullopt;
}

bool ChannelClient::TryInject(InjectRecord record, std::span<const std::byte> packet) {
  SLUICE_CHECK(packet.size() <= kPacketBytesMax);
  record.version = kPacketRecordVersion;
  record.bytes = static_cast<uint32_t>(packet.size());
  const RingProducer::Result result = injects_.Push(std::as_bytes(std::span(&record, 1)), packet);
  if (result == RingProducer::Result::kCorrupt) packets_corrupt_ = true;
  return result == RingProducer::Result::kPushed;
}

void ChannelClient::FlushInjects() {
  if (injects_.Publish()) RingDoorbell(packet_doorbell_);
}

absl::Status ChannelClient::ServicePackets() {
  if (packets_corrupt_) return absl::UnavailableError("the dataplane broke the channel's packet rings");
  if (!AnswerDoorbell(packet_doorbell_)) return absl::UnavailableError("the dataplane closed the channel");
  return absl::OkStatus();
}

}  // namespace sluice::channel
