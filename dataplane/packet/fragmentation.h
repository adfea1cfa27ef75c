// Fragmentation (RFC 791 section 3.2, RFC 8200 section 4.5) as a walk over bytes.
#pragma once

#include <cstdint>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"

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

// The same for an IPv6 packet of our own without extension headers: only its source
// may cut it.
class Ipv6Fragmenter {
 public:
  Ipv6Fragmenter(const uint8_t* ip, uint16_t mtu, uint32_t identification)
      : ip_(ip),
        per_fragment_(mtu < kIpv6HeaderBytes + 16 ? uint16_t{0}
                                                  : static_cast<uint16_t>((mtu - kIpv6HeaderBytes - 8) & ~7)),
        payload_bytes_(Ipv6PayloadLength(ip)),
        identification_(identification) {}

  bool done() const { return next_ >= payload_bytes_; }
  uint32_t remaining() const {
    return per_fragment_ == 0 ? 0 : (payload_bytes_ - next_ + per_fragment_ - 1u) / per_fragment_;
  }
  uint16_t Write(uint8_t* out);

 private:
  const uint8_t* const ip_;
  const uint16_t per_fragment_;  // payload
  const uint16_t payload_bytes_;
  const uint32_t identification_;
  uint16_t next_ = 0;
};

}  // namespace sluice::dataplane
