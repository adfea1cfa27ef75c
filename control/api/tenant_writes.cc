// Tenants: rules, validation, transaction, adoption; in this order, so that a
// refused request changes nothing.
#include "control/api/tenant_writes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/api/secret_changes.h"
#include "control/api/tenant_status.h"
#include "control/api/write_rules.h"
#include "control/store/number_rows.h"
#include "control/store/secret_rows.h"
#include "control/tenant/consequences.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using store::NumberKind;
using store::TenantRow;

// Numbers of connections that are new, in the transaction that creates them.
absl::Status AllocateNumbers(store::Database& database, int64_t now_us, const DataplaneState& dataplane,
                             TenantRow& row) {
  const auto allocate = [&](NumberKind kind, uint32_t& number) -> absl::Status {
    const auto limit = static_cast<uint32_t>(dataplane.Limit(store::LimitNameOf(kind)));
    auto value = store::AllocateNumber(database, kind, now_us, limit);
    if (!value.ok()) return value.status();
    number = *value;
    return absl::OkStatus();
  };
  if (row.numbers.vrf == 0)
    if (absl::Status status = allocate(NumberKind::kVrf, row.numbers.vrf); !status.ok()) return status;
  for (const v1::VirtualNetwork& network : row.spec.virtual_networks()) {
    row.mappings.try_emplace(network.name());
    for (const v1::VirtualSubnet& subnet : network.subnets()) {
      const auto [at, fresh] = row.numbers.subnets.try_emplace({network.name(), subnet.name()});
      if (!fresh) continue;
      if (absl::Status status = allocate(NumberKind::kInterface, at->second); !status.ok()) return status;
    }
  }
  for (const v1::Connection& connection : row.spec.connections()) {
    const auto [at, fresh] = row.numbers.connections.try_emplace(connection.name());
    if (!fresh) continue;
    tenant::ConnectionNumbers& numbers = at->second;
    for (const auto& [kind, number] : {std::pair{NumberKind::kConnection, &numbers.connection},
                                       std::pair{NumberKind::kInterface, &numbers.interface},
                                       std::pair{NumberKind::kPolicer, &numbers.policer_in},
                                       std::pair{NumberKind::kPolicer, &numbers.policer_out}})
      if (absl::Status status = allocate(kind, *number); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void ReleaseConnection(store::Database& database, int64_t now_us, const tenant::ConnectionNumbers& numbers) {
  store::ReleaseNumber(database, NumberKind::kConnection, numbers.connection, now_us);
  store::ReleaseNumber(database, NumberKind::kInterface, numbers.interface, now_us);
  store::ReleaseNumber(database, NumberKind::kPolicer, numbers.policer_in, now_us);
  store::ReleaseNumber(database, NumberKind::kPolicer, numbers.policer_out, now_us);
}

// A tunnel's number is its identity in the dataplane's tables: what tells its packets apart does
// not change under its hosts.
bool SameTunnel(const v1::VirtualNetwork& a, const v1::VirtualNetwork& b) {
  return tenant::EncapsulationOf(a) == tenant::EncapsulationOf(b) &&
         a.provider_address() == b.provider_address() && a.udp_port() == b.udp_port();
}

// The subnet as it was, when it is still the same tunnel.
bool Stays(const tenant::SubnetName& name, const v1::TenantSpec& before, const v1::TenantSpec& after) {
  const auto find =
      [&](const v1::TenantSpec& spec) -> std::pair<const v1::VirtualNetwork*, const v1::VirtualSubnet*> {
    for (const auto& network : spec.virtual_networks())
      for (const auto& subnet : network.subnets())
        if (network.name() == name.virtual_network && subnet.name() == name.subnet)
          return {&network, &subnet};
    return {};
  };
  const auto [old_network, old_subnet] = find(before);
  const auto [network, subnet] = find(after);
  return old_subnet != nullptr && subnet != nullptr && SameTunnel(*old_network, *network) &&
         old_subnet->network_id() == subnet->network_id();
}

// Numbers of virtual subnets that are gone from the spec or have become another tunnel, and the
// mappings of virtual networks that are gone.
void ReleaseSubnets(store::Database& database, int64_t now_us, const v1::TenantSpec& before, TenantRow& row) {
  std::erase_if(row.numbers.subnets, [&](const auto& each) {
    if (Stays(each.first, before, row.spec)) return false;
    store::ReleaseNumber(database, NumberKind::kInterface, each.second, now_us);
    return true;
  });
  std::erase_if(row.mappings, [&](const auto& each) {
    const auto& all = row.spec.virtual_networks();
    return std::none_of(all.begin(), all.end(),
                        [&](const auto& network) { return network.name() == each.first; });
  });
}

// Numbers of connections that are gone from the spec.
void ReleaseNumbers(store::Database& database, int64_t now_us, TenantRow& row) {
  for (auto at = row.numbers.connections.begin(); at != row.numbers.connections.end();) {
    const auto& all = row.spec.connections();
    if (std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.name() == at->first; })) {
      ++at;
      continue;
    }
    ReleaseConnection(database, now_us, at->second);
    at = row.numbers.connections.erase(at);
  }
}

// A connection that becomes another kind is another object of the dataplane: it gives its
// numbers back and gets new ones.
void ReleaseOfOtherKind(store::Database& database, int64_t now_us, const v1::TenantSpec& before,
                        TenantRow& row) {
  std::map<std::string, v1::Connection::KindCase> kinds;
  for (const v1::Connection& each : before.connections()) kinds[each.name()] = each.kind_case();
  for (const v1::Connection& each : row.spec.connections()) {
    const auto kind = kinds.find(each.name());
    if (kind == kinds.end() || kind->second == each.kind_case()) continue;
    const auto numbers = row.numbers.connections.find(each.name());
    if (numbers == row.numbers.connections.end()) continue;
    ReleaseConnection(database, now_us, numbers->second);
    row.numbers.connections.erase(numbers);
  }
}

void AddConsequence(v1::ConsequenceKind kind, std::string object, std::string field, std::string description,
                    v1::TenantWriteResult& result) {
  auto& consequence = *result.add_consequences();
  consequence.set_kind(kind);
  consequence.set_object(std::move(object));
  consequence.set_field(std::move(field));
  consequence.set_description(std::move(description));
}

// One prefix in several connections is one route over all of them: wanted, or a slip of the pen.
void AddSharedPrefixes(const tenant::TenantModel& model, v1::TenantWriteResult& result) {
  constexpr int kToldMax = 10;
  int told = 0;
  std::map<std::pair<net::Prefix, uint32_t>, std::string_view> first;
  for (const tenant::Connection& connection : model.connections)
    for (const tenant::StaticRoute& route : connection.routes) {
      const auto [at, fresh] = first.try_emplace({route.prefix, route.metric}, connection.name);
      if (fresh || ++told > kToldMax) continue;
      AddConsequence(v1::CONSEQUENCE_KIND_WARNING, tenant::TenantName(model.name), "spec.connections",
                     absl::StrCat("connections ", std::string(at->second), " and ", connection.name,
                                  " both have ", route.prefix.ToString(), " with metric ", route.metric,
                                  ": flows are spread over both"),
                     result);
    }
}

// What is accepted, and somebody should know.
void AddWarnings(const TenantRecord* record, const tenant::ValidatedTenant& validated,
                 const tenant::Environment& environment, v1::TenantWriteResult& result) {
  const std::string object = tenant::TenantName(validated.model.name);
  if (!environment.ports && !validated.model.connections.empty())
    AddConsequence(v1::CONSEQUENCE_KIND_WARNING, object, "spec.connections",
                   "no dataplane was attached yet, so ports and MTUs are taken on trust", result);
  const auto& total = environment.capacity.total_kbps;
  const uint64_t booked = validated.booked_kbps + environment.booked_by_others_kbps;
  if (total && booked > *total)
    AddConsequence(v1::CONSEQUENCE_KIND_WARNING, object, "spec.connections",
                   absl::StrCat("the gateway stays over-provisioned: ", booked, " kbit/s of ", *total,
                                " kbit/s are booked"),
                   result);
  AddSharedPrefixes(validated.model, result);
  const uint64_t version = record == nullptr ? 0 : record->row.static_version;
  if (validated.spec.has_static_routes_version() && validated.spec.static_routes_version() != version)
    AddConsequence(v1::CONSEQUENCE_KIND_WARNING, object, "spec.static_routes_version",
                   absl::StrCat("version ", version, " of the static set is stored"), result);
  if (record == nullptr) return;
  tenant::NextHopCheck check(validated.model.connections);
  uint64_t unreachable = 0;
  for (uint32_t i = 0; i < record->routes.hops_end(); ++i) {
    if (!record->routes.InUse(i)) continue;
    for (const tenant::NextHop& hop : record->routes.HopsAt(i)) {
      if (check.Complaint(hop).empty()) continue;
      unreachable += record->routes.RoutesOf(i);
      break;
    }
  }
  if (unreachable > record->unreachable_routes)
    AddConsequence(
        v1::CONSEQUENCE_KIND_WARNING, object, "spec.connections",
        absl::StrCat(unreachable, " routes of the static set have a next hop on no connected prefix"),
        result);
}

void AddRefusals(const tenant::Findings& findings, v1::TenantWriteResult& result) {
  for (const tenant::Finding& each : findings.list())
    AddConsequence(v1::CONSEQUENCE_KIND_REFUSED, each.object, each.field, each.description, result);
}

// What a dry run shows: the tenant as it would be, without status.
void ShowWanted(const TenantRecord* record, const std::string& name, const v1::TenantSpec& spec,
                v1::TenantWriteResult& result) {
  result.mutable_tenant()->set_name(name);
  if (record != nullptr) result.mutable_tenant()->set_etag(EtagOf(record->row));
  if (record != nullptr) result.mutable_tenant()->set_generation(record->row.generation);
  *result.mutable_tenant()->mutable_spec() = spec;
}

}  // namespace

