// The kernel's network interface under an af_packet or af_xdp port. It belongs
// to the dataplane: the host's own stack must neither answer on it (a tenant
// would reach the host) nor merge packets on their way in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sluice::dataplane {

// Sets MTU and IFF_UP, switches ARP, IPv6 and receive merging (GRO, LRO) off and
// strict reverse-path filtering on, which makes the host's stack drop every
// IPv4 packet. Failing to set MTU or IFF_UP is an error; what else the kernel
// does not allow is appended to `remarks`.
absl::Status TakeOverKernelInterface(const std::string& name, uint16_t mtu_bytes,
                                     std::vector<std::string>& remarks);

absl::Status SetKernelMtu(const std::string& name, uint16_t mtu_bytes);

}  // namespace sluice::dataplane
