// IPv4 fragmentation (RFC 791 section 3.2) as a walk over bytes.
#pragma once

#include <cstdint>

#include "dataplane/packet/ipv4.h"

namespace sluice::dataplane {

// Cuts one sound IPv4 packet, which may be a fragment itself, into pieces of at
// most `mtu` bytes. The packet must stay as it is meanwhile.
class Ipv4Fragmenter {
 public:
  Ipv4Fragmenter(const uint8_t* ip, uint16_t mtu);

  bool done() const { return next_ >= payload_bytes_; }
  // Fragments still to come. 0 for an MTU that holds no payload, although !done().
  uint32_t remaining() const;
  // Writes the next fragment, which is at most `mtu` bytes; returns its size.
  uint16_t Write(uint8_t* out);

 private:
  uint16_t PayloadPerFragment() const;
  uint8_t HeaderOf(uint8_t* out) const;

  const uint8_t* const ip_;
  const uint16_t mtu_;
  const uint16_t header_bytes_;
  const uint16_t payload_bytes_;
  uint16_t later_header_bytes_;  // with those options only that are copied
  uint16_t next_ = 0;            // payload written so far
};

}  // namespace sluice::dataplane
