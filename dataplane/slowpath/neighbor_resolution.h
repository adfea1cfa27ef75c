// ARP and Neighbor Discovery for all subinterfaces (RFC 826, 5227, 4861): answers
// for our own addresses, resolves next hops, notices their death and holds what
// waits for them. Owns no socket, thread or clock: the caller feeds inputs and
// due time, performs the outputs in order, and calls again no later than
// NextDeadline(). We route, so there are no router messages, redirects or proxies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <span>

#include "dataplane/slowpath/address_announcer.h"
#include "dataplane/slowpath/arp_packet.h"
#include "dataplane/slowpath/event_count.h"
#include "dataplane/slowpath/hold_queue.h"
#include "dataplane/slowpath/local_interface.h"
#include "dataplane/slowpath/nd_packet.h"
#include "dataplane/slowpath/neighbor_cache.h"
#include "dataplane/slowpath/neighbor_output.h"

namespace sluice::dataplane {

struct NeighborSettings {
  Duration retransmit = std::chrono::seconds(1);         // RETRANS_TIMER
  Duration reachable = std::chrono::seconds(30);         // REACHABLE_TIME
  Duration delay_first_probe = std::chrono::seconds(5);  // DELAY_FIRST_PROBE_TIME
  uint32_t probes_max = 3;                               // MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT
  // How long a neighbour that nobody watches stays stale before it is asked
  // whether it is still there; silent ones are forgotten.
  Duration stale = std::chrono::seconds(60);
  // How long packets to a host that did not answer are refused without asking again.
  Duration failed = std::chrono::seconds(3);
  // A next hop that stays silent is asked again ever more rarely, up to this.
  Duration retry_max = std::chrono::seconds(30);
  uint32_t held_per_neighbor = 4;
  uint32_t held_per_tenant = 64;
  uint32_t requests_per_second = 200;       // believed per interface
  uint32_t solicitations_per_second = 500;  // sent per interface
  NeighborCache::Limits limits;
};

// Any thread may read them.
struct NeighborCounters {
  EventCount malformed;
  EventCount unknown_interface;
  EventCount not_on_link;
  EventCount requests_over_budget;
  EventCount requests_answered;
  EventCount solicitations_sent;
  EventCount solicitations_over_budget;
  EventCount resolved;
  EventCount failed;
  EventCount duplicate_addresses;
};

class NeighborResolution {
 public:
  // `seed` spreads the timers (RFC 4861 section 6.3.2).
  NeighborResolution(const NeighborSettings& settings, uint64_t seed);

  void Handle(Instant now, const InterfaceChange& change, NeighborOutputs& out);
  void Handle(Instant now, const NextHopWatch& watch, NeighborOutputs& out);
  void Handle(Instant now, const StaticNeighbor& entry, NeighborOutputs& out);
  // A port's carrier came back: stations may have moved meanwhile.
  void HandleLinkUp(Instant now, PortId port, NeighborOutputs& out);
  // `bytes` start behind the EtherType. The answer says why nothing came of the
  // packet; kNone: it was for us.
  DropReason HandleArp(Instant now, InterfaceId interface, std::span<const uint8_t> bytes,
                       NeighborOutputs& out);
  // The same; `bytes` start at the IPv6 header.
  DropReason HandleNd(Instant now, InterfaceId interface, const net::MacAddress& frame_source,
                      std::span<const uint8_t> bytes, NeighborOutputs& out);
  // A packet for a next hop that no worker could find. `tenant` pays for its place, whatever
  // VRF the link is of. Its handle comes back in exactly one output, now or later.
  void HandleUnresolved(Instant now, const LinkAddress& next_hop, VrfId tenant, PacketHandle packet,
                        NeighborOutputs& out);
  void HandleTime(Instant now, NeighborOutputs& out);
  std::optional<Instant> NextDeadline() const;

  const NeighborCounters& counters() const { return counters_; }
  uint64_t limit_refusals() const { return cache_.refused(); }
  // The slow path's thread.
  size_t neighbor_count() const { return cache_.size(); }
  size_t held_count() const { return held_.size(); }
  // What waits for neighbours; a handle that is taken out comes back in no output.
  HoldQueue<LinkAddress>& held() { return held_; }

 private:
  // RFC 4861 section 7.2.5 in terms of both protocols.
  struct Advertised {
    std::optional<net::MacAddress> mac;
    bool solicited = false;
    bool overrides = false;
  };

  void RemoveInterface(InterfaceId interface, NeighborOutputs& out);
  void AnnounceAdded(Instant now, const LocalInterface& interface, const LocalInterface* before);

  DropReason OnArpRequest(Instant now, LocalInterface& interface, const ArpPacket& packet,
                          NeighborOutputs& out);
  DropReason OnSolicitation(Instant now, LocalInterface& interface, const net::MacAddress& frame_source,
                            const NdPacket& packet, NeighborOutputs& out);
  void OnConflict(Instant now, const LocalInterface& interface, const net::Address& own,
                  const net::MacAddress& other, NeighborOutputs& out);
  void OnAdvertised(Instant now, Neighbor& neighbor, const Advertised& advertised, NeighborOutputs& out);
  // A station spoke to us first (RFC 4861 section 7.2.3).
  void Learn(Instant now, const LocalInterface& interface, const net::Address& address,
             const net::MacAddress& mac, NeighborOutputs& out);

  void OnDue(Instant now, Neighbor& neighbor, NeighborOutputs& out);
  void Resolve(Instant now, Neighbor& neighbor, NeighborOutputs& out);
  void Probe(Instant now, Neighbor& neighbor, NeighborOutputs& out);
  void Reached(Instant now, Neighbor& neighbor, const net::MacAddress& mac, NeighborOutputs& out);
  void Stale(Instant now, Neighbor& neighbor, const net::MacAddress& mac, NeighborOutputs& out);
  void Fail(Instant now, Neighbor& neighbor, NeighborOutputs& out);
  void Forget(Neighbor& neighbor, NeighborOutputs& out);
  void SetState(Neighbor& neighbor, NeighborState state, NeighborOutputs& out);
  void Release(const Neighbor& neighbor, NeighborOutputs& out);
  // Sends the next solicitation, to everybody or to the known MAC. False when the
  // interface's budget is used up.
  bool Solicit(Instant now, Neighbor& neighbor, NeighborOutputs& out);
  void Announce(Instant now, const AddressAnnouncer::Announcement& announcement, NeighborOutputs& out);

  void SendArp(const LocalInterface& interface, const net::MacAddress& to, const ArpPacket& packet,
               NeighborOutputs& out);
  void SendNd(const LocalInterface& interface, const net::MacAddress& to, const NdPacket& packet,
              NeighborOutputs& out);

  void SendMembership(const LocalInterface& interface, const net::Ipv6Address& own, bool joins,
                      NeighborOutputs& out);

  LocalInterface* FindInterface(InterfaceId interface);
  Duration Jittered(Duration time);

  NeighborSettings settings_;
  std::minstd_rand random_;
  std::map<InterfaceId, LocalInterface> interfaces_;
  NeighborCache cache_;
  HoldQueue<LinkAddress> held_;
  AddressAnnouncer announcer_;
  NeighborCounters counters_;
};

}  // namespace sluice::dataplane
