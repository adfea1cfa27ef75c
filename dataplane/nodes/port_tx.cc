// Frames to transmit queues: a burst for one port goes as it is, a mixed one is
// sorted by port first. Counted is what the port took.
#include "dataplane/nodes/port_tx.h"

#include <rte_ethdev.h>

#include <algorithm>

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kDrop };
constexpr const char* kNext[] = {"drop"};

// Counts what a port has taken.
void CountSent(const CounterBlock& counters, const Departure departures[], uint16_t count) {
  uint64_t bytes = 0;
  unsigned differs = 0;
  for (uint16_t i = 0; i < count; ++i) {
    bytes += departures[i].ip_bytes;
    differs |= departures[i].interface ^ departures[0].interface;
  }
  const InterfaceId interface = departures[0].interface;
  if (differs != 0) {
    for (uint16_t i = 0; i < count; ++i) {
      if (__builtin_expect(departures[i].interface != kNoInterface, 1))
        counters.Sent(departures[i].interface, departures[i].adjacency, departures[i].ip_bytes);
    }
  } else if (interface != kNoInterface) {
    // One by one, each would wait for the one before it.
    Count(counters.interface_tx[interface].packets, count);
    Count(counters.interface_tx[interface].bytes, bytes);
    for (uint16_t i = 0; i < count; ++i)
      Count(counters.adjacency_tx[departures[i].adjacency], departures[i].ip_bytes);
  }
}

// At most kBurstMax. What a port has taken is no longer ours to read, so the figures
// were gathered first. (Counting before and taking back what was refused would save
// that, but who reads in between sees a counter fall: to Prometheus a restart.)
void Transmit(const NodeRun& run, PortId port, rte_mbuf** packets, const Departure departures[],
              uint16_t count) {
  const TransmitPort& transmit = run.worker.transmit[port];
  uint16_t sent = 0;
  if (__builtin_expect(transmit.present, 1)) sent = rte_eth_tx_burst(port, transmit.queue, packets, count);
  if (__builtin_expect(sent != 0, 1)) CountSent(run.worker.counters, departures, sent);
  for (; __builtin_expect(sent < count, 0); ++sent) {
    if (departures[sent].interface != kNoInterface) MetaOf(*packets[sent]).vrf = VrfOfFrame(*packets[sent]);
    run.Drop(kDrop, *packets[sent], DropReason::kTransmitQueueFull);
  }
}

void TransmitMixed(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  rte_mbuf* sorted[kBurstMax];
  Departure departures[kBurstMax];
  while (count != 0) {
    const PortId port = packets[0]->port;
    uint16_t same = 0, others = 0;
    for (uint16_t i = 0; i < count; ++i) {
      if (packets[i]->port == port) {
        departures[same] = LoadDeparture(*packets[i]);
        sorted[same++] = packets[i];
      } else {
        packets[others++] = packets[i];
      }
    }
    Transmit(run, port, sorted, departures, same);
    count = others;
  }
}

uint16_t Send(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  if (__builtin_expect(run.worker.tracing, 0))
    for (uint16_t i = 0; i < count; ++i) run.worker.observation->Leaving(*packets[i]);
  Departure departures[kBurstMax];
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kBurstMax)) {
    rte_mbuf** const chunk = packets + begin;
    const auto chunk_count = std::min<uint16_t>(kBurstMax, static_cast<uint16_t>(count - begin));
    const PortId port = chunk[0]->port;
    unsigned differs = 0;
    for (uint16_t i = 0; i < chunk_count; ++i) {
      departures[i] = LoadDeparture(*chunk[i]);
      differs |= chunk[i]->port ^ port;
    }
    if (differs == 0) {
      Transmit(run, port, chunk, departures, chunk_count);
    } else {
      TransmitMixed(run, chunk, chunk_count);
    }
  }
  return count;
}

}  // namespace

const NodeSpec kPortTxNode{"port_tx", Counted<Send>, kNext};

}  // namespace sluice::dataplane
