// The screen of `top`: rates between two readings of the gateway. A pure function.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sluice/gateway/v1/diagnostics.pb.h"
#include "sluice/gateway/v1/gateway.pb.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::ctl {

struct GatewayReading {
  sluice::gateway::v1::Gateway gateway;
  std::vector<sluice::gateway::v1::Tenant> tenants;
  sluice::gateway::v1::DescribePortsResponse ports;
  sluice::gateway::v1::ListDropsResponse drops;
};

// Busiest connections and drop reasons first, at most `lines_max` of each. Counters that went
// backwards (the dataplane was restarted) count as nothing.
std::string TopText(const GatewayReading& before, const GatewayReading& now,
                    std::chrono::milliseconds between, size_t lines_max);

}  // namespace sluice::ctl
