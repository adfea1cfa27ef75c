// The Ethernet header with at most one VLAN tag, as a decision over bytes.
#pragma once

#include <cstdint>

#include "dataplane/packet/wire.h"

namespace sluice::dataplane {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherType8021q = 0x8100;   // C-tag
inline constexpr uint16_t kEtherType8021ad = 0x88a8;  // S-tag, accepted as the outer tag
inline constexpr uint8_t kEthernetBytes = 14;
inline constexpr uint8_t kVlanTagBytes = 4;
inline constexpr uint8_t kTaggedL2Bytes = kEthernetBytes + kVlanTagBytes;

struct EthernetVerdict {
  uint16_t ether_type = 0;  // of the payload; 0: the frame ends inside its header
  uint16_t vlan = 0;        // 0 = untagged or priority-tagged (IEEE 802.1Q 6.9)
  uint8_t bytes = 0;        // up to the payload
};

// Where the payload starts and to which VLAN the frame belongs. A second tag is
// payload of an unknown type: nobody's.
inline EthernetVerdict ParseEthernet(const uint8_t* frame, uint32_t length) {
  if (length < kEthernetBytes) return {};
  const uint16_t type = LoadBe16(frame + 12);
  if (type != kEtherType8021q && type != kEtherType8021ad) return {type, 0, kEthernetBytes};
  if (length < kEthernetBytes + kVlanTagBytes) return {};
  return {LoadBe16(frame + 16), static_cast<uint16_t>(LoadBe16(frame + 14) & 0xfff),
          kEthernetBytes + kVlanTagBytes};
}

// A MAC address as the low 48 bits of a number whose order does not matter.
inline uint64_t MacBits(const uint8_t* mac) {
  return LoadRaw<uint32_t>(mac) | uint64_t{LoadRaw<uint16_t>(mac + 4)} << 32;
}
inline bool IsGroupMac(const uint8_t* mac) {
  return (mac[0] & 1) != 0;
}

}  // namespace sluice::dataplane
