// Bookkeeping of desired against installed objects: see the header.
#include "control/programming/object_ledger.h"

#include <algorithm>

#include "proto/net/check.h"

namespace sluice::programming {

void ObjectLedger::Want(Object object) {
  const ObjectKey key = KeyOf(object);
  Slot& slot = slots_[key];
  if (slot.wanted && *slot.wanted == object) return;
  slot.vrf = VrfOf(object);
  slot.urgency = UrgencyOf(object);
  const bool as_sent = slot.sent && *slot.sent == object && slot.state == State::kSettled;
  slot.wanted = std::move(object);
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
  const auto at = slots_.find(key);
  return at != slots_.end() && at->second.state == State::kQueued && at->second.wanted &&
         at->second.urgency == Urgency::kBulk;
}

void ObjectLedger::Unwant(const ObjectKey& key) {
  const auto at = slots_.find(key);
  if (at == slots_.end() || !at->second.wanted) return;
  Slot& slot = at->second;
  slot.wanted.reset();
  if (slot.sent || slot.maybe_there) {
    Queue(key, slot);
  } else if (slot.unanswered == 0) {
    Erase(key);
  } else {
    SetState(key, slot, State::kInFlight);
  }
}

void ObjectLedger::SetState(const ObjectKey& key, Slot& slot, State state) {
  slot.state = state;
  // A deletion that waits for what depends on it is still to be done.
  const bool count =
      state == State::kQueued || state == State::kInFlight || (state == State::kBlocked && !slot.wanted);
  if (count != slot.counted) unanswered_[slot.vrf] += count ? 1 : uint64_t{0} - 1;
  slot.counted = count;
  const bool is_problem = state == State::kRefused || (state == State::kBlocked && slot.wanted);
  const auto keys = IsConfigured(key.kind) ? &ProblemKeys::configured : &ProblemKeys::made;
  if (is_problem) {
    (problems_[slot.vrf].*keys).insert(key);
  } else if (auto at = problems_.find(slot.vrf); at != problems_.end()) {
    (at->second.*keys).erase(key);
    if (at->second.configured.empty() && at->second.made.empty()) problems_.erase(at);
  }
  if (!is_problem && state != State::kBlocked) slot.reason.clear();
}

void ObjectLedger::SetSent(const ObjectKey& key, Slot& slot, std::optional<Object> object) {
  const auto count = [this](const std::optional<Object>& of, int change) {
    if (!of) return;
    for (const ObjectKey& needed : RequirementsOf(*of)) {
      const auto at = slots_.find(needed);
      if (at == slots_.end() || (change < 0 && at->second.dependents == 0)) continue;
      at->second.dependents += static_cast<uint32_t>(change);
    }
  };
  // Requirements of the new state first: none may drop to zero in between.
  count(object, +1);
  count(slot.sent, -1);
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
  QueuesOf(slot.urgency, slot.wanted.has_value())[kind].push_back(key);
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
    const auto at = slots_.find(key);
    if (at == slots_.end() || at->second.state != State::kQueued || !at->second.wanted) continue;
    std::string blocker = Blocker(key, *at->second.wanted, ports);
    if (blocker.empty()) return Operation{key, true, *at->second.wanted, urgency};
    SetState(key, at->second, State::kBlocked);
    at->second.reason = std::move(blocker);
    blocked_.push_back(key);
  }
  return std::nullopt;
}

std::optional<Operation> ObjectLedger::NextDelete(Urgency urgency, unsigned kind,
                                                  CarriesRoutes carries_routes) {
  std::deque<ObjectKey>& queue = QueuesOf(urgency, false)[kind];
  for (; !queue.empty(); queue.pop_front()) {
    const ObjectKey& key = queue.front();
    const auto at = slots_.find(key);
    if (at == slots_.end() || at->second.state != State::kQueued || at->second.wanted) continue;
    if (at->second.dependents == 0 && !carries_routes(key))
      return Operation{key, false, *at->second.last, urgency};
    SetState(key, at->second, State::kBlocked);
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
  const auto at = slots_.find(key);
  const std::optional<Object>* object = nullptr;
  if (at != slots_.end()) object = at->second.wanted ? &at->second.wanted : &at->second.last;
  if (object != nullptr && *object && !NameOf(**object).empty()) return NameOf(**object);
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
      const auto* adjacency =
          object != nullptr && *object ? std::get_if<AdjacencyObject>(&**object) : nullptr;
      if (adjacency == nullptr) return "a next hop";
      const auto interface = slots_.find({ObjectKind::kInterface, adjacency->interface, {}});
      const bool named = interface != slots_.end() && interface->second.wanted;
      const std::string of = named ? NameOf(*interface->second.wanted) + ": " : "";
      // A glean adjacency has no address: it stands for all neighbours of the link.
      if (!adjacency->mac.IsZero()) return of + "host " + adjacency->next_hop.ToString();
      if (adjacency->kind == channel::AdjacencyKind::kTunnel) return of + "its far end";
      return of + (adjacency->kind == channel::AdjacencyKind::kNeighbor
                       ? "next hop " + adjacency->next_hop.ToString()
                       : "its connected subnets");
    }
    case ObjectKind::kGroup: {
      const auto vrf =
          at == slots_.end() ? slots_.end() : slots_.find({ObjectKind::kVrf, at->second.vrf, {}});
      const bool named = vrf != slots_.end() && vrf->second.wanted;
      return (named ? NameOf(*vrf->second.wanted) + ": " : "") + "a next-hop group";
    }
  }
  return "";
}

