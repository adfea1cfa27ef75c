// The RIB of one VRF and family: takes paths in, chooses, lists what has to be
// sent, takes acknowledgements back and answers questions. Sans-IO; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/rib/change_list.h"
#include "control/rib/connected_subnets.h"
#include "control/rib/next_hop_table.h"
#include "control/rib/prefix_key.h"
#include "control/rib/route_table.h"
#include "control/rib/route_view.h"

namespace sluice::rib {

template <typename Key>
class FamilyRib {
 public:
  // The references are of the owning Rib and outlive this.
  FamilyRib(uint32_t vrf, NextHopTable& next_hops, ConnectedSubnets& subnets, ChangeList<PathKey>& changes)
      : vrf_(vrf), next_hops_(next_hops), subnets_(subnets), changes_(changes) {}

  // Inputs. True: the connected subnets changed, next hops must be resolved again.
  bool Update(const RouteInput& input, RouteSet set);
  bool Withdraw(const Key& key, Source source, uint32_t path_id, RouteSet set);
  // Between the two, Update restates the whole set; the rest of it is withdrawn.
  void BeginReplace(RouteSet set) { ++marks_[static_cast<unsigned>(set)]; }
  bool EndReplace(RouteSet set);
  bool WithdrawAll();
  // After next hops were resolved again: these lists became or ceased to be usable.
  void SelectAgain(const absl::flat_hash_set<GroupId>& flipped);

  // Output: routes that wait to be sent. The caller looks at the first one and
  // then either sent it or parks it with a reason.
  std::optional<RouteUpdate> NextToSend();
  void Sent();
  void Park(RefusalCode reason);
  void Unpark();
  // Queues up to `count` refused routes once more; returns how many.
  size_t RetryRefused(size_t count);

  // The dataplane's answer to what was sent with `group`.
  void Acknowledge(const Key& key, GroupId group);
  void Refuse(const Key& key, GroupId group, RefusalCode code);
  // The dataplane is empty or unknown: everything has to be stated again.
  void ForgetInstalled();

  // Questions.
  std::vector<PathView> Paths(const Key& key) const;
  // Why the dataplane does not have the route; absent when it has it or was not asked yet.
  std::optional<RefusalCode> RefusalOf(const Key& key) const;
  std::optional<Key> LongestMatch(const net::Address& address) const;
  // All paths of at least one and about `limit` paths' worth of prefixes from
  // `from` on, in order; the prefix to go on with, absent at the end.
  std::optional<Key> Page(const Key& from, size_t limit, std::vector<PathView>& out) const;

  size_t size() const { return table_.size(); }
  size_t installed() const { return installed_; }  // that the dataplane has or may have
  uint64_t count(RouteState state) const { return states_[static_cast<unsigned>(state)]; }
  uint64_t unanswered() const { return count(RouteState::kPending) + count(RouteState::kRemoving); }
  const SourceCount& count(Source source) const { return sources_[static_cast<unsigned>(source)]; }

  template <typename Visit>
  void ForEachRefused(size_t count_max, Visit visit) const;

 private:
  // `sent` of a route whose change was refused: the dataplane may have an older one.
  static constexpr GroupId kUnknownGroup = UINT32_MAX;

  // True: that was all, or nothing, to be done.
  bool MoveHost(const Key& key, const RouteInput& input, RouteSet set);
  GroupId InternedNextHops(const RouteInput& input);
  bool ConnectedChanged(const Key& key, GroupId next_hops, bool added);
  bool RemovePath(const Key& key, RouteEntry& entry, size_t index);
  void Select(const Key& key, RouteEntry& entry);
  GroupId Choose(const RouteEntry& entry, const Cost& best);
  GroupId Merged(const RouteEntry& entry, const Cost& best);
  void SetState(const Key& key, RouteEntry& entry, RouteState state);
  void SetSent(RouteEntry& entry, GroupId group);
  void Queue(const Key& key, RouteEntry& entry);
  void EraseIfDone(const Key& key, RouteEntry& entry);
  void Changed(const Key& key, const RouteEntry& entry);
  Cost BestOf(const RouteEntry& entry) const;
  PathView View(const Key& key, const RouteEntry& entry, const Path& path, const Cost& best) const;

  const uint32_t vrf_;
  NextHopTable& next_hops_;
  ConnectedSubnets& subnets_;
  ChangeList<PathKey>& changes_;  // for watchers
  RouteTable<Key> table_;
  std::deque<Key> queue_;     // may hold keys that no longer need it
  std::vector<Key> refused_;  // likewise
  std::vector<Key> parked_;   // likewise
  size_t installed_ = 0;
  std::array<uint64_t, kRouteStateCount> states_{};
  std::array<SourceCount, kSourceCount> sources_{};
  std::array<uint8_t, kRouteSetCount> marks_{};  // by RouteSet
  GroupId last_interned_ = kNoGroup;
};

template <typename Key>
template <typename Visit>
void FamilyRib<Key>::ForEachRefused(size_t count_max, Visit visit) const {
  for (const std::vector<Key>* list : {&refused_, &parked_}) {
    for (const Key& key : *list) {
      const RouteEntry* entry = table_.Find(key);
      if (entry == nullptr || entry->state != RouteState::kRefused) continue;
      if (count_max-- == 0) return;
      visit(key.ToPrefix(), entry->refusal);
    }
  }
}

extern template class FamilyRib<Ipv4Key>;
extern template class FamilyRib<Ipv6Key>;

}  // namespace sluice::rib
