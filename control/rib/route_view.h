// What the RIB tells about its routes: outputs for programming and answers for readers.
#pragma once

#include <cstdint>
#include <vector>

#include "control/rib/path.h"
#include "control/rib/route.h"
#include "control/rib/route_table.h"
#include "proto/net/prefix.h"

namespace sluice::rib {

// What the dataplane should do with a prefix.
struct RouteUpdate {
  uint32_t vrf = 0;
  net::Prefix prefix;
  GroupId group = kNoGroup;  // none: delete the route

  friend bool operator==(const RouteUpdate&, const RouteUpdate&) = default;
};

// Why a route is not in the dataplane, coded by programming: zero is no reason.
using RefusalCode = uint8_t;

// One path with its standing.
struct PathView {
  net::Prefix prefix;
  Source source = Source::kStatic;
  RouteSet set = RouteSet::kSpec;
  uint32_t path_id = 0;
  uint8_t distance = 0;
  uint32_t metric = 0;
  NextHops next_hops;                          // with the interface that was found
  std::vector<uint16_t> unused;                // of next_hops: those that too many others keep out
  bool usable = false;                         // at least one next hop is reachable through an interface
  bool best = false;                           // chosen, alone or with others
  RouteState state = RouteState::kUnresolved;  // of the prefix
  RefusalCode refusal = 0;

  friend bool operator==(const PathView&, const PathView&) = default;
};

// The identity of a path in the list of changes.
struct PathKey {
  net::Prefix prefix;
  Source source = Source::kStatic;
  uint32_t path_id = 0;

  friend bool operator==(const PathKey&, const PathKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const PathKey& key) {
    const net::Address& address = key.prefix.address();
    hash = H::combine(std::move(hash), key.prefix.length(), key.source, key.path_id, address.is_v4());
    return address.is_v4() ? H::combine(std::move(hash), address.v4().value)
                           : H::combine(std::move(hash), address.v6().High(), address.v6().Low());
  }
};

struct SourceCount {
  uint64_t paths = 0;
  uint64_t programmed = 0;  // prefixes whose best path is of this source
};

}  // namespace sluice::rib
