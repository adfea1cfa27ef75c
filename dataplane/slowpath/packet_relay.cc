// Buffers and rings of the slow path.
#include "dataplane/slowpath/packet_relay.h"

#include <cstring>

namespace sluice::dataplane {

size_t PacketRelay::TakePunted(size_t worker, std::span<rte_mbuf*> packets) {
  return rte_ring_sc_dequeue_burst(workers_[worker].punt, reinterpret_cast<void**>(packets.data()),
                                   static_cast<unsigned>(packets.size()), nullptr);
}

rte_mbuf* PacketRelay::CopyForHolding(const rte_mbuf& packet) {
  rte_mbuf* const copy = rte_pktmbuf_copy(&packet, &pool_, 0, UINT32_MAX);
  if (copy == nullptr) {
    ++counts_.no_buffer;
    return nullptr;
  }
  if (copy->nb_segs != 1) {
    rte_pktmbuf_free(copy);
    ++counts_.no_buffer;
    return nullptr;
  }
  MetaOf(*copy) = MetaOf(const_cast<rte_mbuf&>(packet));
  // The copy has nothing of the L2 header that lay in front of the data.
  MetaOf(*copy).l2_bytes = 0;
  return copy;
}

rte_mbuf* PacketRelay::NewPacket(std::span<const uint8_t> bytes) {
  rte_mbuf* const packet = rte_pktmbuf_alloc(&pool_);
  if (packet == nullptr) {
    ++counts_.no_buffer;
    return nullptr;
  }
  std::memset(static_cast<void*>(&MetaOf(*packet)), 0, sizeof(PacketMetadata));
  char* const data = rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes.size()));
  if (data == nullptr || bytes.size() > UINT16_MAX) {
    rte_pktmbuf_free(packet);
    ++counts_.no_buffer;
    return nullptr;
  }
  std::memcpy(data, bytes.data(), bytes.size());
  return packet;
}

void PacketRelay::Inject(rte_mbuf& packet, InjectKind kind) {
  PacketMetadata& meta = MetaOf(packet);
  meta.inject_kind = kind;
  // One tenant's packets keep their order: a VRF always uses the same worker.
  rte_ring* const ring = workers_[meta.vrf % workers_.size()].inject;
  void* const object = &packet;
  if (rte_ring_sp_enqueue(ring, object) == 0) {
    ++counts_.injected;
    return;
  }
  ++counts_.inject_ring_full;
  Drop(packet, DropReason::kPuntQueueFull);
}

void PacketRelay::Drop(rte_mbuf& packet, DropReason reason) {
  counters_.Drop(MetaOf(packet).vrf, reason);
  rte_pktmbuf_free(&packet);
}

}  // namespace sluice::dataplane
