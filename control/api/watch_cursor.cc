// Snapshot, then changes. A token holds the position in the log of objects;
// routes are told anew after a resume, which the client sees as PRESENT again.
#include "control/api/watch_cursor.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/api/gateway_status.h"
#include "control/api/refusal.h"
#include "control/api/tenant_status.h"
#include "control/api/write_rules.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Events per batch: what one turn on the core thread may cost.
constexpr size_t kBatch = 1000;
constexpr net::Family kFamilies[] = {net::Family::kIpv4, net::Family::kIpv6};

net::Prefix First(net::Family family) {
  return family == net::Family::kIpv4 ? net::Prefix(net::Ipv4Address{}, 0)
                                      : net::Prefix(net::Ipv6Address{}, 0);
}

}  // namespace

absl::Status WatchCursor::Check(const v1::WatchRequest& request) {
  for (int i = 0; i < request.kinds_size(); ++i) {
    const std::string field = absl::StrCat("kinds[", i, "]");
    const int kind = request.kinds(i);
    if (kind == v1::WATCH_KIND_PEERS) {
      tenant::Findings findings;
      findings.Unimplemented({field, ""}, "BGP peers");
      return RefusalOf(findings);
    }
    if (kind == v1::WATCH_KIND_UNSPECIFIED || !v1::WatchKind_IsValid(kind))
      return InvalidField(field, absl::StrCat(kind,
                                              " is no kind that can be watched; accepted: tenants, "
                                              "connections, routes, gateway"));
  }
  return absl::OkStatus();
}

WatchCursor::WatchCursor(const v1::WatchRequest& request) : resume_token_(request.resume_token()) {
  for (const int kind : request.kinds()) kinds_.insert(static_cast<v1::WatchKind>(kind));
  if (kinds_.empty()) kinds_ = {v1::WATCH_KIND_TENANTS, v1::WATCH_KIND_CONNECTIONS, v1::WATCH_KIND_GATEWAY};
  for (const std::string& tenant : request.tenants()) tenants_.insert(LabelOf("tenants", tenant));
}

std::string WatchCursor::Token(const DesiredState& state) const {
  // In the middle of a snapshot there is no position to come back to.
  if (!started_ || snapshot_open_) return {};
  return absl::StrCat(state.surroundings().instance, "/", revision_);
}

bool WatchCursor::Resume(const DesiredState& state) {
  const std::vector<std::string> parts = absl::StrSplit(resume_token_, absl::MaxSplits('/', 1));
  return parts.size() == 2 && parts[0] == state.surroundings().instance &&
         absl::SimpleAtoi(parts[1], &revision_);
}

void WatchCursor::Start(DesiredState& state) {
  started_ = true;
  const bool resumed = !resume_token_.empty() && Resume(state);
  if (!resumed || state.watch_log().After(revision_, 0).too_old) Snapshot(state);
  FollowTenants(state);
}

void WatchCursor::Snapshot(DesiredState& state) {
  revision_ = state.watch_log().revision();
  snapshot_open_ = true;
  restart_ = false;
  feeds_.clear();
  Add().mutable_snapshot_start()->set_instance_id(state.surroundings().instance);
  if (Wants(v1::WATCH_KIND_GATEWAY)) Tell({WatchedKind::kGateway, "", ""}, state);
  for (const auto& [name, record] : state.tenants()) {
    if (!Wants(name)) continue;
    Tell({WatchedKind::kTenant, name, ""}, state);
    for (const auto& connection : record->row.spec.connections())
      Tell({WatchedKind::kConnection, name, connection.name()}, state);
  }
}

void WatchCursor::TellTenant(const std::string& tenant, DesiredState& state) {
  auto& change = *Add().mutable_tenant();
  TenantRecord* record = state.Find(tenant);
  change.set_kind(record != nullptr ? v1::CHANGE_KIND_PRESENT : v1::CHANGE_KIND_ABSENT);
  if (record != nullptr) {
    *change.mutable_tenant() = ShowTenant(*record, state, false);
  } else {
    change.mutable_tenant()->set_name(tenant);
  }
}

void WatchCursor::TellConnection(const WatchedObject& object, DesiredState& state) {
  auto& change = *Add().mutable_connection();
  change.set_tenant(object.tenant);
  change.set_kind(v1::CHANGE_KIND_ABSENT);
  change.mutable_connection()->set_name(object.part);
  TenantRecord* record = state.Find(object.tenant);
  if (record == nullptr) return;
  for (const auto& connection : record->row.spec.connections()) {
    if (connection.name() != object.part) continue;
    change.set_kind(v1::CHANGE_KIND_PRESENT);
    *change.mutable_connection() = ShowConnection(*record, connection, state, false);
  }
}

