// Status of tenants and connections, in words.
#include "control/api/tenant_status.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/connection_liveness.h"
#include "control/api/name_table.h"
#include "control/api/refused_text.h"
#include "control/api/virtual_network_status.h"
#include "control/rib/next_hop_table.h"
#include "control/tenant/compile.h"
#include "control/tenant/tunnel_path.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using tenant::ConnectionName;
using tenant::Fault;
using tenant::Finding;

void AddValid(const TenantRecord& record, Conditions& conditions) {
  const auto& findings = record.validated.findings;
  std::string invalid;
  std::string limits;
  for (const Finding& each : findings.list()) {
    if (each.limit == "capacity") continue;
    std::string& text = each.fault == Fault::kLimit ? limits : invalid;
    absl::StrAppend(&text, text.empty() ? "" : "; ", each.object, ": ", each.field, ": ", each.description);
  }
  if (!invalid.empty()) return conditions.False("Valid", v1::SEVERITY_ERROR, kNotValid, std::move(invalid));
  if (!limits.empty())
    return conditions.False("Valid", v1::SEVERITY_WARNING, "AboveLimit", std::move(limits));
  conditions.True("Valid", "Accepted");
}

void AddCapacity(const TenantRecord& record, const DesiredState& state, Conditions& conditions) {
  const auto capacity = tenant::CapacityOf(state.gateway().spec.capacity());
  const uint64_t booked = state.BookedKbps();
  if (capacity.total_kbps && booked > *capacity.total_kbps && record.validated.booked_kbps > 0)
    return conditions.False("WithinCapacity", v1::SEVERITY_WARNING, "OverProvisioned",
                            absl::StrCat("connections of all tenants book ", booked,
                                         " kbit/s of the gateway's ", *capacity.total_kbps, " kbit/s, ",
                                         record.validated.booked_kbps, " kbit/s of them this tenant's"));
  conditions.True("WithinCapacity", "Fits");
}

void AddProgrammed(const TenantRecord& record, const Surroundings& surroundings, Conditions& conditions) {
  if (!surroundings.dataplane.attached())
    return conditions.False("Programmed", v1::SEVERITY_WARNING, kDataplaneAway, "no dataplane is attached");
  const TenantProgramming programming = surroundings.programming.Tenant(record.row.numbers.vrf);
  if (programming.refused_count > 0) {
    const bool spec = programming.spec_refused_count > 0;
    return conditions.False("Programmed", v1::SEVERITY_ERROR, spec ? "Refused" : "RoutesRefused",
                            absl::StrCat("the dataplane refused ", programming.refused_count,
                                         spec ? " objects: " : " objects of the static route set: ",
                                         TextOf(programming.refused, programming.refused_count)));
  }
  if (record.observed_generation < record.row.generation)
    return conditions.False(
        "Programmed", v1::SEVERITY_INFO, "InProgress",
        absl::StrCat(
            "generation ", record.row.generation, " is on its way to the dataplane",
            record.observed_generation == 0 ? "" : absl::StrCat(", which has ", record.observed_generation)));
  if (record.observed_static_version != record.row.static_version)
    return conditions.False(
        "Programmed", v1::SEVERITY_INFO, "InProgress",
        absl::StrCat("version ", record.row.static_version,
                     " of the static set is on its way to the dataplane, which has version ",
                     record.observed_static_version));
  conditions.True("Programmed", "Acknowledged");
}

void AddNextHops(const TenantRecord& record, const Surroundings& surroundings, Conditions& conditions) {
  const uint64_t unused = surroundings.programming.Tenant(record.row.numbers.vrf).unused_next_hops;
  if (unused == 0) return;
  conditions.False(
      "NextHopsUsed", v1::SEVERITY_WARNING, "TooManyNextHops",
      absl::StrCat(unused, " next hops get no flows: a route spreads them over ", rib::kGroupMembersMax,
                   " next hops at most, those of all its paths together"));
}

void AddStaticSet(const TenantRecord& record, Conditions& conditions) {
  const auto& spec = record.row.spec;
  if (spec.has_static_routes_version()) {
    if (spec.static_routes_version() == record.row.static_version) {
      conditions.True("StaticRoutesCurrent", "VersionsMatch");
    } else {
      conditions.False("StaticRoutesCurrent", v1::SEVERITY_WARNING, "OtherVersion",
                       absl::StrCat("the spec requires version ", spec.static_routes_version(),
                                    " of the static set; version ", record.row.static_version, " is stored"));
    }
  }
  if (record.unreachable_routes > 0)
    conditions.False("StaticRoutesReachable", v1::SEVERITY_WARNING, "NextHopUnreachable",
                     absl::StrCat(record.unreachable_routes, " of ", record.routes.size(),
                                  " routes of the static set have a next hop on no connected prefix"));
  if (record.unreadable_routes > 0)
    conditions.False("StaticRoutesReadable", v1::SEVERITY_ERROR, "StoreDamaged",
                     absl::StrCat(record.unreadable_routes, " stored static routes cannot be read"));
}

