// One port of the start-up file, checked and turned into what DPDK is asked for.
// Knows the traps of each driver; touches no device.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/eal/host_facts.h"
#include "proto/net/mac_address.h"
#include "sluice/dataplane/v1/config.pb.h"

namespace sluice::dataplane {

enum class PortKind : uint8_t { kPci, kAfPacket, kAfXdp, kTap, kMemif, kRing, kNull, kPcap, kOtherVirtual };

struct PortPlan {
  std::string name;    // the operator's
  std::string device;  // as written in the start-up file
  PortKind kind = PortKind::kNull;
  std::string eal_name;  // "0000:3b:00.0", "net_af_packet0"
  std::string devargs;   // eal_name and its arguments
  // The kernel's interface behind the port; its link state comes from netlink. Empty: none.
  std::string kernel_interface;
  // The kernel's end belongs to the port (af_packet, af_xdp) and must stay
  // silent; a tap's kernel end is the peer instead.
  bool owns_kernel_interface = false;
  uint16_t rx_queues = 1;
  uint16_t tx_queues = 1;  // one per worker, so that no worker shares a queue
  uint16_t rx_descriptors = 256;
  uint16_t tx_descriptors = 256;
  uint16_t mtu_bytes = 1500;  // largest IP packet
  uint32_t frame_bytes = 0;   // af_packet: size of a slot of the kernel's ring, else 0
  bool promiscuous = true;
  // For ports whose driver has no address of its own: local, from instance and name.
  net::MacAddress stable_mac;
};

// `index` numbers the port among all of the start-up file. Errors do not repeat
// the port's name; the caller knows it.
absl::StatusOr<PortPlan> PlanPort(const v1::Port& port, uint16_t index, uint16_t workers,
                                  const HostFacts& host);

inline constexpr uint16_t kMtuMin = 576;
inline constexpr uint16_t kMtuMax = 9000;
// Ethernet header, 802.1ad and 802.1Q tag.
inline constexpr uint32_t kL2HeaderBytesMax = 14 + 4 + 4;

}  // namespace sluice::dataplane
