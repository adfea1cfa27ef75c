// The worker's side of packet trace and capture: records of matching packets go
// into rings that the gRPC service drains (dataplane/agent). While nothing is
// armed a node pays one test per burst.
#pragma once

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>

#include "dataplane/graph/packet_filter.h"
#include "dataplane/graph/spsc_ring.h"
#include "dataplane/packet/metadata.h"

namespace sluice::dataplane {

inline constexpr uint16_t kTraceHeadBytes = 128;
inline constexpr uint16_t kCaptureBytesMax = 9018;
inline constexpr uint32_t kTraceRecords = 1024;
inline constexpr uint32_t kCaptureRecords = 512;

// One packet about to be processed by one node.
struct TraceRecord {
  uint32_t trace_id;  // of the packet, the same in all its records
  uint32_t node;      // rte_graph's id
  uint64_t tsc;
  PacketMetadata meta;
  PortId port;            // of the mbuf: at port_tx the one it goes to
  uint16_t packet_bytes;  // from the data, at the IP header but in whole frames
  uint16_t head_bytes;
  uint8_t head[kTraceHeadBytes];
};

struct CaptureRecord {
  uint64_t tsc;
  uint32_t original_bytes;
  uint32_t bytes_present;
  VrfId vrf;
  InterfaceId interface;
  DropReason reason;  // kNone unless it is dropped
  bool outbound;
  // Where an outbound frame leaves; 0 is untagged.
  PortId egress_port;
  uint16_t egress_vlan;
  uint8_t bytes[kCaptureBytesMax];
};

// The 802.1Q VLAN of a frame that we made ourselves; 0 when it has none.
uint16_t VlanOfFrame(const uint8_t* frame, uint32_t bytes);

// One per worker. Functions are the worker's unless said otherwise.
class Observation {
 public:
  explicit Observation(WorkerIndex worker) : next_trace_id_(uint32_t{worker} << 24 | 1) {}

  bool armed() const { return trace_filter.armed() || capture_filter.armed(); }

  // A frame that classify has just described, data at its L2 header.
  void Arrived(rte_mbuf& mbuf);
  // Packets about to be processed by a node.
  void Visit(uint32_t node, rte_mbuf** packets, uint16_t count);
  // A finished frame; a packet that ends, with the reason in its metadata.
  void Leaving(rte_mbuf& mbuf);
  void Dropped(rte_mbuf& mbuf);

  // Consumer: filters, limits and the other ends of the rings.
  FilterWord trace_filter, capture_filter;
  std::atomic<uint32_t> capture_snap_bytes{kTraceHeadBytes};
  SpscRing<TraceRecord> traced{kTraceRecords};
  SpscRing<CaptureRecord> captured{kCaptureRecords};

 private:
  void Capture(rte_mbuf& mbuf, DropReason reason, bool outbound, uint32_t l2_bytes);

  uint32_t next_trace_id_;
};

}  // namespace sluice::dataplane
