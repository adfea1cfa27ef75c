// Epochs and deadlines of owner scopes.
#include "dataplane/agent/scope_table.h"

#include <limits>

namespace sluice::dataplane {

using channel::Scope;
using channel::ScopeKind;

bool ScopeTable::Valid(const Scope& scope) const {
  if (scope.reserved != 0) return false;
  switch (static_cast<ScopeKind>(scope.kind)) {
    case ScopeKind::kConfiguration:
      return scope.family == 0 && scope.id == 0;
    case ScopeKind::kBgp:
      return (scope.family == 4 || scope.family == 6) && scope.id < vrfs_;
    case ScopeKind::kIke:
      return scope.family == 0 && scope.id < vrfs_;
    case ScopeKind::kDataplane:
      return false;
  }
  return false;
}

ScopeIndex ScopeTable::Find(const Scope& scope) const {
  const auto found = by_scope_.find(KeyOf(scope));
  return found == by_scope_.end() ? kNoScope : found->second;
}

ScopeIndex ScopeTable::Begin(const Scope& scope, uint32_t epoch, uint32_t stale_deadline_ms, Instant now,
                             bool* retag) {
  ScopeIndex index = Find(scope);
  if (index == kNoScope) {
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else if (states_.size() < std::numeric_limits<ScopeIndex>::max()) {
      index = static_cast<ScopeIndex>(states_.size());
      states_.emplace_back();
    } else {
      return kNoScope;
    }
    states_[index] = {.scope = scope, .in_use = true};
    by_scope_[KeyOf(scope)] = index;
  }
  State& state = states_[index];
  state.epoch = epoch;
  state.begun = true;
  state.synced = false;
  *retag = NextGeneration(state);
  state.stale_deadline_ms = stale_deadline_ms;
  state.deadline.reset();
  if (stale_deadline_ms != 0) state.deadline = now + std::chrono::milliseconds(stale_deadline_ms);
  return index;
}

bool ScopeTable::NextGeneration(State& state) {
  state.generation = static_cast<uint8_t>(state.generation % (kGenerations - 1) + 1);
  // The next one after this would be a generation that may have objects.
  if (++state.unfinished < kGenerations - 2) return false;
  state.unfinished = 1;
  return true;
}

void ScopeTable::End(ScopeIndex index) {
  State& state = states_[index];
  state.synced = true;
  state.deadline.reset();
}

void ScopeTable::Forget(ScopeIndex index) {
  by_scope_.erase(KeyOf(states_[index].scope));
  states_[index] = {};
  free_.push_back(index);
}

void ScopeTable::OnAttach(Instant now) {
  for (State& state : states_) {
    if (!state.in_use) continue;
    state.begun = false;
    state.synced = false;
    if (state.stale_deadline_ms != 0)
      state.deadline = now + std::chrono::milliseconds(state.stale_deadline_ms);
  }
}

void ScopeTable::OnDetach() {
  for (State& state : states_) state.deadline.reset();
}

std::optional<ScopeTable::Expired> ScopeTable::TakeExpired(Instant now) {
  for (ScopeIndex index = 1; index < size(); ++index) {
    State& state = states_[index];
    if (!state.deadline || *state.deadline > now) continue;
    state.deadline.reset();
    // A scope that began has made its old objects stale already.
    return Expired{index, !state.begun && NextGeneration(state)};
  }
  return std::nullopt;
}

std::optional<Instant> ScopeTable::NextDeadline() const {
  std::optional<Instant> next;
  for (const State& state : states_)
    if (state.deadline && (!next || *state.deadline < *next)) next = state.deadline;
  return next;
}

}  // namespace sluice::dataplane
