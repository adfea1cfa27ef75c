// An L3 interface as workers see it: a subinterface, (port, VLAN) -> VRF, or the
// part of a tunnel that is like one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/tables/ids.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::dataplane {

// Immutable once published.
struct Interface {
  InterfaceId id = kNoInterface;
  VrfId vrf = 0;
  uint32_t connection = 0;
  PortId port = 0;      // kNoPort: a tunnel (tables/tunnel.h)
  uint16_t vlan = 0;    // 0 = untagged
  uint16_t mtu = 1500;  // largest IP packet in bytes
  bool up = true;
  bool strict_urpf = false;  // RFC 3704 section 2.2
  bool clamp_mss = false;    // subinterfaces; a tunnel has a flag of its own
  PolicerId policer_in = kNoPolicer;
  PolicerId policer_out = kNoPolicer;
  net::MacAddress mac;
  // Of both families, with the link-local one.
  std::vector<net::InterfaceAddress> addresses;

  bool is_tunnel() const { return port == kNoPort; }

  // The address to answer `peer` from: the one whose subnet holds it, else the
  // first of the family, a global one before a link-local one.
  std::optional<net::Address> SourceToward(const net::Address& peer) const;
};

}  // namespace sluice::dataplane
