// Frames to transmit queues: a burst for one port goes as it is, a mixed one is
// sorted by port first.
#include "dataplane/nodes/port_tx.h"

#include <rte_ethdev.h>

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kDrop };
constexpr const char* kNext[] = {"drop"};

void Transmit(const NodeRun& run, PortId port, rte_mbuf** packets, uint16_t count) {
  const TransmitPort& transmit = run.worker.transmit[port];
  uint16_t sent = 0;
  if (__builtin_expect(transmit.present, 1)) sent = rte_eth_tx_burst(port, transmit.queue, packets, count);
  for (; __builtin_expect(sent < count, 0); ++sent)
    run.Drop(kDrop, *packets[sent], DropReason::kTransmitQueueFull);
}

void TransmitMixed(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  rte_mbuf* sorted[kBurstMax];
  while (count != 0) {
    const PortId port = packets[0]->port;
    uint16_t same = 0, others = 0;
    for (uint16_t i = 0; i < count; ++i) {
      if (packets[i]->port == port && same < kBurstMax) {
        sorted[same++] = packets[i];
      } else {
        packets[others++] = packets[i];
      }
    }
    Transmit(run, port, sorted, same);
    count = others;
  }
}

uint16_t Send(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  const PortId port = packets[0]->port;
  unsigned differs = 0;
  for (uint16_t i = 1; i < count; ++i) differs |= packets[i]->port ^ port;
  if (__builtin_expect(run.worker.tracing, 0))
    for (uint16_t i = 0; i < count; ++i) run.worker.observation->Leaving(*packets[i]);
  if (differs == 0) {
    Transmit(run, port, packets, count);
  } else {
    TransmitMixed(run, packets, count);
  }
  return count;
}

}  // namespace

const NodeSpec kPortTxNode{"port_tx", Counted<Send>, kNext};

}  // namespace sluice::dataplane
