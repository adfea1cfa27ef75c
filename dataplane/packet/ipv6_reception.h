// What the destination of an IPv6 packet does with its extension headers (RFC 8200 section 4):
// obeys them, skips them, or refuses the packet as they ask. A decision over bytes.
#pragma once

#include <cstdint>

#include "dataplane/packet/icmp.h"
#include "dataplane/tables/drop_reason.h"

namespace sluice::dataplane {

struct Ipv6Reception {
  uint8_t protocol = 0;         // of the header at `offset`
  uint16_t offset = 0;          // from the start of the packet
  uint16_t next_header_at = 6;  // of the octet that named the protocol
  // Of a fragment header, be it of an atomic fragment, where the walk ends: what follows
  // is for later, when the datagram is whole. 0: none.
  uint16_t fragment_at = 0;
  // Not kNone: the packet is not for anybody here. Then an error of this kind is owed to the
  // sender about the octet at `pointer`, unless its type is 0.
  DropReason reason = DropReason::kNone;
  IcmpKind error{};
  uint16_t pointer = 0;
};

// For a packet to one of our addresses whose header is sound: `ip_bytes` are there. Headers that
// we do not know, AH and Mobility among them, count as a protocol.
Ipv6Reception ReceiveIpv6(const uint8_t* ip, uint32_t ip_bytes);

}  // namespace sluice::dataplane
