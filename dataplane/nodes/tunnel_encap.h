// IP packets into their tunnel, and its packet on to the next hop in the underlay.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/nodes/forward.h"

namespace sluice::dataplane {
namespace tunnel_encap {

// The first edges are those of the forward nodes, whose loops run here as well.
enum Edge : uint16_t {
  kPortTx = forward::kPortTx,
  kDrop = forward::kDrop,
  kIp4Forward = forward::kEdgeCount,
  kIp6Forward,
  kEdgeCount
};

}  // namespace tunnel_encap

extern const NodeSpec kTunnelEncapNode;

}  // namespace sluice::dataplane
