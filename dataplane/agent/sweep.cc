// TableWriter's sweeps: what a scope did not state again is removed in the order
// of dependence, a little at a time, so that urgent records are never behind it.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "dataplane/agent/table_writer.h"
#include "proto/net/check.h"

namespace sluice::dataplane {
namespace {

net::Prefix PrefixOf(const Route4& route) {
  return net::Prefix(net::Ipv4Address{route.address}, route.length);
}
net::Prefix PrefixOf(const Route6& route) {
  return net::Prefix(net::Ipv6Address::FromHalves(route.address.high, route.address.low), route.length);
}

void VisitFrom(const Fib4& routes, const std::optional<net::Prefix>& first, Fib4::Visitor visitor) {
  if (first) return routes.VisitFrom(first->address().v4().value, first->length(), visitor);
  routes.Visit(visitor);
}
void VisitFrom(const Fib6& routes, const std::optional<net::Prefix>& first, Fib6::Visitor visitor) {
  if (first)
    return routes.VisitFrom({first->address().v6().High(), first->address().v6().Low()}, first->length(),
                            visitor);
  routes.Visit(visitor);
}

}  // namespace

void TableWriter::StartSweep(ScopeIndex scope, bool forget) {
  const auto of_scope = [scope](const Job& job) { return job.scope == scope; };
  std::erase_if(left_over_, of_scope);
  std::erase_if(sweeps_, of_scope);
  Job job{.scope = scope, .forget = forget};
  // A scope of one VRF has routes there only.
  const channel::Scope& of = scopes_.At(scope).scope;
  if (of.kind != static_cast<uint8_t>(channel::ScopeKind::kConfiguration)) job.cursor = of.id * 2;
  sweeps_.push_back(job);
}

// The VRF's own scopes go with it: all that they own is stale now.
void TableWriter::ForgetScopesOf(VrfId vrf) {
  for (const channel::Scope& scope : {channel::Scope{.kind = 2, .family = 4, .reserved = 0, .id = vrf},
                                      channel::Scope{.kind = 2, .family = 6, .reserved = 0, .id = vrf},
                                      channel::Scope{.kind = 3, .family = 0, .reserved = 0, .id = vrf}}) {
    const ScopeIndex index = scopes_.Find(scope);
    if (index == kNoScope) continue;
    if (scopes_.Expire(index)) Retag(index);
    StartSweep(index, true);
  }
}

bool TableWriter::Sweep() {
  const bool more = SweepStale();
  // Last: what was swept may have been the underlay's.
  return resolver_.FollowUnderlay(now_) || more;
}

bool TableWriter::SweepStale() {
  if (sweeps_.empty()) return false;
  Job& job = sweeps_.front();
  if (!SweepPhase(job)) return true;
  job.cursor = 0;
  job.route.reset();
  if (job.phase != Phase::kVrfs) {
    job.phase = static_cast<Phase>(static_cast<uint8_t>(job.phase) + 1);
    return true;
  }
  FinishSweep();
  return !sweeps_.empty();
}

void TableWriter::FinishSweep() {
  Job job = sweeps_.front();
  sweeps_.pop_front();
  if (!job.left_over) {
    scopes_.Swept(job.scope);
    if (job.forget && scopes_.At(job.scope).objects == 0) scopes_.Forget(job.scope);
    return;
  }
  left_over_.push_back(job);
  if (!retry_at_) retry_at_ = now_ + kRetry;
}

Instant TableWriter::OnTime(Instant now) {
  now_ = now;
  while (const auto expired = scopes_.TakeExpired(now)) {
    if (expired->retag) Retag(expired->scope);
    StartSweep(expired->scope);
  }
  if (retry_at_ && *retry_at_ <= now) {
    retry_at_.reset();
    for (const Job& job : std::exchange(left_over_, {})) StartSweep(job.scope, job.forget);
  }
  tables_.Reclaim();
  resolver_.RetryRemovals();
  path_mtus_.Forget(now);
  Instant next = std::min(now + kRetry, path_mtus_.NextDeadline());
  if (const auto deadline = scopes_.NextDeadline()) next = std::min(next, *deadline);
  if (retry_at_) next = std::min(next, *retry_at_);
  return next;
}

bool TableWriter::SweepPhase(Job& job) {
  const auto ok = [](const WriteResult& result) { return result.ok(); };
  switch (job.phase) {
    case Phase::kRoutes:
      return SweepRoutes(job);
    case Phase::kGroups:
      return SweepIds(job, group_owners_, [&](uint32_t id) {
        if (routes_.RemoveGroup(id)) return false;
        Disown(group_owners_[id]);
        return true;
      });
    case Phase::kAdjacencies:
      return SweepIds(job, adjacency_owners_, [&](uint32_t id) {
        if (!ok(resolver_.Remove(id))) return false;
        Disown(adjacency_owners_[id]);
        return true;
      });
    case Phase::kNeighbors:
      return SweepNeighbors(job);
    case Phase::kAddresses:
      return SweepAddresses(job);
    case Phase::kInterfaces:
      return SweepIds(job, interface_owners_, [&](uint32_t id) {
        return !RemoveInterface(static_cast<InterfaceId>(id), now_, false).has_value();
      });
    case Phase::kPolicers:
      return SweepIds(job, policer_owners_, [&](uint32_t id) {
        return interfaces_.PolicerUsers(id) == 0 && ok(RemovePolicer(id));
      });
    case Phase::kVrfs:
      return SweepIds(job, vrf_owners_, [&](uint32_t id) { return SweepVrf(static_cast<VrfId>(id)); });
  }
  return true;
}

// The underlay's VRF is never removed; without an owner it is as at the start.
bool TableWriter::SweepVrf(VrfId vrf) {
  if (vrf != 0) return !RemoveVrf(vrf).has_value();
  if (interfaces_.PutVrf(channel::VrfRecord{})) return false;
  Disown(vrf_owners_[0]);
  return true;
}

template <class Remove>
bool TableWriter::SweepIds(Job& job, const std::vector<Owner>& owners, Remove remove) {
  const auto end = std::min<uint64_t>(owners.size(), uint64_t{job.cursor} + kScanStep);
  unsigned removed = 0;
  for (; job.cursor < end && removed < kSweepStep; ++job.cursor) {
    const Owner& owner = owners[job.cursor];
    if (owner.scope != job.scope || !scopes_.IsStale(owner)) continue;
    ++removed;
    if (!remove(job.cursor)) job.left_over = true;
  }
  return job.cursor == owners.size();
}

bool TableWriter::SweepRoutes(Job& job) {
  const channel::Scope& scope = scopes_.At(job.scope).scope;
  const bool everywhere = scope.kind == static_cast<uint8_t>(channel::ScopeKind::kConfiguration);
  const uint32_t end = everywhere ? tables_.vrfs.size() * 2 : scope.id * 2 + 2;
  // Empty VRFs cost next to nothing, yet there are many.
  for (unsigned tables = 0; job.cursor < end && tables < kScanStep; ++tables) {
    const auto vrf = static_cast<VrfId>(job.cursor / 2);
    const Fib4* ipv4 = tables_.Ipv4Routes(vrf);
    const Fib6* ipv6 = tables_.Ipv6Routes(vrf);
    if (ipv4 != nullptr) {
      const bool is_empty = job.cursor % 2 == 0 ? ipv4->route_count() == 0 : ipv6->route_count() == 0;
      if (!is_empty) {
        const bool done = job.cursor % 2 == 0 ? SweepTable(job, *ipv4, vrf) : SweepTable(job, *ipv6, vrf);
        if (done) {
          ++job.cursor;
          job.route.reset();
        }
        return job.cursor == end;
      }
    }
    ++job.cursor;
    job.route.reset();
  }
  return job.cursor == end;
}

// Stale routes are gathered first: a table must not change under its dump.
template <class Routes>
bool TableWriter::SweepTable(Job& job, const Routes& routes, VrfId vrf) {
  const ScopeTable::State& state = scopes_.At(job.scope);
  std::vector<net::Prefix> stale;
  std::optional<net::Prefix> next;
  unsigned scanned = 0;
  const uint8_t family = std::is_same_v<Routes, Fib4> ? 4 : 6;
  const auto visit = [&](const auto& route) {
    if (++scanned > kScanStep || stale.size() == kSweepStep) {
      next = PrefixOf(route);
      return false;
    }
    const bool of_scope = RouteTag::Kind(route.tag) == state.scope.kind &&
                          (state.scope.family == 0 || state.scope.family == family);
    if (of_scope && routes_.IsStale(route.tag, job.scope)) stale.push_back(PrefixOf(route));
    return true;
  };
  VisitFrom(routes, job.route, visit);
  for (const net::Prefix& prefix : stale)
    if (!routes_.Erase(vrf, prefix).ok()) job.left_over = true;
  job.route = next;
  return !next.has_value();
}

bool TableWriter::SweepNeighbors(Job& job) {
  std::vector<NeighborKey> stale;
  for (const auto& [key, neighbor] : resolver_.neighbors())
    if (neighbor.fixed && neighbor.fixed_owner.scope == job.scope && scopes_.IsStale(neighbor.fixed_owner))
      stale.push_back(key);
  for (const NeighborKey& key : stale) {
    Owner owner = resolver_.Find(key)->fixed_owner;
    if (resolver_.RemoveFixed(key.interface, AddressOf(key), now_).ok()) Disown(owner);
  }
  return true;
}

bool TableWriter::SweepAddresses(Job& job) {
  std::vector<InterfaceWriter::AddressKey> stale;
  for (const auto& [key, owner] : interfaces_.addresses())
    if (owner.scope == job.scope && scopes_.IsStale(owner)) stale.push_back(key);
  for (const InterfaceWriter::AddressKey& key : stale) {
    Owner owner = interfaces_.addresses().at(key);
    if (interfaces_.RemoveAddress(key)) {
      job.left_over = true;
    } else {
      Disown(owner);
    }
  }
  return true;
}

// Generations came full circle without a sweep: what is not of the present one
// must not look as if it were of the next.
void TableWriter::Retag(ScopeIndex scope) {
  const ScopeTable::State& state = scopes_.At(scope);
  const auto retag = [&](Owner& owner) {
    if (owner.scope == scope && owner.generation != state.generation) owner.generation = 0;
  };
  for (auto* owners :
       {&vrf_owners_, &interface_owners_, &adjacency_owners_, &group_owners_, &policer_owners_})
    std::for_each(owners->begin(), owners->end(), retag);
  for (auto& [key, owner] : interfaces_.addresses()) retag(owner);
  resolver_.VisitFixedOwners(retag);
  const uint8_t stale_tag = RouteTag::Of(state.scope, 0);
  for (uint32_t vrf = 0; vrf < tables_.vrfs.size(); ++vrf) {
    const auto id = static_cast<VrfId>(vrf);
    std::vector<std::pair<net::Prefix, GroupId>> stale;
    const auto visit = [&](const auto& route) {
      const net::Prefix prefix = PrefixOf(route);
      if (routes_.ScopeOf(route.tag, id, prefix.family()) == scope && routes_.IsStale(route.tag, scope))
        stale.emplace_back(prefix, route.group);
      return true;
    };
    if (const Fib4* routes = tables_.Ipv4Routes(id)) routes->Visit(visit);
    if (const Fib6* routes = tables_.Ipv6Routes(id)) routes->Visit(visit);
    // The same group by another tag: that takes no memory and meets no limit.
    for (const auto& [prefix, group] : stale)
      SLUICE_CHECK(tables_.AddRoute(id, prefix, group, stale_tag).ok());
  }
}

}  // namespace sluice::dataplane
