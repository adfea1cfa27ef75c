// Writes next-hop groups and routes. A route's owner is one byte in the FIB's own
// record; a group knows which VRF it leads into, so that a route of one tenant
// can never name a group of another (invariant 1).
#pragma once

#include <map>
#include <vector>

#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/agent/record_fields.h"
#include "dataplane/agent/scope_table.h"
#include "dataplane/agent/stale_holders.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {

// Agent's thread only.
class RouteWriter {
 public:
  // All must outlive the writer.
  RouteWriter(Tables& tables, ScopeTable& scopes, AdjacencyResolver& resolver);

  MaybeRefusal PutGroup(GroupId group, std::span<const GroupMember> members);
  MaybeRefusal RemoveGroup(GroupId group);

  MaybeRefusal Put(const channel::RouteRecord& record, ScopeIndex scope);
  MaybeRefusal Remove(const channel::RouteRecord& record, ScopeIndex scope);

  // The scope that owns a route with this tag; kNoScope for the dataplane's own.
  ScopeIndex ScopeOf(uint8_t tag, VrfId vrf, net::Family family) const;
  bool IsStale(uint8_t tag, ScopeIndex scope) const {
    return RouteTag::Generation(tag) != scopes_.At(scope).generation;
  }
  // Removes a route whatever its owner, and takes it off its scope's count.
  WriteResult Erase(VrfId vrf, const net::Prefix& prefix);
  // The same for a route that an address of ours took the place of.
  void OnDisplaced(const DisplacedRoute& displaced);
  // How many routes of the VRF each scope owns.
  using Census = std::map<ScopeIndex, uint64_t>;
  Census CountRoutes(VrfId vrf) const;

 private:
  static constexpr uint32_t kNoVrf = ~uint32_t{0};  // any, or none yet
  static constexpr uint32_t kSeveral = ~uint32_t{0} - 1;

  // Where a group leads to and who uses it.
  struct Isolation {
    uint32_t leads_into = kNoVrf;  // kNoVrf: nowhere (drop, local)
    uint32_t used_by = kNoVrf;     // VRFs of its routes since it was created
  };

  Tables& tables_;
  ScopeTable& scopes_;
  AdjacencyResolver& resolver_;       // is told when the underlay changes
  std::vector<Isolation> isolation_;  // by group
};

}  // namespace sluice::dataplane
