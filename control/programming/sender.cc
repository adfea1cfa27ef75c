// Sending in an order the dataplane can follow, and its answers: see the header.
#include "control/programming/sender.h"

#include <algorithm>

#include "control/programming/diff.h"
#include "control/programming/refusal.h"
#include "control/programming/refused_field.h"
#include "proto/net/check.h"

namespace sluice::programming {
namespace {

channel::AdjacencyKind KindOf(rib::Adjacency::Kind kind) {
  switch (kind) {
    case rib::Adjacency::Kind::kDrop:
      return channel::AdjacencyKind::kDrop;
    case rib::Adjacency::Kind::kNeighbor:
      return channel::AdjacencyKind::kNeighbor;
    case rib::Adjacency::Kind::kGlean:
      return channel::AdjacencyKind::kGlean;
    case rib::Adjacency::Kind::kTunnel:
      return channel::AdjacencyKind::kTunnel;
  }
  return channel::AdjacencyKind::kDrop;
}

bool IsReason(const channel::Refusal* refusal, channel::RefusalReason reason) {
  return refusal != nullptr && refusal->reason == static_cast<uint16_t>(reason);
}

}  // namespace

void Sender::PutTenant(const TenantObjects& tenant, uint64_t revision) {
  const uint32_t vrf = tenant.vrf.vrf;
  NoteProgress(vrf);
  Apply(vrf, &tenant);
  revisions_[vrf].stated = revision;
}

void Sender::RemoveTenant(uint32_t vrf) {
  Apply(vrf, nullptr);
  rib_.RemoveVrf(vrf);
  revisions_.erase(vrf);
  absl::erase_if(limit_figures_, [vrf](const auto& each) { return each.first.first == vrf; });
}

void Sender::Apply(uint32_t vrf, const TenantObjects* desired) {
  const auto at = tenants_.find(vrf);
  TenantChanges changes = Diff(desired, at == tenants_.end() ? nullptr : &at->second);
  for (Object& object : changes.put) ledger_.Want(std::move(object));
  for (const rib::RouteInput& route : changes.remove_routes) {
    rib_.Withdraw(vrf, route.prefix, route.source, route.path_id, rib::RouteSet::kSpec);
  }
  for (const rib::RouteInput& route : changes.put_routes) rib_.Update(route, rib::RouteSet::kSpec);
  for (const ObjectKey& key : changes.remove) ledger_.Unwant(key);
  if (desired == nullptr) {
    tenants_.erase(vrf);
  } else {
    tenants_[vrf] = *desired;
  }
  unblock_worth_it_ = true;
}

void Sender::ChangeStaticRoutes(uint32_t vrf, std::span<const rib::RouteInput> put,
                                std::span<const net::Prefix> remove, uint64_t revision, bool complete) {
  NoteProgress(vrf);
  for (const net::Prefix& prefix : remove) {
    rib_.Withdraw(vrf, prefix, rib::Source::kStatic, 0, rib::RouteSet::kStaticRoutes);
  }
  for (const rib::RouteInput& route : put) rib_.Update(route, rib::RouteSet::kStaticRoutes);
  if (complete) revisions_[vrf].stated = revision;
}

void Sender::ChangeMappings(uint32_t vrf, uint32_t path_id, std::span<const rib::RouteInput> put,
                            std::span<const net::Prefix> remove, uint64_t revision, bool complete) {
  NoteProgress(vrf);
  // What is new first: a longer prefix takes its packets before the shorter one goes.
  for (const rib::RouteInput& route : put) rib_.Update(route, rib::RouteSet::kMappings);
  for (const net::Prefix& prefix : remove) {
    rib_.Withdraw(vrf, prefix, rib::Source::kVirtualNetwork, path_id, rib::RouteSet::kMappings);
  }
  // A host that moved leaves its route as it is: from now on its adjacency is unanswered. While nobody
  // is attached everything is.
  if (channel_ != nullptr) TakeRibChanges();
  if (complete) revisions_[vrf].stated = revision;
}

void Sender::ForEachRefusedRoute(const TenantObjects& of, std::optional<uint32_t> connection,
                                 VisitRefusal visit) const {
  if (rib_.count(of.vrf.vrf, rib::RouteState::kRefused) == 0) return;
  for (const rib::RouteInput& route : of.routes) {
    // Routes of a connection carry its number.
    if (connection && route.path_id != *connection) continue;
    if (const auto code = rib_.RefusalOf(route.vrf, route.prefix)) visit(route, *code);
  }
}

uint64_t Sender::SpecProblemCount(uint32_t vrf) const {
  const TenantObjects* of = tenant(vrf);
  uint64_t count = ledger_.configured_problem_count(vrf);
  const auto add = [&count](const rib::RouteInput&, rib::RefusalCode) { ++count; };
  if (of != nullptr) ForEachRefusedRoute(*of, std::nullopt, add);
  return count;
}

void Sender::NoteProgress(uint32_t vrf) const {
  const auto at = revisions_.find(vrf);
  if (at == revisions_.end() || at->second.acknowledged == at->second.stated) return;
  if (unanswered(vrf) == 0 && SpecProblemCount(vrf) == 0) at->second.acknowledged = at->second.stated;
}

TenantProgress Sender::Progress(uint32_t vrf) const {
  TenantProgress progress;
  NoteProgress(vrf);
  if (const auto at = revisions_.find(vrf); at != revisions_.end()) {
    progress.stated_revision = at->second.stated;
    progress.acknowledged_revision = at->second.acknowledged;
  }
  progress.problem_count = problem_count(vrf);
  if (progress.problem_count == 0) return progress;
  progress.spec_problem_count = SpecProblemCount(vrf);
  progress.problems = ledger_.Problems(vrf, kProblemsMax);
  const TenantObjects* of = tenant(vrf);
  const std::string prefix = (of == nullptr ? "" : of->vrf.name + ": ") + "route ";
  const auto add = [&](const net::Prefix& route, rib::RefusalCode code) {
    progress.problems.push_back({prefix + route.ToString(), TextOf(code, FigureOf(vrf, code))});
  };
  const auto room = [&] { return kProblemsMax - std::min(kProblemsMax, progress.problems.size()); };
  if (const auto* ipv4 = rib_.FindIpv4(vrf)) ipv4->ForEachRefused(room(), add);
  if (const auto* ipv6 = rib_.FindIpv6(vrf)) ipv6->ForEachRefused(room(), add);
  return progress;
}

InterfaceProgress Sender::ProgressOf(uint32_t vrf, uint32_t interface) const {
  InterfaceProgress progress;
  const auto add = [&progress](Problem problem) {
    ++progress.problem_count;
    if (progress.problems.size() < kProblemsMax) progress.problems.push_back(std::move(problem));
  };
  ledger_.ForEachProblemOf(vrf, interface, [&](const ObjectKey& key, Problem problem) {
    progress.absent |= key.kind == ObjectKind::kInterface;
    progress.addresses_absent += key.kind == ObjectKind::kAddress ? 1 : 0;
    add(std::move(problem));
  });
  std::sort(progress.problems.begin(), progress.problems.end(),
            [](const Problem& a, const Problem& b) { return a.name < b.name; });
  const TenantObjects* of = tenant(vrf);
  if (of == nullptr) return progress;
  const auto at = std::find_if(of->interfaces.begin(), of->interfaces.end(),
                               [&](const InterfaceObject& each) { return each.interface == interface; });
  // Routes of the underlay belong to no one of its interfaces.
  if (at == of->interfaces.end() || at->connection == 0) return progress;
  ForEachRefusedRoute(*of, at->connection, [&](const rib::RouteInput& route, rib::RefusalCode code) {
    add({at->name + ": route " + route.prefix.ToString(), TextOf(code, FigureOf(vrf, code))});
  });
  return progress;
}

std::string Sender::NameOf(ObjectKind kind, uint32_t id) const {
  const ObjectKey key{kind, id, {}};
  return ledger_.Knows(key) ? ledger_.Describe(key) : std::string();
}

uint64_t Sender::FigureOf(uint32_t vrf, rib::RefusalCode code) const {
  const auto at = limit_figures_.find({vrf, code});
  return at == limit_figures_.end() ? 0 : at->second;
}

const TenantObjects* Sender::tenant(uint32_t vrf) const {
  const auto at = tenants_.find(vrf);
  return at == tenants_.end() ? nullptr : &at->second;
}

void Sender::Attach(UpdateChannel& channel, Attachment attachment) {
  if (channel_ != nullptr) Detach();
  channel_ = &channel;
  attachment_ = std::move(attachment);
  numbers_.adjacencies.Restart(channel.epoch(), attachment_.adjacencies_max);
  numbers_.groups.Restart(channel.epoch(), attachment_.groups_max);
}

void Sender::Detach() {
  channel_ = nullptr;
  begin_sent_ = end_sent_ = synced_ = numbers_replaced_ = false;
  in_flight_.clear();
  refusals_.clear();
  first_sequence_ = 1;
  TakeRibChanges();
  ledger_.ForgetInstalled([this](const ObjectKey& key) { Gone(key); });
  rib_.ForgetInstalled();
  // Whoever attaches next may have nothing of it.
  for (auto& [vrf, revisions] : revisions_) revisions.acknowledged = 0;
}

// The RIB knows links and neighbours on them; over a tunnel to one far end there is only that.
AdjacencyObject Sender::AdjacencyOf(uint32_t id, const rib::Adjacency& wanted) const {
  const Object* at = ledger_.Wanted({ObjectKind::kInterface, wanted.interface, {}});
  const auto* interface = at == nullptr ? nullptr : std::get_if<InterfaceObject>(at);
  if (wanted.kind != rib::Adjacency::Kind::kTunnel && interface != nullptr && interface->tunnel)
    return {id, channel::AdjacencyKind::kTunnel, wanted.interface, {}, {}};
  const bool host = !wanted.mac.IsZero() && interface != nullptr;
  return {id,         KindOf(wanted.kind),           wanted.interface, wanted.next_hop,
          wanted.mac, host ? interface->vrf : kNoVrf};
}

// The RIB's adjacencies and groups become objects like all others.
void Sender::TakeRibChanges() {
  std::vector<rib::AdjacencyUpdate> adjacencies = rib_.TakeAdjacencies();
  const std::vector<rib::GroupUpdate> groups = rib_.TakeGroups();
  for (const rib::AdjacencyUpdate& update : adjacencies) {
    const ObjectKey key{ObjectKind::kAdjacency, update.id, {}};
    if (update.wanted) {
      ledger_.Want(AdjacencyOf(update.id, *update.wanted));
    } else if (ledger_.Knows(key)) {
      ledger_.Unwant(key);
      if (!ledger_.Knows(key)) Gone(key);
    } else {
      Gone(key);
    }
  }
  for (const rib::GroupUpdate& update : groups) {
    const ObjectKey key{ObjectKind::kGroup, update.id, {}};
    if (!update.members.empty()) {
      GroupObject group{update.id, update.vrf, {}};
      for (const rib::GroupMember& member : update.members) {
        group.members.push_back({member.adjacency, member.weight});
      }
      ledger_.Want(std::move(group));
    } else if (ledger_.Knows(key)) {
      ledger_.Unwant(key);
      if (!ledger_.Knows(key)) Gone(key);
    } else {
      Gone(key);
    }
  }
}

void Sender::Gone(const ObjectKey& key) {
  if (key.kind == ObjectKind::kAdjacency) {
    numbers_.adjacencies.Release(key.id);
    rib_.AdjacencyGone(key.id);
  } else if (key.kind == ObjectKind::kGroup) {
    numbers_.groups.Release(key.id);
    rib_.GroupGone(key.id);
  }
}

bool Sender::CarriesRoutes(const ObjectKey& key) const {
  // What a former life of ours left may still need it: nothing is deleted before the sweep.
  if (!end_sent_) return true;
  if (key.kind == ObjectKind::kGroup) return rib_.sent_routes(key.id) > 0;
  return key.kind == ObjectKind::kVrf && rib_.installed(key.id) > 0;
}

bool Sender::SendRecord(uint32_t bytes, InFlight in_flight) {
  const uint64_t sequence = channel_->TrySend(&buffer_.header, bytes);
  if (sequence == 0) return false;
  if (in_flight_.empty()) first_sequence_ = sequence;
  SLUICE_CHECK(sequence == first_sequence_ + in_flight_.size());
  in_flight_.push_back(std::move(in_flight));
  ++sent_count_;
  return true;
}

bool Sender::Pump() {
  // Before the whole desired state is known nothing is said: a half state would
  // be followed by a sweep of the other half.
  if (channel_ == nullptr || !initial_state_complete_) return false;
  TakeRibChanges();
  size_t budget = std::min(kBatchMax, kInFlightMax - std::min(kInFlightMax, in_flight_.size()));
  bool room = budget > 0 && SendBeginSync();
  // Bulk routes may use up the budget of every call for a long time.
  if (unblock_worth_it_) ledger_.Unblock(kUnblockMax);
  while (room && budget > 0) {
    room = SendObjects(Urgency::kNow, budget) && SendRoutes(budget);
    const size_t before_bulk = budget;
    room = room && SendObjects(Urgency::kBulk, budget);
    if (!room || budget == 0) break;
    // Routes may have waited for what has just gone.
    if (budget != before_bulk) continue;
    // All that could go is gone: what waited for it may go now.
    if (std::exchange(unblock_worth_it_, false)) {
      if (!ledger_.Unblock(SIZE_MAX)) break;
      continue;
    }
    const std::optional<Operation> evasion = ledger_.Evasion();
    if (!evasion) break;
    room = SendPut(*evasion);
    if (!room) break;
    ledger_.Evaded(*evasion);
    unblock_worth_it_ = true;
    --budget;
  }
  const bool more = budget == 0;
  // Whatever was refused for its number is stated again before the sweep.
  if (room && !more && in_flight_.empty()) SendEndOfSync();
  channel_->Flush();
  return more && in_flight_.size() < kInFlightMax;
}

bool Sender::SendBeginSync() {
  if (begin_sent_) return true;
  // What is in use stays in use until we are done, however long that takes.
  begin_sent_ = SendRecord(EncodeSync(channel::RecordType::kBeginSync, 0, buffer_), {What::kSync, {}, {}});
  return begin_sent_;
}

bool Sender::SendEndOfSync() {
  if (end_sent_) return true;
  end_sent_ = SendRecord(EncodeSync(channel::RecordType::kEndOfSync, 0, buffer_), {What::kEndOfSync, {}, {}});
  return end_sent_;
}

bool Sender::SendPut(const Operation& operation) {
  const auto* interface = std::get_if<InterfaceObject>(operation.object.get());
  const bool has_port = interface != nullptr && !interface->tunnel;
  const uint16_t port = has_port ? attachment_.ports.at(interface->port) : uint16_t{0};
  return SendRecord(EncodePut(*operation.object, port, numbers_, buffer_), {What::kPut, operation.key, {}});
}

bool Sender::SendDelete(const Operation& operation) {
  return SendRecord(EncodeDelete(*operation.object, numbers_, buffer_), {What::kDelete, operation.key, {}});
}

bool Sender::SendObjects(Urgency urgency, size_t& budget) {
  const auto carries_routes = [this](const ObjectKey& key) { return CarriesRoutes(key); };
  while (budget > 0) {
    const std::optional<Operation> operation = ledger_.Next(urgency, attachment_.ports, carries_routes);
    if (!operation) return true;
    if (!(operation->put ? SendPut(*operation) : SendDelete(*operation))) return false;
    ledger_.Sent(*operation);
    unblock_worth_it_ = true;
    if (operation->put) vrfs_changed_.insert(VrfOf(*operation->object));
    --budget;
  }
  return true;
}

bool Sender::SendRoutes(size_t& budget) {
  // Routes parked for want of their group or VRF, which may have gone out now.
  for (const uint32_t vrf : vrfs_changed_) rib_.Unpark(vrf);
  vrfs_changed_.clear();
  size_t passes_left = rib_.turns();
  while (budget > 0) {
    const std::optional<rib::RouteUpdate> route = rib_.NextToSend();
    if (!route) return true;
    const bool put = route->group != rib::kNoGroup;
    if (put && ledger_.IsQueuedInBulk({ObjectKind::kGroup, route->group, {}})) {
      // Its group is on its way; routes of other VRFs do not wait for that.
      if (passes_left-- == 0) return true;
      rib_.PassTurn();
      continue;
    }
    if (put && (!ledger_.IsSent({ObjectKind::kGroup, route->group, {}}) ||
                (route->vrf != 0 && !ledger_.IsSent({ObjectKind::kVrf, route->vrf, {}})))) {
      rib_.Park(kWaitsForGroup);
      continue;
    }
    if (!SendRecord(EncodeRoute(*route, numbers_, buffer_), {What::kRoute, {}, *route})) return false;
    rib_.Sent();
    unblock_worth_it_ = true;
    --budget;
  }
  return true;
}

bool Sender::TakeAnswers() {
  if (channel_ == nullptr) return false;
  const uint64_t applied = channel_->applied_sequence();
  while (const auto refusal = channel_->NextRefusal()) refusals_[refusal->sequence] = *refusal;
  bool any = false;
  route_refusal_told_ = false;
  while (!in_flight_.empty() && first_sequence_ <= applied) {
    const InFlight record = std::move(in_flight_.front());
    in_flight_.pop_front();
    const auto refusal = refusals_.find(first_sequence_);
    ++first_sequence_;
    any = true;
    if (refusal == refusals_.end()) {
      Answer(record, nullptr);
      continue;
    }
    ++refused_count_;
    Answer(record, &refusal->second);
    refusals_.erase(refusal);
  }
  if (any) RetryAfterAnswers();
  return any;
}

void Sender::Answer(const InFlight& record, const channel::Refusal* refusal) {
  switch (record.what) {
    case What::kSync:
      return;
    case What::kEndOfSync:
      synced_ = refusal == nullptr;
      unblock_worth_it_ = true;
      // The sweep made room and set VLANs and addresses free.
      objects_changed_ = true;
      retry_all_routes_ = true;
      return;
    case What::kPut:
    case What::kDelete:
      AnswerObject(record, refusal);
      return;
    case What::kRoute:
      AnswerRoute(record.route, refusal);
      return;
  }
}

void Sender::AnswerObject(const InFlight& record, const channel::Refusal* refusal) {
  const ObjectKey& key = record.key;
  unblock_worth_it_ = true;
  if (refusal == nullptr) {
    const ObjectLedger::Outcome outcome = ledger_.Acknowledge(key);
    if (outcome == ObjectLedger::Outcome::kGone) {
      Gone(key);
      objects_changed_ = true;
    }
    // Its limits may be higher now.
    if (key.kind == ObjectKind::kVrf) retry_all_routes_ = true;
    return;
  }
  // That another tunnel has the host is not the number's fault.
  const bool far_end = key.kind == ObjectKind::kAdjacency &&
                       refusal->field_offset == offsetof(channel::AdjacencyRecord, next_hop);
  if (record.what == What::kPut && !far_end &&
      (IsReason(refusal, channel::RefusalReason::kConflict) ||
       IsReason(refusal, channel::RefusalReason::kInUse))) {
    // The number may be one that a former life of ours gave to a tenant whose
    // routes still lead there: take another one.
    if (key.kind == ObjectKind::kAdjacency) numbers_.adjacencies.Replace(key.id);
    if (key.kind == ObjectKind::kGroup) numbers_.groups.Replace(key.id);
    if (key.kind >= ObjectKind::kAdjacency) numbers_replaced_ = true;
  }
  const bool absent = IsReason(refusal, channel::RefusalReason::kNotFound);
  const auto* interface = std::get_if<InterfaceObject>(ledger_.Wanted(key));
  const bool tunnel = interface != nullptr && interface->tunnel;
  const std::string text =
      TextOf(*refusal, FieldText(key.kind, tunnel, *refusal,
                                 [this](ObjectKind kind, uint32_t id) { return NameOf(kind, id); }));
  switch (ledger_.Refuse(key, absent, text)) {
    case ObjectLedger::Outcome::kGone:
      Gone(key);
      return;
    case ObjectLedger::Outcome::kRefused:
      if (refusals_to_tell_.size() < kProblemsMax) refusals_to_tell_.push_back({ledger_.Describe(key), text});
      return;
    case ObjectLedger::Outcome::kStale:
    case ObjectLedger::Outcome::kSettled:
      return;
  }
}

void Sender::AnswerRoute(const rib::RouteUpdate& route, const channel::Refusal* refusal) {
  // That nothing is there to be deleted is as good as its deletion: a refused route may have been there.
  const bool deleted = route.group == rib::kNoGroup && IsReason(refusal, channel::RefusalReason::kNotFound);
  if (refusal != nullptr && !deleted) {
    const rib::RefusalCode code = CodeOf(*refusal);
    rib_.Refuse(route, code);
    if (IsLimit(code)) limit_figures_[{route.vrf, code}] = refusal->value;
    if (route_refusal_told_ || refusals_to_tell_.size() >= kProblemsMax) return;
    route_refusal_told_ = true;
    const TenantObjects* of = tenant(route.vrf);
    const std::string prefix = of == nullptr ? "" : of->vrf.name + ": ";
    const std::string text =
        TextOf(*refusal,
               RouteFieldText(*refusal, [this](ObjectKind kind, uint32_t id) { return NameOf(kind, id); }));
    refusals_to_tell_.push_back({prefix + "route " + route.prefix.ToString(), text});
    return;
  }
  rib_.Acknowledge(route);
  if (route.group != rib::kNoGroup) return;
  ++routes_freed_;
  // An address of ours may have waited for its place.
  if (route.prefix.is_host()) objects_changed_ = true;
}

// What was refused for want of room or of something else gets another chance when
// there is reason to hope; it does not go round in circles, since a refusal is none.
void Sender::RetryAfterAnswers() {
  // The sweep comes first, but for what only had the wrong number: nothing of ours may be swept
  // because it was not stated yet.
  if (!end_sent_ && !numbers_replaced_) return;
  if (objects_changed_ || numbers_replaced_) {
    objects_changed_ = numbers_replaced_ = false;
    retry_all_routes_ |= ledger_.RetryRefused();
  }
  const size_t count = retry_all_routes_ ? SIZE_MAX : routes_freed_;
  if (count > 0) rib_.RetryRefused(count);
  routes_freed_ = 0;
  retry_all_routes_ = false;
}

}  // namespace sluice::programming