absl::StatusOr<v1::TenantWriteResult> TenantWrites::Put(v1::PutTenantRequest request,
                                                        const std::string& who) {
  Wanted wanted;
  wanted.method = "PutTenant";
  wanted.tenant = LabelOf("tenants", request.tenant().name());
  wanted.object = tenant::TenantName(wanted.tenant);
  wanted.etag = request.tenant().etag();
  wanted.replaces = state_.Find(wanted.tenant) != nullptr;
  wanted.spec = std::move(*request.mutable_tenant()->mutable_spec());
  wanted.options = request.options();
  return Write(std::move(wanted), who);
}

absl::StatusOr<v1::TenantWriteResult> TenantWrites::PutConnection(v1::PutConnectionRequest request,
                                                                  const std::string& who) {
  Wanted wanted;
  wanted.method = "PutConnection";
  wanted.tenant = LabelOf("tenants", request.tenant());
  const TenantRecord* record = state_.Find(wanted.tenant);
  if (record == nullptr) return NoSuchTenant(wanted.tenant);
  wanted.object = tenant::ConnectionName(wanted.tenant, request.connection().name());
  wanted.etag = request.etag();
  wanted.options = request.options();
  wanted.spec = record->row.spec;
  for (auto& connection : *wanted.spec.mutable_connections()) {
    if (connection.name() != request.connection().name()) continue;
    wanted.replaces = true;
    connection = std::move(*request.mutable_connection());
    break;
  }
  if (!wanted.replaces) *wanted.spec.add_connections() = std::move(*request.mutable_connection());
  return Write(std::move(wanted), who);
}

