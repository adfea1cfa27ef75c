// The gateway: lowering its capacity is accepted and shows as a warning of the
// tenants that no longer fit.
#include "control/api/gateway_writes.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/refusal.h"
#include "control/api/write_rules.h"
#include "control/tenant/consequences.h"
#include "control/tenant/validate_labels.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using tenant::Findings;
using tenant::Place;

constexpr char kObject[] = "gateway";
constexpr uint32_t kGroupMembersMax = 64;  // of the channel

std::string EtagOf(const store::GatewayRow& row) {
  return absl::StrCat("g", row.generation);
}

void CheckCapacity(const v1::Capacity& capacity, const Place& place, Findings& findings) {
  const auto positive = [&](bool present, uint64_t value, const char* field) {
    if (present && value == 0)
      findings.Invalid(place.Field(field), "0 kbit/s; accepted: 1 or more, or leave it out for no limit");
  };
  positive(capacity.has_total_kbps(), capacity.total_kbps(), "total_kbps");
  if (capacity.has_ipsec_cap_kbps())
    findings.Unimplemented(place.Field("ipsec_cap_kbps"), "capacities of IPsec connections");
  positive(capacity.has_gre_cap_kbps(), capacity.gre_cap_kbps(), "gre_cap_kbps");
  positive(capacity.has_l3_cap_kbps(), capacity.l3_cap_kbps(), "l3_cap_kbps");
}

void CheckLimits(const v1::Limits& wanted, const Place& place, Findings& findings) {
  const auto between = [&](uint64_t value, uint64_t least, uint64_t most, const char* field) {
    if (value < least || value > most)
      findings.Invalid(place.Field(field), absl::StrCat(value, "; accepted: ", least, " to ", most));
  };
  const auto limits = tenant::LimitsOf(wanted);
  // The channel's fields have 32 bits, in which 0 means no limit.
  constexpr uint64_t kChannelMax = std::numeric_limits<uint32_t>::max();
  between(limits.next_hops_per_route, 1, kGroupMembersMax, "next_hops_per_route");
  between(limits.router_addresses_per_tenant, 0, tenant::kRouterAddressesMax, "router_addresses_per_tenant");
  between(limits.routes_ipv4_per_tenant, 1, kChannelMax, "routes_ipv4_per_tenant");
  between(limits.routes_ipv6_per_tenant, 1, kChannelMax, "routes_ipv6_per_tenant");
  between(limits.neighbors_per_tenant, 1, kChannelMax, "neighbors_per_tenant");
}

Findings Validate(const v1::GatewaySpec& spec) {
  Findings findings;
  const Place place{"spec", kObject};
  if (!spec.underlay_interfaces().empty())
    findings.Unimplemented(place.Field("underlay_interfaces"), "underlay interfaces");
  if (!spec.underlay_routes().empty())
    findings.Unimplemented(place.Field("underlay_routes"), "underlay routes");
  if (spec.has_underlay_bgp()) findings.Unimplemented(place.Field("underlay_bgp"), "underlay BGP routers");
  CheckCapacity(spec.capacity(), place.Field("capacity"), findings);
  const auto limits = tenant::LimitsOf(spec.limits());
  CheckLimits(spec.limits(), place.Field("limits"), findings);
  for (int i = 0; i < spec.kinds_size(); ++i)
    if (spec.kinds(i) != v1::GATEWAY_KIND_FORWARDING)
      findings.Unimplemented(place.Element("kinds", static_cast<size_t>(i)),
                             absl::StrCat("gateways of kind ", v1::GatewayKind_Name(spec.kinds(i))));
  // It is part of the SPIs of IPsec connections.
  if (spec.has_home()) findings.Unimplemented(place.Field("home"), "homes of gateways");
  tenant::ValidateLabels(spec.labels(), limits.labels_per_tenant, place.Field("labels"), findings);
  return findings;
}

void AddConsequence(v1::ConsequenceKind kind, std::string field, std::string description,
                    v1::GatewayWriteResult& result) {
  auto& consequence = *result.add_consequences();
  consequence.set_kind(kind);
  consequence.set_object(kObject);
  consequence.set_field(std::move(field));
  consequence.set_description(std::move(description));
}

absl::Status CheckEtag(const DesiredState& state, const v1::PutGatewayRequest& request) {
  const store::GatewayRow& row = state.gateway();
  const std::string& etag = request.gateway().etag();
  if (!etag.empty() && etag != EtagOf(row))
    return PreconditionFailed("ETAG", kObject,
                              absl::StrCat("the etag is \"", EtagOf(row), "\", the request was made for \"",
                                           etag.substr(0, 80), "\"; read it again"));
  if (etag.empty() && row.generation != 0 && !request.options().overwrite())
    return PreconditionFailed("EXISTS", kObject, "it is configured; give its etag, or set overwrite");
  return absl::OkStatus();
}