void AddRouteCounts(const TenantRecord& record, const Surroundings& surroundings, v1::TenantStatus& status) {
  for (const RouteCount& each : surroundings.programming.RouteCounts(record.row.numbers.vrf)) {
    auto& count = *status.add_routes();
    count.set_family(FamilyOf(each.family));
    count.set_source(SourceOf(each.source));
    count.set_routes(each.routes);
    count.set_programmed(each.programmed);
  }
}

void FillStatus(TenantRecord& record, DesiredState& state, bool with_statistics, v1::TenantStatus& status) {
  const Surroundings& surroundings = state.surroundings();
  UpdateObserved(record, surroundings);
  status.set_observed_generation(record.observed_generation);
  status.set_manager(record.row.manager);
  status.set_static_routes_version(record.row.static_version);
  status.set_static_routes(record.routes.size());
  status.set_observed_static_routes_version(record.observed_static_version);
  status.set_booked_kbps(record.validated.booked_kbps);
  Conditions conditions(*status.mutable_conditions(), tenant::TenantName(record.row.name),
                        record.row.generation, state.now_us(), record.condition_times);
  AddValid(record, conditions);
  AddCapacity(record, state, conditions);
  AddProgrammed(record, surroundings, conditions);
  AddStaticSet(record, conditions);
  AddNextHops(record, surroundings, conditions);
  if (record.row.diverged)
    conditions.Alert("Diverged", "BreakGlass",
                     absl::StrCat("somebody other than the manager ", record.row.manager,
                                  " wrote with break_glass; the manager's next write clears this"));
  *status.mutable_configuration_state() = RollUp(status.conditions());
  for (const v1::VirtualNetwork& network : record.row.spec.virtual_networks())
    *status.add_virtual_networks() = ShowVirtualNetwork(record, network, state, with_statistics);
}

}  // namespace

void AddStatistics(uint32_t interface, const Surroundings& surroundings, v1::ConnectionStatistics& out) {
  const InterfaceCounters counters = surroundings.dataplane.Counters(interface);
  out.set_inbound_bytes(counters.inbound_bytes);
  out.set_outbound_bytes(counters.outbound_bytes);
  out.set_inbound_packets(counters.inbound_packets);
  out.set_outbound_packets(counters.outbound_packets);
  out.set_inbound_packets_dropped(counters.inbound_dropped);
  out.set_outbound_packets_dropped(counters.outbound_dropped);
  out.set_inbound_packets_rate_limited(counters.inbound_rate_limited);
  out.set_outbound_packets_rate_limited(counters.outbound_rate_limited);
  out.set_inbound_rate_kbps(counters.inbound_kbps);
  out.set_outbound_rate_kbps(counters.outbound_kbps);
  out.set_probes_sent(counters.probes_sent);
  out.set_probes_answered(counters.probes_answered);
  out.set_keepalives_returned(counters.keepalives_returned);
  SetTimestamp(*out.mutable_last_updated(), surroundings.now_us());
}

std::string EtagOf(const store::TenantRow& row) {
  return absl::StrCat("t", row.uid, "-", row.generation);
}

std::string EtagBefore(const store::TenantRow& row) {
  return absl::StrCat("t", row.uid, "-", row.generation - 1);
}

void UpdateObserved(TenantRecord& record, const Surroundings& surroundings) {
  const TenantProgramming programming = surroundings.programming.Tenant(record.row.numbers.vrf);
  if (record.spec_revision != 0 && programming.acknowledged_revision >= record.spec_revision)
    record.observed_generation = record.row.generation;
  // Revisions of a set that is still being stated are acknowledged in pieces.
  if (record.feed == nullptr && programming.acknowledged_revision >= record.static_revision)
    record.observed_static_version = record.row.static_version;
  // Another dataplane, or none: what the former one had says nothing of it.
  if (programming.acknowledged_revision == 0) record.observed_generation = record.observed_static_version = 0;
}

