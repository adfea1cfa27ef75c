// All tables of the dataplane and the writes that concern several of them.
// Workers hold a pointer to this and read the members; the agent is the single
// writer. Memory is taken once, at start; FIB memory grows up to its limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/tables/adjacency_table.h"
#include "dataplane/tables/fib/fib.h"
#include "dataplane/tables/icmp_budgets.h"
#include "dataplane/tables/ids.h"
#include "dataplane/tables/interface.h"
#include "dataplane/tables/neighbor_table.h"
#include "dataplane/tables/next_hop_groups.h"
#include "dataplane/tables/own_addresses.h"
#include "dataplane/tables/policer_table.h"
#include "dataplane/tables/published_array.h"
#include "dataplane/tables/punt_budgets.h"
#include "dataplane/tables/reassembly_table.h"
#include "dataplane/tables/retirement.h"
#include "dataplane/tables/sa/sa_table.h"
#include "dataplane/tables/sa/slot_table.h"
#include "dataplane/tables/subinterface_map.h"
#include "dataplane/tables/table_limits.h"
#include "dataplane/tables/tunnel_table.h"
#include "dataplane/tables/vrf.h"
#include "dataplane/tables/write_result.h"
#include "proto/net/prefix.h"

namespace sluice::dataplane {

struct TablesOptions {
  TableLimits limits;
  uint32_t ports = 1;  // port ids are 0 .. ports - 1; at most 256
  WorkerIndex workers = 1;
  uint64_t ticks_per_second = 1'000'000'000;  // of the workers' clock
  IcmpRates icmp;
  PuntRates punt = kPuntRates;
  uint64_t seed = 0;  // of hashes that strangers must not foresee
  // What outlives the process of each SA, limits.sas + 1 of them; empty: nothing does.
  std::span<SequenceMark> sequence_marks;
};

struct Tables {
  // `reclaimer` must outlive the tables. The underlay's VRF 0 exists from the start.
  Tables(const TablesOptions& options, Reclaimer& reclaimer);
  // No reader may be left.
  ~Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  // Everything below is called on the writer's thread. A refused write changed nothing.

  // Creates or changes.
  WriteResult PutVrf(const Vrf& vrf);
  // The VRF must have neither interfaces nor local addresses; its routes go with it.
  WriteResult RemoveVrf(VrfId vrf);

  // Creates or changes; kConflict when (port, VLAN) is another interface's.
  WriteResult PutInterface(const Interface& interface);
  WriteResult RemoveInterface(InterfaceId interface);

  // Creates or changes both halves of a tunnel: an interface without a place
  // (kNoPort) and what workers need to put packets into it and to take them out;
  // `tunnel`'s id and VRF are the interface's. kConflict when the number is a
  // subinterface's. Addresses may be changed by PutInterface afterwards.
  WriteResult PutTunnel(const Interface& interface, const Tunnel& wanted);
  WriteResult RemoveTunnel(InterfaceId interface);

  // Creates or changes, and moves flows of groups when the liveness changed.
  WriteResult PutAdjacency(AdjacencyId id, const Adjacency& adjacency);
  // Refused while a group names it.
  WriteResult RemoveAdjacency(AdjacencyId id);

  // Adds the route or replaces its group and its tag, which is the agent's note
  // on who owns it. kConflict for an address of ours.
  // `before`, if given, gets what the prefix had, unless the route is refused.
  WriteResult AddRoute(VrfId vrf, const net::Prefix& prefix, GroupId group, uint8_t tag = 0,
                       RouteValue* before = nullptr);
  WriteResult RemoveRoute(VrfId vrf, const net::Prefix& prefix);
  // kNoGroup when there is no such route.
  GroupId FindRoute(VrfId vrf, const net::Prefix& prefix) const;
  RouteValue FindRouteValue(VrfId vrf, const net::Prefix& prefix) const;

  // An address of ours: a host route to the local group, over any other. kConflict
  // when somebody has a route for it, unless `displaced` is given, which gets it.
  WriteResult AddLocalAddress(VrfId vrf, const net::Address& address, RouteValue* displaced = nullptr);
  // `restored`, if given, is the route that the address had displaced.
  WriteResult RemoveLocalAddress(VrfId vrf, const net::Address& address,
                                 const RouteValue* restored = nullptr);

  // Frees what readers no longer hold. Never waits; call it when idle.
  void Reclaim();

  // The FIBs of a VRF, for dumps and explanations on the writer's thread; null
  // when there is no such VRF.
  const Fib4* Ipv4Routes(VrfId vrf) const;
  const Fib6* Ipv6Routes(VrfId vrf) const;
  bool Exists(VrfId vrf) const { return vrf < vrfs.size() && vrfs.Find(vrf) != nullptr; }

  const TableLimits limits;
  Retirement retirement;
  // Lookup structures; workers use their reader's functions.
  SubinterfaceMap subinterfaces;
  PublishedArray<Interface> interfaces;
  PublishedArray<Vrf> vrfs;
  AdjacencyTable adjacencies;
  NextHopGroups groups;
  NeighborTable neighbors;
  PolicerTable policers;
  OwnAddresses own_addresses;
  IcmpBudgets icmp_budgets;
  PuntBudgets punt_budgets;
  TunnelTable tunnels;
  SlotTable slots;
  SaTable sas;
  FibPool4 fib4_pool;
  FibPool6 fib6_pool;
  Fib4Views fib4;
  Fib6Views fib6;
  // Moves after every change of VRF 0's routes, for workers that remember them.
  std::atomic<uint32_t> underlay_generation{1};
  // By worker, which alone uses its own, but for held().
  std::vector<std::unique_ptr<ReassemblyTable>> reassembly;

  // Any reader: differs between the tenants that had the number one after the other.
  uint16_t GenerationOf(VrfId vrf) const { return generations_[vrf].load(std::memory_order_relaxed); }

 private:
  struct VrfFibs {
    Fib4 ipv4;
    Fib6 ipv6;
  };

  WriteResult CheckInterface(const Interface& interface) const;
  WriteResult CheckRouteLimits(const VrfFibs& fibs, net::Family family) const;
  WriteResult SetRoute(VrfId vrf, const net::Prefix& prefix, GroupId group, uint8_t tag, RouteValue* was);
  WriteResult EraseRoute(VrfId vrf, const net::Prefix& prefix);
  WriteResult RestoreRoute(VrfId vrf, const net::Prefix& prefix, const RouteValue& route);
  void RoutesChanged(VrfId vrf) {
    if (vrf == 0) underlay_generation.fetch_add(1, std::memory_order_release);
  }

  std::vector<std::unique_ptr<VrfFibs>> fibs_;      // by VRF
  std::vector<uint32_t> vrf_interfaces_;            // count by VRF
  std::vector<std::atomic<uint16_t>> generations_;  // by VRF
};

}  // namespace sluice::dataplane
