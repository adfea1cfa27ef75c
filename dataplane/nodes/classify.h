// From frame to tenant: VLAN to subinterface and VRF, and what kind of packet
// it is. Ordinary IP packets are also routed here, without a detour through
// ip4_forward and ip6_forward, which take what is odd.
#pragma once

#include "dataplane/graph/node_spec.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/metadata.h"
#include "dataplane/tables/subinterface_map.h"

namespace sluice::dataplane {
namespace classify {

// The first edges are those of the forward nodes, because ordinary packets are
// routed here and now (see classify.cc).
enum Edge : uint16_t {
  kPortTx = forward::kPortTx,
  kPunt = forward::kPunt,
  kDrop = forward::kDrop,
  kIp4Forward = forward::kIp4Forward,
  kIp6Forward = forward::kIp6Forward,
  kTunnelDecap,
  kEspDecrypt,
  kEdgeCount
};

struct Verdict {
  Edge edge;
  DropReason reason;  // with kDrop

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// To whom the frame is addressed.
enum class Station : uint8_t { kUs, kGroup, kOther };

// Frames to a group carry ARP requests and IPv6 multicast. A unicast packet in one
// is dropped, and so no ICMP error is sent about it: all other routers of the link
// got it too (RFC 1812 section 5.3.4, RFC 4443 section 2.4 (e.4)). IPv4 has no use
// for such frames here at all. `ipv6_multicast` says whether an IPv6 packet's own
// destination is a group.
inline Verdict Decide(uint16_t ether_type, Station to, const Subinterface& subinterface,
                      bool ipv6_multicast) {
  if (ether_type == 0) return {kDrop, DropReason::kTruncated};
  if (subinterface.interface() == kNoInterface) return {kDrop, DropReason::kUnknownVlan};
  if (!subinterface.Is(kSubinterfaceUp)) return {kDrop, DropReason::kInterfaceDown};
  if (to == Station::kOther) return {kDrop, DropReason::kNotOurMac};
  switch (ether_type) {
    case kEtherTypeIpv4:
      if (to == Station::kGroup) return {kDrop, DropReason::kL2Multicast};
      return {kIp4Forward, DropReason::kNone};
    case kEtherTypeIpv6:
      if (to == Station::kGroup && !ipv6_multicast) return {kDrop, DropReason::kL2Multicast};
      return {kIp6Forward, DropReason::kNone};
    case kEtherTypeArp:
      return {kPunt, DropReason::kNone};
  }
  return {kDrop, DropReason::kUnknownEtherType};
}

// Zero for the commonest frame: 802.1Q tag, to the port's own address, on a
// subinterface that is up and wants nothing special. Decide() says the same of
// it if it carries IP. `mac_bits` and the tag as PeekTag() gives them.
struct Tag {
  uint16_t vlan;
  uint16_t ether_type;  // of the payload
  uint64_t oddities;
};
inline Tag PeekTag(const uint8_t* frame, uint64_t own_mac_bits) {
  // 18 bytes, which every frame buffer holds.
  const uint32_t tag = LoadBe32(frame + 12);
  const uint64_t mac = (LoadRaw<uint64_t>(frame) ^ own_mac_bits) << 16;
  return {static_cast<uint16_t>(tag & 0xfff), LoadBe16(frame + 16), mac | (tag >> 16 ^ kEtherType8021q)};
}
inline uint64_t Oddities(const Subinterface& subinterface) {
  return (subinterface.Word() ^ uint64_t{kSubinterfaceUp} << 32) & uint64_t{0xffff} << 32;
}

}  // namespace classify

extern const NodeSpec kClassifyNode;

}  // namespace sluice::dataplane