v1::ConnectionStatus ShowConnection(TenantRecord& record, const v1::Connection& connection,
                                    DesiredState& state, bool with_statistics) {
  const Surroundings& surroundings = state.surroundings();
  const std::string object = ConnectionName(record.row.name, connection.name());
  v1::ConnectionStatus status;
  status.set_name(connection.name());
  status.set_gateway(surroundings.instance);
  const ConnectionLiveness liveness = LivenessOf(record, connection, state.gateway_record(), surroundings);
  status.set_state(liveness.state);
  status.set_error_reason(liveness.error);
  status.set_unreachability_reason(liveness.unreachable);
  StateSince& changed = record.connection_states[connection.name()];
  if (changed.state != liveness.state) changed = {liveness.state, state.now_us()};
  SetTimestamp(*status.mutable_last_state_change(), changed.since_us);
  auto& since = record.connected_since_us[connection.name()];
  if (!liveness.carries_packets()) since = 0;
  if (liveness.carries_packets() && since == 0) since = state.now_us();
  if (since != 0) status.mutable_uptime()->set_seconds((state.now_us() - since) / 1'000'000);

  Conditions conditions(*status.mutable_conditions(), object, record.row.generation, state.now_us(),
                        record.condition_times);
  if (liveness.error.empty()) {
    conditions.True("Ready", "Connected");
  } else if (liveness.state == v1::CONNECTION_STATE_DISABLED) {
    conditions.False("Ready", v1::SEVERITY_UNSPECIFIED, liveness.reason, liveness.error);
  } else {
    const bool waits = liveness.state == v1::CONNECTION_STATE_CONNECTING;
    conditions.False("Ready", waits ? v1::SEVERITY_INFO : v1::SEVERITY_ERROR, liveness.reason,
                     liveness.error);
  }
  if (!liveness.unreachable.empty())
    conditions.False("PeersReachable", liveness.cut_off ? v1::SEVERITY_ERROR : v1::SEVERITY_WARNING,
                     "NeighborFailed", liveness.unreachable);
  for (const Finding& each : record.validated.findings.list())
    if (each.object == object) conditions.False("Valid", v1::SEVERITY_ERROR, kNotValid, each.description);
  *status.mutable_configuration_state() = RollUp(status.conditions());

  const auto numbers = record.row.numbers.connections.find(connection.name());
  if (numbers == record.row.numbers.connections.end()) return status;
  for (const auto& [path, version] : record.secrets) {
    const std::string prefix = absl::StrCat("connections/", connection.name(), "/");
    if (!absl::StartsWith(path, prefix)) continue;
    auto& secret = *status.add_secrets();
    secret.set_field(path.substr(prefix.size()));
    secret.set_is_set(true);
    secret.set_version(version);
  }
  for (const tenant::Connection& each : record.validated.model.connections) {
    if (each.name != connection.name()) continue;
    const tenant::ExplainedMtu mtu =
        tenant::MtuOf(each, state.gateway_record().underlay, state.ports(),
                      LearnedOf(surroundings.dataplane.Reach(numbers->second.interface)));
    status.set_mtu(mtu.bytes);
    status.set_mtu_reason(mtu.reason);
  }
  if (with_statistics) AddStatistics(numbers->second.interface, surroundings, *status.mutable_statistics());
  return status;
}

v1::Tenant ShowTenant(TenantRecord& record, DesiredState& state, bool with_statistics) {
  v1::Tenant tenant;
  tenant.set_name(record.row.name);
  tenant.set_etag(EtagOf(record.row));
  tenant.set_generation(record.row.generation);
  SetTimestamp(*tenant.mutable_create_time(), record.row.create_us);
  SetTimestamp(*tenant.mutable_update_time(), record.row.update_us);
  *tenant.mutable_spec() = record.row.spec;
  FillStatus(record, state, with_statistics, *tenant.mutable_status());
  for (const v1::Connection& connection : record.row.spec.connections())
    *tenant.mutable_status()->add_connections() = ShowConnection(record, connection, state, with_statistics);
  if (with_statistics) AddRouteCounts(record, state.surroundings(), *tenant.mutable_status());
  return tenant;
}

std::string StatusDigest(TenantRecord& record, DesiredState& state) {
  v1::TenantStatus status;
  FillStatus(record, state, false, status);
  return status.SerializeAsString();
}

std::string ConnectionDigest(TenantRecord& record, std::string_view connection, DesiredState& state) {
  for (const v1::Connection& each : record.row.spec.connections()) {
    if (each.name() != connection) continue;
    v1::ConnectionStatus status = ShowConnection(record, each, state, false);
    status.clear_uptime();
    return status.SerializeAsString();
  }
  return {};
}

}  // namespace sluice::api
