// The static set of a tenant: up to a million routes with few different next
// hops, kept small by storing each combination of next hops once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "control/tenant/model.h"
#include "proto/net/prefix.h"

namespace sluice::tenant {

class StaticRouteSet {
 public:
  // `hops` is an index for HopsAt, valid as long as some route has it.
  struct Value {
    uint32_t metric = 1;
    uint32_t hops = 0;
  };
  using Map = absl::btree_map<net::Prefix, Value>;

  // True when the prefix was not there before.
  bool Put(const StaticRoute& route);
  // True when it was there.
  bool Remove(const net::Prefix& prefix);

  const Map& routes() const { return routes_; }
  size_t size() const { return routes_.size(); }
  const NextHops& HopsAt(uint32_t index) const { return hops_[index].hops; }
  // Indexes below this may be in use.
  size_t hops_end() const { return hops_.size(); }
  bool InUse(uint32_t index) const { return hops_[index].routes != 0; }
  // How many routes have this combination.
  uint64_t RoutesOf(uint32_t index) const { return hops_[index].routes; }
  StaticRoute RouteAt(Map::const_iterator at) const {
    return {at->first, at->second.metric, HopsAt(at->second.hops)};
  }

 private:
  struct SharedHops {
    NextHops hops;
    std::string key;
    uint64_t routes = 0;
  };

  uint32_t Acquire(const NextHops& hops);
  void Release(uint32_t index);

  Map routes_;
  std::vector<SharedHops> hops_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<std::string, uint32_t> by_key_;
};

struct StaticRouteCounts {
  uint64_t added = 0;
  uint64_t changed = 0;
  uint64_t removed = 0;
};

// Tells what leads from one set to another, in order of prefix and in portions:
// routes that are new or changed, and prefixes that are gone. Both sets must
// outlive it unchanged.
class StaticRouteDifference {
 public:
  StaticRouteDifference(const StaticRouteSet& before, const StaticRouteSet& after)
      : before_(before), after_(after), old_at_(before.routes().begin()), new_at_(after.routes().begin()) {}

  // Looks at up to `prefixes` more. False when all were looked at.
  bool Advance(size_t prefixes, absl::FunctionRef<void(const StaticRoute&)> put,
               absl::FunctionRef<void(const net::Prefix&)> remove);
  // Of what was told so far.
  const StaticRouteCounts& counts() const { return counts_; }

 private:
  const StaticRouteSet& before_;
  const StaticRouteSet& after_;
  StaticRouteSet::Map::const_iterator old_at_;
  StaticRouteSet::Map::const_iterator new_at_;
  StaticRouteCounts counts_;
};

// All at once.
StaticRouteCounts ForEachDifference(const StaticRouteSet& before, const StaticRouteSet& after,
                                    absl::FunctionRef<void(const StaticRoute&)> put,
                                    absl::FunctionRef<void(const net::Prefix&)> remove);

}  // namespace sluice::tenant
