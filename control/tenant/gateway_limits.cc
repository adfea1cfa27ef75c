// Defaults of limits, and the arithmetic of capacity.
#include "control/tenant/gateway_limits.h"

#include <algorithm>
#include <limits>

namespace sluice::tenant {

Limits LimitsOf(const gateway::v1::Limits& wanted) {
  Limits limits;
#define SLUICE_TAKE(name) \
  if (wanted.has_##name()) limits.name = wanted.name()
  SLUICE_TAKE(tenants);
  SLUICE_TAKE(connections_per_tenant);
  SLUICE_TAKE(addresses_per_connection);
  SLUICE_TAKE(peers_per_connection);
  SLUICE_TAKE(routes_per_connection);
  SLUICE_TAKE(static_neighbors_per_connection);
  SLUICE_TAKE(next_hops_per_route);
  SLUICE_TAKE(router_addresses_per_tenant);
  SLUICE_TAKE(static_routes_per_tenant);
  SLUICE_TAKE(static_routes);
  SLUICE_TAKE(routes_ipv4_per_tenant);
  SLUICE_TAKE(routes_ipv6_per_tenant);
  SLUICE_TAKE(neighbors_per_tenant);
  SLUICE_TAKE(labels_per_tenant);
  SLUICE_TAKE(underlay_interfaces);
  SLUICE_TAKE(underlay_routes);
  SLUICE_TAKE(virtual_networks_per_tenant);
  SLUICE_TAKE(subnets_per_virtual_network);
  SLUICE_TAKE(mappings_per_tenant);
  SLUICE_TAKE(mappings);
#undef SLUICE_TAKE
  return limits;
}

Capacity CapacityOf(const gateway::v1::Capacity& wanted) {
  Capacity capacity;
  if (wanted.has_total_kbps()) capacity.total_kbps = wanted.total_kbps();
  if (wanted.has_ipsec_cap_kbps()) capacity.ipsec_cap_kbps = wanted.ipsec_cap_kbps();
  if (wanted.has_gre_cap_kbps()) capacity.gre_cap_kbps = wanted.gre_cap_kbps();
  if (wanted.has_l3_cap_kbps()) capacity.l3_cap_kbps = wanted.l3_cap_kbps();
  return capacity;
}

uint64_t BookedKbps(const Capacity& capacity, const std::optional<uint64_t>& cap_kbps, uint64_t kbps) {
  if (!capacity.total_kbps || !cap_kbps || *cap_kbps >= *capacity.total_kbps) return kbps;
  const uint64_t cap = std::max<uint64_t>(*cap_kbps, 1);
  __extension__ using Wide = unsigned __int128;
  const Wide booked = (static_cast<Wide>(kbps) * *capacity.total_kbps + cap - 1) / cap;
  return static_cast<uint64_t>(std::min<Wide>(booked, std::numeric_limits<uint64_t>::max()));
}

}  // namespace sluice::tenant
