// A fragment of an IP datagram as the reassembly table takes it, and to which
// datagram it belongs.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "dataplane/tables/ids.h"

namespace sluice::dataplane {

// What the fragments of one datagram have alike (RFC 791 section 3.2, RFC 8200
// section 4.5) within one VRF.
struct FragmentKey {
  std::array<uint8_t, 16> source{}, destination{};  // network byte order; IPv4 in the first four
  uint32_t identification = 0;
  VrfId vrf = 0;
  uint16_t generation = 0;          // of the VRF: a number used again is another tenant's
  InterfaceId link = kNoInterface;  // where a link-local address means something
  uint8_t family = 0;               // 4 or 6
  uint8_t protocol = 0;             // IPv4 only; IPv6 does not tell datagrams apart by it

  friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};
static_assert(sizeof(FragmentKey) == 44 && std::has_unique_object_representations_v<FragmentKey>);

// Borrowed bytes of a packet. `header` is all of it up to the payload: of IPv6
// with the fragment header, which lies last.
struct Fragment {
  FragmentKey key;
  const uint8_t* header = nullptr;
  const uint8_t* payload = nullptr;
  uint16_t header_bytes = 0;
  uint16_t payload_bytes = 0;  // never 0
  uint16_t offset = 0;         // of the payload in the datagram's, in bytes
  bool more = false;
  uint8_t ecn = 0;
};

// The longest header in front of a reassembled payload: 60 bytes of IPv4, or what
// IPv6 extension headers a first fragment may have before its own.
inline constexpr uint16_t kFragmentHeaderBytesMax = 128;

// Slots of the ring by which a worker hands fragments to one other, a power of two:
// few enough that all rings of a worker hold 256 at most, up to 64 workers. The packet
// pool reckons with all.
inline constexpr uint32_t FragmentRingSlots(uint32_t workers) {
  if (workers < 2) return 0;
  return std::clamp<uint32_t>(std::bit_floor(256 / (workers - 1)), 4, 128);
}

}  // namespace sluice::dataplane