absl::StatusOr<v1::TenantWriteResult> TenantWrites::DeleteConnection(
    const v1::DeleteConnectionRequest& request, const std::string& who) {
  Wanted wanted;
  wanted.method = "DeleteConnection";
  wanted.tenant = LabelOf("tenants", request.tenant());
  const TenantRecord* record = state_.Find(wanted.tenant);
  if (record == nullptr) return NoSuchTenant(wanted.tenant);
  const std::string connection = LabelOf("connections", request.connection());
  wanted.object = tenant::ConnectionName(wanted.tenant, connection);
  wanted.etag = request.etag();
  wanted.options = request.options();
  wanted.spec = record->row.spec;
  auto& all = *wanted.spec.mutable_connections();
  all.erase(
      std::remove_if(all.begin(), all.end(), [&](const auto& each) { return each.name() == connection; }),
      all.end());
  return Write(std::move(wanted), who);
}

absl::StatusOr<v1::TenantWriteResult> TenantWrites::Write(Wanted wanted, const std::string& who) {
  TenantRecord* record = state_.Find(wanted.tenant);
  const AuditEntry entry{who, wanted.method, wanted.object, wanted.tenant, {}, wanted.options.break_glass()};
  const bool dry = wanted.options.validate_only();
  const auto refuse = [&](const absl::Status& status) -> absl::Status {
    if (!dry) AuditRefusal(state_, entry, status);
    return status;
  };

  auto carried = tenant::TakeSecrets(wanted.spec);
  const tenant::Environment environment = state_.EnvironmentFor(wanted.tenant);
  tenant::ValidatedTenant validated =
      tenant::ValidateTenant(wanted.tenant, std::move(wanted.spec), environment);
  const int64_t uid = record == nullptr ? 0 : record->row.uid;
  const std::map<std::string, uint64_t> no_secrets;
  const SecretChanges secrets =
      PlanSecrets(state_.store(), uid, record == nullptr ? no_secrets : record->secrets, validated.spec,
                  std::move(carried), validated.findings);
  if (record == nullptr && state_.tenants().size() >= environment.limits.tenants)
    validated.findings.Limit({"", wanted.object}, "tenants",
                             absl::StrCat("there are ", state_.tenants().size(),
                                          " tenants; limit tenants is ", environment.limits.tenants));

  v1::TenantWriteResult result;
  const v1::TenantSpec before = record == nullptr ? v1::TenantSpec() : record->row.spec;
  for (auto& each : tenant::Consequences(tenant::TenantName(wanted.tenant), before, validated.spec))
    *result.add_consequences() = std::move(each);
  for (const auto& each : secrets.save)
    AddConsequence(v1::CONSEQUENCE_KIND_CHANGED, wanted.object, absl::StrCat("spec.", each.path),
                   "a secret is set", result);
  for (const auto& path : secrets.remove)
    AddConsequence(v1::CONSEQUENCE_KIND_REMOVED, wanted.object, absl::StrCat("spec.", path),
                   "a secret is removed", result);

  // A write that asks for what is there is no change; with the etag of the generation before it is
  // the repetition of a write whose answer was lost.
  const bool heals = record != nullptr && record->row.diverged && who == record->row.manager;
  const bool same = record != nullptr && result.consequences().empty() && !heals;
  absl::Status allowed = record == nullptr ? absl::OkStatus() : CheckManager(*record, wanted.options, who);
  const bool repeated = same && (wanted.etag.empty() || wanted.etag == EtagBefore(record->row));
  if (allowed.ok() && !repeated)
    allowed = CheckEtag(record, wanted.object, wanted.etag, wanted.replaces, wanted.options);
  if (dry && !allowed.ok())
    AddConsequence(v1::CONSEQUENCE_KIND_REFUSED, wanted.object, "", std::string(allowed.message()), result);
  if (!dry && !allowed.ok()) return refuse(allowed);
  if (dry) AddRefusals(validated.findings, result);
  // What was accepted once and is asked for again is not refused for what has changed around it.
  if (!dry && !same && !validated.findings.empty()) return refuse(RefusalOf(validated.findings));
  AddWarnings(record, validated, environment, result);
  result.set_changed(!same);
  if (dry || same) {
    if (dry) ShowWanted(record, wanted.tenant, validated.spec, result);
    if (!dry) *result.mutable_tenant() = ShowTenant(*record, state_, false);
    return result;
  }
  if (absl::Status status = Commit(wanted, who, entry, secrets, std::move(validated), result); !status.ok())
    return refuse(status);
  *result.mutable_tenant() = ShowTenant(*state_.Find(wanted.tenant), state_, false);
  return result;
}