void ObjectLedger::Sent(const Operation& operation) {
  const unsigned kind = static_cast<unsigned>(operation.key.kind);
  std::deque<ObjectKey>& queue = QueuesOf(operation.urgency, operation.put)[kind];
  SLUICE_CHECK(!queue.empty() && queue.front() == operation.key);
  queue.pop_front();
  Slot& slot = slots_.at(operation.key);
  slot.maybe_there |= operation.put && slot.sent.has_value();
  ++slot.unanswered;
  SetState(operation.key, slot, State::kInFlight);
  SetSent(operation.key, slot, operation.put ? std::optional(operation.object) : std::nullopt);
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
    const auto waiting = slots_.find(key);
    if (waiting == slots_.end() || waiting->second.state != State::kBlocked || !waiting->second.wanted)
      continue;
    if (!CanStepAside(*waiting->second.wanted)) continue;
    const Claim place = ClaimsOf(*waiting->second.wanted).front();
    const auto holder = claims_.find(place);
    if (holder == claims_.end() || holder->second == key) continue;
    const Slot& slot = slots_.at(holder->second);
    const bool leaves = slot.wanted && slot.state == State::kBlocked && CanStepAside(*slot.wanted) &&
                        ClaimsOf(*slot.wanted).front() != place;
    if (!leaves) continue;
    InterfaceObject aside = std::get<InterfaceObject>(*slot.sent);
    const auto taken = [this](const Claim& claim) { return claims_.contains(claim); };
    if (StepAside(aside, taken)) return Operation{holder->second, true, aside};
  }
  return std::nullopt;
}

void ObjectLedger::Evaded(const Operation& operation) {
  Slot& slot = slots_.at(operation.key);
  ++slot.unanswered;
  SetSent(operation.key, slot, operation.object);
  Queue(operation.key, slot);
}

bool ObjectLedger::Unblock(size_t count) {
  bool any = false;
  for (; count > 0 && !blocked_.empty(); --count) {
    const ObjectKey key = blocked_.front();
    blocked_.pop_front();
    const auto at = slots_.find(key);
    if (at == slots_.end() || at->second.state != State::kBlocked) continue;
    Queue(key, at->second);
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
  const auto at = slots_.find(key);
  if (at == slots_.end() || at->second.unanswered == 0) return Outcome::kStale;
  --at->second.unanswered;
  if (at->second.unanswered > 0 || at->second.state != State::kInFlight) return Outcome::kStale;
  return Settle(key, at->second);
}

ObjectLedger::Outcome ObjectLedger::Refuse(const ObjectKey& key, bool absent, std::string reason) {
  const auto at = slots_.find(key);
  if (at == slots_.end() || at->second.unanswered == 0) return Outcome::kStale;
  Slot& slot = at->second;
  --slot.unanswered;
  if (slot.unanswered > 0 || slot.state != State::kInFlight) return Outcome::kStale;
  if (!slot.wanted && slot.sent) {  // its last put was refused, and nobody wants it
    SetSent(key, slot, std::nullopt);
    if (!slot.maybe_there) return Settle(key, slot);
    Queue(key, slot);
    return Outcome::kStale;
  }
  if (!slot.wanted && absent) return Settle(key, slot);
  if (!slot.wanted) slot.maybe_there = true;
  SetSent(key, slot, std::nullopt);
  SetState(key, slot, State::kRefused);
  slot.reason = std::move(reason);
  refused_.push_back(key);
  return Outcome::kRefused;
}

bool ObjectLedger::RetryRefused() {
  const std::vector<ObjectKey> refused = std::move(refused_);
  refused_.clear();
  bool any = false;
  for (const ObjectKey& key : refused) {
    const auto at = slots_.find(key);
    if (at == slots_.end() || at->second.state != State::kRefused) continue;
    Queue(key, at->second);
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
  for (auto& [key, slot] : slots_) {
    slot.sent.reset();
    slot.dependents = 0;
    slot.unanswered = 0;
    slot.maybe_there = false;
    if (slot.wanted) {
      Queue(key, slot);
    } else {
      unwanted.push_back(key);
    }
  }
  for (const ObjectKey& key : unwanted) {
    Erase(key);
    gone(key);
  }
}

void ObjectLedger::Erase(const ObjectKey& key) {
  const ObjectKey copy = key;  // it may be the map's own
  const auto at = slots_.find(copy);
  SetState(copy, at->second, State::kSettled);
  slots_.erase(at);
}

bool ObjectLedger::IsSent(const ObjectKey& key) const {
  const auto at = slots_.find(key);
  return at != slots_.end() && at->second.sent.has_value();
}

const Object* ObjectLedger::Wanted(const ObjectKey& key) const {
  const auto at = slots_.find(key);
  return at == slots_.end() || !at->second.wanted ? nullptr : &*at->second.wanted;
}

uint64_t ObjectLedger::unanswered(uint32_t vrf) const {
  const auto at = unanswered_.find(vrf);
  return at == unanswered_.end() ? 0 : at->second;
}

std::vector<Problem> ObjectLedger::Problems(uint32_t vrf, size_t count_max) const {
  std::vector<Problem> problems;
  const auto at = problems_.find(vrf);
  if (at == problems_.end()) return problems;
  for (const auto* keys : {&at->second.configured, &at->second.made}) {
    const auto first = static_cast<std::ptrdiff_t>(problems.size());
    for (const ObjectKey& key : *keys) {
      if (problems.size() == count_max) break;
      problems.push_back({Describe(key), slots_.at(key).reason});
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
  for (const ObjectKey& key : at->second.configured) {
    const bool of_interface = key.kind == ObjectKind::kInterface || key.kind == ObjectKind::kAddress ||
                              key.kind == ObjectKind::kNeighbor;
    if (of_interface && key.id == interface) visit(key, {Describe(key), slots_.at(key).reason});
  }
}

}  // namespace sluice::programming
