// The gateway's status from the state of tenants, of the underlay and of the dataplane.
#include "control/api/gateway_status.h"

#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/connection_liveness.h"
#include "control/api/refused_text.h"
#include "control/api/tenant_status.h"
#include "control/tenant/tunnel_path.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

constexpr char kGatewayObject[] = "gateway";

constexpr char kNobodyAttached[] = "no dataplane is attached";

// "2 tenants: blue, red"; empty when there is none of which it is so.
template <typename IsSo>
std::string TenantsThat(const DesiredState& state, IsSo is_so) {
  constexpr size_t kShownMax = 5;
  size_t count = 0;
  std::string names;
  for (const auto& [name, record] : state.tenants()) {
    if (!is_so(*record)) continue;
    if (++count <= kShownMax) absl::StrAppend(&names, count == 1 ? "" : ", ", name);
  }
  if (count == 0) return {};
  if (count > kShownMax) absl::StrAppend(&names, ", and ", count - kShownMax, " more");
  return absl::StrCat(count, count == 1 ? " tenant: " : " tenants: ", names);
}

// True when the dataplane refused nothing of any tenant.
bool AddTenantsProgrammed(const DesiredState& state, Conditions& conditions) {
  if (!state.surroundings().dataplane.attached()) {
    conditions.Unknown("TenantsProgrammed", kNoDataplane, kNobodyAttached);
    return false;
  }
  const std::string refused = TenantsThat(state, [&](const TenantRecord& record) {
    return state.surroundings().programming.Tenant(record.row.numbers.vrf).refused_count > 0;
  });
  if (refused.empty()) {
    conditions.True("TenantsProgrammed", "NothingRefused");
    return true;
  }
  conditions.False("TenantsProgrammed", v1::SEVERITY_WARNING, kTenantsRefused,
                   absl::StrCat("the dataplane refused objects of ", refused));
  return false;
}

// True when all that tenants configured can be in force. What cannot is left out of what is programmed,
// so that nothing is refused.
bool AddTenantsValid(const DesiredState& state, Conditions& conditions) {
  const std::string wrong = TenantsThat(
      state, [](const TenantRecord& record) { return record.validated.findings.blocking_count() > 0; });
  if (wrong.empty()) {
    conditions.True("TenantsValid", "InForce");
    return true;
  }
  conditions.False("TenantsValid", v1::SEVERITY_WARNING, kTenantsNotValid,
                   absl::StrCat("parts of the configuration are not in force of ", wrong));
  return false;
}

// True when all workers give signs of life.
bool AddWorkersRunning(const DataplaneState& dataplane, Conditions& conditions) {
  if (!dataplane.attached()) {
    conditions.Unknown("WorkersRunning", kNoDataplane, kNobodyAttached);
    return false;
  }
  const std::vector<StuckWorker> stuck = dataplane.StuckWorkers();
  if (stuck.empty()) {
    conditions.True("WorkersRunning", "Running");
    return true;
  }
  std::string names;
  for (const StuckWorker& each : stuck)
    absl::StrAppend(&names, names.empty() ? "" : ", ", each.worker, " (core ", each.core, ")");
  conditions.False("WorkersRunning", v1::SEVERITY_ERROR, "WorkerStuck",
                   absl::StrCat("no sign of life for more than a second from worker ", names,
                                "; what its queues receive is not forwarded"));
  return false;
}

void ShowUnderlay(DesiredState& state, v1::GatewayStatus& status) {
  const Surroundings& surroundings = state.surroundings();
  GatewayRecord& record = state.gateway_record();
  for (const v1::UnderlayInterface& each : record.row.spec.underlay_interfaces()) {
    auto& shown = *status.add_underlay_interfaces();
    shown.set_name(each.name());
    const ConnectionLiveness liveness = UnderlayLivenessOf(record, each.name(), surroundings);
    shown.set_state(liveness.state);
    shown.set_error_reason(liveness.error);
    shown.set_unreachability_reason(liveness.unreachable);
    StateSince& since = record.interface_states[each.name()];
    if (since.state != liveness.state) since = {liveness.state, state.now_us()};
    SetTimestamp(*shown.mutable_last_state_change(), since.since_us);
    for (const tenant::Connection& link : record.underlay.interfaces)
      if (link.name == each.name()) shown.set_mtu(tenant::LinkMtu(link, state.ports()));
    AddStatistics(record.row.underlay_numbers.at(each.name()), surroundings, *shown.mutable_statistics());
  }
}

