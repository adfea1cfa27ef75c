// The values of each metric: see the header and docs/metrics.md.
#include "control/metrics/gateway_metrics.h"

#include <prometheus/exposer.h>

#include <algorithm>
#include <exception>

#include "absl/strings/str_format.h"
#include "control/rib/route.h"

namespace sluice::metrics {

namespace v1 = dataplane::v1;

GatewayMetrics::GatewayMetrics(Sources sources)
    : sources_(std::move(sources)), self_(this, [](GatewayMetrics*) {}) {}

GatewayMetrics::~GatewayMetrics() = default;

absl::Status GatewayMetrics::Listen(const std::string& address) {
  // The library reports by exception; nothing of ours throws.
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(address, 1);
  } catch (const std::exception&) {
    // Its words are about its own insides.
    return absl::UnavailableError(absl::StrFormat(
        "metrics_listen %s: cannot listen there: another program has the port (ss -ltnp), or the address "
        "is none of this machine's",
        address));
  }
  exposer_->RegisterCollectable(self_);
  return absl::OkStatus();
}

std::vector<prometheus::MetricFamily> GatewayMetrics::Collect() const {
  Exposition out;
  LearnReasons();
  api::RunOnCore(sources_.core, [&] {
    CollectCore(out);
    return true;
  });
  CollectPorts(out);
  CollectTables(out);
  CollectSlowPath(out);
  return out.Take();
}

void GatewayMetrics::CollectCore(Exposition& out) const {
  out.Gauge("sluice_build_info", "always 1; the version of sluice-gateway is its label",
            {{"version", sources_.version}}, 1);
  const programming::Sender& sender = sources_.sender;
  out.Gauge("sluice_dataplane_attached", "1 while a dataplane is attached", {}, sources_.state.attached());
  out.Counter("sluice_dataplane_attachments_total", "attachments to a dataplane since start", {},
              static_cast<double>(sources_.state.attachments()));
  out.Gauge("sluice_dataplane_synced", "1 when the dataplane confirmed the whole desired state", {},
            sender.synced());
  out.Gauge("sluice_update_ring_bytes", "bytes of table updates that the dataplane has not taken yet", {},
            static_cast<double>(sources_.programming.ring_bytes()));
  out.Gauge("sluice_updates_in_flight", "table updates sent and not answered", {},
            static_cast<double>(sender.in_flight()));
  out.Counter("sluice_updates_sent_total", "table updates sent", {},
              static_cast<double>(sender.sent_count()));
  out.Counter("sluice_updates_refused_total", "table updates that the dataplane refused", {},
              static_cast<double>(sender.refused_count()));
  out.Counter("sluice_punted_discarded_packets_total", "punted packets that no protocol here wanted", {},
              static_cast<double>(sources_.programming.punts_discarded()));
  out.Counter("sluice_duplicate_addresses_total", "reports of an address of ours in use by another", {},
              static_cast<double>(sources_.state.duplicate_addresses()));
  out.Gauge("sluice_next_hop_groups", "next-hop groups of all tenants", {},
            static_cast<double>(sender.rib().groups()));
  const std::vector<TenantNames> tenants = sources_.tenants();
  out.Gauge("sluice_tenants", "tenants configured", {}, static_cast<double>(tenants.size()));
  for (const TenantNames& names : tenants) CollectTenant(names, out);
  CollectUnderlay(out);
  CollectDrops(tenants, out);
  CollectWorkers(out);
}