absl::Status TenantWrites::Commit(const Wanted& wanted, const std::string& who, AuditEntry entry,
                                  const SecretChanges& secrets, tenant::ValidatedTenant validated,
                                  const v1::TenantWriteResult& result) {
  const TenantRecord* record = state_.Find(wanted.tenant);
  const int64_t now_us = state_.now_us();
  TenantRow row = record == nullptr ? TenantRow() : record->row;
  row.name = wanted.tenant;
  row.generation += 1;
  row.update_us = now_us;
  if (record == nullptr) row.create_us = now_us;
  row.diverged = record != nullptr && who != record->row.manager;
  row.spec = validated.spec;
  if (row.spec.has_manager()) {
    row.manager = row.spec.manager();
  } else if (record == nullptr) {
    row.manager = who;
  }
  for (const auto& each : result.consequences())
    if (each.kind() != v1::CONSEQUENCE_KIND_WARNING) entry.changes.push_back(tenant::ToLine(each));

  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  if (record != nullptr) ReleaseOfOtherKind(database, now_us, record->row.spec, row);
  if (record != nullptr) ReleaseSubnets(database, now_us, record->row.spec, row);
  if (absl::Status status = AllocateNumbers(database, now_us, state_.surroundings().dataplane, row);
      !status.ok())
    return status;
  ReleaseNumbers(database, now_us, row);
  store::SaveTenant(database, row, record == nullptr ? nullptr : &record->row);
  ApplySecrets(state_.store(), row.uid, secrets);
  auto versions = store::SecretVersions(database, row.uid);
  Audit(state_, entry);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.Adopt(std::move(row), std::move(validated), std::move(versions));
  return absl::OkStatus();
}

