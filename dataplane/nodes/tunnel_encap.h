// IP packets into their tunnel, and its packet on to the next hop in the underlay.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {
namespace tunnel_encap {

// What the underlay cannot simply send goes the careful way, as our own packet.
enum Edge : uint16_t { kPortTx, kIp4Forward, kIp6Forward, kDrop, kEdgeCount };

}  // namespace tunnel_encap

extern const NodeSpec kTunnelEncapNode;

}  // namespace sluice::dataplane