// True when the underlay is as it should be.
bool AddUnderlay(const DesiredState& state, const v1::GatewayStatus& status, Conditions& conditions) {
  const GatewayRecord& record = state.gateway_record();
  bool well = record.findings.empty();
  if (!well) {
    const tenant::Finding& first = record.findings.list().front();
    conditions.False("Valid", v1::SEVERITY_ERROR, kNotValid,
                     absl::StrCat(first.field, ": ", first.description));
  }
  if (record.spec_revision == 0) return well;
  if (!state.surroundings().dataplane.attached()) {
    conditions.Unknown("UnderlayProgrammed", kNoDataplane, kNobodyAttached);
    conditions.Unknown("UnderlayReady", kNoDataplane, kNobodyAttached);
    return false;
  }
  const TenantProgramming programming = state.surroundings().programming.Tenant(0);
  if (programming.refused_count > 0) {
    conditions.False(
        "UnderlayProgrammed", v1::SEVERITY_ERROR, "Refused",
        absl::StrCat("the dataplane refused ", TextOf(programming.refused, programming.refused_count)));
    well = false;
  } else if (record.observed_generation < record.row.generation) {
    conditions.False("UnderlayProgrammed", v1::SEVERITY_INFO, "InProgress",
                     "the dataplane has not acknowledged the underlay yet");
  } else {
    conditions.True("UnderlayProgrammed", "Acknowledged");
  }
  std::string faults;
  bool down = false;
  for (const auto& each : status.underlay_interfaces()) {
    const std::string& why = each.error_reason().empty() ? each.unreachability_reason() : each.error_reason();
    if (why.empty() || each.state() == v1::CONNECTION_STATE_CONNECTING) continue;
    down |= each.state() == v1::CONNECTION_STATE_DISCONNECTED;
    absl::StrAppend(&faults, faults.empty() ? "" : "; ", each.name(), ": ", why);
  }
  if (faults.empty()) {
    conditions.True("UnderlayReady", "Connected");
    return well;
  }
  conditions.False("UnderlayReady", down ? v1::SEVERITY_ERROR : v1::SEVERITY_WARNING,
                   down ? "UnderlayDown" : "NeighborFailed", faults);
  return false;
}

void AddConditions(DesiredState& state, v1::GatewayStatus& status) {
  GatewayRecord& record = state.gateway_record();
  Conditions conditions(*status.mutable_conditions(), kGatewayObject, record.row.generation, state.now_us(),
                        state.gateway_condition_times());
  const bool attached = state.surroundings().dataplane.attached();
  if (attached) {
    conditions.True("DataplaneAttached", "Attached");
  } else {
    conditions.False("DataplaneAttached", v1::SEVERITY_ERROR, kDataplaneAway, kNobodyAttached);
  }
  const bool running = AddWorkersRunning(state.surroundings().dataplane, conditions);
  const uint64_t booked = status.booked_kbps();
  const uint64_t total = status.total_capacity_kbps();
  const bool fits = !record.row.spec.capacity().has_total_kbps() || booked <= total;
  if (fits) {
    conditions.True("WithinCapacity", "Fits");
  } else {
    conditions.False("WithinCapacity", v1::SEVERITY_WARNING, "OverProvisioned",
                     absl::StrCat("connections book ", booked, " kbit/s of ", total, " kbit/s"));
  }
  const bool valid = AddTenantsValid(state, conditions);
  const bool programmed = AddTenantsProgrammed(state, conditions);
  const bool underlay = AddUnderlay(state, status, conditions);
  status.set_health(!attached || !running                     ? v1::HEALTH_UNHEALTHY
                    : fits && valid && programmed && underlay ? v1::HEALTH_HEALTHY
                                                              : v1::HEALTH_DEGRADED);
  *status.mutable_configuration_state() = RollUp(status.conditions());
}

}  // namespace

std::string EtagOf(const store::GatewayRow& row) {
  return absl::StrCat("g", row.generation);
}

void UpdateObserved(GatewayRecord& record, const Surroundings& surroundings) {
  const bool stated = record.spec_revision != 0;
  const uint64_t acknowledged = stated ? surroundings.programming.Tenant(0).acknowledged_revision : 0;
  if (!stated || acknowledged >= record.spec_revision) record.observed_generation = record.row.generation;
  // Another dataplane, or none: what the former one had says nothing of it.
  if (stated && acknowledged == 0) record.observed_generation = 0;
}

v1::Gateway ShowGateway(DesiredState& state) {
  const Surroundings& surroundings = state.surroundings();
  GatewayRecord& record = state.gateway_record();
  const store::GatewayRow& row = record.row;
  v1::Gateway gateway;
  gateway.set_etag(EtagOf(row));
  gateway.set_generation(row.generation);
  if (row.generation != 0) SetTimestamp(*gateway.mutable_update_time(), row.update_us);
  *gateway.mutable_spec() = row.spec;
  v1::GatewayStatus& status = *gateway.mutable_status();
  status.set_state(v1::GATEWAY_STATE_ACTIVE);
  status.set_instance_id(surroundings.instance);
  // The name of one that is gone would say that it is there.
  if (surroundings.dataplane.attached()) status.set_dataplane_instance_id(surroundings.dataplane.instance());
  status.set_version(surroundings.version);
  status.mutable_uptime()->set_seconds((state.now_us() - state.started_us()) / 1'000'000);
  const uint64_t booked = state.BookedKbps();
  const uint64_t total = row.spec.capacity().total_kbps();
  status.set_total_capacity_kbps(total);
  status.set_booked_kbps(booked);
  status.set_available_capacity_kbps(total > booked ? total - booked : 0);
  status.set_tenants(static_cast<uint32_t>(state.tenants().size()));
  uint32_t connections = 0;
  for (const auto& [name, tenant] : state.tenants())
    connections += static_cast<uint32_t>(tenant->row.spec.connections_size());
  status.set_connections(connections);
  status.set_observed_generation(state.ObservedGatewayGeneration());
  ShowUnderlay(state, status);
  AddConditions(state, status);
  return gateway;
}

std::string GatewayDigest(DesiredState& state) {
  v1::GatewayStatus status = ShowGateway(state).status();
  status.clear_uptime();
  for (auto& each : *status.mutable_underlay_interfaces()) each.clear_statistics();
  return status.SerializeAsString();
}

}  // namespace sluice::api
