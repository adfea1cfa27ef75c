// A dataplane process reduced to its agent: the real channel and gRPC service
// around FakeAgent, on threads of its own. For tests of control's io.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proto/channel/channel_server.h"
#include "proto/channel/shared_memory.h"
#include "sluice/dataplane/v1/dataplane.grpc.pb.h"
#include "tests/lib/fake_agent.h"

namespace sluice::testing {

class FakeDataplane {
 public:
  // Listens on DIRECTORY/dataplane.sock and DIRECTORY/channel.sock.
  FakeDataplane(const std::string& directory, uint64_t instance);
  // Dies: sockets close, nothing is said.
  ~FakeDataplane();

  // The agent's tables, while `look` runs.
  template <typename Look>
  auto With(Look look) {
    const std::lock_guard lock(mutex_);
    return look(agent_);
  }
  uint64_t attachments() const { return attachments_; }
  channel::ChannelMemory& memory() { return *memory_; }

 private:
  class Service;
  void Work();

  std::mutex mutex_;
  FakeAgent agent_;
  std::unique_ptr<channel::ChannelMemory> memory_;
  std::unique_ptr<channel::ChannelServer> server_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> grpc_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> attachments_ = 0;
  std::thread thread_;
};

}  // namespace sluice::testing
