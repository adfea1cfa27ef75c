// The difference between what a tenant wants and what it wanted before. Pure;
// the order in which it may be sent is the sender's.
#pragma once

#include <vector>

#include "control/programming/object_key.h"
#include "control/programming/objects.h"
#include "control/rib/route.h"

namespace sluice::programming {

struct TenantChanges {
  std::vector<Object> put;        // new or different, in order of dependence
  std::vector<ObjectKey> remove;  // in the reverse order
  std::vector<rib::RouteInput> put_routes;
  std::vector<rib::RouteInput> remove_routes;  // identity counts

  bool empty() const { return put.empty() && remove.empty() && put_routes.empty() && remove_routes.empty(); }
};

// `installed` is absent for a new tenant, `desired` for one that goes. Both are of the same VRF.
TenantChanges Diff(const TenantObjects* desired, const TenantObjects* installed);

}  // namespace sluice::programming
