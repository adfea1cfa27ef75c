// Fragments in, datagrams out, as walks over bytes: what ReassemblyTable is given
// of a packet, and the header of what it put together.
#pragma once

#include <cstdint>

#include "dataplane/packet/icmp.h"
#include "dataplane/tables/fragment.h"

namespace sluice::dataplane {

// The packet is lost for `reason`; the sender may be told by `error`, about the
// octet at `pointer` (RFC 8200 section 4.5). {0, 0}: there is no such error.
struct FragmentFault {
  DropReason reason = DropReason::kNone;
  IcmpKind error{0, 0};
  uint16_t pointer = 0;
};

// Of a sound packet that IsIpv4Fragment(). The key lacks VRF, generation and link.
FragmentFault ParseIpv4Fragment(const uint8_t* ip, Fragment& fragment);
// Of a sound packet with a fragment header at `fragment_at`. An atomic fragment
// (RFC 6946) comes out with offset 0 and nothing more to come.
FragmentFault ParseIpv6Fragment(const uint8_t* ip, uint16_t fragment_at, Fragment& fragment);

// The header in front of a datagram's `payload` becomes one of a whole packet:
// `header_bytes` are the first fragment's, with its fragment header. `congestion`
// was met by one of the fragments. Returns where the packet starts; it is
// Ipv4TotalLength() or Ipv6PayloadLength() long.
uint8_t* FinishIpv4Datagram(uint8_t* payload, uint16_t header_bytes, uint16_t payload_bytes, bool congestion);
uint8_t* FinishIpv6Datagram(uint8_t* payload, uint16_t header_bytes, uint16_t payload_bytes, bool congestion);

}  // namespace sluice::dataplane
