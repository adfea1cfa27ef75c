// Owner scopes of the channel: which epoch each is in, what of it is stale, and
// until when stale objects stay in use. Control going away changes nothing here:
// deadlines run only while a control is attached.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/slowpath/instant.h"
#include "dataplane/tables/ids.h"
#include "proto/channel/records.h"

namespace sluice::dataplane {

using ScopeIndex = uint16_t;
inline constexpr ScopeIndex kNoScope = 0;

// Which scope stated an object, and in which of its generations: 4 bytes per
// object. An object of a former generation is stale.
struct Owner {
  ScopeIndex scope = kNoScope;
  uint8_t generation = 0;
};

class ScopeTable {
 public:
  // Generations are 1 .. kGenerations - 1 in a circle; 0 is stale for sure.
  static constexpr unsigned kGenerations = 64;

  struct State {
    channel::Scope scope{};
    uint32_t epoch = 0;
    uint8_t generation = 0;
    // Syncs begun since the last one that was ended and swept.
    uint8_t unfinished = 0;
    bool begun = false;              // since the present control attached
    bool synced = false;             // and ended
    uint32_t stale_deadline_ms = 0;  // as last said; 0 = for ever
    std::optional<Instant> deadline;
    uint64_t objects = 0;
    bool in_use = false;
  };

  // BGP and IKE scopes name VRFs below `vrfs`.
  explicit ScopeTable(uint32_t vrfs) : vrfs_(vrfs), states_(1) {}

  // Has it the form of a scope that control may own objects in?
  bool Valid(const channel::Scope& scope) const;
  // kNoScope when it never began.
  ScopeIndex Find(const channel::Scope& scope) const;
  const State& At(ScopeIndex index) const { return states_[index]; }
  State& At(ScopeIndex index) { return states_[index]; }
  // Number of entries; those with `in_use` are scopes.
  ScopeIndex size() const { return static_cast<ScopeIndex>(states_.size()); }

  // A new epoch: everything of the scope is stale from now on. `*retag` is set
  // when generations came full circle: then mark all the scope's objects that
  // are not of the new generation with generation 0. kNoScope: no room.
  ScopeIndex Begin(const channel::Scope& scope, uint32_t epoch, uint32_t stale_deadline_ms, Instant now,
                   bool* retag);
  // What is stale is about to be swept.
  void End(ScopeIndex index);
  // Nothing stale is left.
  void Swept(ScopeIndex index) { states_[index].unfinished = 0; }
  // All that the scope owns is stale now. True: see `retag` of Begin.
  bool Expire(ScopeIndex index) { return NextGeneration(states_[index]); }
  // The VRF is gone, and the scope with it. Its objects must be gone.
  void Forget(ScopeIndex index);

  // Control came: scopes that it does not begin again run into their deadlines.
  void OnAttach(Instant now);
  // Control went: everything stays as it is.
  void OnDetach();
  struct Expired {
    ScopeIndex scope;
    bool retag;  // see Begin
  };
  // A scope whose deadline passed: what was not stated again is stale now, and to
  // be swept. Absent when none did.
  std::optional<Expired> TakeExpired(Instant now);
  std::optional<Instant> NextDeadline() const;

  Owner OwnerNow(ScopeIndex index) const { return {index, states_[index].generation}; }
  bool IsStale(const Owner& owner) const {
    return owner.scope != kNoScope && owner.generation != states_[owner.scope].generation;
  }

 private:
  // Makes everything of the scope stale. True: see `retag` of Begin.
  static bool NextGeneration(State& state);
  static uint64_t KeyOf(const channel::Scope& scope) {
    return uint64_t{scope.kind} << 40 | uint64_t{scope.family} << 32 | scope.id;
  }

  const uint32_t vrfs_;
  std::vector<State> states_;
  std::vector<ScopeIndex> free_;
  absl::flat_hash_map<uint64_t, ScopeIndex> by_scope_;
};

// A route's owner in one byte, as the VRF and the family say the rest: the
// scope's kind and its generation. 0: the dataplane's own.
struct RouteTag {
  static uint8_t Of(const channel::Scope& scope, uint8_t generation) {
    return static_cast<uint8_t>(scope.kind << 6 | generation);
  }
  static uint8_t Kind(uint8_t tag) { return tag >> 6; }
  static uint8_t Generation(uint8_t tag) { return tag & 0x3f; }
};

}  // namespace sluice::dataplane
