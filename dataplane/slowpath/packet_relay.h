// Packets between workers, control and neighbour resolution: the slow path's end
// of every packet ring. Bytes and buffers only; what they mean is decided elsewhere.
#pragma once

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/graph/worker_context.h"
#include "dataplane/packet/metadata.h"
#include "dataplane/slowpath/event_count.h"
#include "dataplane/slowpath/hold_queue.h"
#include "dataplane/tables/counters.h"

namespace sluice::dataplane {

// Single-producer single-consumer rings between one worker and the slow path.
struct WorkerRings {
  PuntRings punt{};
  rte_ring* inject = nullptr;
};

// Any thread may read them.
struct RelayCounters {
  EventCount punted;            // taken from workers
  EventCount injected;          // given to workers
  EventCount inject_ring_full;  // not given
  EventCount no_buffer;
};

// Slow path's thread only.
class PacketRelay {
 public:
  // `pool` is the slow path's own, so that no buffer of the datapath waits for a
  // neighbour; it and the rings must outlive the relay. Drops are counted in
  // `counters`, the slow path's own block.
  PacketRelay(std::vector<WorkerRings> workers, rte_mempool& pool, const CounterBlock& counters)
      : workers_(std::move(workers)), pool_(pool), counters_(counters) {}

  size_t workers() const { return workers_.size(); }
  // Up to `packets.size()` packets that a worker punted to one queue; the caller frees them.
  size_t TakePunted(size_t worker, PuntQueue queue, std::span<rte_mbuf*> packets);

  // False while only the quarter of the buffers is left that ARP, ND and control keep
  // from packets that are held.
  bool HasRoomForHolding() const;
  // A copy of the packet and its metadata that may be held for long; null when
  // there is no buffer. The packet itself is freed, its loss counted.
  rte_mbuf* TakeForHolding(rte_mbuf& packet);
  // A buffer of the VRF holding `bytes`, other metadata zeroed; null if there is
  // none or they do not fit, which is counted as a drop of the VRF.
  rte_mbuf* NewPacket(VrfId vrf, std::span<const uint8_t> bytes);

  // Hands the packet to a worker; frees and counts it when the ring is full. True: it was taken.
  bool Inject(rte_mbuf& packet, InjectKind kind);
  // Frees the packet and counts the reason for its VRF.
  void Drop(rte_mbuf& packet, DropReason reason);
  void DropForWantOfBuffer(rte_mbuf& packet);
  // The same for a packet that never had a buffer here.
  void CountDrop(VrfId vrf, DropReason reason) { counters_.Drop(vrf, reason); }

  const RelayCounters& counts() const { return counts_; }

  static PacketHandle HandleOf(rte_mbuf& packet) { return reinterpret_cast<PacketHandle>(&packet); }
  static rte_mbuf& PacketOf(PacketHandle handle) { return *reinterpret_cast<rte_mbuf*>(handle); }

 private:
  std::vector<WorkerRings> workers_;
  rte_mempool& pool_;
  CounterBlock counters_;
  RelayCounters counts_;
};

}  // namespace sluice::dataplane