void GatewayMetrics::CollectTenant(const TenantNames& names, Exposition& out) const {
  const Labels tenant = {{"tenant", names.tenant}};
  out.Gauge("sluice_programming_pending_updates", "table updates of the tenant not confirmed yet", tenant,
            static_cast<double>(sources_.sender.unanswered(names.vrf)));
  out.Gauge("sluice_programming_lag_seconds", "for how long the tenant's last change has been unconfirmed",
            tenant, sources_.programming.LagSeconds(names.vrf));
  out.Gauge("sluice_programming_refused", "objects and routes of the tenant that are not in the dataplane",
            tenant, static_cast<double>(sources_.sender.problem_count(names.vrf)));
  out.Gauge("sluice_next_hops_unused",
            "next hops of the tenant's routes that get no flows, because one route has too many", tenant,
            static_cast<double>(sources_.sender.rib().unused_next_hops(names.vrf)));
  const auto routes = [&](const auto* rib, const char* family) {
    if (rib == nullptr) return;
    for (unsigned i = 0; i < rib::kSourceCount; ++i) {
      const auto source = static_cast<rib::Source>(i);
      const rib::SourceCount& count = rib->count(source);
      if (count.paths == 0) continue;
      const Labels labels = {
          {"tenant", names.tenant}, {"family", family}, {"source", std::string(SourceName(source))}};
      out.Gauge("sluice_routes", "paths in the RIB", labels, static_cast<double>(count.paths));
      out.Gauge("sluice_routes_programmed",
                "prefixes confirmed by the dataplane, by the source of the best path", labels,
                static_cast<double>(count.programmed));
    }
  };
  routes(sources_.sender.rib().FindIpv4(names.vrf), "ipv4");
  routes(sources_.sender.rib().FindIpv6(names.vrf), "ipv6");
  CollectNeighbors(names.tenant, names.vrf, out);
  for (const auto& [connection, up] : names.up)
    out.Gauge("sluice_connection_up", "1 while the connection carries packets",
              {{"tenant", names.tenant}, {"connection", connection}}, up);
  for (const TenantNames::Subnet& subnet : names.subnets) CollectSubnet(names.tenant, subnet, out);
  for (const auto& [connection, interface] : names.connections) {
    CollectConnection(names.tenant, connection, interface, out);
    CollectTunnel({{"tenant", names.tenant}, {"connection", connection}}, interface, out);
  }
}

void GatewayMetrics::CollectNeighbors(const std::string& tenant, uint32_t vrf, Exposition& out) const {
  for (const auto& [state, count] : sources_.state.NeighborStates(vrf)) {
    out.Gauge("sluice_neighbors", "neighbours by state (RFC 4861 section 7.3.2 names, for ARP too)",
              {{"tenant", tenant}, {"state", state}}, static_cast<double>(count));
  }
}

void GatewayMetrics::CollectConnection(const std::string& tenant, const std::string& connection,
                                       uint32_t interface, Exposition& out) const {
  const api::InterfaceCounters counters = sources_.state.Counters(interface);
  const auto labels = [&](const char* direction) {
    return Labels{{"tenant", tenant}, {"connection", connection}, {"direction", direction}};
  };
  struct Direction {
    const char* name;
    uint64_t packets, bytes, limited, kbps;
  };
  const Direction directions[] = {
      {"inbound", counters.inbound_packets, counters.inbound_bytes, counters.inbound_rate_limited,
       counters.inbound_kbps},
      {"outbound", counters.outbound_packets, counters.outbound_bytes, counters.outbound_rate_limited,
       counters.outbound_kbps},
  };
  for (const Direction& at : directions) {
    out.Counter("sluice_connection_packets_total", "IP packets of the connection", labels(at.name),
                static_cast<double>(at.packets));
    out.Counter("sluice_connection_bytes_total", "bytes of IP packets of the connection", labels(at.name),
                static_cast<double>(at.bytes));
    out.Counter("sluice_connection_rate_limited_packets_total", "packets above the connection's bandwidth",
                labels(at.name), static_cast<double>(at.limited));
    out.Gauge("sluice_connection_rate_kbps", "kbit/s over about the last second", labels(at.name),
              static_cast<double>(at.kbps));
  }
}

