// IP packets into ESP tunnels (RFC 4303, RFC 4301 section 5.1), and the encrypted packet on to
// its next hop in the underlay.
#pragma once

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {
namespace esp_encrypt {

// Packets come as forward::DescribeForEsp leaves them. What the underlay cannot simply send
// goes the careful way, as our own packet.
enum Edge : uint16_t { kPortTx, kIp4Forward, kIp6Forward, kDrop, kEdgeCount };

}  // namespace esp_encrypt

extern const NodeSpec kEspEncryptNode;

}  // namespace sluice::dataplane