void WatchCursor::Tell(const WatchedObject& object, DesiredState& state) {
  switch (object.kind) {
    case WatchedKind::kGateway:
      if (Wants(v1::WATCH_KIND_GATEWAY)) *Add().mutable_gateway() = ShowGateway(state);
      return;
    case WatchedKind::kTenant:
      // The routes of a tenant go with it, so that their watchers are told, too.
      if (!Wants(object.tenant)) return;
      if (Wants(v1::WATCH_KIND_TENANTS) || (wants_routes() && state.Find(object.tenant) == nullptr))
        TellTenant(object.tenant, state);
      return;
    case WatchedKind::kConnection:
      if (Wants(v1::WATCH_KIND_CONNECTIONS) && Wants(object.tenant)) TellConnection(object, state);
      return;
  }
}

void WatchCursor::Changes(DesiredState& state) {
  const WatchLog::Batch batch = state.watch_log().After(revision_, kBatch);
  if (batch.too_old) return Snapshot(state);
  revision_ = batch.revision;
  for (const WatchedObject& object : batch.objects) Tell(object, state);
}

// Tenants come and go while the stream lasts.
void WatchCursor::FollowTenants(const DesiredState& state) {
  if (!wants_routes()) return;
  RouteFeeds kept;
  for (const auto& [name, record] : state.tenants()) {
    if (!Wants(name)) continue;
    for (const net::Family family : kFamilies) {
      const std::pair key{record->row.numbers.vrf, family};
      const auto known = feeds_.find(key);
      if (known != feeds_.end() && known->second.tenant == name) {
        kept[key] = known->second;
        continue;
      }
      RouteFeed& feed = kept[key];
      feed.tenant = name;
      feed.from = First(family);
    }
  }
  for (const auto& [key, feed] : feeds_) {
    // Deleted and made again: its old routes are gone without a word about each.
    if (!kept.contains(key) && state.tenants().contains(feed.tenant)) restart_ = true;
  }
  feeds_ = std::move(kept);
}

void WatchCursor::Page(uint32_t vrf, net::Family family, RouteFeed& feed, const NameTable& names,
                       DesiredState& state) {
  const ProgrammingStatus& programming = state.surroundings().programming;
  // Changes from before the first page on are told again after the last one.
  if (feed.from == First(family))
    feed.revision = programming.RoutesChangedAfter(vrf, ~uint64_t{0}, 0).revision;
  const RoutePage page = programming.Routes(vrf, family, feed.from, kBatch);
  for (const RibRoute& route : page.routes) {
    auto& change = *Add().mutable_route();
    change.set_kind(v1::CHANGE_KIND_PRESENT);
    *change.mutable_route() = ShowRoute(route, feed.tenant, names);
  }
  feed.paging = page.next.has_value();
  if (page.next) feed.from = *page.next;
}

void WatchCursor::RouteChanges(uint32_t vrf, net::Family family, RouteFeed& feed, const NameTable& names,
                               DesiredState& state) {
  const api::RouteChanges changes =
      state.surroundings().programming.RoutesChangedAfter(vrf, feed.revision, kBatch);
  if (changes.too_old) {
    // Nothing was told of a VRF that had no routes; else withdrawals may have been missed.
    restart_ = restart_ || feed.revision != 0;
    feed.paging = true;
    feed.from = First(family);
    return;
  }
  feed.revision = changes.revision;
  for (const RibRoute& route : changes.routes) {
    if (route.prefix.family() != family) continue;
    auto& change = *Add().mutable_route();
    change.set_kind(route.withdrawn ? v1::CHANGE_KIND_ABSENT : v1::CHANGE_KIND_PRESENT);
    *change.mutable_route() = ShowRoute(route, feed.tenant, names);
  }
}

void WatchCursor::Routes(DesiredState& state) {
  FollowTenants(state);
  if (feeds_.empty()) return;
  const NameTable names(state);
  for (auto& [key, feed] : feeds_) {
    const auto [vrf, family] = key;
    if (feed.paging) {
      Page(vrf, family, feed, names, state);
    } else {
      RouteChanges(vrf, family, feed, names, state);
    }
    if (!feed.paging && !feed.synced_told && state.surroundings().programming.Synced(vrf, family)) {
      feed.synced_told = true;
      auto& synced = *Add().mutable_synced();
      synced.set_tenant(feed.tenant);
      synced.set_family(FamilyOf(family));
    }
    if (events_.size() >= kBatch) break;
  }
}

std::vector<v1::WatchEvent> WatchCursor::Next(DesiredState& state) {
  events_.clear();
  if (!started_) Start(state);
  if (restart_) Snapshot(state);
  if (events_.empty() && !snapshot_open_) Changes(state);
  if (wants_routes()) Routes(state);
  const bool paging =
      std::any_of(feeds_.begin(), feeds_.end(), [](const auto& each) { return each.second.paging; });
  if (snapshot_open_ && !paging) {
    snapshot_open_ = false;
    Add().mutable_snapshot_end();
  }
  if (!events_.empty()) events_.back().set_resume_token(Token(state));
  return std::move(events_);
}

}  // namespace sluice::api
