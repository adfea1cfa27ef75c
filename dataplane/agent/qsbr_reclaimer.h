// Grace periods over DPDK's QSBR (rte_rcu): workers report quiescence each walk,
// the slow path and the gRPC threads are online only while they read tables.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "dataplane/tables/ids.h"
#include "dataplane/tables/reclaimer.h"

struct rte_rcu_qsbr;

namespace sluice::dataplane {

// Reader numbers: workers are 0 .. workers - 1, the slow path is next, then a
// few that gRPC threads borrow (see TableReader).
class QsbrReclaimer : public Reclaimer {
 public:
  static constexpr unsigned kBorrowedReaders = 8;

  explicit QsbrReclaimer(WorkerIndex workers);
  ~QsbrReclaimer() override;
  QsbrReclaimer(const QsbrReclaimer&) = delete;
  QsbrReclaimer& operator=(const QsbrReclaimer&) = delete;

  // Writer's thread; see Reclaimer.
  uint64_t Token() override;
  bool Passed(uint64_t token) override;

  // For the readers' own calls (rte_rcu_qsbr_quiescent, _thread_online,
  // _thread_offline). All readers are registered and offline at first.
  rte_rcu_qsbr* qsbr() { return qsbr_; }
  unsigned slow_path_reader() const { return workers_; }

  // Writer's thread: workers that are online and have not reported since the
  // last token, which was taken more than a second ago, in `now_ns` of a
  // monotonic clock. Takes a token when none is outstanding, so it works without
  // removals too. Call it about ten times a second; read the answer with IsStuck.
  void CheckWorkers(uint64_t now_ns);
  // Any thread.
  bool IsStuck(WorkerIndex worker) const { return stuck_[worker].load(std::memory_order_relaxed); }

 private:
  friend class TableReader;
  int Borrow();
  void Return(int reader);

  const WorkerIndex workers_;
  rte_rcu_qsbr* qsbr_;
  std::unique_ptr<std::atomic<bool>[]> stuck_;
  uint64_t probe_token_ = 0;
  uint64_t probe_taken_ns_ = 0;
  std::mutex mutex_;
  std::vector<int> free_readers_;
};

// Makes the calling thread a reader of the tables while it lives. Not for
// workers. Construct, read, destroy; never wait in between.
class TableReader {
 public:
  explicit TableReader(QsbrReclaimer& reclaimer);
  ~TableReader();
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;
  // All borrowed readers are in use: answer "try again".
  bool valid() const { return reader_ >= 0; }

 private:
  QsbrReclaimer& reclaimer_;
  int reader_;
};

}  // namespace sluice::dataplane
