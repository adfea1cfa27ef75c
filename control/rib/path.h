// One way to reach a prefix, as the RIB stores it, and the rule by which the
// best ones are chosen. Pure; the whole decision ladder is here.
#pragma once

#include <cstdint>
#include <span>

#include "control/rib/route.h"

namespace sluice::rib {

// A set of paths that is stated, replaced and withdrawn as one: what a tenant's
// spec says, its separately versioned static routes, what BGP learned, and where
// the hosts of its virtual networks are.
enum class RouteSet : uint8_t { kSpec = 0, kStaticRoutes = 1, kBgp = 2, kMappings = 3 };
inline constexpr unsigned kRouteSetCount = 4;

// Number of an interned list of next hops (NextHopTable); also the number of
// the next-hop group that the dataplane holds for it. 0 = none.
using GroupId = uint32_t;
inline constexpr GroupId kNoGroup = 0;

struct Path {
  GroupId next_hops = kNoGroup;
  uint32_t metric = 0;
  uint32_t path_id = 0;
  uint8_t distance = 0;
  Source source = Source::kStatic;
  RouteSet set = RouteSet::kSpec;
  uint8_t mark = 0;  // of the last replacement of `set` that stated this path

  bool SameIdentity(const Path& other) const {
    return path_id == other.path_id && source == other.source && set == other.set;
  }
  bool SameContent(const Path& other) const {
    return next_hops == other.next_hops && metric == other.metric && distance == other.distance;
  }
};
static_assert(sizeof(Path) == 16);

// The ladder: (1) a path without a usable next hop does not take part, (2) the
// lowest administrative distance, (3) the lowest metric. Paths that tie are
// used together. Returns the distance and metric that win; `usable` says (1).
struct Cost {
  uint8_t distance = 255;
  uint32_t metric = UINT32_MAX;
  bool any = false;

  bool IsThatOf(const Path& path) const { return any && path.distance == distance && path.metric == metric; }
};

template <typename Usable>
Cost BestCost(std::span<const Path> paths, Usable usable) {
  Cost best;
  for (const Path& path : paths) {
    if (!usable(path)) continue;
    const bool wins = !best.any || path.distance < best.distance ||
                      (path.distance == best.distance && path.metric < best.metric);
    if (wins) best = {path.distance, path.metric, true};
  }
  return best;
}

}  // namespace sluice::rib
