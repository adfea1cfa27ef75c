// Protobuf fields into settings; the plan has every field present and in range.
#include "dataplane/startup_settings.h"

namespace sluice::dataplane {

TableLimits TableLimitsOf(const StartupPlan& plan) {
  const v1::Limits& from = plan.limits;
  TableLimits limits;
  limits.vrfs = from.vrfs();
  limits.interfaces = from.interfaces();
  limits.addresses = from.addresses();
  limits.neighbors = from.neighbors();
  limits.neighbors_per_vrf = from.neighbors_per_vrf();
  limits.adjacencies = from.adjacencies();
  limits.next_hop_groups = from.next_hop_groups();
  limits.group_buckets = from.group_buckets();
  limits.policers = from.policers();
  limits.ipv4_routes = from.ipv4_routes();
  limits.ipv4_routes_per_vrf = from.ipv4_routes_per_vrf();
  limits.ipv6_routes = from.ipv6_routes();
  limits.ipv6_routes_per_vrf = from.ipv6_routes_per_vrf();
  limits.fib_mib = from.fib_mib();
  limits.pending_removals = from.pending_removals();
  limits.tunnel_terminations = from.tunnel_terminations();
  limits.tunnel_remotes = from.tunnel_remotes();
  limits.reassembly_datagrams = from.reassembly_datagrams();
  limits.reassembly_datagrams_per_tenant = from.reassembly_datagrams_per_tenant();
  limits.reassembly_datagrams_per_source = from.reassembly_datagrams_per_source();
  limits.reassembly_fragments_per_datagram = from.reassembly_fragments_per_datagram();
  limits.reassembly_datagram_bytes = from.reassembly_datagram_bytes();
  limits.reassembly_timeout_ms = from.reassembly_timeout_ms();
  limits.sas = from.sas();
  return limits;
}

NeighborSettings NeighborSettingsOf(const StartupPlan& plan) {
  using std::chrono::milliseconds;
  const v1::SlowPath& from = plan.slow_path;
  NeighborSettings settings;
  settings.retransmit = milliseconds(from.retransmit_ms());
  settings.reachable = milliseconds(from.reachable_ms());
  settings.probes_max = from.probes_max();
  settings.held_per_neighbor = from.held_per_neighbor();
  settings.held_per_tenant = from.held_per_tenant();
  // The other times keep their proportion to these two (RFC 4861 section 10).
  settings.delay_first_probe = 5 * settings.retransmit;
  settings.stale = 2 * settings.reachable;
  settings.failed = 3 * settings.retransmit;
  settings.retry_max = 30 * settings.retransmit;
  settings.limits = {plan.limits.neighbors(), plan.limits.neighbors_per_vrf()};
  return settings;
}

}  // namespace sluice::dataplane
