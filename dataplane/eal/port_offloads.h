// What a port can do in hardware, and which of it the nodes profit from.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "dataplane/eal/port_plan.h"

namespace sluice::dataplane {

struct PortOffloads {
  uint64_t rss_types = 0;  // RTE_ETH_RSS_* to enable; 0: no RSS
  // Each offload the dataplane knows, with who does the work: "hardware" or "software".
  std::map<std::string, std::string> report;
};

// `rss_types`: what the port could spread by.
PortOffloads ChooseOffloads(const PortPlan& plan, uint64_t rss_types);

}  // namespace sluice::dataplane
