// The one sender of table updates: keeps what every tenant wants, sends the
// difference to the dataplane in an order it can follow, and takes the answers
// back. Objects and next hops go ahead of bulk routes. Sans-IO; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "control/programming/object_ledger.h"
#include "control/programming/objects.h"
#include "control/programming/record_encoder.h"
#include "control/programming/update_channel.h"
#include "control/rib/rib.h"

namespace sluice::programming {

// What the attached dataplane told about itself.
struct Attachment {
  PortNumbers ports;
  uint32_t adjacencies_max = 262'144;  // highest number
  uint32_t groups_max = 262'144;
};

struct TenantProgress {
  uint64_t stated_revision = 0;
  // Highest all of whose objects were answered, and those of the configuration (PutTenant)
  // accepted, by the dataplane that is attached; 0 while none is. Refused routes of the large sets do
  // not hold it back: they are counted below.
  uint64_t acknowledged_revision = 0;
  std::vector<Problem> problems;    // bounded; those of the configuration first
  uint64_t problem_count = 0;       // all that is refused or waits for something refused
  uint64_t spec_problem_count = 0;  // those of the configuration
};

// What of one interface the dataplane refused or cannot be told.
struct InterfaceProgress {
  bool absent = false;            // the interface itself
  uint32_t addresses_absent = 0;  // of it
  uint64_t problem_count = 0;     // these, and its static neighbours and configured routes
  std::vector<Problem> problems;  // bounded
};

class Sender {
 public:
  // Records sent and not answered, at most: an urgent one waits for these only,
  // which is a millisecond of the dataplane's work. More do not make bulk faster.
  static constexpr size_t kInFlightMax = 1024;
  // In one call of Pump, so that the event loop gets its turn.
  static constexpr size_t kBatchMax = 512;
  static constexpr size_t kProblemsMax = 32;
  // Objects put aside that get another look at the start of every call of Pump.
  static constexpr size_t kUnblockMax = 32;

  // Desired state. Revisions of a VRF only grow.
  void PutTenant(const TenantObjects& tenant, uint64_t revision);
  void RemoveTenant(uint32_t vrf);
  void ChangeStaticRoutes(uint32_t vrf, std::span<const rib::RouteInput> put,
                          std::span<const net::Prefix> remove, uint64_t revision, bool complete);
  // Likewise of the mappings of one virtual network, whose routes carry `path_id`.
  void ChangeMappings(uint32_t vrf, uint32_t path_id, std::span<const rib::RouteInput> put,
                      std::span<const net::Prefix> remove, uint64_t revision, bool complete);
  // Everything stored was stated: what else the dataplane holds may be swept.
  void InitialStateComplete() { initial_state_complete_ = true; }

  // `channel` is borrowed until Detach. Everything is stated again under its epoch.
  void Attach(UpdateChannel& channel, Attachment attachment);
  void Detach();
  bool attached() const { return channel_ != nullptr; }
  // The dataplane confirmed the whole state of this attachment.
  bool synced() const { return synced_; }

  // Sends what may be sent. True: call again soon, there is more and room for it.
  bool Pump();
  // Takes the dataplane's answers. True: there were any.
  bool TakeAnswers();

  // Refusals since the last call, for the log: at most kProblemsMax, of routes the
  // first of every batch of answers.
  std::vector<Problem> TakeRefusals() { return std::exchange(refusals_to_tell_, {}); }

  TenantProgress Progress(uint32_t vrf) const;
  InterfaceProgress ProgressOf(uint32_t vrf, uint32_t interface) const;
  const rib::Rib& rib() const { return rib_; }
  rib::Rib& rib() { return rib_; }
  size_t in_flight() const { return in_flight_.size(); }
  uint64_t unanswered(uint32_t vrf) const { return ledger_.unanswered(vrf) + rib_.unanswered(vrf); }
  // Sequence number of the record in the middle of those in flight: when it is
  // answered, there is room worth waking up for. 0: nothing is in flight.
  uint64_t wake_sequence() const { return in_flight_.empty() ? 0 : first_sequence_ + in_flight_.size() / 2; }
  const TenantObjects* tenant(uint32_t vrf) const;
  // Objects and routes of the VRF that are not as wanted.
  uint64_t problem_count(uint32_t vrf) const {
    return ledger_.problem_count(vrf) + rib_.count(vrf, rib::RouteState::kRefused);
  }
  // Null when nobody wants it.
  const Object* Wanted(const ObjectKey& key) const { return ledger_.Wanted(key); }
  bool initial_state_complete() const { return initial_state_complete_; }
  const absl::flat_hash_map<uint32_t, TenantObjects>& tenants() const { return tenants_; }
  // Records sent since start, and refused.
  uint64_t sent_count() const { return sent_count_; }
  uint64_t refused_count() const { return refused_count_; }

