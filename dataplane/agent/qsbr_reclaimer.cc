// QSBR tokens, borrowed readers, and workers that stopped reporting.
#include "dataplane/agent/qsbr_reclaimer.h"

#include <rte_rcu_qsbr.h>

#include <cstdlib>

#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

constexpr uint64_t kStuckAfterNs = 1'000'000'000;

}  // namespace

QsbrReclaimer::QsbrReclaimer(WorkerIndex workers)
    : workers_(workers), stuck_(new std::atomic<bool>[workers]()) {
  const uint32_t readers = workers + 1 + kBorrowedReaders;
  const size_t bytes = rte_rcu_qsbr_get_memsize(readers);
  qsbr_ = static_cast<rte_rcu_qsbr*>(
      std::aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(bytes, RTE_CACHE_LINE_SIZE)));
  SLUICE_CHECK(qsbr_ != nullptr && rte_rcu_qsbr_init(qsbr_, readers) == 0);
  for (uint32_t reader = 0; reader < readers; ++reader)
    SLUICE_CHECK(rte_rcu_qsbr_thread_register(qsbr_, reader) == 0);
  for (uint32_t reader = workers + 1; reader < readers; ++reader)
    free_readers_.push_back(static_cast<int>(reader));
}

QsbrReclaimer::~QsbrReclaimer() {
  std::free(qsbr_);
}

uint64_t QsbrReclaimer::Token() {
  return rte_rcu_qsbr_start(qsbr_);
}

bool QsbrReclaimer::Passed(uint64_t token) {
  return rte_rcu_qsbr_check(qsbr_, token, false) == 1;
}

void QsbrReclaimer::CheckWorkers(uint64_t now_ns) {
  if (probe_taken_ns_ == 0 || Passed(probe_token_)) {
    for (WorkerIndex worker = 0; worker < workers_; ++worker)
      stuck_[worker].store(false, std::memory_order_relaxed);
    probe_token_ = Token();
    probe_taken_ns_ = now_ns;
    return;
  }
  if (now_ns - probe_taken_ns_ < kStuckAfterNs) return;
  for (WorkerIndex worker = 0; worker < workers_; ++worker) {
    const uint64_t reported = __atomic_load_n(&qsbr_->qsbr_cnt[worker].cnt, __ATOMIC_RELAXED);
    const bool late = reported != __RTE_QSBR_CNT_THR_OFFLINE && reported < probe_token_;
    stuck_[worker].store(late, std::memory_order_relaxed);
  }
}

int QsbrReclaimer::Borrow() {
  const std::lock_guard lock(mutex_);
  if (free_readers_.empty()) return -1;
  const int reader = free_readers_.back();
  free_readers_.pop_back();
  return reader;
}

void QsbrReclaimer::Return(int reader) {
  const std::lock_guard lock(mutex_);
  free_readers_.push_back(reader);
}

TableReader::TableReader(QsbrReclaimer& reclaimer) : reclaimer_(reclaimer), reader_(reclaimer.Borrow()) {
  if (valid()) rte_rcu_qsbr_thread_online(reclaimer_.qsbr(), static_cast<unsigned>(reader_));
}

TableReader::~TableReader() {
  if (!valid()) return;
  rte_rcu_qsbr_thread_offline(reclaimer_.qsbr(), static_cast<unsigned>(reader_));
  reclaimer_.Return(reader_);
}

}  // namespace sluice::dataplane