// True when the dataplane refused nothing of any tenant.
bool AddTenantsProgrammed(const DesiredState& state, Conditions& conditions) {
  constexpr size_t kShownMax = 5;
  size_t refused = 0;
  std::string names;
  for (const auto& [name, record] : state.tenants()) {
    if (state.surroundings().programming.Tenant(record->row.numbers.vrf).refused_count == 0) continue;
    if (++refused <= kShownMax) absl::StrAppend(&names, refused == 1 ? "" : ", ", name);
  }
  if (refused == 0) {
    conditions.True("TenantsProgrammed", "NothingRefused");
    return true;
  }
  if (refused > kShownMax) absl::StrAppend(&names, ", and ", refused - kShownMax, " more");
  conditions.False("TenantsProgrammed", v1::SEVERITY_WARNING, "TenantsRefused",
                   absl::StrCat("the dataplane refused objects of ", refused, " tenants: ", names));
  return false;
}

// True when all workers give signs of life, or none is known.
bool AddWorkersRunning(const DataplaneState& dataplane, Conditions& conditions) {
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

}  // namespace

absl::StatusOr<v1::GatewayWriteResult> PutGateway(DesiredState& state, v1::PutGatewayRequest request,
                                                  const std::string& who) {
  AuditEntry entry{who, "PutGateway", kObject, "", {}, request.options().break_glass()};
  v1::GatewaySpec spec = std::move(*request.mutable_gateway()->mutable_spec());
  v1::GatewayWriteResult result;
  for (auto& each : tenant::Consequences(state.gateway().spec, spec))
    *result.add_consequences() = std::move(each);
  const bool same = result.consequences().empty() && state.gateway().generation != 0;
  const absl::Status allowed = same ? absl::OkStatus() : CheckEtag(state, request);
  const Findings findings = Validate(spec);
  const auto capacity = tenant::CapacityOf(spec.capacity());
  if (capacity.total_kbps && state.BookedKbps() > *capacity.total_kbps)
    AddConsequence(v1::CONSEQUENCE_KIND_WARNING, "spec.capacity",
                   absl::StrCat("connections book ", state.BookedKbps(), " kbit/s, more than ",
                                *capacity.total_kbps, " kbit/s; they keep running, new ones are refused"),
                   result);
  result.set_changed(!same);
  if (request.options().validate_only()) {
    if (!allowed.ok())
      AddConsequence(v1::CONSEQUENCE_KIND_REFUSED, "", std::string(allowed.message()), result);
    for (const auto& each : findings.list())
      AddConsequence(v1::CONSEQUENCE_KIND_REFUSED, each.field, each.description, result);
    *result.mutable_gateway()->mutable_spec() = std::move(spec);
    return result;
  }
  if (!allowed.ok() || !findings.empty()) {
    const absl::Status refusal = allowed.ok() ? RefusalOf(findings) : allowed;
    AuditRefusal(state, entry, refusal);
    return refusal;
  }
  if (!same) {
    for (const auto& each : result.consequences()) entry.changes.push_back(tenant::ToLine(each));
    store::GatewayRow row = state.gateway();
    row.generation += 1;
    row.update_us = state.now_us();
    row.spec = std::move(spec);
    store::Transaction transaction(state.store().database());
    store::SaveGateway(state.store().database(), row);
    Audit(state, entry);
    if (absl::Status status = transaction.Commit(); !status.ok()) return status;
    state.AdoptGateway(std::move(row));
  }
  *result.mutable_gateway() = ShowGateway(state);
  return result;
}

v1::Gateway ShowGateway(DesiredState& state) {
  const Surroundings& surroundings = state.surroundings();
  const store::GatewayRow& row = state.gateway();
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
  for (const auto& [name, record] : state.tenants())
    connections += static_cast<uint32_t>(record->row.spec.connections_size());
  status.set_connections(connections);
  status.set_observed_generation(state.ObservedGatewayGeneration());

  Conditions conditions(*status.mutable_conditions(), kObject, row.generation, state.now_us(),
                        state.gateway_condition_times());
  const bool attached = surroundings.dataplane.attached();
  if (attached) {
    conditions.True("DataplaneAttached", "Attached");
  } else {
    conditions.False("DataplaneAttached", v1::SEVERITY_ERROR, "DataplaneAway", "no dataplane is attached");
  }
  const bool running = AddWorkersRunning(surroundings.dataplane, conditions);
  const bool fits = !row.spec.capacity().has_total_kbps() || booked <= total;
  if (fits) {
    conditions.True("WithinCapacity", "Fits");
  } else {
    conditions.False("WithinCapacity", v1::SEVERITY_WARNING, "OverProvisioned",
                     absl::StrCat("connections book ", booked, " kbit/s of ", total, " kbit/s"));
  }
  const bool programmed = AddTenantsProgrammed(state, conditions);
  status.set_health(!attached || !running ? v1::HEALTH_UNHEALTHY
                    : fits && programmed  ? v1::HEALTH_HEALTHY
                                          : v1::HEALTH_DEGRADED);
  *status.mutable_configuration_state() = RollUp(status.conditions());
  return gateway;
}

}  // namespace sluice::api
