// Bookkeeping of desired against installed objects: see the header.
#include "control/programming/object_ledger.h"

#include <algorithm>

#include "proto/net/check.h"

namespace sluice::programming {

namespace {

// Of a host that moves: the interface. False does not say that they do not.
bool NeedTheSame(const Object* a, const Object* b) {
  const auto* first = a == nullptr ? nullptr : std::get_if<AdjacencyObject>(a);
  const auto* second = b == nullptr ? nullptr : std::get_if<AdjacencyObject>(b);
  return first != nullptr && second != nullptr && first->interface == second->interface;
}

}  // namespace

void ObjectLedger::Want(Object object) {
  const ObjectKey key = KeyOf(object);
  Slot& slot = slots_.FindOrAdd(key);
  if (slot.wanted && *slot.wanted == object) return;
  if (const uint32_t vrf = VrfOf(object); vrf != slot.vrf) {
    const State state = slot.state;
    SetState(key, slot, State::kSettled);  // for the former one
    slot.vrf = vrf;
    slot.state = state;
  }
  slot.urgency = UrgencyOf(object);
  const bool as_sent = slot.sent && *slot.sent == object && slot.state == State::kSettled;
  slot.wanted = std::make_shared<const Object>(std::move(object));
  if (!as_sent) Queue(key, slot);
}

Urgency ObjectLedger::UrgencyOf(const Object& object) const {
  const auto is_host = [](const Object* each) {
    const auto* adjacency = each == nullptr ? nullptr : std::get_if<AdjacencyObject>(each);
    return adjacency != nullptr && !adjacency->mac.IsZero();
  };
  if (is_host(&object)) return Urgency::kBulk;
  const auto* group = std::get_if<GroupObject>(&object);
  const bool only_hosts =
      group != nullptr &&
      std::all_of(group->members.begin(), group->members.end(), [&](const GroupObject::Member& member) {
        return is_host(Wanted({ObjectKind::kAdjacency, member.adjacency, {}}));
      });
  return only_hosts ? Urgency::kBulk : Urgency::kNow;
}

bool ObjectLedger::IsQueuedInBulk(const ObjectKey& key) const {
  const Slot* slot = slots_.Find(key);
  return slot != nullptr && slot->state == State::kQueued && slot->wanted && slot->urgency == Urgency::kBulk;
}

void ObjectLedger::Unwant(const ObjectKey& key) {
  Slot* found = slots_.Find(key);
  if (found == nullptr || !found->wanted) return;
  Slot& slot = *found;
  slot.wanted.reset();
  if (slot.sent || slot.maybe_there) {
    Queue(key, slot);
  } else if (slot.unanswered == 0) {
    Erase(key);
  } else {
    SetState(key, slot, State::kInFlight);
  }
}

void ObjectLedger::SetState(const ObjectKey& key, Slot& slot, State state, std::string reason) {
  slot.state = state;
  // A deletion that waits for what depends on it is still to be done.
  const bool count =
      state == State::kQueued || state == State::kInFlight || (state == State::kBlocked && !slot.wanted);
  if (count != slot.counted) unanswered_[slot.vrf] += count ? 1 : uint64_t{0} - 1;
  slot.counted = count;
  const bool is_problem = state == State::kRefused || (state == State::kBlocked && slot.wanted);
  if (!is_problem && !slot.is_problem) return;
  slot.is_problem = is_problem;
  const auto reasons = IsConfigured(key.kind) ? &ProblemReasons::configured : &ProblemReasons::made;
  if (is_problem) {
    (problems_[slot.vrf].*reasons)[key] = std::move(reason);
  } else if (auto at = problems_.find(slot.vrf); at != problems_.end()) {
    (at->second.*reasons).erase(key);
    if (at->second.configured.empty() && at->second.made.empty()) problems_.erase(at);
  }
}

void ObjectLedger::CountDependents(const ObjectRef& of, int change) {
  if (!of) return;
  for (const ObjectKey& needed : RequirementsOf(*of)) {
    Slot* slot = slots_.Find(needed);
    if (slot == nullptr || (change < 0 && slot->dependents == 0)) continue;
    slot->dependents += static_cast<uint32_t>(change);
  }
}

void ObjectLedger::SetSent(const ObjectKey& key, Slot& slot, ObjectRef object) {
  if (!NeedTheSame(object.get(), slot.sent.get())) {
    // Requirements of the new state first: none may drop to zero in between.
    CountDependents(object, +1);
    CountDependents(slot.sent, -1);
  }
  if (slot.sent) {
    for (const Claim& claim : ClaimsOf(*slot.sent)) {
      const auto at = claims_.find(claim);
      if (at != claims_.end() && at->second == key) claims_.erase(at);
    }
  }
  if (object) {
    for (const Claim& claim : ClaimsOf(*object)) claims_[claim] = key;
    slot.last = object;
  }
  slot.sent = std::move(object);
}

void ObjectLedger::Queue(const ObjectKey& key, Slot& slot) {
  const unsigned kind = static_cast<unsigned>(key.kind);
  SetState(key, slot, State::kQueued);
  QueuesOf(slot.urgency, slot.wanted != nullptr)[kind].push_back(key);
}

std::optional<Operation> ObjectLedger::Next(Urgency urgency, const PortNumbers& ports,
                                            CarriesRoutes carries_routes) {
  for (unsigned kind = 0; kind < kObjectKindCount; ++kind) {
    if (auto operation = NextPut(urgency, kind, ports)) return operation;
  }
  for (unsigned kind = kObjectKindCount; kind-- > 0;) {
    if (auto operation = NextDelete(urgency, kind, carries_routes)) return operation;
  }
  return std::nullopt;
}

std::optional<Operation> ObjectLedger::NextPut(Urgency urgency, unsigned kind, const PortNumbers& ports) {
  std::deque<ObjectKey>& queue = QueuesOf(urgency, true)[kind];
  for (; !queue.empty(); queue.pop_front()) {
    const ObjectKey& key = queue.front();
    Slot* slot = slots_.Find(key);
    if (slot == nullptr || slot->state != State::kQueued || !slot->wanted) continue;
    std::string blocker = Blocker(key, *slot->wanted, ports);
    if (blocker.empty()) return Operation{key, true, slot->wanted, urgency};
    SetState(key, *slot, State::kBlocked, std::move(blocker));
    blocked_.push_back(key);
  }
  return std::nullopt;
}

std::optional<Operation> ObjectLedger::NextDelete(Urgency urgency, unsigned kind,
                                                  CarriesRoutes carries_routes) {
  std::deque<ObjectKey>& queue = QueuesOf(urgency, false)[kind];
  for (; !queue.empty(); queue.pop_front()) {
    const ObjectKey& key = queue.front();
    Slot* slot = slots_.Find(key);
    if (slot == nullptr || slot->state != State::kQueued || slot->wanted) continue;
    if (slot->dependents == 0 && !carries_routes(key)) return Operation{key, false, slot->last, urgency};
    SetState(key, *slot, State::kBlocked);
    blocked_.push_back(key);
  }
  return std::nullopt;
}

std::string ObjectLedger::Blocker(const ObjectKey& key, const Object& object,
                                  const PortNumbers& ports) const {
  if (const auto* at = std::get_if<InterfaceObject>(&object);
      at != nullptr && !at->tunnel && !ports.contains(at->port)) {
    return "the dataplane has no port '" + at->port + "'";
  }
  for (const ObjectKey& needed : RequirementsOf(object)) {
    if (!IsSent(needed)) return "waits for " + Describe(needed);
  }
  for (const Claim& claim : ClaimsOf(object)) {
    const auto holder = claims_.find(claim);
    if (holder != claims_.end() && holder->second != key) {
      return "waits until " + Describe(holder->second) + " leaves " + TextOf(claim);
    }
  }
  return "";
}

std::string ObjectLedger::Describe(const ObjectKey& key) const {
  const Slot* slot = slots_.Find(key);
  const Object* object = nullptr;
  if (slot != nullptr) object = slot->wanted ? slot->wanted.get() : slot->last.get();
  if (object != nullptr && !NameOf(*object).empty()) return NameOf(*object);
  const auto named = [this](ObjectKind kind, uint32_t id) {
    const Object* wanted = Wanted({kind, id, {}});
    return wanted == nullptr ? std::string() : NameOf(*wanted) + ": ";
  };
  switch (key.kind) {
    case ObjectKind::kVrf:
      return "a tenant that is not there";
    case ObjectKind::kPolicer:
      return "a bandwidth limit that is not there";
    case ObjectKind::kInterface:
      return "an interface that is not there";
    case ObjectKind::kAddress:
    case ObjectKind::kNeighbor:
      return key.address.ToString();
    case ObjectKind::kAdjacency: {
      const auto* adjacency = object == nullptr ? nullptr : std::get_if<AdjacencyObject>(object);
      if (adjacency == nullptr) return "a next hop";
      const std::string of = named(ObjectKind::kInterface, adjacency->interface);
      // A glean adjacency has no address: it stands for all neighbours of the link.
      if (!adjacency->mac.IsZero()) return of + "host " + adjacency->next_hop.ToString();
      if (adjacency->kind == channel::AdjacencyKind::kTunnel) return of + "its far end";
      return of + (adjacency->kind == channel::AdjacencyKind::kNeighbor
                       ? "next hop " + adjacency->next_hop.ToString()
                       : "its connected subnets");
    }
    case ObjectKind::kGroup:
      return (slot == nullptr ? "" : named(ObjectKind::kVrf, slot->vrf)) + "a next-hop group";
  }
  return "";
}

void ObjectLedger::Sent(const Operation& operation) {
  const unsigned kind = static_cast<unsigned>(operation.key.kind);
  std::deque<ObjectKey>& queue = QueuesOf(operation.urgency, operation.put)[kind];
  SLUICE_CHECK(!queue.empty() && queue.front() == operation.key);
  queue.pop_front();
  Slot& slot = *slots_.Find(operation.key);
  if (operation.put && slot.sent != nullptr) slot.maybe_there = true;
  ++slot.unanswered;
  SetState(operation.key, slot, State::kInFlight);
  SetSent(operation.key, slot, operation.put ? operation.object : nullptr);
}

namespace {

bool CanStepAside(const Object& object) {
  const auto* at = std::get_if<InterfaceObject>(&object);
  return at != nullptr && (!at->tunnel || at->tunnel->kind == channel::TunnelKind::kGre);
}

// The object as it was, out of the way of whom its place belongs to: down, on a VLAN or with a
// key that `taken` does not know. False: there is none.
bool StepAside(InterfaceObject& aside, absl::FunctionRef<bool(const Claim&)> taken) {
  constexpr uint32_t kTriesMax = 4094;
  aside.up = false;
  for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
    if (aside.tunnel) {
      aside.tunnel->flags |= channel::kTunnelKeyIn;
      aside.tunnel->key_in = ~tries;
    } else {
      aside.vlan = static_cast<uint16_t>(kTriesMax - tries);
    }
    if (!taken(ClaimsOf(aside).front())) return true;
  }
  return false;
}

}  // namespace

