// What every object of the dataplane (routes apart) should be, what it was last
// told to be, and what it answered. Says which object may be sent next: an object
// goes out when all that it needs went out before, and is deleted when nothing
// that was sent needs it any more. The channel keeps that order.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "control/programming/object_key.h"
#include "control/programming/object_map.h"

namespace sluice::programming {

// Numbers of the attached dataplane's ports by the operator's names.
using PortNumbers = absl::flat_hash_map<std::string, uint16_t>;

// Hosts of overlays come by the hundred thousand: they give way to everything else.
enum class Urgency : uint8_t { kNow, kBulk };
inline constexpr unsigned kUrgencyCount = 2;

// What is wanted, what was sent and what is under way is mostly the same value.
using ObjectRef = std::shared_ptr<const Object>;

struct Operation {
  ObjectKey key;
  bool put = true;   // else delete
  ObjectRef object;  // as to be sent, or as it was sent; never null
  Urgency urgency = Urgency::kNow;
};

// An object that is not as wanted, in the operator's words.
struct Problem {
  std::string name;
  std::string reason;
  friend bool operator==(const Problem&, const Problem&) = default;
};

class ObjectLedger {
 public:
  // Inputs: the desired state. Stating the same again changes nothing.
  void Want(Object object);
  void Unwant(const ObjectKey& key);

  // The next operation of that urgency that may be sent now. `carries_routes` says whether routes
  // that were sent still need a group or VRF. Objects that cannot be sent are put
  // aside with the reason until Unblock.
  using CarriesRoutes = absl::FunctionRef<bool(const ObjectKey&)>;
  std::optional<Operation> Next(Urgency urgency, const PortNumbers& ports, CarriesRoutes carries_routes);
  void Sent(const Operation& operation);
  // When nothing else can go: an interface that has to leave a VLAN or GRE key which another
  // one waits for, while its own new one is taken (two that swap, say). The
  // operation takes it to a free one, down, until its turn comes.
  std::optional<Operation> Evasion() const;
  void Evaded(const Operation& operation);
  // Up to `count` of the objects put aside, longest first, are looked at again.
  // False: there were none.
  bool Unblock(size_t count);

  enum class Outcome {
    kStale,    // a newer operation of the object is under way
    kSettled,  // as wanted now
    kGone,     // deleted and forgotten: its number is free
    kRefused,
  };
  Outcome Acknowledge(const ObjectKey& key);
  // `absent` says that the dataplane does not have the object at all.
  Outcome Refuse(const ObjectKey& key, bool absent, std::string reason);
  // Refused objects are sent once more. False: there were none.
  bool RetryRefused();
  // The dataplane is empty or unknown: everything has to be stated again. Calls
  // `gone` for objects that were only waiting for their deletion.
  void ForgetInstalled(absl::FunctionRef<void(const ObjectKey&)> gone);

  bool Knows(const ObjectKey& key) const { return slots_.Find(key) != nullptr; }
  // Was sent and not refused.
  bool IsSent(const ObjectKey& key) const;
  // Waits for its turn among the bulk, and for nothing else.
  bool IsQueuedInBulk(const ObjectKey& key) const;
  const Object* Wanted(const ObjectKey& key) const;
  // Operations of the VRF not sent or not answered yet.
  uint64_t unanswered(uint32_t vrf) const;
  // Refused or waiting objects of the VRF: up to `count_max`, configured ones first, and how
  // many there are.
  std::vector<Problem> Problems(uint32_t vrf, size_t count_max) const;
  uint64_t problem_count(uint32_t vrf) const;
  // Those of them that configuration states.
  uint64_t configured_problem_count(uint32_t vrf) const;
  // Calls `visit(key, problem)` for those of them that are an interface or belong to it.
  using VisitProblem = absl::FunctionRef<void(const ObjectKey&, Problem)>;
  void ForEachProblemOf(uint32_t vrf, uint32_t interface, VisitProblem visit) const;
  // The object in the operator's words.
  std::string Describe(const ObjectKey& key) const;

 private:
  enum class State : uint8_t { kSettled, kQueued, kInFlight, kBlocked, kRefused };
  // Small: a virtual network has a hundred thousand hosts, with two of them each.
  struct Slot {
    ObjectRef wanted;
    ObjectRef sent;           // and not refused
    ObjectRef last;           // as last sent, for its deletion
    uint32_t unanswered = 0;  // operations under way
    uint32_t dependents = 0;  // objects sent that need this one
    uint32_t vrf = 0;
    State state = State::kSettled;
    Urgency urgency = Urgency::kNow;
    bool maybe_there : 1 = false;  // an update was refused: the dataplane may have an older one
    bool counted : 1 = false;      // in unanswered_
    bool is_problem : 1 = false;   // is in problems_
  };
  // Of one VRF: why each object is kBlocked or kRefused.
  using Reasons = absl::flat_hash_map<ObjectKey, std::string>;
  struct ProblemReasons {
    Reasons configured;
    Reasons made;  // by the RIB
  };
  void SetState(const ObjectKey& key, Slot& slot, State state, std::string reason = {});
  void SetSent(const ObjectKey& key, Slot& slot, ObjectRef object);
  void CountDependents(const ObjectRef& of, int change);
  void Queue(const ObjectKey& key, Slot& slot);
  Urgency UrgencyOf(const Object& object) const;
  std::optional<Operation> NextPut(Urgency urgency, unsigned kind, const PortNumbers& ports);
  std::optional<Operation> NextDelete(Urgency urgency, unsigned kind, CarriesRoutes carries_routes);
  std::string Blocker(const ObjectKey& key, const Object& object, const PortNumbers& ports) const;
  Outcome Settle(const ObjectKey& key, Slot& slot);
  void Erase(const ObjectKey& key);

  ObjectMap<Slot> slots_;
  // Keys in these may have been dealt with meanwhile.
  using Queues = std::array<std::deque<ObjectKey>, kObjectKindCount>;
  Queues& QueuesOf(Urgency urgency, bool put) {
    return (put ? puts_ : deletes_)[static_cast<unsigned>(urgency)];
  }
  std::array<Queues, kUrgencyCount> puts_;
  std::array<Queues, kUrgencyCount> deletes_;
  std::deque<ObjectKey> blocked_;
  std::vector<ObjectKey> refused_;
  absl::flat_hash_map<Claim, ObjectKey> claims_;  // of what was sent
  absl::flat_hash_map<uint32_t, uint64_t> unanswered_;
  absl::flat_hash_map<uint32_t, ProblemReasons> problems_;
};

}  // namespace sluice::programming
