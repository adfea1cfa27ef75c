// What stands between the fixed IP header and the transport: tunnels have no use for it,
// but their senders do put it there (Linux adds RFC 2473's encapsulation limit to GRE
// over IPv6 unless told otherwise).
#pragma once

#include <cstdint>

namespace sluice::dataplane {

struct TransportBehind {
  uint8_t protocol = 0;
  uint16_t offset = 0;  // from the start of the packet; 0: nothing stands in between
};

// For a sound packet to one of our addresses: where its transport is, behind options or
// extension headers that its destination obeys or skips (RFC 8200 section 4). Not of
// fragments, multicast, or what has to be refused.
TransportBehind FindBehindIpv4Options(const uint8_t* ip);
TransportBehind FindBehindIpv6Extensions(const uint8_t* ip);

// Moves the fixed header to right before the transport and corrects it. Returns where the
// packet begins now.
uint8_t* DropIpv4Options(uint8_t* ip);
uint8_t* DropIpv6Extensions(uint8_t* ip, const TransportBehind& transport);

}  // namespace sluice::dataplane
