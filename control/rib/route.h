// What the sources of routes (configuration, connected subnets, BGP, IPsec) tell
// the RIB: one path to one prefix of one VRF, as a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::rib {

// Order is the default order of preference, best first; see DefaultDistance.
enum class Source : uint8_t {
  kConnected = 0,       // subnet of an interface address
  kVirtualNetwork = 1,  // prefix of the tenant's virtual network
  kHostRoute = 2,       // /32 or /128 to a peer of a connection
  kIpsecSelector = 3,   // traffic selector of a Child SA
  kStatic = 4,          // configured on a connection or a tenant
  kBgp = 5,
};
inline constexpr unsigned kSourceCount = 6;

// Administrative distance: among paths to the same prefix the lowest wins,
// before metric is looked at.
constexpr uint8_t DefaultDistance(Source source) {
  switch (source) {
    case Source::kConnected:
      return 0;
    case Source::kVirtualNetwork:
      return 1;
    case Source::kHostRoute:
      return 2;
    case Source::kIpsecSelector:
      return 3;
    case Source::kStatic:
      return 5;
    case Source::kBgp:
      return 20;
  }
  return 255;
}

constexpr std::string_view SourceName(Source source) {
  constexpr std::string_view kNames[kSourceCount] = {"connected",      "virtual network", "host route",
                                                     "IPsec selector", "static",          "BGP"};
  return kNames[static_cast<unsigned>(source)];
}

// Where a path sends packets. With an address only, the RIB finds the interface
// whose subnet holds it; with an interface only, the prefix is directly
// connected there (packets go to their own destination). With a MAC, `interface` is
// an overlay tunnel and `address` the provider address of a host behind it, of
// whatever family.
struct NextHop {
  std::optional<net::Address> address;
  uint32_t interface = 0;  // L3 subinterface number of the channel, 0 = to be resolved
  uint16_t weight = 1;     // 1..256, share among equal-cost next hops
  net::MacAddress mac;     // destination of the inner frame; zero: no overlay

  friend bool operator==(const NextHop&, const NextHop&) = default;
};

using NextHops = absl::InlinedVector<NextHop, 1>;

// The identity of a path within its prefix is (source, path_id): stating it
// again replaces the path. Paths of equal distance and metric are used together
// (ECMP). No next hop at all means: discard (a blackhole route).
struct RouteInput {
  uint32_t vrf = 0;
  net::Prefix prefix;
  Source source = Source::kStatic;
  uint8_t distance = DefaultDistance(Source::kStatic);
  uint32_t path_id = 0;  // e.g. the number of the connection that carries it
  uint32_t metric = 0;   // lower is better
  NextHops next_hops;

  friend bool operator==(const RouteInput&, const RouteInput&) = default;
};

}  // namespace sluice::rib
