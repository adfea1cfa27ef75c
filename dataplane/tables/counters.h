// The counters that one worker writes: pointers into its block of the channel's
// shared memory (or of a test's own memory), and how to add to them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/ids.h"
#include "proto/channel/counters.h"

namespace sluice::dataplane {

using channel::PacketsAndBytes;

// One writer per counter. Readers, mostly of the other process, see whole values
// because an aligned word is stored at once; saying so by an atomic store costs
// three instructions instead of one, so only the thread sanitizer is told.
inline void Count(uint64_t& counter, uint64_t by = 1) {
// (_GLIBCXX_TSAN: see scripts/presets/tsan.ini.)
#if defined(__SANITIZE_THREAD__) || defined(_GLIBCXX_TSAN)
  __atomic_store_n(&counter, counter + by, __ATOMIC_RELAXED);
#else
  counter += by;
#endif
}
inline void Count(PacketsAndBytes& counter, uint64_t bytes) {
  Count(counter.packets);
  Count(counter.bytes, bytes);
}

// Borrowed arrays of one worker, indexed by id. Bytes are of the IP packet; what
// an interface received is counted with the padding of short frames.
struct CounterBlock {
  channel::WorkerCounters* worker = nullptr;
  channel::NodeCounters* nodes = nullptr;  // in the order of AllNodes()
  PacketsAndBytes* interface_rx = nullptr;
  PacketsAndBytes* interface_tx = nullptr;
  PacketsAndBytes* adjacency_tx = nullptr;
  PacketsAndBytes* policer_dropped = nullptr;
  uint64_t* drops = nullptr;  // [vrf * kDropReasonsMax + reason]
  channel::ProbeCounters* probes = nullptr;

  // `section` must be laid out with drop_reasons = kDropReasonsMax.
  static CounterBlock Of(const channel::CounterLayout& layout, std::byte* section, WorkerIndex worker) {
    return {layout.Worker(section, worker),      layout.Nodes(section, worker),
            layout.InterfaceRx(section, worker), layout.InterfaceTx(section, worker),
            layout.AdjacencyTx(section, worker), layout.PolicerDropped(section, worker),
            layout.Drops(section, worker),       layout.Probes(section, worker)};
  }

  void Received(InterfaceId interface, uint64_t bytes) const { Count(interface_rx[interface], bytes); }
  void Sent(InterfaceId interface, AdjacencyId adjacency, uint64_t bytes) const {
    Count(interface_tx[interface], bytes);
    Count(adjacency_tx[adjacency], bytes);
  }
  void Drop(VrfId vrf, DropReason reason, uint64_t packets = 1) const {
    Count(drops[uint32_t{vrf} * kDropReasonsMax + static_cast<uint8_t>(reason)], packets);
  }
};

}  // namespace sluice::dataplane
