// Translation of tables into messages.
#include "dataplane/agent/state_messages.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/eal/wall_clock.h"

namespace sluice::dataplane {
namespace {

const char* NameOf(AdjacencyKind kind) {
  switch (kind) {
    case AdjacencyKind::kDrop:
      return "drop";
    case AdjacencyKind::kNeighbor:
      return "neighbor";
    case AdjacencyKind::kGlean:
      return "glean";
    case AdjacencyKind::kLocal:
      return "local";
    case AdjacencyKind::kTunnel:
      return "tunnel";
  }
  return "";
}

const char* NameOf(TunnelKind kind) {
  switch (kind) {
    case TunnelKind::kGre:
      return "gre";
    case TunnelKind::kVxlan:
      return "vxlan";
    case TunnelKind::kNvgre:
      return "nvgre";
    case TunnelKind::kEsp:
      return "esp";
  }
  return "";
}

struct TunnelOption {
  channel::TunnelFlag flag;
  const char* name;
};
constexpr TunnelOption kTunnelOptions[] = {
    {channel::kTunnelStrictUrpf, "strict_urpf"},   {channel::kTunnelGreChecksum, "gre_checksum"},
    {channel::kTunnelUdpChecksum, "udp_checksum"}, {channel::kTunnelDfCopy, "df_copy"},
    {channel::kTunnelDfClear, "df_clear"},         {channel::kTunnelPipe, "pipe"},
    {channel::kTunnelClampMss, "clamp_mss"},       {channel::kTunnelDscpInward, "dscp_inward"}};

uint64_t Milliseconds(Instant::duration duration) {
  return static_cast<uint64_t>(duration / std::chrono::milliseconds(1));
}

v1::TableFill Fill(const char* name, uint64_t used, uint64_t limit) {
  v1::TableFill fill;
  fill.set_name(name);
  fill.set_used(used);
  fill.set_limit(limit);
  return fill;
}

int64_t MillisecondsSince1970(Instant at, Instant now) {
  return (WallNow().time_since_epoch() - (now - at)) / std::chrono::milliseconds(1);
}

// Where the path is narrower than the tunnel was made for.
void AddPathMtu(const TableWriter& writer, const Adjacency& adjacency, Instant now, v1::Adjacency& message) {
  const Interface* interface = writer.tables().interfaces.Find(adjacency.interface);
  const auto learned = writer.path_mtus().LearnedAt(adjacency.next_hop);
  if (interface == nullptr || !learned || adjacency.mtu >= interface->mtu) return;
  message.set_path_mtu(writer.tables().tunnels.remotes.PathMtu(adjacency.remote));
  message.set_path_mtu_learned_ms(MillisecondsSince1970(*learned, now));
}

}  // namespace

v1::Neighbor NeighborMessage(const TableWriter& writer, const NeighborKey& key, Instant now) {
  v1::Neighbor message;
  message.set_interface(key.interface);
  message.set_address(AddressOf(key).ToString());
  const AdjacencyResolver::Neighbor* neighbor = writer.resolver().Find(key);
  const Interface* interface = writer.tables().interfaces.Find(key.interface);
  if (neighbor == nullptr || interface == nullptr) {
    message.set_state("removed");
    return message;
  }
  message.set_vrf(interface->vrf);
  if (neighbor->mac()) message.set_mac(neighbor->mac()->ToString());
  message.set_state(neighbor->fixed ? Describe(NeighborState::kStatic) : Describe(neighbor->state));
  if (!neighbor->fixed && neighbor->confirmed != Instant{})
    message.set_age_ms(Milliseconds(now - neighbor->confirmed));
  return message;
}

v1::Adjacency AdjacencyMessage(const TableWriter& writer, AdjacencyId id,
                               const channel::CounterReader& counters, Instant now) {
  v1::Adjacency message;
  message.set_id(id);
  const Adjacency* adjacency = writer.tables().adjacencies.Describe(id);
  if (adjacency == nullptr) {
    message.set_kind("removed");
    return message;
  }
  message.set_kind(NameOf(adjacency->kind));
  message.set_interface(adjacency->interface);
  if (adjacency->kind == AdjacencyKind::kNeighbor || adjacency->kind == AdjacencyKind::kTunnel)
    message.set_next_hop(adjacency->next_hop.ToString());
  if (adjacency->neighbor_mac) message.set_mac(adjacency->neighbor_mac->ToString());
  const AdjacencyResolver::Liveness& liveness = writer.resolver().LivenessOf(id);
  const DownCause cause = id == writer.tables().adjacencies.local() ? DownCause::kNone : liveness.cause;
  if (cause != DownCause::kNone) message.set_down_ms(Milliseconds(now - liveness.since));
  message.set_live(cause == DownCause::kNone);
  message.set_down_reason(Describe(cause, adjacency->next_hop));
  if (adjacency->kind == AdjacencyKind::kTunnel) AddPathMtu(writer, *adjacency, now, message);
  const channel::PacketsAndBytes sent = counters.AdjacencyTx(id);
  message.set_tx_packets(sent.packets);
  message.set_tx_bytes(sent.bytes);
  return message;
}

v1::PeerState PeerMessage(const TableWriter& writer, InterfaceId tunnel, Instant now) {
  v1::PeerState message;
  message.set_interface(tunnel);
  if (const auto since = writer.resolver().SilentSince(tunnel))
    message.set_silent_since_ms(MillisecondsSince1970(*since, now));
  return message;
}

std::string TunnelName(const Tunnel& tunnel) {
  switch (tunnel.kind) {
    case TunnelKind::kGre:
      return tunnel.Is(channel::kTunnelKeyOut) ? absl::StrCat("GRE key ", tunnel.key_out) : "GRE";
    case TunnelKind::kVxlan:
      return absl::StrCat("VXLAN ", tunnel.key_out);
    case TunnelKind::kNvgre:
      return absl::StrCat("NVGRE ", tunnel.key_out);
    case TunnelKind::kEsp:
      return "ESP";
  }
  return "";
}

// Kind "removed" when the tunnel is gone.
v1::Tunnel TunnelMessage(const TableWriter& writer, InterfaceId id) {
  v1::Tunnel message;
  message.set_interface(id);
  const Tunnel* tunnel = writer.tables().tunnels.Find(id);
  if (tunnel == nullptr) {
    message.set_kind("removed");
    return message;
  }
  const Interface& interface = *writer.tables().interfaces.Find(id);
  message.set_vrf(tunnel->vrf);
  message.set_connection(interface.connection);
  message.set_kind(NameOf(tunnel->kind));
  message.set_local(tunnel->local.ToString());
  if (!tunnel->is_overlay()) message.set_remote(tunnel->remote.ToString());
  if (tunnel->is_overlay() || tunnel->Is(channel::kTunnelKeyIn)) message.set_key_in(tunnel->key_in);
  if (tunnel->is_overlay() || tunnel->Is(channel::kTunnelKeyOut)) message.set_key_out(tunnel->key_out);
  message.set_udp_port(tunnel->udp_port);
  if (tunnel->is_overlay()) message.set_mac(tunnel->mac.ToString());
  message.set_mtu(interface.mtu);
  message.set_up(tunnel->up());
  message.set_hosts(writer.tables().tunnels.HostsOf(id));
  for (const TunnelOption& option : kTunnelOptions)
    if (tunnel->Is(option.flag)) message.add_options(option.name);
  message.set_ttl(tunnel->ttl);
  message.set_dscp(tunnel->dscp);
  if (tunnel->probe.kind != channel::ProbeKind::kNone) {
    v1::TunnelProbe& probe = *message.mutable_probe();
    probe.set_kind("keepalive");
    probe.set_interval_s(tunnel->probe.interval_s);
    probe.set_misses(tunnel->probe.misses);
    probe.set_silent(writer.resolver().SilentSince(id).has_value());
  }
  return message;
}

std::vector<v1::TableFill> TableFills(TableWriter& writer) {
  const Tables& tables = writer.tables();
  const TableLimits& limits = tables.limits;
  constexpr uint64_t kMib = uint64_t{1} << 20;
  uint64_t datagrams = 0;
  for (const auto& of_worker : tables.reassembly) datagrams += of_worker->held();
  const uint64_t fib_bytes = tables.fib4_pool.lookup_bytes() + tables.fib6_pool.lookup_bytes();
  return {
      Fill("vrfs", tables.vrfs.used(), limits.vrfs),
      Fill("interfaces", tables.interfaces.used(), limits.interfaces),
      Fill("addresses", tables.own_addresses.used(), limits.addresses),
      Fill("neighbors", tables.neighbors.used(), limits.neighbors),
      Fill("adjacencies", tables.adjacencies.control_used(), limits.adjacencies),
      Fill("next_hop_groups", tables.groups.used(), limits.next_hop_groups),
      Fill("group_buckets", tables.groups.buckets().used(), limits.group_buckets),
      Fill("policers", tables.policers.used(), limits.policers),
      Fill("ipv4_routes", tables.fib4_pool.route_count(), limits.ipv4_routes),
      Fill("ipv6_routes", tables.fib6_pool.route_count(), limits.ipv6_routes),
      Fill("fib_mib", (fib_bytes + kMib - 1) / kMib, limits.fib_mib),
      // The fuller of the two families, which have their own.
      Fill("tunnel_terminations", std::max(tables.tunnels.ipv4().used(), tables.tunnels.ipv6().used()),
           limits.tunnel_terminations),
      Fill("tunnel_remotes", tables.tunnels.remotes.used(), limits.tunnel_remotes),
      Fill("sas", tables.sas.used(), limits.sas),
      Fill("reassembly_datagrams", datagrams, limits.reassembly_datagrams),
      Fill("pending_removals", tables.retirement.pending(), limits.pending_removals),
  };
}

v1::PathMtuEvents EventsMessage(const PathMtuCounters& counted) {
  v1::PathMtuEvents events;
  events.set_learned(counted.learned);
  events.set_forgotten(counted.forgotten);
  events.set_unknown_remote(counted.unknown_remote);
  events.set_unknown_tunnel(counted.unknown_tunnel);
  events.set_too_small(counted.too_small);
  events.set_not_lower(counted.not_lower);
  return events;
}

std::vector<v1::ScopeState> ScopeStates(const TableWriter& writer) {
  std::vector<v1::ScopeState> states;
  for (ScopeIndex index = 1; index < writer.scopes().size(); ++index) {
    const ScopeTable::State& state = writer.scopes().At(index);
    if (!state.in_use) continue;
    v1::ScopeState& message = states.emplace_back();
    message.set_kind(state.scope.kind);
    message.set_family(state.scope.family);
    message.set_id(state.scope.id);
    message.set_epoch(state.epoch);
    message.set_synced(state.synced);
    message.set_objects(state.objects);
  }
  return states;
}

}  // namespace sluice::dataplane
