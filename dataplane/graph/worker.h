// A worker: walks its graph for ever on one thread, reports that it holds
// nothing between walks, and accounts for its cycles.
#pragma once

#include <rte_rcu_qsbr.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "dataplane/graph/observation.h"
#include "dataplane/graph/worker_graph.h"

namespace sluice::dataplane {

enum class IdlePolicy : uint8_t {
  kBusy,   // polls for ever
  kSleep,  // sleeps shortly after a run of empty polls, offline for QSBR
};

class Worker {
 public:
  // `context` says what the worker works with; it is kept. `qsbr` must have
  // room for thread id context.index and outlive the worker.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(const std::string& name, WorkerContext context,
                                                        rte_rcu_qsbr& qsbr, IdlePolicy idle_policy);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The worker's thread: walks until RequestStop(). May be called again.
  void Run();
  // Any thread.
  void RequestStop() { stop_.store(true, std::memory_order_relaxed); }

  // Instead of Run(), for tests and benchmarks on the calling thread: online as
  // Run() would be, one walk each; returns the packets that arrived in it.
  void Enter();
  uint32_t WalkOnce();
  void Leave();

  // Any thread: the consumer's side of trace and capture.
  Observation& observation() { return observation_; }
  WorkerIndex index() const { return context_.index; }
  // Those that it polls.
  const std::vector<ReceiveQueue>& receive_queues() const { return context_.receive_queues; }
  const WorkerGraph& graph() const { return *graph_; }

 private:
  Worker(WorkerContext context, rte_rcu_qsbr& qsbr, IdlePolicy idle_policy);

  void AccountCycles(bool busy);
  void Sleep();

  WorkerContext context_;
  Observation observation_;
  rte_rcu_qsbr& qsbr_;
  const IdlePolicy idle_policy_;
  std::unique_ptr<WorkerGraph> graph_;
  std::atomic<bool> stop_{false};
  // Cycles are read when the worker turns from idle to busy or back, and now
  // and then for the sake of readers.
  uint64_t accounted_until_ = 0;
  bool busy_ = false;
  uint32_t walks_to_account_ = 0;
  uint32_t walks_to_sample_ = 0;
  uint32_t empty_walks_ = 0;
};

}  // namespace sluice::dataplane
