// The entries of neighbour resolution: who is known, in which state, and what is
// due when. Keeps the limits; the protocol is in neighbor_resolution.h.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/slowpath/event_count.h"
#include "dataplane/slowpath/instant.h"

namespace sluice::dataplane {

// An address of somebody on a subinterface's link.
struct LinkAddress {
  InterfaceId interface = kNoInterface;
  net::Address address;

  friend auto operator<=>(const LinkAddress&, const LinkAddress&) = default;
};

struct Neighbor {
  LinkAddress key;
  VrfId vrf = 0;
  NeighborState state = NeighborState::kIncomplete;
  // Present in every state but kIncomplete and kFailed.
  std::optional<net::MacAddress> mac;
  bool watched = false;
  uint32_t probes_sent = 0;    // in this state
  std::optional<Instant> due;  // next thing to do for it
};

class NeighborCache {
 public:
  struct Limits {
    uint32_t neighbors = 65536;
    uint32_t neighbors_per_vrf = 1024;
  };
  // Why a new entry is wanted. Unresolved ones may take half of a VRF's limit and
  // learned ones three quarters, so that neither a scan of a subnet nor a flood
  // of requests keeps real neighbours out (RFC 6583 section 6.1).
  enum class Purpose { kWanted, kResolve, kLearn };

  explicit NeighborCache(const Limits& limits) : limits_(limits) {}

  Neighbor* Find(const LinkAddress& key);
  // The key must be absent. Null when a limit is reached; kWanted (a next hop or
  // static entry of control's, which other tables bound) is never refused.
  Neighbor* Insert(const LinkAddress& key, VrfId vrf, Purpose purpose);
  void Erase(const LinkAddress& key);
  // All entries of an interface, in order of address.
  std::vector<LinkAddress> KeysOf(InterfaceId interface) const;

  void SetState(Neighbor& neighbor, NeighborState state);
  // An entry may be wanted before its interface, and with it the VRF, is known.
  void SetVrf(Neighbor& neighbor, VrfId vrf);
  void SetDue(Neighbor& neighbor, std::optional<Instant> due);
  // An entry whose time has come, its due time cleared; null when there is none.
  Neighbor* PopDue(Instant now);
  std::optional<Instant> NextDue() const;

  size_t size() const { return neighbors_.size(); }
  uint64_t refused() const { return refused_; }  // entries that a limit kept out; any thread

 private:
  struct VrfCounts {
    uint32_t all = 0;
    uint32_t unresolved = 0;
  };

  void CountIn(const Neighbor& neighbor);
  void CountOut(const Neighbor& neighbor);

  Limits limits_;
  // Ordered, so that an interface's entries are neighbours; nodes stay in place.
  std::map<LinkAddress, Neighbor> neighbors_;
  std::set<std::pair<Instant, LinkAddress>> due_;
  std::unordered_map<VrfId, VrfCounts> vrfs_;
  EventCount refused_;
};

}  // namespace sluice::dataplane
