// Packets of the underlay that may be a tunnel's: whose they are, out of their
// outer headers, and on in the tenant's VRF.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {
namespace tunnel_decap {

// The first edges are those of the forward nodes: ordinary inner packets are
// routed here and now.
enum Edge : uint16_t {
  kPortTx = forward::kPortTx,
  kPunt = forward::kPunt,
  kDrop = forward::kDrop,
  kIp4Forward = forward::kIp4Forward,
  kIp6Forward = forward::kIp6Forward,
  kEdgeCount
};

}  // namespace tunnel_decap

extern const NodeSpec kTunnelDecapNode;

}  // namespace sluice::dataplane
