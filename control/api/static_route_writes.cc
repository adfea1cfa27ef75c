// Static sets: version rules, limits, and the transaction of the last step.
#include "control/api/static_route_writes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/refusal.h"
#include "control/api/set_versions.h"
#include "control/api/write_rules.h"
#include "control/store/static_route_rows.h"
#include "control/tenant/next_hop_check.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Deleting this many rows takes a few milliseconds of the core thread.
constexpr uint32_t kCollectRouteRows = 5'000;
// So does comparing and stating this many prefixes.
constexpr size_t kFeedRoutes = 4'096;

std::string ObjectOf(std::string_view tenant) {
  return absl::StrCat("tenants/", std::string(tenant), "/staticRoutes");
}

AuditEntry EntryOf(const v1::StaticRoutesHeader& header, bool replace, const std::string& who) {
  const std::string tenant = LabelOf("tenants", header.tenant());
  return {who,
          replace ? "ReplaceStaticRoutes" : "UpdateStaticRoutes",
          ObjectOf(tenant),
          tenant,
          {},
          header.break_glass()};
}

v1::WriteOptions OptionsOf(const v1::StaticRoutesHeader& header) {
  v1::WriteOptions options;
  options.set_break_glass(header.break_glass());
  return options;
}

tenant::StaticRouteCounts CountDifference(const tenant::StaticRouteSet& before,
                                          const tenant::StaticRouteSet& after) {
  return tenant::ForEachDifference(
      before, after, [](const tenant::StaticRoute&) {}, [](const net::Prefix&) {});
}

