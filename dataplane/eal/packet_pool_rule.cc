// The rule behind SmallestPacketPool.
#include "dataplane/eal/packet_pool_rule.h"

#include <algorithm>

namespace sluice::dataplane {
namespace {

// An mbuf's header, the pool's own header and padding to a cache line.
constexpr uint32_t kMbufOverheadBytes = 128 + 64 + 64;
// Room that the af_packet driver takes from a slot for the kernel's header; it
// refuses to start when the rest would not fit a buffer.
constexpr uint32_t kAfPacketDriverHeader = 32;

}  // namespace

PacketPoolSize SmallestPacketPool(std::span<const PortPlan> ports, uint32_t workers) {
  PacketPoolSize size;
  size.mbufs = workers * (kPoolCachePerWorker * 3 / 2 + kPacketsInGraphPerWorker + kPuntRingSlots);
  for (const PortPlan& port : ports) {
    size.mbufs += port.rx_queues * port.rx_descriptors + port.tx_queues * port.tx_descriptors;
    uint32_t frame = kL2HeaderBytesMax + port.mtu_bytes + kEncapsulationBytesMax;
    if (port.frame_bytes > 0) frame = std::max(frame, port.frame_bytes - kAfPacketDriverHeader);
    size.data_room_bytes = std::max(size.data_room_bytes, kPacketHeadroomBytes + frame);
  }
  // Whole cache lines, so that neighbours in memory share none.
  size.data_room_bytes = (size.data_room_bytes + 63) / 64 * 64;
  return size;
}

uint32_t PacketPoolMib(const PacketPoolSize& size) {
  const uint64_t each = size.data_room_bytes + kPacketPrivateBytes + kMbufOverheadBytes;
  return static_cast<uint32_t>((each * size.mbufs + (1 << 20) - 1) >> 20);
}

}  // namespace sluice::dataplane
