// What other threads have for the agent: reports of the slow path, and tasks of
// the gRPC threads. Bounded queues; nobody waits for the agent here but a task's
// own caller.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <variant>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/packet/path_mtu_message.h"
#include "proto/channel/file_descriptor.h"

namespace sluice::dataplane {

class TableWriter;

class AgentInbox final : public NeighborSink {
 public:
  using Report =
      std::variant<NeighborUpdate, DuplicateAddressReport, PathMtuReport, PeerReport, PortLinkChange>;
  using Task = std::function<void(TableWriter&)>;
  // Of neighbours and paths; changes of links have room of their own, one for each port.
  static constexpr size_t kReportsMax = 65536;
  // More than the gRPC server has threads, each of which waits for its own.
  static constexpr size_t kTasksMax = 256;

  AgentInbox();

  // Slow path's thread; see NeighborSink.
  bool Push(const NeighborUpdate& update) override { return Add(update); }
  bool Push(const DuplicateAddressReport& report) override { return Add(report); }
  bool Push(const PathMtuReport& report) override { return Add(report); }
  bool Push(const PeerReport& report) override { return Add(report); }
  // Ahead of all other reports: traffic waits for it. Always true.
  bool Push(const PortLinkChange& change) override;

  // Any thread.
  // False, and the task is gone, while kTasksMax wait.
  [[nodiscard]] bool Push(Task task);
  void Wake();

  // Agent's thread. Readable when something was pushed; Answer makes it unreadable.
  int poll_fd() const { return event_.get(); }
  void Answer();
  // All link changes, then up to `max` other reports in order.
  std::vector<Report> TakeReports(size_t max);
  std::deque<Task> TakeTasks();

 private:
  bool Add(Report report);

  channel::FileDescriptor event_;
  std::mutex mutex_;
  std::map<PortId, PortLinkChange> links_;
  std::deque<Report> reports_;
  std::deque<Task> tasks_;
};

}  // namespace sluice::dataplane
