// A tenant's routing instance as workers see it.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/tables/ids.h"
#include "proto/net/address.h"

namespace sluice::dataplane {

// Immutable once published.
struct Vrf {
  VrfId id = 0;
  // The tenant's router address: the source of ICMP errors where the incoming
  // interface has no address of the family.
  std::optional<net::Ipv4Address> router_ipv4;
  std::optional<net::Ipv6Address> router_ipv6;
  // Control speaks BGP in this VRF: TCP port 179 at our addresses, either side's, is
  // punted, and ICMP errors, which may be about it. All other TCP is a drop.
  bool punt_bgp = false;
  // Control speaks IKE in this VRF: UDP port 500 at our addresses, and 4500 behind the non-ESP
  // marker (RFC 3948 section 2.2), are punted.
  bool punt_ike = false;
  // 0 = only the dataplane's own limits.
  uint32_t ipv4_routes_max = 0;
  uint32_t ipv6_routes_max = 0;
  uint32_t neighbors_max = 0;
};

}  // namespace sluice::dataplane
