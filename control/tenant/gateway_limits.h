// The named limits of a gateway and the bandwidth it may promise, with defaults
// applied.
#pragma once

#include <cstdint>
#include <optional>

#include "sluice/gateway/v1/gateway.pb.h"

namespace sluice::tenant {

// One of each family: what the channel carries.
inline constexpr uint32_t kRouterAddressesMax = 2;

struct Limits {
  uint32_t tenants = 1000;
  uint32_t connections_per_tenant = 64;
  uint32_t addresses_per_connection = 16;
  uint32_t peers_per_connection = 16;
  uint32_t routes_per_connection = 1000;
  uint32_t static_neighbors_per_connection = 256;
  uint32_t next_hops_per_route = 16;  // the channel carries at most 64
  uint32_t router_addresses_per_tenant = kRouterAddressesMax;
  uint64_t static_routes_per_tenant = 1'000'000;
  uint64_t static_routes = 4'000'000;
  uint64_t routes_ipv4_per_tenant = 1'000'000;
  uint64_t routes_ipv6_per_tenant = 200'000;
  uint32_t neighbors_per_tenant = 1024;
  uint32_t labels_per_tenant = 64;
  uint32_t underlay_interfaces = 64;
  uint32_t underlay_routes = 1000;
  uint32_t virtual_networks_per_tenant = 16;
  uint32_t subnets_per_virtual_network = 64;
  uint64_t mappings_per_tenant = 100'000;
  uint64_t mappings = 1'000'000;
};

Limits LimitsOf(const gateway::v1::Limits& wanted);

// What a gateway may promise, kbit/s. A kind's cap above the total counts as the
// total; a connection costs (inbound + outbound) x total / cap.
struct Capacity {
  std::optional<uint64_t> total_kbps;  // absent: nothing is refused for lack of it
  std::optional<uint64_t> ipsec_cap_kbps;
  std::optional<uint64_t> gre_cap_kbps;
  std::optional<uint64_t> l3_cap_kbps;
};

Capacity CapacityOf(const gateway::v1::Capacity& wanted);

// What `kbps` (inbound + outbound) of a kind with this cap books of the total,
// kbit/s, rounded up. Without a total it is `kbps`.
uint64_t BookedKbps(const Capacity& capacity, const std::optional<uint64_t>& cap_kbps, uint64_t kbps);

}  // namespace sluice::tenant
