// Turns a packet that was refused into the ICMP error about it, if one may be
// sent; counts the refusal either way. What the error says is in the metadata.
#pragma once

#include <optional>

#include "dataplane/graph/node_spec.h"

namespace sluice::dataplane {
namespace icmp_error {

enum Edge : uint16_t { kIp4Forward, kIp6Forward, kDrop, kEdgeCount };

// Our address toward the sender: of the incoming interface, else the tenant's
// router address, else none and no error is sent.
std::optional<net::Address> SourceOf(const Tables& tables, VrfId vrf, InterfaceId interface,
                                     const net::Address& sender);

}  // namespace icmp_error

extern const NodeSpec kIcmpErrorNode;

}  // namespace sluice::dataplane
