// Hand-over of the shared memory and life of an attachment, dataplane side.
#include "proto/channel/channel_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "proto/channel/seqpacket.h"

namespace sluice::channel {
namespace {

// Connections that have not said hello; one more closes the oldest.
constexpr size_t kCandidatesMax = 8;
constexpr int kAcceptsPerService = 8;

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelServer>> ChannelServer::Listen(const std::string& path,
                                                                     ChannelMemory& memory,
                                                                     PacketPort* packets) {
  auto listener = ListenSeqpacket(path);
  if (!listener.ok()) return listener.status();
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return absl::InternalError("channel: epoll_create1 failed");
  std::unique_ptr<ChannelServer> server(
      new ChannelServer(path, *std::move(listener), std::move(epoll), memory, packets));
  if (!server->Watch(server->listener_)) return absl::InternalError("channel: epoll_ctl failed");
  return server;
}

ChannelServer::~ChannelServer() {
  Close();
  unlink(path_.c_str());
}

// Level-triggered and by descriptor alone: Service looks at every socket anyway.
bool ChannelServer::Watch(const FileDescriptor& socket) {
  epoll_event event{};
  event.events = EPOLLIN;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) == 0;
}

ChannelServer::Change ChannelServer::Service() {
  const bool corrupt = refusals_corrupt_ || (packets_ != nullptr && packets_->corrupt());
  if (attached() && (corrupt || !AnswerDoorbell(attached_socket_))) {
    Detach();
    return Change::kDetached;
  }
  Accept();
  Change change = Change::kNone;
  for (auto candidate = candidates_.begin(); candidate != candidates_.end();) {
    if (Greet(*candidate, &change))
      candidate = candidates_.erase(candidate);
    else
      ++candidate;
  }
  return change;
}

void ChannelServer::Accept() {
  for (int i = 0; i < kAcceptsPerService; ++i) {
    FileDescriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid()) return;
    int pid = 0;
    if (!PeerIsTrusted(socket, &pid) || !Watch(socket)) continue;
    if (candidates_.size() == kCandidatesMax) candidates_.pop_front();
    candidates_.push_back({std::move(socket), pid});
  }
}

HelloVerdict ChannelServer::Judge(std::span<const std::byte> message, HelloRequest* request) const {
  if (message.size() != sizeof *request) return HelloVerdict::kMalformed;
  std::memcpy(request, message.data(), sizeof *request);
  if (request->magic != kHelloMagic) return HelloVerdict::kMalformed;
  if (request->layout_version != kLayoutVersion || request->record_version != kRecordVersion)
    return HelloVerdict::kVersion;
  return attached() ? HelloVerdict::kAttached : HelloVerdict::kAccepted;
}

bool ChannelServer::Greet(Candidate& candidate, Change* change) {
  std::array<std::byte, sizeof(HelloRequest)> message;
  size_t bytes = 0;
  switch (ReceiveMessage(candidate.socket, message, &bytes, nullptr)) {
    case ReceiveResult::kNothing:
      return false;
    case ReceiveResult::kClosed:
      return true;
    case ReceiveResult::kMessage:
      break;
  }
  HelloRequest request{};
  const HelloVerdict verdict = Judge(std::span(message).first(bytes), &request);
  HelloReply reply{};
  reply.magic = kHelloMagic;
  reply.layout_version = kLayoutVersion;
  reply.record_version = kRecordVersion;
  reply.instance = memory_.layout().instance;
  if (verdict != HelloVerdict::kAccepted) {
    Answer(candidate.socket, reply, verdict);
    return true;
  }
  if (HandOver(candidate, request, reply)) *change = Change::kAttached;
  return true;
}

void ChannelServer::Answer(const FileDescriptor& socket, HelloReply reply, HelloVerdict verdict) const {
  reply.verdict = static_cast<uint32_t>(verdict);
  std::string text;
  switch (verdict) {
    case HelloVerdict::kAccepted:
      break;
    case HelloVerdict::kVersion:
      text = absl::StrFormat("the dataplane speaks layout %u, records %u", kLayoutVersion, kRecordVersion);
      break;
    case HelloVerdict::kAttached:
      text = absl::StrFormat("control %016x (process %d) is attached", peer_.control_instance, peer_.pid);
      break;
    case HelloVerdict::kMalformed:
      text = "not a hello of this channel";
      break;
  }
  std::snprintf(reply.text, sizeof reply.text, "%s", text.c_str());
  // A peer that is gone already needs no answer.
  (void)SendMessage(socket, std::as_bytes(std::span(&reply, 1)), {});
}

// Everything is in place before the reply goes out: control may write at once.
bool ChannelServer::HandOver(Candidate& candidate, const HelloRequest& request, HelloReply reply) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return false;
  FileDescriptor ours(pair[0]);
  const FileDescriptor theirs(pair[1]);

  memory_.ResetRing(kUpdateRing);
  memory_.ResetRing(kRefusalRing);
  updates_ = RingConsumer(memory_.Ring(kUpdateRing));
  has_updates_ = true;
  refusals_ = RingProducer(memory_.Ring(kRefusalRing));
  refusals_corrupt_ = false;
  memory_.progress().applied_sequence.store(0, std::memory_order_relaxed);
  memory_.progress().wake_at_sequence.store(0, std::memory_order_relaxed);

  reply.epoch = ++last_epoch_;
  if (packets_ != nullptr) packets_->Attach(std::move(ours));
  const int descriptors[kHelloDescriptors] = {memory_.fd(), memory_.counters_fd(), theirs.get()};
  if (!SendMessage(candidate.socket, std::as_bytes(std::span(&reply, 1)), descriptors).ok()) {
    if (packets_ != nullptr) packets_->Detach();
    return false;
  }
  attached_socket_ = std::move(candidate.socket);
  peer_ = {request.control_instance, candidate.pid, reply.epoch};
  return true;
}

bool ChannelServer::Refuse(const Refusal& refusal) {
  if (!attached() || refusals_corrupt_) return true;  // nobody is left to be told
  switch (refusals_.Push(std::as_bytes(std::span(&refusal, 1)))) {
    case RingProducer::Result::kPushed:
      return true;
    case RingProducer::Result::kFull:
      return false;
    case RingProducer::Result::kCorrupt:
      // The agent hears of it as of any other end of an attachment.
      refusals_corrupt_ = true;
      return true;
  }
  return true;
}

void ChannelServer::Acknowledge(uint64_t sequence) {
  if (!attached()) return;
  updates_.Release();
  bool wake = refusals_.Publish();
  Progress& progress = memory_.progress();
  // Sequentially consistent with control's announcement: it sees the sequence or
  // we see that it waits.
  progress.applied_sequence.store(sequence, std::memory_order_seq_cst);
  const uint64_t wanted = progress.wake_at_sequence.load(std::memory_order_seq_cst);
  if (wanted != 0 && wanted <= sequence) {
    progress.wake_at_sequence.store(0, std::memory_order_relaxed);
    wake = true;
  }
  if (wake) RingDoorbell(attached_socket_);
}

void ChannelServer::Close() {
  Detach();
  has_updates_ = false;
}

void ChannelServer::Detach() {
  attached_socket_.Close();
  if (packets_ != nullptr) packets_->Detach();
}

}  // namespace sluice::channel
