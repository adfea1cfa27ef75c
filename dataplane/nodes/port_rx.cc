// Takes bursts from the worker's receive queues.
#include "dataplane/nodes/port_rx.h"

#include <rte_ethdev.h>

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kClassify };
constexpr const char* kNext[] = {"classify"};

// All queues fill the node's own stream, which then moves on as a whole. The
// stream is sized for a burst of every queue (graph/worker_graph.cc).
uint16_t Receive(const NodeRun& run, rte_mbuf**, uint16_t) {
  auto** stream = reinterpret_cast<rte_mbuf**>(run.node->objs);
  uint16_t count = 0;
  for (const ReceiveQueue& from : run.worker.receive_queues)
    count += rte_eth_rx_burst(from.port, from.queue, stream + count, run.worker.burst);
  if (count == 0) return 0;
  run.worker.arrived += count;
  run.SendFirst(kClassify, count);
  return count;
}

}  // namespace

const NodeSpec kPortRxNode{"port_rx", Counted<Receive>, kNext, true};

}  // namespace sluice::dataplane
