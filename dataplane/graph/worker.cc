// The worker's loop.
#include "dataplane/graph/worker.h"

#include <rte_cycles.h>
#include <time.h>

#include <utility>

#include "dataplane/nodes/nodes.h"

namespace sluice::dataplane {
namespace {

// One walk in this many is measured node by node; a prime, so that it does not
// keep step with the traffic.
constexpr uint32_t kSampleEvery = 4093;
constexpr uint32_t kAccountEvery = 1024;
// A sleeping worker adds this to a packet's delay at worst, after having polled
// in vain for some 100 microseconds.
constexpr uint32_t kEmptyWalksBeforeSleep = 256;
constexpr long kSleepNanoseconds = 100'000;

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(const std::string& name, WorkerContext context,
                                                       rte_rcu_qsbr& qsbr, IdlePolicy idle_policy) {
  std::unique_ptr<Worker> worker(new Worker(std::move(context), qsbr, idle_policy));
  RegisterNodes(AllNodes());
  auto graph = WorkerGraph::Create(name, AllNodes(), worker->context_);
  if (!graph.ok()) return graph.status();
  worker->graph_ = std::make_unique<WorkerGraph>(std::move(*graph));
  return worker;
}

Worker::Worker(WorkerContext context, rte_rcu_qsbr& qsbr, IdlePolicy idle_policy)
    : context_(std::move(context)), observation_(context_.index), qsbr_(qsbr), idle_policy_(idle_policy) {
  context_.observation = &observation_;
  context_.next_identification = context_.index;
}

Worker::~Worker() = default;

void Worker::Run() {
  Enter();
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint32_t arrived = WalkOnce();
    if (idle_policy_ != IdlePolicy::kSleep) continue;
    empty_walks_ = arrived != 0 ? 0 : empty_walks_ + 1;
    if (empty_walks_ >= kEmptyWalksBeforeSleep) Sleep();
  }
  Leave();
}

void Worker::Enter() {
  rte_rcu_qsbr_thread_register(&qsbr_, context_.index);
  rte_rcu_qsbr_thread_online(&qsbr_, context_.index);
  accounted_until_ = rte_rdtsc();
}

void Worker::Leave() {
  AccountCycles(busy_);
  rte_rcu_qsbr_thread_offline(&qsbr_, context_.index);
  rte_rcu_qsbr_thread_unregister(&qsbr_, context_.index);
  stop_.store(false, std::memory_order_relaxed);
}

uint32_t Worker::WalkOnce() {
  context_.arrived = 0;
  context_.tracing = observation_.armed();
  context_.sampling = walks_to_sample_ == 0;
  walks_to_sample_ = walks_to_sample_ == 0 ? kSampleEvery : walks_to_sample_ - 1;
  graph_->Walk();
  // Nothing of a table is held between walks.
  rte_rcu_qsbr_quiescent(&qsbr_, context_.index);
  Count(context_.counters.worker->walks);
  const bool busy = context_.arrived != 0;
  if (busy != busy_ || walks_to_account_-- == 0) AccountCycles(busy);
  return context_.arrived;
}

// The cycles since the last call go to what the worker was until this walk.
void Worker::AccountCycles(bool busy) {
  const uint64_t now = rte_rdtsc();
  channel::WorkerCounters& counters = *context_.counters.worker;
  Count(busy_ ? counters.busy_cycles : counters.idle_cycles, now - accounted_until_);
  accounted_until_ = now;
  busy_ = busy;
  walks_to_account_ = kAccountEvery;
}

void Worker::Sleep() {
  rte_rcu_qsbr_thread_offline(&qsbr_, context_.index);
  const timespec duration{0, kSleepNanoseconds};
  nanosleep(&duration, nullptr);
  rte_rcu_qsbr_thread_online(&qsbr_, context_.index);
  Count(context_.counters.worker->sleeps);
}

}  // namespace sluice::dataplane
