// The connection to sluice-dataplane: finds it, checks that both speak the same
// version, opens the channel, follows its state, and does so again whenever it
// went away. Waiting happens on a thread of its own; what it learns goes to the
// core thread as values.
#pragma once

#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "control/api/executor.h"
#include "proto/channel/channel_client.h"
#include "sluice/dataplane/v1/dataplane.grpc.pb.h"

namespace sluice::io {

// How long one question to the dataplane, or the hand-over of the channel, may take.
inline constexpr std::chrono::milliseconds kExchangeTimeout{2000};

// Core thread.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;
  virtual void Attached(const dataplane::v1::AttachReply& reply,
                        std::unique_ptr<channel::ChannelClient> channel) = 0;
  // Of the attachment that is current.
  virtual void Changed(const dataplane::v1::StateChange& change) = 0;
  // A new stream of changes starts with a snapshot: forget the last one.
  virtual void SnapshotBegins() = 0;
};

class DataplaneLink {
 public:
  // `channel_socket` may be empty: then the dataplane says where it is.
  // `instance` is this process's, changing with every start. `core` and
  // `observer` outlive the link.
  DataplaneLink(std::string grpc_socket, std::string channel_socket, uint64_t instance, api::Executor& core,
                LinkObserver& observer);
  // Ends the thread.
  ~DataplaneLink();

  void Start();
  // Core thread: the channel of the current attachment is dead; look for a new one.
  void Reconnect();
  // Any thread. Calls fail quickly while nobody is there.
  dataplane::v1::Dataplane::Stub& stub() { return *stub_; }
  // Empty while attached; else since when not and why, in words. Any thread.
  std::string absence() const;

 private:
  void Run();
  // One attempt; true when the attachment was handed to the core.
  bool TryAttach();
  absl::Status Attach(dataplane::v1::AttachReply* reply, std::unique_ptr<channel::ChannelClient>* channel);
  // Until the attachment ends.
  void Watch(uint64_t attachment);
  void ReadChanges(uint64_t attachment, grpc::ClientContext& context);
  void NoteAbsence(const std::string& why);
  bool Ended(uint64_t attachment) const;

  const std::string grpc_socket_;
  const std::string channel_socket_;
  const uint64_t instance_;
  api::Executor& core_;
  LinkObserver& observer_;
  std::unique_ptr<dataplane::v1::Dataplane::Stub> stub_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  uint64_t attachment_ = 0;  // counts up
  bool attached_ = false;
  grpc::ClientContext* watching_ = nullptr;  // to be cancelled
  std::string absence_;
  std::string why_absent_;
  std::thread thread_;
};

}  // namespace sluice::io
