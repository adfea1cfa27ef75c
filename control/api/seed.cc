// Seeding goes through the same writes as requests.
#include "control/api/seed.h"

#include "absl/strings/str_cat.h"
#include "control/api/gateway_writes.h"
#include "control/api/static_route_stream.h"
#include "control/api/static_route_writes.h"
#include "control/api/tenant_writes.h"
#include "control/store/database.h"
#include "proto/json/json_fault.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// The manager of seeded tenants is the local operator, who wrote the file.
constexpr char kWho[] = "local";

// Refusals of fields name their object already.
absl::Status Named(const absl::Status& status, const std::string& resource) {
  const std::string words(status.message());
  return absl::Status(status.code(),
                      words.rfind(resource, 0) == 0 ? words : absl::StrCat(resource, ": ", words));
}

absl::Status SeedRoutes(DesiredState& state, const v1::StaticRouteSet& wanted) {
  StaticRouteWrites writes(state);
  v1::StaticRoutesHeader header;
  header.set_tenant(wanted.tenant());
  if (wanted.version() != 0) header.set_version(wanted.version());
  auto terms = writes.Begin(header, true, kWho);
  if (!terms.ok()) return terms.status();
  StaticRouteStream stream(*terms);
  tenant::StaticRouteSet routes;
  if (absl::Status status = stream.AddToSet(wanted.routes(), routes); !status.ok()) return status;
  if (absl::Status status = stream.Finish(header); !status.ok()) return status;
  const auto set = writes.CreateSet(*terms);
  if (!set.ok()) return set.status();
  std::vector<tenant::StaticRoute> all;
  all.reserve(routes.size());
  for (auto at = routes.routes().begin(); at != routes.routes().end(); ++at)
    all.push_back(routes.RouteAt(at));
  absl::Status status = writes.Fill(*set, all);
  writes.Abandon(*set);
  if (!status.ok()) return status;
  auto result = writes.CommitReplace(header, *terms, *set, routes, kWho);
  while (result.ok() && !writes.Feed(terms->tenant, *result)) {
  }
  return result.status();
}

}  // namespace

absl::StatusOr<v1::Resources> ParseResources(const std::string& text) {
  v1::Resources resources;
  if (absl::Status status = json::Parse(text, resources); !status.ok()) return status;
  return resources;
}

absl::StatusOr<bool> Seed(DesiredState& state, const v1::Resources& resources) {
  if (!state.empty()) return false;
  // The writes' own transactions are parts of this one.
  store::Transaction whole(state.store().database());
  if (resources.has_gateway()) {
    v1::PutGatewayRequest request;
    *request.mutable_gateway() = resources.gateway();
    if (const auto result = PutGateway(state, std::move(request), kWho); !result.ok())
      return Named(result.status(), "gateway");
  }
  TenantWrites writes(state);
  for (const v1::Tenant& tenant : resources.tenants()) {
    v1::PutTenantRequest request;
    *request.mutable_tenant() = tenant;
    if (const auto result = writes.Put(std::move(request), kWho); !result.ok())
      return Named(result.status(), absl::StrCat("tenants/", tenant.name()));
  }
  for (const v1::StaticRouteSet& set : resources.static_routes())
    if (absl::Status status = SeedRoutes(state, set); !status.ok())
      return Named(status, absl::StrCat("static routes of tenants/", set.tenant()));
  if (absl::Status status = whole.Commit(); !status.ok()) return status;
  return true;
}

}  // namespace sluice::api
