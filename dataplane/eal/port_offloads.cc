// The choice of offloads.
#include "dataplane/eal/port_offloads.h"

#include <rte_ethdev.h>

namespace sluice::dataplane {
namespace {

constexpr const char* kHardware = "hardware";
constexpr const char* kSoftware = "software";

}  // namespace

PortOffloads ChooseOffloads(const PortPlan& plan, const PortCapabilities& can) {
  PortOffloads chosen;
  // VLAN tags stay in the frame both ways even where the port could move them:
  // classify reads the tag from a cache line it needs anyway, and a rewrite is
  // one copy of a prebuilt header. The same holds for transmit checksums, which
  // forwarding updates incrementally.
  chosen.report["vlan_strip"] = kSoftware;
  chosen.report["vlan_insert"] = kSoftware;
  chosen.report["ipv4_checksum_tx"] = kSoftware;
  // A virtual driver that "offers" receive checksums computes them on our core.
  const bool verifies = plan.kind == PortKind::kPci && (can.rx_offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
  if (verifies) chosen.rx |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
  chosen.report["ipv4_checksum_rx"] = verifies ? kHardware : kSoftware;
  // Outer addresses and ports; the software way is the kernel's or peer's own spreading.
  constexpr uint64_t kFlowTypes = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
  if (plan.rx_queues > 1) chosen.rss_types = can.rss_types & kFlowTypes;
  chosen.report["rss"] = chosen.rss_types != 0 ? kHardware : kSoftware;
  return chosen;
}

}  // namespace sluice::dataplane
