// Queues into the agent's thread and the descriptor that wakes it.
#include "dataplane/agent/agent_inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "proto/net/check.h"

namespace sluice::dataplane {

AgentInbox::AgentInbox() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  SLUICE_CHECK(event_.valid());
}

void AgentInbox::Wake() {
  const uint64_t one = 1;
  // Full means that it is readable already.
  (void)!write(event_.get(), &one, sizeof one);
}

void AgentInbox::Answer() {
  uint64_t count;
  (void)!read(event_.get(), &count, sizeof count);
}

bool AgentInbox::Push(const PortLinkChange& change) {
  {
    const std::lock_guard lock(mutex_);
    links_[change.port] = change;
  }
  Wake();
  return true;
}

bool AgentInbox::Add(Report report) {
  {
    const std::lock_guard lock(mutex_);
    if (reports_.size() >= kReportsMax) return false;
    reports_.push_back(std::move(report));
  }
  Wake();
  return true;
}

bool AgentInbox::Push(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= kTasksMax) return false;
    tasks_.push_back(std::move(task));
  }
  Wake();
  return true;
}

std::vector<AgentInbox::Report> AgentInbox::TakeReports(size_t max) {
  const std::lock_guard lock(mutex_);
  std::vector<Report> taken;
  for (const auto& [port, change] : links_) taken.emplace_back(change);
  links_.clear();
  for (; !reports_.empty() && max > 0; --max) {
    taken.push_back(std::move(reports_.front()));
    reports_.pop_front();
  }
  return taken;
}

std::deque<AgentInbox::Task> AgentInbox::TakeTasks() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

}  // namespace sluice::dataplane
