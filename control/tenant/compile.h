// From a validated tenant to the objects the dataplane should hold and the
// routes the RIB should know.
#pragma once

#include <optional>
#include <vector>

#include "control/programming/objects.h"
#include "control/tenant/environment.h"
#include "control/tenant/model.h"

namespace sluice::tenant {

// Every connection of `model` must have its numbers. `ports` and `underlay` give the
// MTU of connections that name none.
programming::TenantObjects Compile(const TenantModel& model, const TenantNumbers& numbers,
                                   const std::optional<std::vector<PortFacts>>& ports,
                                   const UnderlayModel& underlay);

// A route of the tenant's static set, as the RIB takes it.
rib::RouteInput CompileStaticRoute(const StaticRoute& route, const TenantModel& model,
                                   const TenantNumbers& numbers, uint32_t path_id);

// The underlay, which is VRF 0. Every interface must have its number.
programming::TenantObjects CompileUnderlay(const UnderlayModel& model, const UnderlayNumbers& numbers,
                                           const std::optional<std::vector<PortFacts>>& ports);

// A mapping of `network`, whose subnet must have its number, as the RIB takes it. `path_id` is the
// virtual network's among those of the tenant.
rib::RouteInput CompileMapping(const Mapping& mapping, const std::string& network,
                               const TenantNumbers& numbers, uint32_t path_id);

}  // namespace sluice::tenant
