// Copies heads of matching packets into the rings.
#include "dataplane/graph/observation.h"

#include <rte_cycles.h>

#include <algorithm>
#include <cstring>

#include "dataplane/packet/wire.h"

namespace sluice::dataplane {

uint16_t VlanOfFrame(const uint8_t* frame, uint32_t bytes) {
  constexpr uint32_t kTypeOffset = 12, kTaggedBytes = 18;
  constexpr uint16_t kVlanType = 0x8100, kVlanMask = 0xfff;
  if (bytes < kTaggedBytes || LoadBe16(frame + kTypeOffset) != kVlanType) return 0;
  return LoadBe16(frame + kTypeOffset + 2) & kVlanMask;
}

void Observation::Visit(uint32_t node, rte_mbuf** packets, uint16_t count) {
  if (!trace_filter.armed()) return;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf& mbuf = *packets[i];
    PacketMetadata& meta = MetaOf(mbuf);
    // Whether the packet will be dropped is not known yet: who wants drops only
    // gets all steps of all packets and keeps those that ended so.
    const bool first = meta.trace_id == 0;
    if (first) {
      if (!trace_filter.MatchesOrigin(meta)) continue;
      meta.trace_id = next_trace_id_++;
    }
    TraceRecord* record = traced.Reserve();
    if (record == nullptr) return;
    record->trace_id = meta.trace_id;
    record->node = node;
    record->tsc = rte_rdtsc();
    record->meta = meta;
    record->port = mbuf.port;
    // The first record shows the frame as received: its L2 header still lies in front of the data.
    const bool received = first && (meta.flags & kPacketFromUs) == 0;
    const uint16_t l2_bytes = received ? meta.l2_bytes : 0;
    record->packet_bytes = mbuf.data_len;
    record->head_bytes = std::min<uint16_t>(kTraceHeadBytes, static_cast<uint16_t>(mbuf.data_len + l2_bytes));
    std::memcpy(record->head, DataOf(mbuf) - l2_bytes, record->head_bytes);
    traced.Publish();
  }
}

void Observation::Capture(rte_mbuf& mbuf, DropReason reason, bool outbound, uint32_t l2_bytes) {
  const PacketMetadata& meta = MetaOf(mbuf);
  if (!capture_filter.Matches(meta, reason, outbound ? mbuf.port : meta.ingress_port)) return;
  CaptureRecord* record = captured.Reserve();
  if (record == nullptr) return;
  const uint32_t snap =
      std::min<uint32_t>(capture_snap_bytes.load(std::memory_order_relaxed), kCaptureBytesMax);
  record->tsc = rte_rdtsc();
  record->original_bytes = mbuf.data_len + l2_bytes;
  record->bytes_present = std::min(snap, record->original_bytes);
  record->vrf = meta.vrf;
  record->interface = meta.interface;
  record->reason = reason;
  record->outbound = outbound;
  record->egress_port = mbuf.port;
  record->egress_vlan = outbound ? VlanOfFrame(DataOf(mbuf), mbuf.data_len) : uint16_t{0};
  std::memcpy(record->bytes, DataOf(mbuf) - l2_bytes, record->bytes_present);
  captured.Publish();
}

void Observation::Arrived(rte_mbuf& mbuf) {
  Capture(mbuf, DropReason::kNone, false, 0);
}

void Observation::Leaving(rte_mbuf& mbuf) {
  Capture(mbuf, DropReason::kNone, true, 0);
}

// The received L2 header still lies in front of a packet that was classified.
void Observation::Dropped(rte_mbuf& mbuf) {
  const PacketMetadata& meta = MetaOf(mbuf);
  Capture(mbuf, meta.reason, false, meta.l2_bytes);
}

}  // namespace sluice::dataplane
