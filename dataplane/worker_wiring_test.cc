// Every receive queue has exactly one worker, every worker a queue to send on.
#include "dataplane/worker_wiring.h"

#include <catch2/catch.hpp>
#include <set>

namespace sluice::dataplane {
namespace {

TEST_CASE("each receive queue is polled by one worker and the load is even") {
  struct Row {
    const char* what;
    std::vector<uint16_t> queues;  // by port
    size_t workers;
    size_t most;  // queues of one worker
  };
  const Row rows[] = {
      {"one worker takes all", {1, 1, 4}, 1, 6}, {"single-queue ports spread", {1, 1}, 2, 1},
      {"a queue per worker", {2, 2}, 2, 2},      {"more queues than workers", {4, 4}, 3, 3},
      {"more workers than queues", {1}, 4, 1},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      std::vector<PortQueues> ports;
      for (const uint16_t queues : row.queues)
        ports.push_back({static_cast<PortId>(ports.size()), queues, {}});
      std::vector<WorkerContext> workers(row.workers);
      AssignQueues(ports, workers);
      std::set<std::pair<PortId, uint16_t>> polled;
      size_t all = 0;
      for (size_t worker = 0; worker < workers.size(); ++worker) {
        CHECK(workers[worker].receive_queues.size() <= row.most);
        for (const ReceiveQueue& from : workers[worker].receive_queues)
          polled.insert({from.port, from.queue});
        for (const PortQueues& port : ports) {
          CHECK(workers[worker].transmit[port.port].present);
          CHECK(workers[worker].transmit[port.port].queue == worker);
        }
      }
      for (const uint16_t queues : row.queues) all += queues;
      CHECK(polled.size() == all);
    }
  }
}

}  // namespace
}  // namespace sluice::dataplane
