// What is shown of a tenant's virtual networks: conditions, mappings, MTU, counters.
#pragma once

#include <optional>

#include "control/api/desired_state.h"
#include "control/tenant/tunnel_path.h"
#include "sluice/gateway/v1/virtual_network.pb.h"

namespace sluice::api {

// The least that was learned of the tunnel's paths; absent: nothing was.
std::optional<tenant::LearnedPathMtu> LearnedOf(const TunnelReach& reach);

// `network` is of the record's spec. Core thread.
gateway::v1::VirtualNetworkStatus ShowVirtualNetwork(TenantRecord& record,
                                                     const gateway::v1::VirtualNetwork& network,
                                                     DesiredState& state, bool with_statistics);

}  // namespace sluice::api
