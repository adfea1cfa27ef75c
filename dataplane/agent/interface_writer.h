// Writes VRFs, interfaces and their addresses, with everything that derives from
// them: host routes of our own addresses, link-local addresses, adjacencies.
#pragma once

#include <map>
#include <utility>

#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/agent/local_addresses.h"
#include "dataplane/agent/record_fields.h"
#include "dataplane/agent/scope_table.h"
#include "dataplane/agent/stale_holders.h"
#include "dataplane/tables/tables.h"
#include "proto/channel/counters.h"

namespace sluice::dataplane {

// The modified EUI-64 link-local address of a MAC (RFC 4291 appendix A).
net::Ipv6Address LinkLocalOf(const net::MacAddress& mac);

// Agent's thread only. Records come checked by CheckFields. A refused one
// changed nothing; one that states what is there already changes nothing either.
class InterfaceWriter {
 public:
  struct AddressKey {
    InterfaceId interface;
    net::Address address;
    friend auto operator<=>(const AddressKey&, const AddressKey&) = default;
  };
  using AddressOwners = std::map<AddressKey, Owner>;

  // All must outlive the writer.
  InterfaceWriter(Tables& tables, AdjacencyResolver& resolver, NeighborRequests& requests,
                  const channel::CounterOrigin& counters, StaleHolders& stale);

  MaybeRefusal PutVrf(const channel::VrfRecord& record);
  MaybeRefusal RemoveVrf(VrfId vrf);

  // A stale interface on (port, VLAN), or tunnel with the number, gives way.
  MaybeRefusal PutInterface(const channel::InterfaceRecord& record, Instant now);
  // A stale tunnel that receives the same packets, or subinterface with the number,
  // gives way.
  MaybeRefusal PutTunnel(const channel::TunnelRecord& record, Instant now);
  // Of either kind. Its addresses must be gone. Adjacencies through it go down.
  MaybeRefusal RemoveInterface(InterfaceId id, Instant now);

  // Another interface of the VRF that has the address as a stale one loses it.
  MaybeRefusal PutAddress(const channel::InterfaceAddressRecord& record, Owner owner);
  MaybeRefusal RemoveAddress(AddressKey key);
  // At the end of a record: stale host routes that addresses of ours took the place of.
  std::vector<DisplacedRoute> TakeDisplaced() { return locals_.TakeDisplaced(); }

  // Called after an interface or tunnel came, changed or went; must not wait.
  void SetObserver(std::function<void()> observer) { observer_ = std::move(observer); }

  AddressOwners& addresses() { return addresses_; }
  const AddressOwners& addresses() const { return addresses_; }
  uint32_t PolicerUsers(PolicerId policer) const { return policer_users_[policer]; }

 private:
  MaybeRefusal CheckInterface(const channel::InterfaceRecord& record, const Interface* before) const;
  MaybeRefusal CheckTunnel(const channel::TunnelRecord& record, const Interface* before) const;
  MaybeRefusal CheckPolicer(PolicerId policer, size_t field) const;
  bool LeavesUsersBehind(InterfaceId id, uint32_t vrf, const Interface* before) const;
  // Numbers of interfaces that are in the way and may be evicted.
  using Evictions = std::vector<InterfaceId>;
  bool AlsoEvict(InterfaceId holder, Evictions* evictions);
  MaybeRefusal MayTakePlace(const channel::InterfaceRecord& record, Evictions* evictions);
  WriteResult MayReceive(const Tunnel& tunnel, Evictions* evictions);
  MaybeRefusal HoldEnds(const Tunnel& tunnel);
  void LetGoEnds(const Tunnel& tunnel);
  void WithdrawTunnel(InterfaceId id);
  void WatchPeer(InterfaceId id, const Tunnel* tunnel);
  WriteResult Publish(const Interface& interface);
  MaybeRefusal ReplaceLinkLocal(Interface& interface, const Interface& before, size_t field);
  static bool TooSmallForIpv6(const Interface& interface, uint16_t mtu);
  static bool SameButAddresses(const Interface& a, const Interface& b);
  static bool SameOwner(const Interface& a, const Interface& b);
  WriteResult SetRouters(const Vrf& vrf, const Vrf* before);
  void CountPolicers(const Interface& interface, int by);
  void Tell(const Interface& interface, bool removed) const;
  const Interface* HolderOf(VrfId vrf, const net::Address& address, InterfaceId except) const;

  Tables& tables_;
  AdjacencyResolver& resolver_;
  NeighborRequests& requests_;
  const channel::CounterOrigin& counters_;
  StaleHolders& stale_;
  LocalAddresses locals_;
  AddressOwners addresses_;
  std::map<std::pair<VrfId, net::Address>, InterfaceId> holders_;  // without link-local ones
  std::vector<uint32_t> policer_users_;
  std::function<void()> observer_;
};

}  // namespace sluice::dataplane
