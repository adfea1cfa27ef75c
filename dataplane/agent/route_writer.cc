// Groups and routes with their owners and the isolation of tenants.
#include "dataplane/agent/route_writer.h"

namespace sluice::dataplane {

using channel::RefusalReason;
using channel::RouteRecord;
using channel::ScopeKind;

RouteWriter::RouteWriter(Tables& tables, ScopeTable& scopes, AdjacencyResolver& resolver)
    : tables_(tables), scopes_(scopes), resolver_(resolver), isolation_(tables.groups.size()) {}

MaybeRefusal RouteWriter::PutGroup(GroupId group, std::span<const GroupMember> members) {
  constexpr size_t kField = offsetof(channel::NextHopGroupRecord, group);
  constexpr size_t kMembers = offsetof(channel::NextHopGroupRecord, members);
  if (group > tables_.limits.next_hop_groups)
    return Refuse(WriteResult::AtLimit(channel::Limit::kNextHopGroups, tables_.limits.next_hop_groups),
                  kField);
  uint32_t leads_into = kNoVrf;
  for (size_t i = 0; i < members.size(); ++i) {
    const AdjacencyId id = members[i].adjacency;
    const Adjacency* adjacency =
        tables_.adjacencies.IsControls(id) ? tables_.adjacencies.Describe(id) : nullptr;
    const size_t field = kMembers + i * sizeof(channel::GroupMember);
    if (adjacency == nullptr) return Refuse(RefusalReason::kNotFound, field, id);
    if (adjacency->interface == kNoInterface) continue;
    const VrfId vrf = resolver_.LivenessOf(id).vrf;
    if (leads_into != kNoVrf && leads_into != vrf) return Refuse(RefusalReason::kConflict, field, id);
    leads_into = vrf;
  }
  const bool exists = tables_.groups.Exists(group);
  const uint32_t used_by = exists ? isolation_[group].used_by : kNoVrf;
  if (leads_into != kNoVrf && used_by != kNoVrf && used_by != leads_into)
    return Refuse(RefusalReason::kConflict, kMembers, used_by);
  if (const WriteResult put = tables_.groups.Put(group, members); !put.ok()) return Refuse(put, kField);
  isolation_[group] = {leads_into, used_by};
  if (exists && (used_by == 0 || used_by == kSeveral)) resolver_.OnUnderlay();
  return std::nullopt;
}

MaybeRefusal RouteWriter::RemoveGroup(GroupId group) {
  if (group > tables_.limits.next_hop_groups)
    return Refuse(RefusalReason::kNotFound, offsetof(channel::IdRecord, id), group);
  return Refuse(tables_.groups.Remove(group), offsetof(channel::IdRecord, id));
}

ScopeIndex RouteWriter::ScopeOf(uint8_t tag, VrfId vrf, net::Family family) const {
  switch (static_cast<ScopeKind>(RouteTag::Kind(tag))) {
    case ScopeKind::kConfiguration:
      return scopes_.Find({.kind = 1, .family = 0, .reserved = 0, .id = 0});
    case ScopeKind::kBgp:
      return scopes_.Find({.kind = 2, .family = static_cast<uint8_t>(family), .reserved = 0, .id = vrf});
    case ScopeKind::kIke:
      return scopes_.Find({.kind = 3, .family = 0, .reserved = 0, .id = vrf});
    case ScopeKind::kDataplane:
      break;
  }
  return kNoScope;
}

MaybeRefusal RouteWriter::Put(const RouteRecord& record, ScopeIndex scope) {
  const auto vrf = static_cast<VrfId>(record.vrf);
  ScopeTable::State& state = scopes_.At(scope);
  const bool foreign =
      (state.scope.kind != static_cast<uint8_t>(ScopeKind::kConfiguration) && state.scope.id != vrf) ||
      (state.scope.family != 0 && state.scope.family != record.family);
  if (foreign) return Refuse(RefusalReason::kScope, offsetof(RouteRecord, vrf), record.vrf);
  if (record.group == kNoGroup || record.group > tables_.limits.next_hop_groups ||
      !tables_.groups.Exists(record.group))
    return Refuse(RefusalReason::kNotFound, offsetof(RouteRecord, group), record.group);
  Isolation& isolation = isolation_[record.group];
  if (isolation.leads_into != kNoVrf && isolation.leads_into != vrf)
    return Refuse(RefusalReason::kConflict, offsetof(RouteRecord, group), isolation.leads_into);

  const net::Prefix prefix(AddressOf(record.family, record.prefix), record.prefix_length);
  const uint8_t tag = RouteTag::Of(state.scope, state.generation);
  RouteValue before;
  if (const WriteResult added = tables_.AddRoute(vrf, prefix, record.group, tag, &before); !added.ok())
    return Refuse(added, added.reason() == RefusalReason::kNotFound ? offsetof(RouteRecord, vrf)
                                                                    : offsetof(RouteRecord, prefix));
  if (vrf == 0 && before.group != record.group) resolver_.OnUnderlay();
  if (isolation.used_by != vrf) isolation.used_by = isolation.used_by == kNoVrf ? vrf : kSeveral;
  if (before.group != kNoGroup && RouteTag::Kind(before.tag) == state.scope.kind) return std::nullopt;
  ++state.objects;
  const ScopeIndex former = before.group == kNoGroup ? kNoScope : ScopeOf(before.tag, vrf, prefix.family());
  if (former != kNoScope) --scopes_.At(former).objects;
  return std::nullopt;
}

MaybeRefusal RouteWriter::Remove(const RouteRecord& record, ScopeIndex scope) {
  const auto vrf = static_cast<VrfId>(record.vrf);
  const net::Prefix prefix(AddressOf(record.family, record.prefix), record.prefix_length);
  const RouteValue known = tables_.FindRouteValue(vrf, prefix);
  if (known.group == kNoGroup) return Refuse(RefusalReason::kNotFound, offsetof(RouteRecord, prefix));
  if (ScopeOf(known.tag, vrf, prefix.family()) != scope)
    return Refuse(RefusalReason::kScope, offsetof(RouteRecord, prefix));
  return Refuse(Erase(vrf, prefix), offsetof(RouteRecord, prefix));
}

WriteResult RouteWriter::Erase(VrfId vrf, const net::Prefix& prefix) {
  const ScopeIndex scope = ScopeOf(tables_.FindRouteValue(vrf, prefix).tag, vrf, prefix.family());
  if (const WriteResult removed = tables_.RemoveRoute(vrf, prefix); !removed.ok()) return removed;
  if (scope != kNoScope) --scopes_.At(scope).objects;
  if (vrf == 0) resolver_.OnUnderlay();
  return WriteResult::Accepted();
}

void RouteWriter::OnDisplaced(const DisplacedRoute& displaced) {
  const ScopeIndex scope = ScopeOf(displaced.route.tag, displaced.vrf, displaced.prefix.family());
  if (scope != kNoScope) --scopes_.At(scope).objects;
  if (displaced.vrf == 0) resolver_.OnUnderlay();
}

RouteWriter::Census RouteWriter::CountRoutes(VrfId vrf) const {
  Census census;
  const auto count = [&](net::Family family) {
    return [&census, this, vrf, family](const auto& route) {
      const ScopeIndex scope = ScopeOf(route.tag, vrf, family);
      if (scope != kNoScope) ++census[scope];
      return true;
    };
  };
  const auto count4 = count(net::Family::kIpv4);
  const auto count6 = count(net::Family::kIpv6);
  if (const Fib4* routes = tables_.Ipv4Routes(vrf)) routes->Visit(count4);
  if (const Fib6* routes = tables_.Ipv6Routes(vrf)) routes->Visit(count6);
  return census;
}

}  // namespace sluice::dataplane
