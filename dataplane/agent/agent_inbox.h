// What other threads have for the agent: reports of the slow path, and tasks of
// the gRPC threads. Bounded queues; nobody waits for the agent here but a task's
// own caller.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <variant>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"
#include "proto/channel/file_descriptor.h"

namespace sluice::dataplane {

class TableWriter;

class AgentInbox final : public NeighborSink {
 public:
  using Report = std::variant<NeighborUpdate, DuplicateAddressReport, PortLinkChange>;
  using Task = std::function<void(TableWriter&)>;
  static constexpr size_t kReportsMax = 65536;

  AgentInbox();

  // Slow path's thread; see NeighborSink.
  bool Push(const NeighborUpdate& update) override { return Add(update, false); }
  bool Push(const DuplicateAddressReport& report) override { return Add(report, false); }
  // Ahead of all other reports: traffic waits for it.
  bool Push(const PortLinkChange& change) override { return Add(change, true); }

  // Any thread.
  void Push(Task task);
  void Wake();

  // Agent's thread. Readable when something was pushed; Answer makes it unreadable.
  int poll_fd() const { return event_.get(); }
  void Answer();
  // Up to `max` reports, in order.
  std::vector<Report> TakeReports(size_t max);
  std::deque<Task> TakeTasks();

 private:
  bool Add(Report report, bool urgent);

  channel::FileDescriptor event_;
  std::mutex mutex_;
  std::deque<Report> urgent_;
  std::deque<Report> reports_;
  std::deque<Task> tasks_;
};

}  // namespace sluice::dataplane