// The first next hop that no connection reaches any more.
absl::Status CheckReachable(const TenantRecord& record, const tenant::StaticRouteSet& routes) {
  tenant::NextHopCheck check(record.validated.model.connections);
  for (uint32_t i = 0; i < routes.hops_end(); ++i) {
    if (!routes.InUse(i)) continue;
    for (const tenant::NextHop& hop : routes.HopsAt(i))
      if (const std::string& why = check.Complaint(hop); !why.empty()) return InvalidField("routes", why);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status StaticRouteWrites::CheckVersions(const TenantRecord& record,
                                              const v1::StaticRoutesHeader& header, bool replace) const {
  return api::CheckVersions(VersionsOf(header, replace), record.row.static_version,
                            ObjectOf(record.row.name));
}

absl::Status StaticRouteWrites::CheckRoom(const TenantRecord& record, uint64_t routes) const {
  const uint64_t before = record.routes.size();
  if (routes <= before) return absl::OkStatus();
  const uint64_t own_max = record.validated.model.static_routes_max;
  if (routes > own_max)
    return LimitReached("static-routes-per-tenant",
                        absl::StrCat(ObjectOf(record.row.name), ": ", routes,
                                     " routes are wanted; limit static-routes-per-tenant is ", own_max));
  const uint64_t all_max = tenant::LimitsOf(state_.gateway().spec.limits()).static_routes;
  const uint64_t others = state_.StaticRoutes() - before;
  if (others + routes > all_max)
    return LimitReached("static-routes",
                        absl::StrCat(ObjectOf(record.row.name), ": ", routes, " routes beside ", others,
                                     " of other tenants are wanted; limit static-routes is ", all_max));
  return absl::OkStatus();
}

absl::StatusOr<StaticRouteTerms> StaticRouteWrites::Begin(const v1::StaticRoutesHeader& header, bool replace,
                                                          const std::string& who) {
  StaticRouteTerms terms;
  terms.tenant = LabelOf("tenants", header.tenant());
  const TenantRecord* record = state_.Find(terms.tenant);
  if (record == nullptr) return NoSuchTenant(terms.tenant);
  absl::Status allowed = CheckManager(*record, OptionsOf(header), who);
  if (allowed.ok()) allowed = CheckVersions(*record, header, replace);
  if (!allowed.ok()) {
    if (!header.validate_only()) AuditRefusal(state_, EntryOf(header, replace, who), allowed);
    return allowed;
  }
  terms.tenant_uid = record->row.uid;
  terms.connections = record->validated.model.connections;
  terms.limits = tenant::LimitsOf(state_.gateway().spec.limits());
  terms.routes_max = std::max<uint64_t>(record->validated.model.static_routes_max, record->routes.size());
  terms.base_version = record->row.static_version;
  return terms;
}

absl::StatusOr<TenantRecord*> StaticRouteWrites::StillThere(const v1::StaticRoutesHeader& header,
                                                            const StaticRouteTerms& terms,
                                                            const std::string& who) {
  TenantRecord* record = state_.Find(terms.tenant);
  if (record == nullptr)
    return absl::NotFoundError(absl::StrCat("tenants/", terms.tenant, " was deleted meanwhile"));
  if (record->row.uid != terms.tenant_uid)
    return absl::AbortedError(
        absl::StrCat("tenants/", terms.tenant, " was deleted meanwhile, and another of its name was made"));
  if (absl::Status allowed = CheckManager(*record, OptionsOf(header), who); !allowed.ok()) return allowed;
  return record;
}

absl::StatusOr<int64_t> StaticRouteWrites::CreateSet(const StaticRouteTerms& terms) {
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  const int64_t set = store::CreateStaticSet(database, terms.tenant_uid);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.filling().push_back(set);
  return set;
}

absl::Status StaticRouteWrites::Fill(int64_t set, std::span<const tenant::StaticRoute> routes) {
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  store::PutStaticRoutes(database, set, routes);
  return transaction.Commit();
}

void StaticRouteWrites::Abandon(int64_t set) {
  std::erase(state_.filling(), set);
}

v1::StaticRoutesResult StaticRouteWrites::ResultOf(const TenantRecord& record,
                                                   const tenant::StaticRouteCounts& counts) const {
  v1::StaticRoutesResult result;
  result.set_version(record.row.static_version);
  result.set_routes(record.routes.size());
  result.set_added(counts.added);
  result.set_changed(counts.changed);
  result.set_removed(counts.removed);
  SetTimestamp(*result.mutable_update_time(), state_.now_us());
  return result;
}

absl::StatusOr<v1::StaticRoutesResult> StaticRouteWrites::DryReplace(const v1::StaticRoutesHeader& header,
                                                                     const StaticRouteTerms& terms,
                                                                     const tenant::StaticRouteSet& routes,
                                                                     const std::string& who) {
  const auto there = StillThere(header, terms, who);
  if (!there.ok()) return there.status();
  const TenantRecord* record = *there;
  const ReplaceVerdict verdict = JudgeReplace(*record, header, routes);
  if (!verdict.allowed.ok()) return verdict.allowed;
  v1::StaticRoutesResult result =
      ResultOf(*record, verdict.counts ? *verdict.counts : CountDifference(record->routes, routes));
  result.set_version(verdict.version);
  result.set_routes(routes.size());
  return result;
}

StaticRouteWrites::ReplaceVerdict StaticRouteWrites::JudgeReplace(
    const TenantRecord& record, const v1::StaticRoutesHeader& header,
    const tenant::StaticRouteSet& routes) const {
  ReplaceVerdict verdict;
  verdict.allowed = CheckVersions(record, header, true);
  if (verdict.allowed.ok()) verdict.allowed = CheckRoom(record, routes.size());
  if (verdict.allowed.ok()) verdict.allowed = CheckReachable(record, routes);
  const uint64_t stored = record.row.static_version;
  verdict.version = VersionAfter(VersionsOf(header, true), stored);
  if (!verdict.allowed.ok() || verdict.version != stored || record.row.static_set == 0) return verdict;
  verdict.counts = CountDifference(record.routes, routes);
  if (!verdict.no_change() && !header.overwrite())
    verdict.allowed = PreconditionFailed("VERSION", ObjectOf(record.row.name),
                                         absl::StrCat("version ", stored, " is stored with other routes"));
  return verdict;
}

absl::StatusOr<v1::StaticRoutesResult> StaticRouteWrites::CommitReplace(const v1::StaticRoutesHeader& header,
                                                                        const StaticRouteTerms& terms,
                                                                        int64_t set,
                                                                        tenant::StaticRouteSet& routes,
                                                                        const std::string& who) {
  AuditEntry entry = EntryOf(header, true, who);
  const auto there = StillThere(header, terms, who);
  if (!there.ok()) {
    AuditRefusal(state_, std::move(entry), there.status());
    return there.status();
  }
  TenantRecord* record = *there;
  const ReplaceVerdict verdict = JudgeReplace(*record, header, routes);
  if (verdict.no_change()) return ResultOf(*record, *verdict.counts);
  if (!verdict.allowed.ok()) {
    AuditRefusal(state_, std::move(entry), verdict.allowed);
    return verdict.allowed;
  }
  const uint64_t version = verdict.version;
  entry.changes.push_back(absl::StrCat("version ", record->row.static_version, " with ",
                                       record->routes.size(), " routes -> ", version, " with ",
                                       routes.size()));
  store::TenantRow row = record->row;
  row.static_set = set;
  row.static_version = version;
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  store::SaveTenant(database, row, &record->row);
  Audit(state_, entry);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  state_.AdoptStaticSet(*record, std::move(routes), version, set);
  return ResultOf(*record, {});
}

std::optional<StaticRouteWrites::Remains> StaticRouteWrites::Feed(const std::string& tenant,
                                                                  v1::StaticRoutesResult& result) {
  TenantRecord* record = state_.Find(tenant);
  // Another write may have finished it.
  if (record == nullptr || record->feed == nullptr) return Remains();
  const StaticFeed& feed = *record->feed;
  Remains done = state_.FeedStaticSet(*record, kFeedRoutes);
  const tenant::StaticRouteCounts& counts = feed.difference.counts();
  result.set_added(counts.added);
  result.set_changed(counts.changed);
  result.set_removed(counts.removed);
  if (done == nullptr) return std::nullopt;
  return done;
}

absl::StatusOr<v1::StaticRoutesResult> StaticRouteWrites::Update(const v1::StaticRoutesHeader& header,
                                                                 const StaticRouteTerms& terms,
                                                                 const std::vector<tenant::StaticRoute>& put,
                                                                 const std::vector<net::Prefix>& remove,
                                                                 const std::string& who) {
  AuditEntry entry = EntryOf(header, false, who);
  const auto there = StillThere(header, terms, who);
  if (!there.ok()) {
    if (!header.validate_only()) AuditRefusal(state_, std::move(entry), there.status());
    return there.status();
  }
  TenantRecord* record = *there;
  tenant::StaticRouteCounts counts;
  for (const tenant::StaticRoute& route : put) {
    const auto known = record->routes.routes().find(route.prefix);
    if (known == record->routes.routes().end()) {
      ++counts.added;
    } else if (!(record->routes.RouteAt(known) == route)) {
      ++counts.changed;
    }
  }
  for (const net::Prefix& prefix : remove) counts.removed += record->routes.routes().contains(prefix) ? 1 : 0;
  absl::Status allowed = CheckVersions(*record, header, false);
  if (allowed.ok()) allowed = CheckRoom(*record, record->routes.size() + counts.added - counts.removed);
  if (!allowed.ok()) {
    if (!header.validate_only()) AuditRefusal(state_, std::move(entry), allowed);
    return allowed;
  }
  const uint64_t version = VersionAfter(VersionsOf(header, true), record->row.static_version);
  if (header.validate_only()) return ResultOf(*record, counts);

  entry.changes.push_back(absl::StrCat("version ", record->row.static_version, " -> ", version, ": ",
                                       counts.added, " added, ", counts.changed, " changed, ", counts.removed,
                                       " removed"));
  store::TenantRow row = record->row;
  store::Database& database = state_.store().database();
  store::Transaction transaction(database);
  if (row.static_set == 0) row.static_set = store::CreateStaticSet(database, row.uid);
  row.static_version = version;
  store::RemoveStaticRoutes(database, row.static_set, remove);
  store::PutStaticRoutes(database, row.static_set, put);
  store::SaveTenant(database, row, &record->row);
  Audit(state_, entry);
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  record->row.static_set = row.static_set;
  state_.AdoptStaticChanges(*record, put, remove, version);
  return ResultOf(*record, counts);
}

void StaticRouteWrites::Refused(const v1::StaticRoutesHeader& header, bool replace, const std::string& who,
                                const absl::Status& refusal) {
  if (!header.validate_only()) AuditRefusal(state_, EntryOf(header, replace, who), refusal);
}

bool StaticRouteWrites::Collect() {
  const auto more = store::CollectStaticSets(state_.store().database(), state_.filling(), kCollectRouteRows);
  return more.ok() && *more;
}

}  // namespace sluice::api
