// Where the desired state goes once it is stored: to the RIB and the sender of
// table updates. The receiver computes differences; stating the same again is
// harmless.
#pragma once

#include <cstdint>
#include <span>

#include "control/programming/objects.h"
#include "control/rib/route.h"
#include "proto/net/prefix.h"

namespace sluice::api {

// Core thread only; calls return at once. Revisions of a VRF only grow, over all
// kinds of call.
class ProgrammingSink {
 public:
  virtual ~ProgrammingSink() = default;

  // Everything the tenant wants apart from its static set. Replaces what was there. VRF 0 is the
  // underlay, which is stated the same way.
  virtual void PutTenant(const programming::TenantObjects& tenant, uint64_t revision) = 0;
  virtual void RemoveTenant(uint32_t vrf) = 0;
  // Changes of the static set of a VRF. These routes have source kStatic and
  // path_id kStaticSetPath; `put` replaces the route of the same prefix. Borrowed
  // for the call. A large change comes as several calls with one revision, the
  // last of which has `complete` set.
  virtual void ChangeStaticSet(uint32_t vrf, std::span<const rib::RouteInput> put,
                               std::span<const net::Prefix> remove, uint64_t revision, bool complete) = 0;
  // Changes of the mappings of one virtual network, likewise. These routes have source
  // kVirtualNetwork and the given path_id, the virtual network's own in its VRF.
  virtual void ChangeMappings(uint32_t vrf, uint32_t path_id, std::span<const rib::RouteInput> put,
                              std::span<const net::Prefix> remove, uint64_t revision, bool complete) = 0;
  // Every stored tenant was stated once since start: what the dataplane still
  // holds beyond it may be swept.
  virtual void InitialStateComplete() = 0;
};

// path_id of routes of the tenant's static set; routes of connections carry the
// connection's number, which is above it.
inline constexpr uint32_t kStaticSetPath = 0;

}  // namespace sluice::api
