// What a former epoch left in the place of something that control states now, and
// the rule by which it gives way: only once the new object cannot be refused any more.
#pragma once

#include <span>

#include "dataplane/tables/tables.h"
#include "proto/net/prefix.h"

namespace sluice::dataplane {

// Agent's thread only, within one record.
class StaleHolders {
 public:
  // Nothing changes. True: every one of them is stale, and removals have room for all.
  virtual bool MayEvict(std::span<const InterfaceId> interfaces) = 0;
  virtual bool MayEvict(InterfaceId interface, const net::Address& address) = 0;
  virtual bool MayEvict(VrfId vrf, const net::Prefix& prefix, const RouteValue& route) = 0;

  // After MayEvict said so and nothing else was retired. Routes need no call: an
  // address of ours takes their place.
  virtual void Evict(InterfaceId interface) = 0;
  virtual void Evict(InterfaceId interface, const net::Address& address) = 0;

 protected:
  ~StaleHolders() = default;
};

// A host route that an address of ours took the place of.
struct DisplacedRoute {
  VrfId vrf;
  net::Prefix prefix;
  RouteValue route;
};

}  // namespace sluice::dataplane
