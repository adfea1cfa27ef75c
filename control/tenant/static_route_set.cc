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
    if (!hop.address) {
      key.push_back('-');
    } else if (hop.address->is_v4()) {
      const uint32_t value = hop.address->v4().value;
      key.push_back('4');
      key.append(reinterpret_cast<const char*>(&value), sizeof(value));
    } else {
      key.push_back('6');
      const auto& bytes = hop.address->v6().bytes;
      key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
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

bool StaticRouteDifference::Advance(size_t prefixes, absl::FunctionRef<void(const StaticRoute&)> put,
                                    absl::FunctionRef<void(const net::Prefix&)> remove) {
  const auto old_end = before_.routes().end();
  const auto new_end = after_.routes().end();
  for (; prefixes > 0 && (old_at_ != old_end || new_at_ != new_end); --prefixes) {
    if (new_at_ == new_end || (old_at_ != old_end && old_at_->first < new_at_->first)) {
      remove(old_at_->first);
      ++counts_.removed;
      ++old_at_;
    } else if (old_at_ == old_end || new_at_->first < old_at_->first) {
      put(after_.RouteAt(new_at_));
      ++counts_.added;
      ++new_at_;
    } else {
      if (old_at_->second.metric != new_at_->second.metric ||
          !(before_.HopsAt(old_at_->second.hops) == after_.HopsAt(new_at_->second.hops))) {
        put(after_.RouteAt(new_at_));
        ++counts_.changed;
      }
      ++old_at_;
      ++new_at_;
    }
  }
  return old_at_ != old_end || new_at_ != new_end;
}

StaticRouteCounts ForEachDifference(const StaticRouteSet& before, const StaticRouteSet& after,
                                    absl::FunctionRef<void(const StaticRoute&)> put,
                                    absl::FunctionRef<void(const net::Prefix&)> remove) {
  StaticRouteDifference difference(before, after);
  difference.Advance(before.size() + after.size(), put, remove);
  return difference.counts();
}

}  // namespace sluice::tenant
