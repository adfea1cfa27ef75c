// Dispatch of records, scopes and owners. What each record does is in the
// writers of its objects and in object_writer.cc; sweeping is in sweep.cc.
#include "dataplane/agent/table_writer.h"

#include <cstring>
#include <utility>

#include "proto/net/check.h"

namespace sluice::dataplane {

using channel::IdRecord;
using channel::RecordHeader;
using channel::RecordType;
using channel::RefusalReason;

namespace {

template <class T>
T CopyOf(std::span<const std::byte> record) {
  T copy;
  std::memcpy(&copy, record.data(), sizeof copy);
  return copy;
}

}  // namespace

TableWriter::TableWriter(Tables& tables, std::vector<PortState> ports, NeighborRequests& requests,
                         const channel::CounterOrigin& counters)
    : tables_(tables),
      counters_(counters),
      scopes_(tables.vrfs.size()),
      resolver_(tables, std::move(ports), requests, counters_),
      path_mtus_(tables, resolver_),
      interfaces_(tables, resolver_, requests, counters_, *this),
      routes_(tables, scopes_, resolver_),
      vrf_owners_(tables.vrfs.size()),
      interface_owners_(tables.interfaces.size()),
      adjacency_owners_(tables.limits.adjacencies + 1),
      group_owners_(tables.limits.next_hop_groups + 1),
      policer_owners_(tables.policers.size()),
      policers_(tables.policers.size()) {
  SLUICE_CHECK(resolver_.ports().size() <= tables.subinterfaces.ports());
}

void TableWriter::OnAttach(uint32_t epoch, Instant now) {
  epoch_ = epoch;
  scopes_.OnAttach(now);
}

MaybeRefusal TableWriter::Apply(std::span<const std::byte> record, Instant now) {
  if (auto refusal = CheckFields(record)) return refusal;
  const auto header = CopyOf<RecordHeader>(record);
  constexpr size_t kScopeField = offsetof(RecordHeader, scope);
  if (!scopes_.Valid(header.scope)) return Refuse(RefusalReason::kScope, kScopeField, header.scope.id);
  if (header.epoch != epoch_)
    return Refuse(RefusalReason::kScope, offsetof(RecordHeader, epoch), header.epoch);
  now_ = now;
  const Retirement::Turn turn(tables_.retirement);
  if (static_cast<RecordType>(header.type) == RecordType::kBeginSync)
    return BeginSync(CopyOf<channel::ScopeRecord>(record), now);
  const ScopeIndex scope = scopes_.Find(header.scope);
  // Nothing may be stated in an epoch that the scope has not begun.
  if (scope == kNoScope || scopes_.At(scope).epoch != epoch_)
    return Refuse(RefusalReason::kScope, offsetof(RecordHeader, epoch), header.epoch);
  MaybeRefusal refusal = Dispatch(record, scope, now);
  SettleDisplacedRoutes();
  return refusal;
}

MaybeRefusal TableWriter::Dispatch(std::span<const std::byte> record, ScopeIndex scope, Instant now) {
  const auto id = [&] { return CopyOf<IdRecord>(record).id; };
  switch (static_cast<RecordType>(CopyOf<RecordHeader>(record).type)) {
    case RecordType::kRoute:
      return routes_.Put(CopyOf<channel::RouteRecord>(record), scope);
    case RecordType::kRouteDelete:
      return routes_.Remove(CopyOf<channel::RouteRecord>(record), scope);
    case RecordType::kBeginSync:
      break;
    case RecordType::kEndOfSync:
      return EndOfSync(scope);
    case RecordType::kVrf:
      return OnVrf(CopyOf<channel::VrfRecord>(record), scope);
    case RecordType::kVrfDelete:
      return OnVrfDelete(static_cast<VrfId>(id()), scope);
    case RecordType::kInterface:
      return OnInterface(CopyOf<channel::InterfaceRecord>(record), scope, now);
    case RecordType::kInterfaceDelete:
      return OnInterfaceDelete(static_cast<InterfaceId>(id()), scope, now);
    case RecordType::kTunnel:
      return OnTunnel(CopyOf<channel::TunnelRecord>(record), scope, now);
    case RecordType::kTunnelDelete:
      return OnTunnelDelete(static_cast<InterfaceId>(id()), scope, now);
    case RecordType::kInterfaceAddress:
      return OnAddress(CopyOf<channel::InterfaceAddressRecord>(record), scope);
    case RecordType::kInterfaceAddressDelete:
      return OnAddressDelete(CopyOf<channel::InterfaceAddressRecord>(record), scope);
    case RecordType::kNeighbor:
      return OnNeighbor(CopyOf<channel::NeighborRecord>(record), scope, now);
    case RecordType::kNeighborDelete:
      return OnNeighborDelete(CopyOf<channel::NeighborRecord>(record), scope, now);
    case RecordType::kAdjacency:
      return OnAdjacency(CopyOf<channel::AdjacencyRecord>(record), scope, now);
    case RecordType::kAdjacencyDelete:
      return OnAdjacencyDelete(id(), scope);
    case RecordType::kNextHopGroup:
      return OnGroup(record, scope);
    case RecordType::kNextHopGroupDelete:
      return OnGroupDelete(id(), scope);
    case RecordType::kPolicer:
      return OnPolicer(CopyOf<channel::PolicerRecord>(record), scope);
    case RecordType::kPolicerDelete:
      return OnPolicerDelete(id(), scope);
  }
  return Refuse(RefusalReason::kUnknownType, offsetof(RecordHeader, type));
}

MaybeRefusal TableWriter::BeginSync(const channel::ScopeRecord& record, Instant now) {
  const channel::Scope& scope = record.header.scope;
  constexpr size_t kField = offsetof(RecordHeader, scope);
  // A scope of a VRF lives with its VRF.
  if (scope.kind != static_cast<uint8_t>(channel::ScopeKind::kConfiguration) &&
      !tables_.Exists(static_cast<VrfId>(scope.id)))
    return Refuse(RefusalReason::kNotFound, kField, scope.id);
  bool retag = false;
  const ScopeIndex index = scopes_.Begin(scope, epoch_, record.stale_deadline_ms, now, &retag);
  if (index == kNoScope) return Refuse(RefusalReason::kScope, kField, scope.id);
  if (retag) Retag(index);
  // The VRF is back before its scope was forgotten.
  for (Job& job : sweeps_) job.forget = job.forget && job.scope != index;
  for (Job& job : left_over_) job.forget = job.forget && job.scope != index;
  return std::nullopt;
}

MaybeRefusal TableWriter::EndOfSync(ScopeIndex scope) {
  scopes_.End(scope);
  StartSweep(scope);
  return std::nullopt;
}

MaybeRefusal TableWriter::CheckOwner(const Owner& owner, ScopeIndex scope) const {
  if (owner.scope == kNoScope || owner.scope == scope) return std::nullopt;
  return Refuse(RefusalReason::kScope, offsetof(RecordHeader, scope), scopes_.At(owner.scope).scope.id);
}

void TableWriter::Claim(Owner& owner, ScopeIndex scope) {
  if (owner.scope == kNoScope) ++scopes_.At(scope).objects;
  owner = scopes_.OwnerNow(scope);
}

void TableWriter::Disown(Owner& owner) {
  if (owner.scope != kNoScope) --scopes_.At(owner.scope).objects;
  owner = {};
}

}  // namespace sluice::dataplane
