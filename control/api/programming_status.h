// How far the dataplane has followed the desired state, and the routes of a
// VRF as the RIB sees them. Implemented beside `programming` and `rib`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/rib/route.h"
#include "proto/net/prefix.h"

namespace sluice::api {

// An object the dataplane refused, in the operator's words.
struct RefusedObject {
  std::string name;    // as the object was named in TenantObjects
  std::string reason;  // "limit ipv4-routes-per-vrf (1000) is reached"
  friend bool operator==(const RefusedObject&, const RefusedObject&) = default;
};

struct TenantProgramming {
  // Highest revision (ProgrammingSink) that the dataplane forwards by: all of its objects were
  // answered and none of the spec refused; 0 = none, as far as is known. Refused routes of the static set do
  // not hold it back.
  uint64_t acknowledged_revision = 0;
  std::vector<RefusedObject> refused;  // bounded, the spec's first; `refused_count` has the true number
  uint64_t refused_count = 0;
  uint64_t spec_refused_count = 0;  // of them, objects and routes of the spec
  uint64_t unused_next_hops = 0;    // of its routes: reachable, and beyond what one route can have
};

// What of one connection's interface the dataplane does not have because it refused it.
struct InterfaceProgramming {
  bool absent = false;                 // the interface itself
  uint32_t addresses_absent = 0;       // addresses of it
  std::vector<RefusedObject> refused;  // bounded; `refused_count` has the true number
  uint64_t refused_count = 0;
};

// One path in the RIB.
struct RibRoute {
  net::Prefix prefix;
  rib::Source source = rib::Source::kStatic;
  uint32_t path_id = 0;
  uint32_t metric = 0;
  rib::NextHops next_hops;       // as resolved: `interface` is set when one was found
  std::vector<uint16_t> unused;  // of next_hops: those that too many others keep out
  bool best = false;             // preferred over the other sources of its prefix
  bool programmed = false;       // in the dataplane as shown, acknowledged
  bool stale = false;            // kept over a restart of its source
  uint64_t revision = 0;         // of the RIB's last change to it
  bool withdrawn = false;        // only in RouteChanges

  friend bool operator==(const RibRoute&, const RibRoute&) = default;
};

struct RouteCount {
  net::Family family = net::Family::kIpv4;
  rib::Source source = rib::Source::kStatic;
  uint64_t routes = 0;
  uint64_t programmed = 0;
};

// A page of routes in order of prefix. `next` is absent on the last one.
struct RoutePage {
  std::vector<RibRoute> routes;
  std::optional<net::Prefix> next;
};

// What changed after a revision, merged to the last state of each path.
struct RouteChanges {
  std::vector<RibRoute> routes;
  uint64_t revision = 0;  // ask with this one the next time
  bool more = false;      // the batch was cut at `limit`
  // The revision is older than what is remembered: read the pages again.
  bool too_old = false;
};

// Core thread only; no method blocks.
class ProgrammingStatus {
 public:
  virtual ~ProgrammingStatus() = default;

  virtual TenantProgramming Tenant(uint32_t vrf) const = 0;
  virtual InterfaceProgramming Interface(uint32_t vrf, uint32_t interface) const = 0;
  virtual std::vector<RouteCount> RouteCounts(uint32_t vrf) const = 0;
  // All paths of the prefixes from `from` on; a prefix is never split over pages.
  virtual RoutePage Routes(uint32_t vrf, net::Family family, const net::Prefix& from, size_t limit) const = 0;
  // Of both families. A revision beyond all (~0) answers none and the present revision.
  virtual RouteChanges RoutesChangedAfter(uint32_t vrf, uint64_t revision, size_t limit) const = 0;
  // Initial convergence of the family has ended: absence now means absent.
  virtual bool Synced(uint32_t vrf, net::Family family) const = 0;
};

}  // namespace sluice::api
