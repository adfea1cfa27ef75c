// An agent on its thread behind a real channel in a directory of its own, and a
// control end that sends records to it: for tests and benchmarks.
#pragma once

#include <poll.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/agent/agent.h"
#include "dataplane/agent/record_fixture.h"
#include "dataplane/agent/small_tables.h"
#include "dataplane/eal/monotonic_clock.h"
#include "proto/channel/channel_client.h"

namespace sluice::dataplane::testing {

inline constexpr auto kLongEnough = std::chrono::seconds(20);

// Waits for `condition`, with a deadline.
template <class Condition>
bool Eventually(Condition condition) {
  const auto deadline = MonotonicNow() + kLongEnough;
  while (!condition()) {
    if (MonotonicNow() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-agent-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// One life of the dataplane, as far as control sees it.
class RunningAgent {
 public:
  explicit RunningAgent(const std::string& channel_path, uint64_t instance = 1)
      : memory_(*channel::ChannelMemory::Create(Sizes(), instance)),
        packets_(memory_),
        tables_(SmallTables(), reclaimer_),
        writer_(tables_, TwoPorts(), requests_,
                {memory_.counter_layout(), memory_.counter_section(), kAgentBlock}) {
    auto server = channel::ChannelServer::Listen(channel_path, memory_, &packets_);
    REQUIRE(server.ok());
    server_ = *std::move(server);
    agent_ = std::make_unique<Agent>(writer_, *server_, inbox_, reclaimer_);
  }
  ~RunningAgent() { agent_->Stop(); }

  Agent& agent() { return *agent_; }
  AgentInbox& inbox() { return inbox_; }
  Tables& tables() { return tables_; }
  QsbrReclaimer& reclaimer() { return reclaimer_; }
  RecordedRequests& requests() { return requests_; }
  const channel::ChannelMemory& memory() { return memory_; }
  // Before Start only, or through the agent.
  TableWriter& writer() { return writer_; }

  // Asks on the agent's thread.
  template <class Question>
  auto Ask(Question question) {
    decltype(question(writer_)) answer{};
    REQUIRE(agent_->Run([&](TableWriter& writer) { answer = question(writer); }));
    return answer;
  }

 private:
  static channel::ChannelSizes Sizes() {
    channel::ChannelSizes sizes;
    sizes.counters = SmallCounters();
    return sizes;
  }

  QsbrReclaimer reclaimer_{1};
  channel::ChannelMemory memory_;
  channel::PacketPort packets_;
  Tables tables_;
  RecordedRequests requests_;
  TableWriter writer_;
  AgentInbox inbox_;
  std::unique_ptr<channel::ChannelServer> server_;
  std::unique_ptr<Agent> agent_;
};

// Control's end: sends and waits.
class Control {
 public:
  explicit Control(const std::string& channel_path, uint64_t instance = 100) {
    auto client = channel::ChannelClient::Connect(channel_path, instance, kLongEnough);
    REQUIRE(client.ok());
    client_ = *std::move(client);
  }

  channel::ChannelClient& client() { return *client_; }

  // Returns the sequence number; waits for room.
  uint64_t Send(Record record) {
    auto* header = reinterpret_cast<channel::RecordHeader*>(record.bytes().data());
    for (;;) {
      const uint64_t sequence = client_->TrySend(header, static_cast<uint32_t>(record.bytes().size()));
      if (sequence != 0) return sequence;
      client_->Flush();
      AwaitApplied(client_->last_sequence() - 500);
    }
  }
  // Everything sent so far is applied or refused.
  void Flush() {
    client_->Flush();
    AwaitApplied(client_->last_sequence());
  }
  std::vector<channel::Refusal> Refusals() {
    std::vector<channel::Refusal> refusals;
    while (const auto refusal = client_->NextRefusal()) refusals.push_back(*refusal);
    return refusals;
  }
  void StateTenant() {
    for (Record& record :
         std::vector<Record>{BeginSync(), VrfIs(1), InterfaceIs(1, 1, 100), AddressIs(1, "10.0.0.1/24"),
                             AdjacencyTo(1, 1, "10.0.0.2"), GroupOf(1, {1}), RouteTo(1, "10.1.0.0/16", 1)})
      Send(record);
  }

 private:
  void AwaitApplied(uint64_t sequence) {
    while (client_->applied_sequence() < sequence) {
      if (!client_->PrepareToSleep(sequence)) continue;
      pollfd wait{client_->poll_fd(), POLLIN, 0};
      REQUIRE(poll(&wait, 1, 20000) == 1);
      REQUIRE(client_->Service().ok());
    }
  }

  std::unique_ptr<channel::ChannelClient> client_;
};

}  // namespace sluice::dataplane::testing
