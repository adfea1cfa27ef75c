// What is reported of a port's hardware is what the nodes let it do.
#include "dataplane/eal/port_offloads.h"

#include <rte_ethdev.h>

#include <catch2/catch.hpp>

namespace sluice::dataplane {
namespace {

TEST_CASE("a port that offers everything does in hardware only what somebody uses") {
  const uint64_t everything = ~uint64_t{0};
  PortPlan plan{.kind = PortKind::kPci};
  for (const uint16_t queues : {1, 4}) {
    plan.rx_queues = queues;
    const PortOffloads chosen = ChooseOffloads(plan, everything);
    CHECK((chosen.rss_types != 0) == (queues > 1));
    for (const auto& [offload, where] : chosen.report) {
      INFO(offload << " with " << queues << " queues");
      CHECK((where == "hardware") == (offload == "rss" && queues > 1));
    }
  }
  CHECK(ChooseOffloads(plan, RTE_ETH_RSS_IPV4).rss_types == RTE_ETH_RSS_IPV4);
  CHECK(ChooseOffloads(plan, 0).report.at("rss") == "software");
}

}  // namespace
}  // namespace sluice::dataplane