void GatewayMetrics::CollectSubnet(const std::string& tenant, const TenantNames::Subnet& subnet,
                                   Exposition& out) const {
  const api::InterfaceCounters counters = sources_.state.Counters(subnet.interface);
  const auto count = [&](const char* direction, uint64_t packets, uint64_t bytes) {
    const Labels labels = {{"tenant", tenant},
                           {"virtual_network", subnet.virtual_network},
                           {"subnet", subnet.name},
                           {"direction", direction}};
    out.Counter("sluice_virtual_network_packets_total", "inner IP packets of a virtual subnet", labels,
                static_cast<double>(packets));
    out.Counter("sluice_virtual_network_bytes_total", "bytes of inner IP packets of a virtual subnet", labels,
                static_cast<double>(bytes));
  };
  count("inbound", counters.inbound_packets, counters.inbound_bytes);
  count("outbound", counters.outbound_packets, counters.outbound_bytes);
  const api::TunnelReach reach = sources_.state.Reach(subnet.interface);
  out.Gauge("sluice_virtual_network_hosts_down",
            "virtual machines of the subnet to whose hosts the underlay has no way",
            {{"tenant", tenant}, {"virtual_network", subnet.virtual_network}, {"subnet", subnet.name}},
            static_cast<double>(reach.down));
  out.Gauge("sluice_virtual_network_hosts_narrow",
            "virtual machines of the subnet to whose hosts a smaller path MTU was learned",
            {{"tenant", tenant}, {"virtual_network", subnet.virtual_network}, {"subnet", subnet.name}},
            static_cast<double>(reach.narrow));
}

// Of a tunnel that has no probe, only the far end's own keepalives, where it sends any.
void GatewayMetrics::CollectProbes(const Labels& labels, uint32_t interface, Exposition& out) const {
  const api::InterfaceCounters counters = sources_.state.Counters(interface);
  if (counters.keepalives_returned != 0)
    out.Counter("sluice_tunnel_keepalives_returned_total",
                "keepalives of the tunnel's far end that were sent back", labels,
                static_cast<double>(counters.keepalives_returned));
  if (counters.probes_sent == 0) return;
  out.Counter("sluice_tunnel_probes_sent_total", "probes to the tunnel's far end", labels,
              static_cast<double>(counters.probes_sent));
  out.Counter("sluice_tunnel_probes_answered_total", "answers to probes of the tunnel's far end", labels,
              static_cast<double>(counters.probes_answered));
  out.Gauge("sluice_tunnel_peer_silent", "1 while the tunnel's far end leaves probes unanswered", labels,
            sources_.state.SilentSince(interface).has_value());
}

// Nothing is said of a tunnel that no route leads through.
void GatewayMetrics::CollectTunnel(const Labels& labels, uint32_t interface, Exposition& out) const {
  CollectProbes(labels, interface, out);
  const api::TunnelReach reach = sources_.state.Reach(interface);
  if (reach.paths == 0) return;
  out.Gauge(
      "sluice_tunnel_up",
      "1 while the underlay has a way to the tunnel's far end, and that does not leave probes unanswered",
      labels, reach.down < reach.paths);
  if (reach.narrow == 0) return;
  out.Gauge("sluice_tunnel_path_mtu_bytes",
            "largest outer packet that passes to the tunnel's far end, as learned", labels,
            reach.narrowest.path_mtu);
}

void GatewayMetrics::CollectUnderlay(Exposition& out) const {
  // Of no tenant: VRF 0.
  CollectNeighbors("", 0, out);
  for (const UnderlayNames& each : sources_.underlay()) {
    const std::string& link = each.interface;
    out.Gauge("sluice_underlay_interface_up", "1 while the underlay interface carries packets",
              {{"interface", link}}, each.up);
    const api::InterfaceCounters counters = sources_.state.Counters(each.number);
    const auto count = [&](const char* direction, uint64_t packets, uint64_t bytes) {
      const Labels labels = {{"interface", link}, {"direction", direction}};
      out.Counter("sluice_underlay_packets_total", "outer IP packets of the underlay interface", labels,
                  static_cast<double>(packets));
      out.Counter("sluice_underlay_bytes_total", "bytes of outer IP packets of the underlay interface",
                  labels, static_cast<double>(bytes));
    };
    count("inbound", counters.inbound_packets, counters.inbound_bytes);
    count("outbound", counters.outbound_packets, counters.outbound_bytes);
  }
}

