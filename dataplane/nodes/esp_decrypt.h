// ESP packets of the underlay (RFC 4303, RFC 4301 section 5.2): whose they are, whether they are
// authentic and new, and what was in them on in the tenant's VRF.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/nodes/forward.h"

namespace sluice::dataplane {
namespace esp_decrypt {

// The first edges are those of the forward nodes: ordinary inner packets are
// routed here and now. Packets come with the data at a sound outer IP header without options.
enum Edge : uint16_t {
  kPortTx = forward::kPortTx,
  kDrop = forward::kDrop,
  kIp4Forward = forward::kIp4Forward,
  kIp6Forward = forward::kIp6Forward,
  kEdgeCount
};

}  // namespace esp_decrypt

extern const NodeSpec kEspDecryptNode;

}  // namespace sluice::dataplane
