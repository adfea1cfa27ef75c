// The steering thread.
#include "dataplane/agent/steering_loop.h"

#include <chrono>
#include <utility>

namespace sluice::dataplane {
namespace {

// Between two rounds: what changes meanwhile is one round's work.
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

SteeringLoop::SteeringLoop(const Tables& tables, QsbrReclaimer& reclaimer, OwnerQueues queues,
                           FlowSteering& steering)
    : tables_(tables),
      reclaimer_(reclaimer),
      queues_(std::move(queues)),
      steering_(steering),
      thread_([this] { Run(); }) {}

SteeringLoop::~SteeringLoop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SteeringLoop::OnInterfaces() {
  {
    const std::lock_guard lock(mutex_);
    pending_ = true;
  }
  changed_.notify_one();
}

void SteeringLoop::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return pending_ || stop_; });
    if (stop_) return;
    pending_ = false;
    lock.unlock();
    const bool done = Round();
    lock.lock();
    if (!done) pending_ = true;
    changed_.wait_for(lock, kPause, [this] { return stop_; });
  }
}

bool SteeringLoop::Round() {
  std::set<SteeredFlow> wanted;
  {
    const TableReader reader(reclaimer_);
    if (!reader.valid()) return false;
    wanted = WantedFlows(tables_, queues_);
  }
  // Not a reader any more: ports take their time.
  steering_.Reconcile(wanted);
  return true;
}

}  // namespace sluice::dataplane