void GatewayMetrics::CollectDrops(const std::vector<TenantNames>& tenants, Exposition& out) const {
  absl::flat_hash_map<uint32_t, std::string> names;
  for (const TenantNames& tenant : tenants) names[tenant.vrf] = tenant.tenant;
  for (const api::DropCount& drop : sources_.state.Drops()) {
    const auto tenant = names.find(drop.vrf);
    out.Counter(
        "sluice_dropped_packets_total", "packets not forwarded; without tenant: reached none",
        {{"tenant", tenant == names.end() ? "" : tenant->second}, {"reason", ReasonName(drop.reason)}},
        static_cast<double>(drop.packets));
  }
}

void GatewayMetrics::CollectWorkers(Exposition& out) const {
  const auto& counters = sources_.state.counters();
  if (!counters) return;
  // Behind the workers' blocks are those of threads that have no load of this kind.
  const uint32_t workers = std::min(counters->geometry().workers, sources_.state.workers());
  const std::vector<api::StuckWorker> stuck = sources_.state.StuckWorkers();
  for (uint32_t worker = 0; worker < workers; ++worker) {
    const channel::WorkerCounters load = counters->Worker(worker);
    const Labels labels = {{"worker", std::to_string(worker)}};
    out.Counter("sluice_worker_busy_cycles_total", "TSC cycles of walks that moved packets", labels,
                static_cast<double>(load.busy_cycles));
    out.Counter("sluice_worker_idle_cycles_total", "TSC cycles of walks that found nothing", labels,
                static_cast<double>(load.idle_cycles));
    const bool is_stuck =
        std::any_of(stuck.begin(), stuck.end(), [worker](const auto& each) { return each.worker == worker; });
    out.Gauge("sluice_worker_stuck", "1 while the worker has given no sign of life for more than a second",
              labels, is_stuck);
    out.Counter("sluice_worker_sleeps_total", "short sleeps of the idle policy", labels,
                static_cast<double>(load.sleeps));
  }
}

void GatewayMetrics::CollectPorts(Exposition& out) const {
  const auto reply = sources_.dataplane.ListPorts();
  if (!reply.ok()) return;
  for (const v1::PortState& port : reply->ports()) {
    const Labels labels = {{"port", port.name()}};
    const auto direction = [&](const char* name) {
      return Labels{{"port", port.name()}, {"direction", name}};
    };
    const v1::PortCounters& counters = port.counters();
    out.Gauge("sluice_port_up", "1 while the port has a carrier", labels, port.link_up());
    const auto counter = [&](const char* name, const char* help, const Labels& with, uint64_t value) {
      out.Counter(name, help, with, static_cast<double>(value));
    };
    counter("sluice_port_packets_total", "frames", direction("rx"), counters.rx_packets());
    counter("sluice_port_packets_total", "frames", direction("tx"), counters.tx_packets());
    counter("sluice_port_bytes_total", "bytes of frames", direction("rx"), counters.rx_bytes());
    counter("sluice_port_bytes_total", "bytes of frames", direction("tx"), counters.tx_bytes());
    counter("sluice_port_errors_total", "frames with errors", direction("rx"), counters.rx_errors());
    counter("sluice_port_errors_total", "frames with errors", direction("tx"), counters.tx_errors());
    counter("sluice_port_missed_packets_total", "frames lost because no worker took them in time", labels,
            counters.rx_missed());
    counter("sluice_port_no_buffer_total", "receptions without a packet buffer", labels,
            counters.rx_nombuf());
    counter("sluice_port_tx_dropped_total", "frames that the port did not take for sending", labels,
            counters.tx_dropped());
  }
}