std::optional<Operation> ObjectLedger::Evasion() const {
  for (const ObjectKey& key : blocked_) {
    const Slot* waiting = slots_.Find(key);
    if (waiting == nullptr || waiting->state != State::kBlocked || !waiting->wanted) continue;
    if (!CanStepAside(*waiting->wanted)) continue;
    const Claim place = ClaimsOf(*waiting->wanted).front();
    const auto holder = claims_.find(place);
    if (holder == claims_.end() || holder->second == key) continue;
    const Slot& slot = *slots_.Find(holder->second);
    const bool leaves = slot.wanted && slot.state == State::kBlocked && CanStepAside(*slot.wanted) &&
                        ClaimsOf(*slot.wanted).front() != place;
    if (!leaves) continue;
    InterfaceObject aside = std::get<InterfaceObject>(*slot.sent);
    const auto taken = [this](const Claim& claim) { return claims_.contains(claim); };
    if (StepAside(aside, taken))
      return Operation{holder->second, true, std::make_shared<const Object>(std::move(aside))};
  }
  return std::nullopt;
}

void ObjectLedger::Evaded(const Operation& operation) {
  Slot& slot = *slots_.Find(operation.key);
  ++slot.unanswered;
  SetSent(operation.key, slot, operation.object);
  Queue(operation.key, slot);
}

