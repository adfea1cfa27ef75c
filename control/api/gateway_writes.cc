// The gateway: lowering its capacity is accepted and shows as a warning of the
// tenants that no longer fit.
#include "control/api/gateway_writes.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/api/gateway_status.h"
#include "control/api/refusal.h"
#include "control/api/underlay_consequences.h"
#include "control/api/write_rules.h"
#include "control/store/number_rows.h"
#include "control/tenant/consequences.h"
#include "control/tenant/validate_labels.h"
#include "control/tenant/validate_underlay.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using tenant::Findings;
using tenant::Place;

constexpr char kObject[] = "gateway";
constexpr uint32_t kGroupMembersMax = 64;  // of the channel

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

// Puts text into canonical form.
Findings Validate(v1::GatewaySpec& spec, const DesiredState& state, tenant::UnderlayModel& underlay) {
  Findings findings;
  const Place place{"spec", kObject};
  underlay = tenant::ValidateUnderlay(spec, state.EnvironmentForUnderlay(spec), findings);
  if (spec.has_underlay_bgp()) findings.Unimplemented(place.Field("underlay_bgp"), "underlay BGP routers");
  CheckCapacity(spec.capacity(), place.Field("capacity"), findings);
  const auto limits = tenant::LimitsOf(spec.limits());
  CheckLimits(spec.limits(), place.Field("limits"), findings);
  for (int i = 0; i < spec.kinds_size(); ++i)
    if (spec.kinds(i) != v1::GATEWAY_KIND_FORWARDING && spec.kinds(i) != v1::GATEWAY_KIND_GRE)
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

// Numbers of underlay interfaces: new ones get theirs, those that are gone give theirs back.
absl::Status UpdateNumbers(store::Database& database, int64_t now_us, const DataplaneState& dataplane,
                           store::GatewayRow& row) {
  tenant::UnderlayNumbers before = std::exchange(row.underlay_numbers, {});
  const auto limit =
      static_cast<uint32_t>(dataplane.Limit(store::LimitNameOf(store::NumberKind::kInterface)));
  for (const v1::UnderlayInterface& each : row.spec.underlay_interfaces()) {
    if (auto known = before.extract(each.name()); !known.empty()) {
      row.underlay_numbers.insert(std::move(known));
      continue;
    }
    const auto number = store::AllocateNumber(database, store::NumberKind::kInterface, now_us, limit);
    if (!number.ok()) return number.status();
    row.underlay_numbers[each.name()] = *number;
  }
  for (const auto& [name, number] : before)
    store::ReleaseNumber(database, store::NumberKind::kInterface, number, now_us);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::GatewayWriteResult> PutGateway(DesiredState& state, v1::PutGatewayRequest request,
                                                  const std::string& who) {
  AuditEntry entry{who, "PutGateway", kObject, "", {}, request.options().break_glass()};
  v1::GatewaySpec spec = std::move(*request.mutable_gateway()->mutable_spec());
  v1::GatewayWriteResult result;
  tenant::UnderlayModel underlay;
  const Findings findings = Validate(spec, state, underlay);
  for (auto& each : tenant::Consequences(state.gateway().spec, spec))
    *result.add_consequences() = std::move(each);
  const bool same = result.consequences().empty() && state.gateway().generation != 0;
  const absl::Status allowed = same ? absl::OkStatus() : CheckEtag(state, request);
  const auto capacity = tenant::CapacityOf(spec.capacity());
  if (capacity.total_kbps && state.BookedKbps() > *capacity.total_kbps)
    AddConsequence(v1::CONSEQUENCE_KIND_WARNING, "spec.capacity",
                   absl::StrCat("connections book ", state.BookedKbps(), " kbit/s, more than ",
                                *capacity.total_kbps, " kbit/s; they keep running, new ones are refused"),
                   result);
  // A refused underlay has none: what it takes from tenants is not what was wanted.
  if (!same && findings.empty())
    for (UnderlayConsequence& each : ConsequencesOf(underlay, state))
      AddConsequence(v1::CONSEQUENCE_KIND_WARNING, std::move(each.field), std::move(each.description),
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
    if (absl::Status status =
            UpdateNumbers(state.store().database(), row.update_us, state.surroundings().dataplane, row);
        !status.ok())
      return status;
    store::SaveGateway(state.store().database(), row);
    Audit(state, entry);
    if (absl::Status status = transaction.Commit(); !status.ok()) return status;
    state.AdoptGateway(std::move(row));
  }
  *result.mutable_gateway() = ShowGateway(state);
  return result;
}

}  // namespace sluice::api