 private:
  enum class What : uint8_t { kSync, kEndOfSync, kPut, kDelete, kRoute };
  struct InFlight {
    What what;
    ObjectKey key;           // kPut, kDelete
    rib::RouteUpdate route;  // kRoute
  };
  struct Revisions {
    uint64_t stated = 0;
    mutable uint64_t acknowledged = 0;
  };

  void Apply(uint32_t vrf, const TenantObjects* desired);
  void NoteProgress(uint32_t vrf) const;
  // Calls `visit(route, reason)` for the configured routes, of `connection` if given, that are refused.
  using VisitRefusal = absl::FunctionRef<void(const rib::RouteInput&, rib::RefusalCode)>;
  void ForEachRefusedRoute(const TenantObjects& of, std::optional<uint32_t> connection,
                           VisitRefusal visit) const;
  uint64_t SpecProblemCount(uint32_t vrf) const;
  AdjacencyObject AdjacencyOf(uint32_t id, const rib::Adjacency& wanted) const;
  void TakeRibChanges();
  // False: the ring is full.
  bool SendRecord(uint32_t bytes, InFlight in_flight);
  bool SendBeginSync();
  bool SendPut(const Operation& operation);
  bool SendDelete(const Operation& operation);
  bool SendObjects(Urgency urgency, size_t& budget);
  bool SendRoutes(size_t& budget);
  bool SendEndOfSync();
  void Answer(const InFlight& record, const channel::Refusal* refusal);
  void AnswerObject(const InFlight& record, const channel::Refusal* refusal);
  void AnswerRoute(const rib::RouteUpdate& route, const channel::Refusal* refusal);
  // In the operator's words; empty for what nobody here knows.
  std::string NameOf(ObjectKind kind, uint32_t id) const;
  // Of the limit that `code` names, as it was said last for the VRF; 0 when it was not.
  uint64_t FigureOf(uint32_t vrf, rib::RefusalCode code) const;
  void Gone(const ObjectKey& key);
  bool CarriesRoutes(const ObjectKey& key) const;
  void RetryAfterAnswers();

  rib::Rib rib_;
  ObjectLedger ledger_;
  absl::flat_hash_map<uint32_t, TenantObjects> tenants_;
  absl::flat_hash_map<uint32_t, Revisions> revisions_;
  bool initial_state_complete_ = false;

  UpdateChannel* channel_ = nullptr;
  Attachment attachment_;
  WireNumbers numbers_;
  RecordBuffer buffer_;
  bool begin_sent_ = false;
  bool end_sent_ = false;
  bool synced_ = false;
  bool unblock_worth_it_ = false;  // something was sent or answered since the last look

  std::deque<InFlight> in_flight_;
  uint64_t first_sequence_ = 1;  // of in_flight_.front()
  absl::flat_hash_map<uint64_t, channel::Refusal> refusals_;
  std::vector<Problem> refusals_to_tell_;
  absl::flat_hash_map<std::pair<uint32_t, rib::RefusalCode>, uint64_t> limit_figures_;
  bool route_refusal_told_ = false;  // in this batch
  uint64_t sent_count_ = 0;
  uint64_t refused_count_ = 0;
  // Since the last look: what may let refused ones succeed.
  size_t routes_freed_ = 0;
  bool retry_all_routes_ = false;
  bool objects_changed_ = false;
  bool numbers_replaced_ = false;  // of objects that were refused for their number
  absl::flat_hash_set<uint32_t> vrfs_changed_;
};

}  // namespace sluice::programming
