// What a port can do in hardware, and which of it the nodes profit from.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "dataplane/eal/port_plan.h"

namespace sluice::dataplane {

struct PortCapabilities {
  uint64_t rx_offloads = 0;  // RTE_ETH_RX_OFFLOAD_*
  uint64_t tx_offloads = 0;
  uint64_t rss_types = 0;  // RTE_ETH_RSS_*
};

struct PortOffloads {
  uint64_t rx = 0;  // to enable
  uint64_t tx = 0;
  uint64_t rss_types = 0;  // 0: no RSS
  // Each offload the dataplane knows, with "hardware" or "software".
  std::map<std::string, std::string> report;
};

PortOffloads ChooseOffloads(const PortPlan& plan, const PortCapabilities& can);

}  // namespace sluice::dataplane