bool ObjectLedger::Unblock(size_t count) {
  bool any = false;
  for (; count > 0 && !blocked_.empty(); --count) {
    const ObjectKey key = blocked_.front();
    blocked_.pop_front();
    Slot* slot = slots_.Find(key);
    if (slot == nullptr || slot->state != State::kBlocked) continue;
    Queue(key, *slot);
    any = true;
  }
  return any;
}

ObjectLedger::Outcome ObjectLedger::Settle(const ObjectKey& key, Slot& slot) {
  slot.maybe_there = false;
  if (slot.wanted) {
    SetState(key, slot, State::kSettled);
    return Outcome::kSettled;
  }
  if (slot.sent) {  // unwanted while its last put was under way
    Queue(key, slot);
    return Outcome::kStale;
  }
  Erase(key);
  return Outcome::kGone;
}

ObjectLedger::Outcome ObjectLedger::Acknowledge(const ObjectKey& key) {
  Slot* slot = slots_.Find(key);
  if (slot == nullptr || slot->unanswered == 0) return Outcome::kStale;
  --slot->unanswered;
  if (slot->unanswered > 0 || slot->state != State::kInFlight) return Outcome::kStale;
  return Settle(key, *slot);
}

ObjectLedger::Outcome ObjectLedger::Refuse(const ObjectKey& key, bool absent, std::string reason) {
  Slot* found = slots_.Find(key);
  if (found == nullptr || found->unanswered == 0) return Outcome::kStale;
  Slot& slot = *found;
  --slot.unanswered;
  if (slot.unanswered > 0 || slot.state != State::kInFlight) return Outcome::kStale;
  if (!slot.wanted && slot.sent) {  // its last put was refused, and nobody wants it
    SetSent(key, slot, nullptr);
    if (!slot.maybe_there) return Settle(key, slot);
    Queue(key, slot);
    return Outcome::kStale;
  }
  if (!slot.wanted && absent) return Settle(key, slot);
  if (!slot.wanted) slot.maybe_there = true;
  SetSent(key, slot, nullptr);
  SetState(key, slot, State::kRefused, std::move(reason));
  refused_.push_back(key);
  return Outcome::kRefused;
}

