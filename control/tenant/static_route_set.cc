// Sharing of next-hop combinations by count, and the merge that finds a
// difference in one pass.
#include "control/tenant/static_route_set.h"

#include <algorithm>

#include "proto/net/check.h"

namespace sluice::tenant {
namespace {

// Equal for equal next hops only; made for hashing, not for reading.
std::string KeyOf(const NextHops& hops) {
  std::string key;
  for (const NextHop& hop : hops) {
    if (hop.address.is_v4()) {
      const uint32_t value = hop.address.v4().value;
      key.push_back('4');
      key.append(reinterpret_cast<const char*>(&value), sizeof(value));
    } else {
      key.push_back('6');
      key.append(reinterpret_cast<const char*>(hop.address.v6().bytes.data()), hop.address.v6().bytes.size());
    }
    key.append(reinterpret_cast<const char*>(&hop.weight), sizeof(hop.weight));
    key.append(hop.connection);
    key.push_back('\0');
  }
  return key;
}

}  // namespace

uint32_t StaticRouteSet::Acquire(const NextHops& hops) {
  std::string key = KeyOf(hops);
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    ++hops_[known->second].routes;
    return known->second;
  }
  uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<uint32_t>(hops_.size());
    hops_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  hops_[index] = {hops, key, 1};
  by_key_.emplace(std::move(key), index);
  return index;
}

void StaticRouteSet::Release(uint32_t index) {
  SharedHops& shared = hops_[index];
  SLUICE_CHECK(shared.routes > 0);
  if (--shared.routes > 0) return;
  by_key_.erase(shared.key);
  shared = {};
  free_.push_back(index);
}

bool StaticRouteSet::Put(const StaticRoute& route) {
  const Value value{route.metric, Acquire(route.next_hops)};
  const auto [at, fresh] = routes_.try_emplace(route.prefix, value);
  if (fresh) return true;
  Release(at->second.hops);
  at->second = value;
  return false;
}

bool StaticRouteSet::Remove(const net::Prefix& prefix) {
  const auto at = routes_.find(prefix);
  if (at == routes_.end()) return false;
  Release(at->second.hops);
  routes_.erase(at);
  return true;
}

StaticRouteCounts ForEachDifference(const StaticRouteSet& before, const StaticRouteSet& after,
                                    absl::FunctionRef<void(const StaticRoute&)> put,
                                    absl::FunctionRef<void(const net::Prefix&)> remove) {
  StaticRouteCounts counts;
  auto old_at = before.routes().begin();
  auto new_at = after.routes().begin();
  const auto old_end = before.routes().end();
  const auto new_end = after.routes().end();
  while (old_at != old_end || new_at != new_end) {
    if (new_at == new_end || (old_at != old_end && old_at->first < new_at->first)) {
      remove(old_at->first);
      ++counts.removed;
      ++old_at;
    } else if (old_at == old_end || new_at->first < old_at->first) {
      put(after.RouteAt(new_at));
      ++counts.added;
      ++new_at;
    } else {
      const bool equal = old_at->second.metric == new_at->second.metric &&
                         before.HopsAt(old_at->second.hops) == after.HopsAt(new_at->second.hops);
      if (!equal) {
        put(after.RouteAt(new_at));
        ++counts.changed;
      }
      ++old_at;
      ++new_at;
    }
  }
  return counts;
}

}  // namespace sluice::tenant
