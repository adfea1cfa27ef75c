// Lists of next hops, each once per VRF, and what they resolve to. A list's
// number is also the number of the next-hop group in the dataplane, so that a
// change of resolution rewrites one group and none of the routes behind it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "control/rib/adjacency_table.h"
#include "control/rib/connected_subnets.h"
#include "control/rib/path.h"
#include "control/rib/route.h"

namespace sluice::rib {

// More next hops than this are not used, and said to be (channel::kMaxGroupMembers).
inline constexpr size_t kGroupMembersMax = 64;
inline constexpr uint16_t kMemberWeightMax = 256;

struct GroupMember {
  AdjacencyId adjacency = kNoAdjacency;
  uint16_t weight = 1;
  friend bool operator==(const GroupMember&, const GroupMember&) = default;
};
using GroupMembers = std::vector<GroupMember>;

struct ResolvedNextHop {
  Adjacency adjacency;
  uint16_t weight = 1;
  friend bool operator==(const ResolvedNextHop&, const ResolvedNextHop&) = default;
};

struct GroupUpdate {
  GroupId id = kNoGroup;
  uint32_t vrf = 0;
  GroupMembers members;  // empty: no route wants the group any more

  friend bool operator==(const GroupUpdate&, const GroupUpdate&) = default;
};

// Life of a list: it exists while a path or a route entry holds it (Acquire,
// Hold) or the dataplane may have its group; it is a wanted group while at
// least one route has chosen it.
class NextHopTable {
 public:
  explicit NextHopTable(AdjacencyTable& adjacencies) : adjacencies_(adjacencies) {}
  NextHopTable(const NextHopTable&) = delete;
  NextHopTable& operator=(const NextHopTable&) = delete;

  // Interns; the caller gets one hold. `family` is that of the routes, for
  // directly connected next hops; `subnets` are those of the VRF.
  GroupId Acquire(uint32_t vrf, net::Family family, const NextHops& next_hops,
                  const ConnectedSubnets& subnets);
  void Hold(GroupId id) { ++slots_[id].holds; }
  // The same for another path.
  void Share(GroupId id) {
    slots_[id].shared = true;
    Hold(id);
  }
  void Release(GroupId id);
  // A host behind an overlay that only one path leads to, that of one route, is at `to` from now
  // on: the list keeps its number, and the dataplane gets an adjacency in place of five
  // records. False: somebody else has, or had, the list or one to `to`.
  bool MoveHost(GroupId id, const NextHop& to);

  // A route chose the list, or left it.
  void Want(GroupId id);
  void Unwant(GroupId id);
  // The dataplane no longer has the group.
  void Gone(GroupId id);

  // Routes that the dataplane was told to send through the group.
  void AddSent(GroupId id, int change) { slots_[id].sent_by += static_cast<uint32_t>(change); }
  uint32_t sent_routes(GroupId id) const { return slots_[id].sent_by; }
  // The dataplane is empty or unknown: no group is referred to or installed.
  void ForgetInstalled();

  bool Is(GroupId id, uint32_t vrf, net::Family family, const NextHops& next_hops) const {
    const Slot& slot = slots_[id];
    return slot.live && slot.Is({vrf, family, next_hops});
  }
  bool Usable(GroupId id) const { return slots_[id].usable; }
  uint32_t vrf(GroupId id) const { return slots_[id].vrf; }
  const NextHops& next_hops(GroupId id) const { return slots_[id].next_hops; }
  // What the list resolves to, without regard to liveness.
  const std::vector<ResolvedNextHop>& resolved(GroupId id) const { return slots_[id].resolved; }
  // Of a wanted list: no flow takes the hop, though it resolves, because kGroupMembersMax others do.
  // They are the first ones of the list.
  bool IsUnused(GroupId id, const NextHop& hop, const ConnectedSubnets& subnets) const;
  // Such hops of all wanted lists of the VRF.
  uint64_t unused(uint32_t vrf) const;

  // Resolves all lists of the VRF anew; returns those that became or ceased to be usable.
  absl::flat_hash_set<GroupId> ResolveAgain(uint32_t vrf, const ConnectedSubnets& subnets);

  std::vector<GroupUpdate> Take();
  size_t size() const { return ids_.size(); }

 private:
  // What tells lists apart.
  struct Key {
    uint32_t vrf;
    net::Family family;
    std::span<const NextHop> next_hops;
    template <typename H>
    friend H AbslHashValue(H hash, const Key& key) {
      hash = H::combine(std::move(hash), key.vrf, key.family);
      for (const NextHop& hop : key.next_hops) {
        const bool v6 = hop.address && !hop.address->is_v4();
        const uint64_t text = !hop.address ? 0 : v6 ? hop.address->v6().Low() : hop.address->v4().value;
        hash = H::combine(std::move(hash), text, hop.interface, hop.weight, hop.mac.bytes);
      }
      return hash;
    }
  };
  struct Slot {
    uint32_t vrf = 0;
    net::Family family = net::Family::kIpv4;
    bool live = false;
    bool usable = false;
    bool listed = false;     // is in changed_
    bool installed = false;  // handed to programming, not yet Gone
    bool shared = false;     // had a second path, perhaps one after the other
    uint32_t holds = 0;
    uint32_t wanted_by = 0;  // routes
    uint32_t sent_by = 0;    // routes
    NextHops next_hops;
    std::vector<ResolvedNextHop> resolved;
    GroupMembers members;           // while wanted: holds its adjacencies
    std::vector<Adjacency> unused;  // while wanted

    Key key() const { return {vrf, family, next_hops}; }
    bool Is(const Key& of) const {
      return vrf == of.vrf && family == of.family &&
             std::equal(next_hops.begin(), next_hops.end(), of.next_hops.begin(), of.next_hops.end());
    }
  };
  using Slots = std::vector<Slot>;
  // A set of numbers by what is in their slots: it stays small where lists are many.
  struct Hash {
    using is_transparent = void;
    const Slots* slots;
    size_t operator()(const Key& key) const { return absl::HashOf(key); }
    size_t operator()(GroupId id) const { return absl::HashOf((*slots)[id].key()); }
  };
  struct Equal {
    using is_transparent = void;
    const Slots* slots;
    bool operator()(GroupId a, GroupId b) const { return a == b; }
    bool operator()(GroupId id, const Key& key) const { return (*slots)[id].Is(key); }
  };
  GroupId NewSlot();
  static std::vector<ResolvedNextHop> Resolve(const Slot& slot, const ConnectedSubnets& subnets);
  void AcquireMembers(Slot& slot);
  void ReleaseMembers(Slot& slot);
  void SetUnused(Slot& slot, std::vector<Adjacency> unused);
  void FreeIfUnused(GroupId id);
  void List(GroupId id);

  AdjacencyTable& adjacencies_;
  Slots slots_{1};  // by id; 0 is none
  absl::flat_hash_set<GroupId, Hash, Equal> ids_{0, Hash{&slots_}, Equal{&slots_}};
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<GroupId>> by_vrf_;
  absl::flat_hash_map<uint32_t, uint64_t> unused_;  // by VRF; none is zero
  std::deque<GroupId> free_;
  std::vector<GroupId> changed_;
};

}  // namespace sluice::rib
