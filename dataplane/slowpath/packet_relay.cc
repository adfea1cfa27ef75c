// Buffers and rings of the slow path.
#include "dataplane/slowpath/packet_relay.h"

#include <cstring>

namespace sluice::dataplane {

size_t PacketRelay::TakePunted(size_t worker, PuntQueue queue, std::span<rte_mbuf*> packets) {
  const unsigned count = rte_ring_sc_dequeue_burst(workers_[worker].punt[static_cast<size_t>(queue)],
                                                   reinterpret_cast<void**>(packets.data()),
                                                   static_cast<unsigned>(packets.size()), nullptr);
  counts_.punted += count;
  return count;
}

bool PacketRelay::HasRoomForHolding() const {
  return rte_mempool_avail_count(&pool_) > pool_.size / 4;
}

rte_mbuf* PacketRelay::TakeForHolding(rte_mbuf& packet) {
  rte_mbuf* const copy = rte_pktmbuf_copy(&packet, &pool_, 0, UINT32_MAX);
  if (copy == nullptr || copy->nb_segs != 1) {
    rte_pktmbuf_free(copy);
    DropForWantOfBuffer(packet);
    return nullptr;
  }
  MetaOf(*copy) = MetaOf(packet);
  // The copy has nothing of the L2 header that lay in front of the data.
  MetaOf(*copy).l2_bytes = 0;
  rte_pktmbuf_free(&packet);
  return copy;
}

rte_mbuf* PacketRelay::NewPacket(VrfId vrf, std::span<const uint8_t> bytes) {
  rte_mbuf* const packet = rte_pktmbuf_alloc(&pool_);
  if (packet == nullptr) {
    ++counts_.no_buffer;
    CountDrop(vrf, DropReason::kSlowPathNoBuffer);
    return nullptr;
  }
  std::memset(static_cast<void*>(&MetaOf(*packet)), 0, sizeof(PacketMetadata));
  MetaOf(*packet).vrf = vrf;
  if (bytes.size() > rte_pktmbuf_tailroom(packet)) {
    Drop(*packet, DropReason::kTooBig);
    return nullptr;
  }
  std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes.size())), bytes.data(), bytes.size());
  return packet;
}

bool PacketRelay::Inject(rte_mbuf& packet, InjectKind kind) {
  PacketMetadata& meta = MetaOf(packet);
  meta.inject_kind = kind;
  // One tenant's packets keep their order: a VRF always uses the same worker.
  rte_ring* const ring = workers_[meta.vrf % workers_.size()].inject;
  void* const object = &packet;
  if (rte_ring_sp_enqueue(ring, object) == 0) {
    ++counts_.injected;
    return true;
  }
  ++counts_.inject_ring_full;
  Drop(packet, DropReason::kInjectQueueFull);
  return false;
}

void PacketRelay::DropForWantOfBuffer(rte_mbuf& packet) {
  ++counts_.no_buffer;
  Drop(packet, DropReason::kSlowPathNoBuffer);
}

void PacketRelay::Drop(rte_mbuf& packet, DropReason reason) {
  counters_.Drop(MetaOf(packet).vrf, reason);
  rte_pktmbuf_free(&packet);
}

}  // namespace sluice::dataplane
