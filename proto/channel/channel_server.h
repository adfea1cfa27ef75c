// The dataplane's end of the channel: hands the memory over to one control
// process at a time, notices its death, and moves updates, acknowledgements and
// refusals. Belongs to the agent's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "proto/channel/file_descriptor.h"
#include "proto/channel/hello.h"
#include "proto/channel/packet_port.h"
#include "proto/channel/records.h"
#include "proto/channel/ring.h"
#include "proto/channel/shared_memory.h"

namespace sluice::channel {

class ChannelServer {
 public:
  struct Peer {
    uint64_t control_instance = 0;
    int pid = 0;
    uint32_t epoch = 0;
  };
  // What Service did to the attachment, at most one of both per call.
  enum class Change { kNone, kAttached, kDetached };

  // Listens on `path` (mode 0600); see ListenSeqpacket for errors. `memory` and
  // `packets` must outlive the server. `packets` may be null (tests).
  static absl::StatusOr<std::unique_ptr<ChannelServer>> Listen(const std::string& path, ChannelMemory& memory,
                                                               PacketPort* packets);
  // Closes the attachment and removes the path.
  ~ChannelServer();

  // Readable when Service has something to do.
  int poll_fd() const { return epoll_.get(); }
  // Accepts, greets, answers doorbells, sees deaths; never waits. After
  // kDetached the records that control published before it died can still be
  // taken with PopUpdate until the next attachment.
  Change Service();

  bool attached() const { return attached_socket_.valid(); }
  const Peer& peer() const { return peer_; }  // of the present or last attachment

  // The next record as it came, nothing of it checked but that it fits
  // kMaxRecordBytes. kCorrupt: call Close.
  RingConsumer::Result PopUpdate(std::span<std::byte> into, uint32_t* bytes) {
    // Before the first attachment there is no ring, after Close it is not to be read.
    if (!has_updates_) return RingConsumer::Result::kEmpty;
    return updates_.Pop(into, bytes);
  }
  // False: control does not read its refusals; keep it and stop taking updates. A
  // ring that control broke takes them all, and the next Service detaches it.
  bool Refuse(const Refusal& refusal);
  // Everything up to `sequence` is applied or refused: gives ring room back and
  // wakes control if it waits for this.
  void Acknowledge(uint64_t sequence);
  // Before sleeping until poll_fd(). False: updates are there.
  [[nodiscard]] bool PrepareToSleep() {
    return !attached() || (!refusals_corrupt_ && updates_.PrepareToSleep());
  }

  // Ends the attachment; control sees its socket close. What the ring still holds is dropped.
  void Close();

 private:
  struct Candidate {
    FileDescriptor socket;
    int pid;
  };

  ChannelServer(std::string path, FileDescriptor listener, FileDescriptor epoll, ChannelMemory& memory,
                PacketPort* packets)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        epoll_(std::move(epoll)),
        memory_(memory),
        packets_(packets) {}

  bool Watch(const FileDescriptor& socket);
  void Detach();
  void Accept();
  // True: the candidate is done with, whatever became of it.
  bool Greet(Candidate& candidate, Change* change);
  HelloVerdict Judge(std::span<const std::byte> message, HelloRequest* request) const;
  bool HandOver(Candidate& candidate, const HelloRequest& request, HelloReply reply);
  void Answer(const FileDescriptor& socket, HelloReply reply, HelloVerdict verdict) const;

  std::string path_;
  FileDescriptor listener_;
  FileDescriptor epoll_;
  ChannelMemory& memory_;
  PacketPort* packets_;
  std::list<Candidate> candidates_;  // connected, hello not yet seen; oldest first

  FileDescriptor attached_socket_;
  Peer peer_;
  uint32_t last_epoch_ = 0;
  bool has_updates_ = false;
  RingConsumer updates_;
  RingProducer refusals_;
  bool refusals_corrupt_ = false;
};

}  // namespace sluice::channel
