// Which packets an SA may carry (RFC 4301 sections 4.4.1 and 5): ranges of addresses,
// a protocol, ranges of ports. Values; who reads a packet's bytes is packet/selector_fields.
#pragma once

#include <compare>
#include <cstdint>
#include <span>

#include "proto/net/address.h"

namespace sluice::dataplane {

// Host byte order; IPv4 in `low`.
struct SelectorAddress {
  uint64_t high = 0, low = 0;

  static SelectorAddress Of(const net::Address& address) {
    return address.is_v4() ? SelectorAddress{0, address.v4().value}
                           : SelectorAddress{address.v6().High(), address.v6().Low()};
  }
  friend auto operator<=>(const SelectorAddress&, const SelectorAddress&) = default;
};

// Both ends belong to it.
struct AddressRange {
  SelectorAddress first, last;

  bool Contains(const SelectorAddress& address) const { return first <= address && address <= last; }
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// Both ends belong to it. For ICMP a port is type << 8 | code (RFC 7296 section 3.13.1).
struct PortRange {
  uint16_t first = 0, last = 0xffff;

  bool any() const { return first == 0 && last == 0xffff; }
  // Packets whose ports cannot be seen, and only those (RFC 7296 section 3.13.1).
  bool opaque() const { return first == 0xffff && last == 0; }
  bool Contains(uint16_t port) const { return first <= port && port <= last; }
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// Local is the side of the tunnel that we are on.
struct TrafficSelector {
  uint8_t family = 4;    // 4 or 6
  uint8_t protocol = 0;  // 0 = any
  PortRange local_ports, remote_ports;
  AddressRange local, remote;

  friend bool operator==(const TrafficSelector&, const TrafficSelector&) = default;
};

// What a selector asks of a packet, as seen from our side of the tunnel.
struct SelectorFields {
  uint8_t family = 4;
  uint8_t protocol = 0;  // behind IPv6's extension headers
  // Not of a fragment but the first, a protocol without ports, or a packet that ends before them.
  bool has_ports = false;
  uint16_t local_port = 0, remote_port = 0;  // host byte order
  SelectorAddress local, remote;
};

inline constexpr unsigned kSelectorsMax = 8;  // of an SA or a policy

// A non-initial fragment matches only selectors that do not ask for ports (RFC 4301
// section 7).
inline bool Matches(const TrafficSelector& selector, const SelectorFields& packet) {
  if (selector.family != packet.family) return false;
  if (selector.protocol != 0 && selector.protocol != packet.protocol) return false;
  if (!selector.local.Contains(packet.local) || !selector.remote.Contains(packet.remote)) return false;
  const PortRange &local = selector.local_ports, &remote = selector.remote_ports;
  if (!packet.has_ports) return (local.any() || local.opaque()) && (remote.any() || remote.opaque());
  return local.Contains(packet.local_port) && remote.Contains(packet.remote_port);
}

// No selectors: any packet.
inline bool Matches(std::span<const TrafficSelector> selectors, const SelectorFields& packet) {
  for (const TrafficSelector& selector : selectors)
    if (Matches(selector, packet)) return true;
  return selectors.empty();
}

// Whether it could match anything, and ports are asked for only where a protocol has some.
bool IsSound(const TrafficSelector& selector);

}  // namespace sluice::dataplane
