// The rule behind SmallestPacketPool.
#include "dataplane/eal/packet_pool_rule.h"

#include <algorithm>

#include "dataplane/tables/fragment.h"
#include "dataplane/tables/sa/slot_table.h"

namespace sluice::dataplane {
namespace {

// An mbuf's header, the pool's own header and padding to a cache line.
constexpr uint32_t kMbufOverheadBytes = 128 + 64 + 64;
// Room that the af_packet driver takes from a slot for the kernel's header; it
// refuses to start when the rest would not fit a buffer.
constexpr uint32_t kAfPacketDriverHeader = 32;

// So that neighbours in memory share none.
constexpr uint32_t WholeCacheLines(uint32_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace

PacketPoolSize SmallestPacketPool(std::span<const PortPlan> ports, uint32_t workers) {
  PacketPoolSize size;
  const uint32_t handed_over =
      workers < 2 ? 0 : (workers - 1) * FragmentRingSlots(workers) + workers * HandoverRingSlots(workers);
  size.mbufs =
      workers * (kPoolCachePerWorker * 3 / 2 + kPacketsInGraphPerWorker + kPuntRingSlots + handed_over);
  for (const PortPlan& port : ports) {
    size.mbufs += port.rx_queues * port.rx_descriptors + port.tx_queues * port.tx_descriptors;
    uint32_t frame = kL2HeaderBytesMax + port.mtu_bytes + kEncapsulationBytesMax;
    if (port.frame_bytes > 0) frame = std::max(frame, port.frame_bytes - kAfPacketDriverHeader);
    size.data_room_bytes = std::max(size.data_room_bytes, kPacketHeadroomBytes + frame);
  }
  size.data_room_bytes = WholeCacheLines(size.data_room_bytes);
  return size;
}

PacketPoolSize ReassemblyPool(std::span<const PortPlan> ports, uint32_t workers, uint32_t datagrams,
                              uint32_t datagram_bytes) {
  constexpr uint32_t kInGraphPerWorker = 64;
  PacketPoolSize size;
  size.mbufs = datagrams + workers * kInGraphPerWorker;
  for (const PortPlan& port : ports) size.mbufs += port.tx_queues * port.tx_descriptors;
  size.data_room_bytes = WholeCacheLines(kPacketHeadroomBytes + kFragmentHeaderBytesMax + datagram_bytes);
  return size;
}

uint32_t PacketPoolMib(const PacketPoolSize& size) {
  const uint64_t each = size.data_room_bytes + kPacketPrivateBytes + kMbufOverheadBytes;
  return static_cast<uint32_t>((each * size.mbufs + (1 << 20) - 1) >> 20);
}

}  // namespace sluice::dataplane
