// Fragments to our own addresses, tunnel packets among them: to the worker whose
// they are, into its table, and on as one packet when the datagram is complete.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {
namespace reassemble {

enum Edge : uint16_t { kLocal, kTunnelDecap, kIcmpError, kDrop, kEspDecrypt, kEdgeCount };

// What a source node may bring into one walk.
inline constexpr uint16_t kHandedOverMax = 32;
inline constexpr uint16_t kExpiredMax = 8;

// Fragments that other workers handed over, for this node; `packets` has room for
// kHandedOverMax. Those whose VRF is another tenant's by now are freed and counted.
uint16_t TakeHandedOver(const NodeRun& run, rte_mbuf* packets[]);

// Datagrams whose time is over: the first `to_answer` of `packets`, which has room
// for kExpiredMax, are for icmp_error, the others for drop. Returns how many there
// are; the clock is read only while some are held.
uint16_t TakeExpired(const NodeRun& run, rte_mbuf* packets[], uint16_t& to_answer);

}  // namespace reassemble

extern const NodeSpec kReassembleNode;

}  // namespace sluice::dataplane
