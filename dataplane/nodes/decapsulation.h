// Ordinary packets of tunnels over IPv4, straight out of the frames of the underlay
// for classify, which routes what is in them: all tests at once, and whatever fails
// one is left to tunnel_decap.
#pragma once

#include "dataplane/nodes/forward_burst.h"

namespace sluice::dataplane::decapsulation {

// Packets of the underlay on their way to another node, described in their metadata.
struct Leaving {
  rte_mbuf* packet[forward::kFramesTogether];
  uint16_t count = 0;
};

// Of the frames, those that may be a tunnel's leave `frames`; returns how many are
// left, in their order. What came out of a tunnel is appended to `burst`, as if it had
// been received behind a tagged L2 header; the others to `careful`, for tunnel_decap, and
// to `encrypted`, for esp_decrypt.
uint16_t Take(const WorkerContext& worker, rte_mbuf* frames[], uint16_t count,
              forward::FrameBurst<forward::Ipv4>& burst, uint16_t& burst_count, Leaving& careful,
              Leaving& encrypted);

// Whether the frame came in on an interface of the underlay.
bool IsOfUnderlay(const WorkerContext& worker, rte_mbuf& frame);

}  // namespace sluice::dataplane::decapsulation
