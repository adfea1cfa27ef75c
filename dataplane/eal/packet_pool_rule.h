// How many packet buffers the dataplane needs and how large they are. Fewer
// would stall a queue for good, so start-up refuses; more would only spread the
// packets in flight over more of the cache (docs/architecture.md).
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/eal/port_plan.h"
#include "dataplane/tables/punt_budgets.h"

namespace sluice::dataplane {

// Buffers a worker keeps in its mempool cache; DPDK lets it grow to 1.5 times this.
inline constexpr uint32_t kPoolCachePerWorker = 256;
// What a worker may hold in its graph at once: a burst from each source, and
// what one burst turned into (replies, errors, fragments).
inline constexpr uint32_t kPacketsInGraphPerWorker = 512;
// Original packets waiting for the slow path, per worker.
inline constexpr uint32_t kPuntRingSlots = [] {
  uint32_t slots = 0;
  for (const uint32_t of_queue : kPuntQueueSlots) slots += of_queue;
  return slots;
}();
// What the slow path may have on its way to one worker.
inline constexpr uint32_t kInjectRingSlots = 512;
// The slow path's own buffers: held packets, ARP, ND and what control sends.
inline constexpr uint32_t kSlowPathBuffers = 2048;
// The most of them that packets waiting for neighbours may take; see PacketRelay.
inline constexpr uint32_t kHeldBuffersMax = kSlowPathBuffers - kSlowPathBuffers / 4;
// The longest datagram that is put together of fragments, at most: what tunnels add
// to the largest MTU, and so that it is cut into no more pieces than a packet that
// came whole (graph/worker_graph.cc).
inline constexpr uint32_t kReassembledBytesMax = 9216;
inline constexpr uint32_t kPacketPrivateBytes = 64;
// Kept in front of every received packet by DPDK, and used by encapsulations.
inline constexpr uint32_t kPacketHeadroomBytes = 128;
// The largest encapsulation to come: outer IPv6, UDP, ESP with IV, padding and
// tag, or VXLAN with an inner Ethernet header.
inline constexpr uint32_t kEncapsulationBytesMax = 128;

struct PacketPoolSize {
  uint32_t mbufs = 0;
  uint32_t data_room_bytes = 0;  // headroom included
};

// Sum of RX and TX descriptors + workers x 1.5 x cache + bursts in flight.
PacketPoolSize SmallestPacketPool(std::span<const PortPlan> ports, uint32_t workers);

// Buffers to put `datagrams` of `datagram_bytes` together in, and those that still lie in
// transmit queues afterwards or are on their way there.
PacketPoolSize ReassemblyPool(std::span<const PortPlan> ports, uint32_t workers, uint32_t datagrams,
                              uint32_t datagram_bytes);

// The memory of such a pool in MiB, rounded up.
uint32_t PacketPoolMib(const PacketPoolSize& size);

}  // namespace sluice::dataplane
