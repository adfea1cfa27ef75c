// Ethernet frames that the slow path sends: header, optional 802.1Q tag, payload.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet/ethernet.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"

namespace sluice::dataplane {

inline constexpr net::MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

// VLAN 0 is untagged. Padded to the 60 bytes that Ethernet asks for (without FCS).
std::vector<uint8_t> BuildEthernetFrame(const net::MacAddress& destination, const net::MacAddress& source,
                                        uint16_t vlan, uint16_t ether_type, std::span<const uint8_t> payload);

// 33:33 and the low 32 bits of the group (RFC 2464 section 7).
net::MacAddress MulticastMac(const net::Ipv6Address& group);

// fe80::/64 with the modified EUI-64 of `mac` (RFC 4291 appendix A).
net::Ipv6Address LinkLocalAddress(const net::MacAddress& mac);

}  // namespace sluice::dataplane
