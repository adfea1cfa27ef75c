// Frames to transmit queues: a burst for one port goes as it is, a mixed one is
// sorted by port first. Counted is what the port took.
#include "dataplane/nodes/port_tx.h"

#include <rte_ethdev.h>

#include <algorithm>

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kDrop };
constexpr const char* kNext[] = {"drop"};

// At most kBurstMax. What a port has taken is no longer ours to read, so the figures
// are gathered first. (Counting before and taking back what was refused would save
// that, but who reads in between sees a counter fall: to Prometheus a restart.)
void Transmit(const NodeRun& run, PortId port, rte_mbuf** packets, uint16_t count) {
  const TransmitPort& transmit = run.worker.transmit[port];
  Departure departures[kBurstMax];
  for (uint16_t i = 0; i < count; ++i) departures[i] = LoadDeparture(*packets[i]);
  uint16_t sent = 0;
  if (__builtin_expect(transmit.present, 1)) sent = rte_eth_tx_burst(port, transmit.queue, packets, count);
  for (uint16_t i = 0; i < sent; ++i) {
    const Departure& departure = departures[i];
    if (__builtin_expect(departure.interface != kNoInterface, 1))
      run.worker.counters.Sent(departure.interface, departure.adjacency, departure.ip_bytes);
  }
  for (; __builtin_expect(sent < count, 0); ++sent) {
    if (departures[sent].interface != kNoInterface) MetaOf(*packets[sent]).vrf = VrfOfFrame(*packets[sent]);
    run.Drop(kDrop, *packets[sent], DropReason::kTransmitQueueFull);
  }
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
    for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kBurstMax))
      Transmit(run, port, packets + begin,
               std::min<uint16_t>(kBurstMax, static_cast<uint16_t>(count - begin)));
  } else {
    TransmitMixed(run, packets, count);
  }
  return count;
}

}  // namespace

const NodeSpec kPortTxNode{"port_tx", Counted<Send>, kNext};

}  // namespace sluice::dataplane