absl::StatusOr<v1::DeleteTenantResponse> TenantWrites::Delete(const v1::DeleteTenantRequest& request,
                                                              const std::string& who) {
  v1::DeleteTenantResponse response;
  const std::string name = LabelOf("tenants", request.tenant());
  const TenantRecord* record = state_.Find(name);
  if (record == nullptr) return response;
  const std::string object = tenant::TenantName(name);
  AuditEntry entry{who, "DeleteTenant", object, name, {}, request.options().break_glass()};
  absl::Status allowed = CheckManager(*record, request.options(), who);
  if (allowed.ok()) allowed = CheckEtag(record, object, request.etag(), false, request.options());
  auto& consequence = *response.add_consequences();
  consequence.set_object(object);
  consequence.set_kind(v1::CONSEQUENCE_KIND_REMOVED);
  consequence.set_description(absl::StrCat(object, " is removed with ", record->row.spec.connections_size(),
                                           " connections, ", record->row.spec.virtual_networks_size(),
                                           " virtual networks and ", record->routes.size(),
                                           " static routes"));
  if (request.options().validate_only()) {
    if (!allowed.ok()) {
      consequence.set_kind(v1::CONSEQUENCE_KIND_REFUSED);
      consequence.set_description(std::string(allowed.message()));
    }
    response.set_deleted(allowed.ok());
    return response;
  }
  if (!allowed.ok()) {
    AuditRefusal(state_, entry, allowed);
    return allowed;
  }
  entry.changes.push_back(consequence.description());
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  for (const auto& [connection, numbers] : record->row.numbers.connections)
    ReleaseConnection(database, state_.now_us(), numbers);
  for (const auto& [subnet, interface] : record->row.numbers.subnets)
    store::ReleaseNumber(database, NumberKind::kInterface, interface, state_.now_us());
  store::ReleaseNumber(database, NumberKind::kVrf, record->row.numbers.vrf, state_.now_us());
  store::DeleteTenant(database, record->row);
  Audit(state_, entry);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.Remove(name);
  response.set_deleted(true);
  return response;
}

}  // namespace sluice::api
