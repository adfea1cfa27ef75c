// The choice of offloads.
#include "dataplane/eal/port_offloads.h"

#include <rte_ethdev.h>

namespace sluice::dataplane {
namespace {

constexpr const char* kHardware = "hardware";
constexpr const char* kSoftware = "software";

}  // namespace

PortOffloads ChooseOffloads(const PortPlan& plan, uint64_t rss_types) {
  PortOffloads chosen;
  // VLAN tags stay in the frame both ways even where the port could move them:
  // classify reads the tag from a cache line it needs anyway, and a rewrite is
  // one copy of a prebuilt header. The same holds for checksums: forwarding adds up
  // the twenty bytes that it has read, and updates the sum incrementally; what the
  // port says of it is in a cache line of the mbuf that nobody reads otherwise.
  chosen.report["vlan_strip"] = kSoftware;
  chosen.report["vlan_insert"] = kSoftware;
  chosen.report["ipv4_checksum_tx"] = kSoftware;
  chosen.report["ipv4_checksum_rx"] = kSoftware;
  // Outer addresses and ports; the software way is the kernel's or peer's own spreading.
  constexpr uint64_t kFlowTypes = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
  if (plan.rx_queues > 1) chosen.rss_types = rss_types & kFlowTypes;
  chosen.report["rss"] = chosen.rss_types != 0 ? kHardware : kSoftware;
  return chosen;
}

}  // namespace sluice::dataplane
