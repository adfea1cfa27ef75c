// What is shown of a tenant's virtual networks: conditions, mappings, MTU, counters.
#pragma once

#include "control/api/desired_state.h"
#include "sluice/gateway/v1/virtual_network.pb.h"

namespace sluice::api {

// `network` is of the record's spec. Core thread.
gateway::v1::VirtualNetworkStatus ShowVirtualNetwork(TenantRecord& record,
                                                     const gateway::v1::VirtualNetwork& network,
                                                     DesiredState& state, bool with_statistics);

}  // namespace sluice::api
