// The RIBs of all VRFs with what they share: interned next-hop lists and
// adjacencies. Paths come in from every source; adjacencies, groups and routes
// go out to programming, whose acknowledgements come back. Sans-IO; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "control/rib/adjacency_table.h"
#include "control/rib/connected_subnets.h"
#include "control/rib/family_rib.h"
#include "control/rib/next_hop_table.h"
#include "control/rib/route.h"
#include "control/rib/route_view.h"

namespace sluice::rib {

// Changes remembered for watchers, per VRF.
inline constexpr size_t kChangesMax = 131'072;

class Rib {
 public:
  // Inputs. A path of the same identity is replaced; withdrawing what is not
  // there is harmless. A VRF exists from its first path on.
  void Update(const RouteInput& path, RouteSet set);
  void Withdraw(uint32_t vrf, const net::Prefix& prefix, Source source, uint32_t path_id, RouteSet set);
  // `paths` (all of `vrf`) become the whole set.
  void Replace(uint32_t vrf, RouteSet set, std::span<const RouteInput> paths);
  void RemoveVrf(uint32_t vrf);

  // Outputs. Adjacencies before the groups that name them, groups before routes.
  std::vector<AdjacencyUpdate> TakeAdjacencies();
  std::vector<GroupUpdate> TakeGroups();
  // The next route to send; VRFs take turns of kTurn routes, so that one with a
  // full table does not keep the others waiting.
  static constexpr unsigned kTurn = 64;
  std::optional<RouteUpdate> NextToSend();
  // VRFs that may have some: as many times PassTurn, and each was looked at.
  size_t turns() const { return turns_.size(); }
  void PassTurn();  // the one that NextToSend returned has to wait; its VRF is behind the others now
  void Sent();      // the one that NextToSend returned
  void Park(RefusalCode reason);  // the same: it cannot be sent now
  void Unpark(uint32_t vrf);
  size_t RetryRefused(size_t count);

  // Answers of the dataplane.
  void Acknowledge(const RouteUpdate& update);
  void Refuse(const RouteUpdate& update, RefusalCode code);
  void AdjacencyGone(AdjacencyId id) { adjacencies_.Gone(id); }
  void GroupGone(GroupId id) { next_hops_.Gone(id); }
  void ForgetInstalled();

  // Questions. The VRF's family, or null when no path was ever there.
  const FamilyRib<Ipv4Key>* FindIpv4(uint32_t vrf) const;
  const FamilyRib<Ipv6Key>* FindIpv6(uint32_t vrf) const;
  std::vector<PathView> Paths(uint32_t vrf, const net::Prefix& prefix) const;
  // Why the dataplane does not have the route; absent when it has it or was not asked yet.
  std::optional<RefusalCode> RefusalOf(uint32_t vrf, const net::Prefix& prefix) const;
  // The prefix whose route a packet to `address` takes, and its paths.
  std::vector<PathView> Explain(uint32_t vrf, const net::Address& address) const;
  // The VRF's list of changes for a watcher; null when no path was ever there.
  ChangeList<PathKey>* changes(uint32_t vrf) const;
  uint32_t sent_routes(GroupId id) const { return next_hops_.sent_routes(id); }
  // Routes of the VRF that the dataplane has or may have.
  size_t installed(uint32_t vrf) const;
  uint64_t unanswered(uint32_t vrf) const;
  uint64_t count(uint32_t vrf, RouteState state) const;
  size_t groups() const { return next_hops_.size(); }
  // Next hops of the VRF's routes that resolve and get no flows: beyond kGroupMembersMax of a list.
  uint64_t unused_next_hops(uint32_t vrf) const { return next_hops_.unused(vrf); }
  size_t adjacencies() const { return adjacencies_.size(); }

 private:
  struct Vrf {
    Vrf(uint32_t number, NextHopTable& next_hops, uint64_t first_change)
        : changes(kChangesMax, first_change),
          ipv4(number, next_hops, subnets, changes),
          ipv6(number, next_hops, subnets, changes) {}
    ConnectedSubnets subnets;
    ChangeList<PathKey> changes;
    FamilyRib<Ipv4Key> ipv4;
    FamilyRib<Ipv6Key> ipv6;
    bool in_turn = false;  // is in turns_
    bool removing = false;
  };
  Vrf& FindOrAdd(uint32_t vrf);
  Vrf* Find(uint32_t vrf) const;
  void Settle();
  void Turn(uint32_t number, Vrf& vrf);
  void ForgetIfEmpty(uint32_t number);

  AdjacencyTable adjacencies_;
  NextHopTable next_hops_{adjacencies_};
  absl::flat_hash_map<uint32_t, std::unique_ptr<Vrf>> vrfs_;
  absl::flat_hash_set<uint32_t> unsettled_;  // connected subnets changed
  std::deque<uint32_t> turns_;               // VRFs that may have routes to send
  uint64_t vrfs_made_ = 0;
  unsigned turn_left_ = kTurn;
  net::Family turn_family_ = net::Family::kIpv4;
};

}  // namespace sluice::rib