bool ObjectLedger::RetryRefused() {
  const std::vector<ObjectKey> refused = std::move(refused_);
  refused_.clear();
  bool any = false;
  for (const ObjectKey& key : refused) {
    Slot* slot = slots_.Find(key);
    if (slot == nullptr || slot->state != State::kRefused) continue;
    Queue(key, *slot);
    any = true;
  }
  return any;
}

void ObjectLedger::ForgetInstalled(absl::FunctionRef<void(const ObjectKey&)> gone) {
  std::vector<ObjectKey> unwanted;
  claims_.clear();
  blocked_.clear();
  refused_.clear();
  for (Queues& queues : puts_)
    for (auto& queue : queues) queue.clear();
  for (Queues& queues : deletes_)
    for (auto& queue : queues) queue.clear();
  slots_.ForEach([&](const ObjectKey& key, Slot& slot) {
    slot.sent.reset();
    slot.dependents = 0;
    slot.unanswered = 0;
    slot.maybe_there = false;
    if (slot.wanted) {
      Queue(key, slot);
    } else {
      unwanted.push_back(key);
    }
  });
  for (const ObjectKey& key : unwanted) {
    Erase(key);
    gone(key);
  }
}

void ObjectLedger::Erase(const ObjectKey& key) {
  const ObjectKey copy = key;  // it may be the map's own
  SetState(copy, *slots_.Find(copy), State::kSettled);
  slots_.Erase(copy);
}

bool ObjectLedger::IsSent(const ObjectKey& key) const {
  const Slot* slot = slots_.Find(key);
  return slot != nullptr && slot->sent;
}

const Object* ObjectLedger::Wanted(const ObjectKey& key) const {
  const Slot* slot = slots_.Find(key);
  return slot == nullptr ? nullptr : slot->wanted.get();
}

uint64_t ObjectLedger::unanswered(uint32_t vrf) const {
  const auto at = unanswered_.find(vrf);
  return at == unanswered_.end() ? 0 : at->second;
}

std::vector<Problem> ObjectLedger::Problems(uint32_t vrf, size_t count_max) const {
  std::vector<Problem> problems;
  const auto at = problems_.find(vrf);
  if (at == problems_.end()) return problems;
  for (const Reasons* reasons : {&at->second.configured, &at->second.made}) {
    const auto first = static_cast<std::ptrdiff_t>(problems.size());
    for (const auto& [key, reason] : *reasons) {
      if (problems.size() == count_max) break;
      problems.push_back({Describe(key), reason});
    }
    std::sort(problems.begin() + first, problems.end(),
              [](const Problem& a, const Problem& b) { return a.name < b.name; });
  }
  return problems;
}

uint64_t ObjectLedger::problem_count(uint32_t vrf) const {
  const auto at = problems_.find(vrf);
  return at == problems_.end() ? 0 : at->second.configured.size() + at->second.made.size();
}

uint64_t ObjectLedger::configured_problem_count(uint32_t vrf) const {
  const auto at = problems_.find(vrf);
  return at == problems_.end() ? 0 : at->second.configured.size();
}

void ObjectLedger::ForEachProblemOf(uint32_t vrf, uint32_t interface, VisitProblem visit) const {
  const auto at = problems_.find(vrf);
  if (at == problems_.end()) return;
  for (const auto& [key, reason] : at->second.configured) {
    const bool of_interface = key.kind == ObjectKind::kInterface || key.kind == ObjectKind::kAddress ||
                              key.kind == ObjectKind::kNeighbor;
    if (of_interface && key.id == interface) visit(key, {Describe(key), reason});
  }
}

}  // namespace sluice::programming
