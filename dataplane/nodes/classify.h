// From frame to tenant: VLAN to subinterface and VRF, and what kind of packet
// it is. The L2 header is passed over, not removed: it stays in front.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/metadata.h"
#include "dataplane/tables/subinterface_map.h"

namespace sluice::dataplane {
namespace classify {

enum Edge : uint16_t { kIp4Forward, kIp6Forward, kPunt, kDrop, kEdgeCount };

struct Verdict {
  Edge edge;
  DropReason reason;  // with kDrop

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// To whom the frame is addressed.
enum class Station : uint8_t { kUs, kGroup, kOther };

// `group` frames carry ARP requests and IPv6 multicast; IPv4 in them is dropped
// (RFC 1812 section 5.3.4).
inline Verdict Decide(uint16_t ether_type, Station to, const Subinterface& subinterface) {
  if (ether_type == 0) return {kDrop, DropReason::kTruncated};
  if (subinterface.interface() == kNoInterface) return {kDrop, DropReason::kUnknownVlan};
  if (!subinterface.Is(kSubinterfaceUp)) return {kDrop, DropReason::kInterfaceDown};
  if (to == Station::kOther) return {kDrop, DropReason::kNotOurMac};
  switch (ether_type) {
    case kEtherTypeIpv4:
      if (to == Station::kGroup) return {kDrop, DropReason::kL2Multicast};
      return {kIp4Forward, DropReason::kNone};
    case kEtherTypeIpv6:
      return {kIp6Forward, DropReason::kNone};
    case kEtherTypeArp:
      return {kPunt, DropReason::kNone};
  }
  return {kDrop, DropReason::kUnknownEtherType};
}

// The commonest case in a few instructions: an 802.1Q frame with an IP packet,
// to the port's own address, on a subinterface that is up and has no address of
// its own. Decide() says the same of it.
struct TaggedIp {
  bool ordinary;
  uint16_t vlan;
  bool ipv6;
};
inline TaggedIp PeekTagged(const uint8_t* frame, uint32_t length, uint64_t own_mac_bits) {
  // Destination MAC, then tag and type: 18 bytes that every frame buffer holds.
  const uint32_t tag = LoadBe32(frame + 12);
  const uint16_t type = LoadBe16(frame + 16);
  const bool ours = LoadRaw<uint64_t>(frame) << 16 == own_mac_bits << 16;
  const bool ip = (type == kEtherTypeIpv4) | (type == kEtherTypeIpv6);
  const bool whole = length >= kEthernetBytes + kVlanTagBytes;
  return {((tag >> 16 == kEtherType8021q) & ip & ours & whole) != 0,
          static_cast<uint16_t>(tag & 0xfff), type == kEtherTypeIpv6};
}

}  // namespace classify

extern const NodeSpec kClassifyNode;

}  // namespace sluice::dataplane