void GatewayMetrics::CollectTables(Exposition& out) const {
  const auto reply = sources_.dataplane.ListTables();
  if (!reply.ok()) return;
  for (const v1::TableFill& fill : reply->tables()) {
    const Labels labels = {{"table", fill.name()}};
    out.Gauge("sluice_table_used", "entries in use, by the limit's name", labels,
              static_cast<double>(fill.used()));
    out.Gauge("sluice_table_limit", "the limit", labels, static_cast<double>(fill.limit()));
  }
  for (const v1::TableFill& fill : reply->queues()) {
    const Labels labels = {{"queue", fill.name()}};
    out.Gauge("sluice_queue_used", "what is in a ring or out of a packet pool", labels,
              static_cast<double>(fill.used()));
    out.Gauge("sluice_queue_limit", "what the ring or pool holds", labels, static_cast<double>(fill.limit()));
  }
}

void GatewayMetrics::CollectSlowPath(Exposition& out) const {
  const auto reply = sources_.dataplane.GetSlowPath();
  if (!reply.ok()) return;
  const auto counter = [&](const char* name, const char* help, const Labels& labels, uint64_t value) {
    out.Counter(name, help, labels, static_cast<double>(value));
  };
  for (const v1::PuntClassCounters& punt_class : reply->classes()) {
    const Labels labels = {{"class", punt_class.name()}};
    counter("sluice_punted_packets_total", "packets for the slow path within their budget, by class", labels,
            punt_class.accepted());
    counter("sluice_punted_refused_packets_total", "packets above the budget of their class and tenant",
            labels, punt_class.refused());
  }
  counter("sluice_injected_packets_total", "packets that the slow path gave to workers", {},
          reply->injected());
  counter("sluice_inject_queue_full_total", "packets of the slow path that a worker did not take", {},
          reply->inject_queue_full());
  counter("sluice_slow_path_no_buffer_total", "packets for which the slow path had no buffer", {},
          reply->no_buffer());
  const v1::NeighborEvents& events = reply->neighbors();
  const std::pair<const char*, uint64_t> by_name[] = {
      {"request_answered", events.requests_answered()},
      {"request_over_budget", events.requests_over_budget()},
      {"malformed", events.malformed()},
      {"not_on_link", events.not_on_link()},
      {"unknown_interface", events.unknown_interface()},
      {"solicitation_sent", events.solicitations_sent()},
      {"solicitation_over_budget", events.solicitations_over_budget()},
      {"resolved", events.resolved()},
      {"failed", events.failed()},
      {"duplicate_address", events.duplicate_addresses()},
      {"table_full", events.table_full()},
  };
  for (const auto& [event, count] : by_name)
    counter("sluice_neighbor_events_total", "events of ARP and Neighbor Discovery", {{"event", event}},
            count);
  const v1::PathMtuEvents& paths = reply->path_mtus();
  const std::pair<const char*, uint64_t> of_paths[] = {
      {"learned", paths.learned()},
      {"forgotten", paths.forgotten()},
      {"unknown_remote", paths.unknown_remote()},
      {"unknown_tunnel", paths.unknown_tunnel()},
      {"too_small", paths.too_small()},
      {"not_lower", paths.not_lower()},
  };
  for (const auto& [event, count] : of_paths)
    counter("sluice_path_mtu_events_total", "path MTU messages about tunnels", {{"event", event}}, count);
}

std::string GatewayMetrics::ReasonName(uint32_t reason) const {
  const std::lock_guard lock(mutex_);
  const auto at = reasons_.find(reason);
  return at == reasons_.end() ? std::to_string(reason) : at->second;
}

void GatewayMetrics::LearnReasons() const {
  const auto instance = api::RunOnCore(sources_.core, [&] { return sources_.state.instance(); });
  {
    const std::lock_guard lock(mutex_);
    if (!instance || (*instance == reasons_of_ && !reasons_.empty())) return;
  }
  // One that was upgraded may have others.
  const auto reply = sources_.dataplane.ListDropReasons();
  if (!reply.ok()) return;
  const std::lock_guard lock(mutex_);
  reasons_.clear();
  reasons_of_ = *instance;
  for (const v1::DropReasonName& reason : reply->reasons()) reasons_[reason.number()] = reason.name();
}

}  // namespace sluice::metrics
