// What the slow path (neighbour resolution) and the agent (single writer of all
// tables) tell each other. Both directions are queues between two threads: the
// functions below may be called from the named thread only, never block, and
// take values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/tables/ids.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::dataplane {

// RFC 4861 section 7.3.2 names, used for ARP too.
enum class NeighborState : uint8_t { kIncomplete, kReachable, kStale, kDelay, kProbe, kFailed, kStatic };

// Slow path -> agent.
struct NeighborUpdate {
  InterfaceId interface = kNoInterface;
  net::Address address;
  NeighborState state = NeighborState::kIncomplete;
  // Present while packets may be sent to the neighbour.
  std::optional<net::MacAddress> mac;
  bool removed = false;  // aged out: forget it

  friend bool operator==(const NeighborUpdate&, const NeighborUpdate&) = default;
};

// Somebody else on the link claims an address of ours.
struct DuplicateAddressReport {
  InterfaceId interface = kNoInterface;
  net::Address address;
  net::MacAddress other;

  friend bool operator==(const DuplicateAddressReport&, const DuplicateAddressReport&) = default;
};

// A port's carrier went or came. `at` is when the slow path saw it, so that the
// time of a failover can be told from its cause.
struct PortLinkChange {
  PortId port = 0;
  bool up = false;
  std::chrono::steady_clock::time_point at;

  friend bool operator==(const PortLinkChange&, const PortLinkChange&) = default;
};

// Whether the far end of a tunnel answers probes; see slowpath/peer_probes.h.
struct PeerReport {
  InterfaceId interface = kNoInterface;  // the tunnel
  bool silent = false;
  // Silent: since its last answer, or if there was none since it is asked; else since the first answer.
  std::chrono::steady_clock::time_point since;

  friend bool operator==(const PeerReport&, const PeerReport&) = default;
};

// Of a tunnel packet of ours; see packet/path_mtu_message.h.
struct PathMtuReport;

class NeighborSink {
 public:
  virtual ~NeighborSink() = default;
  // Called on the slow path's thread. False when the queue is full: call again later.
  virtual bool Push(const NeighborUpdate& update) = 0;
  virtual bool Push(const DuplicateAddressReport& report) = 0;
  virtual bool Push(const PathMtuReport& report) = 0;
  virtual bool Push(const PeerReport& report) = 0;
  // Never refused: of each port the last change is kept, apart from the rest.
  virtual bool Push(const PortLinkChange& change) = 0;
};

// Agent -> slow path.
struct InterfaceChange {
  InterfaceId interface = kNoInterface;
  bool removed = false;
  VrfId vrf = 0;
  // kNoPort: an overlay, whose stations are hosts that control names. Of it only
  // questions for our addresses are the slow path's.
  PortId port = 0;
  uint16_t vlan = 0;
  uint16_t mtu = 1500;
  bool up = true;
  net::MacAddress mac;
  // All addresses of the interface, without the link-local one, which the slow
  // path derives from the MAC (RFC 4291 appendix A).
  std::vector<net::InterfaceAddress> addresses;
};
// A next hop that control wants resolved and kept reachable (an adjacency of
// kind kNeighbor names it), or no longer.
struct NextHopWatch {
  InterfaceId interface = kNoInterface;
  net::Address address;
  bool watched = true;
};
struct StaticNeighbor {
  InterfaceId interface = kNoInterface;
  net::Address address;
  std::optional<net::MacAddress> mac;  // absent: the entry is deleted
};
// A tunnel whose far end is to be asked for signs of life, from the beginning; with
// `misses` 0, no longer. How it is asked, the tunnel says.
struct PeerWatch {
  InterfaceId interface = kNoInterface;
  std::chrono::seconds interval{};
  uint8_t misses = 0;

  friend bool operator==(const PeerWatch&, const PeerWatch&) = default;
};

class NeighborRequests {
 public:
  virtual ~NeighborRequests() = default;
  // Called on the agent's thread. Never refused, because the agent holds back what
  // leads to them while there is no room.
  virtual void Push(const InterfaceChange& change) = 0;
  virtual void Push(const NextHopWatch& watch) = 0;
  virtual void Push(const StaticNeighbor& entry) = 0;
  virtual void Push(const PeerWatch& watch) = 0;
  virtual bool HasRoom() const { return true; }
};

}  // namespace sluice::dataplane
