// The agent's thread: takes control's records out of the channel and the slow
// path's reports out of its inbox, and gives both to the single writer of the
// tables. Never waits for a grace period, a worker or control; sleeps when idle.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "dataplane/agent/agent_inbox.h"
#include "dataplane/agent/qsbr_reclaimer.h"
#include "dataplane/agent/table_writer.h"
#include "proto/channel/channel_server.h"

namespace sluice::dataplane {

class Agent {
 public:
  // All must outlive the agent.
  Agent(TableWriter& writer, channel::ChannelServer& channel, AgentInbox& inbox, QsbrReclaimer& reclaimer);
  ~Agent() { Stop(); }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // The thread inherits the caller's core.
  void Start();
  // Waits for the thread to end; tasks that wait for their turn are dropped.
  void Stop();

  // Any thread but the agent's. Runs `task` on the agent's thread between two
  // batches of records and returns when it ran; false when the agent stopped
  // instead, or AgentInbox::kTasksMax others wait already. A task must be short: dumps come in pieces.
  bool Run(const std::function<void(TableWriter&)>& task);

  // Agent's thread or before Start: who hears of duplicate addresses.
  void SetDuplicateAddressObserver(std::function<void(const DuplicateAddressReport&)> observer) {
    on_duplicate_ = std::move(observer);
  }

  // Any thread.
  uint64_t records_applied() const { return applied_.load(std::memory_order_relaxed); }
  uint64_t records_refused() const { return refused_.load(std::memory_order_relaxed); }

  // Instead of Start, for tests: one turn of the loop. True: there is more to do now.
  bool Turn();

 private:
  void Loop();
  bool ServeChannel(Instant now);
  bool TakeUpdates(Instant now);
  bool TakeReports(Instant now);
  void RunTasks();
  void OnDetached(Instant now);
  void Sleep();

  TableWriter& writer_;
  channel::ChannelServer& channel_;
  AgentInbox& inbox_;
  QsbrReclaimer& reclaimer_;
  std::function<void(const DuplicateAddressReport&)> on_duplicate_;
  uint64_t sequence_ = 0;                      // of the last record taken in this attachment
  std::optional<channel::Refusal> held_back_;  // control does not read its refusals
  bool slow_path_behind_ = false;              // see NeighborRequests::HasRoom
  Instant serve_channel_at_{};
  Instant on_time_at_{};
  Instant check_workers_at_{};
  std::atomic<uint64_t> applied_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace sluice::dataplane
