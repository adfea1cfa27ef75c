// Parsing of static route streams.
#include "control/api/static_route_stream.h"

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/tenant/static_route.h"
#include "control/tenant/text_fields.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// An update is one transaction of the core thread; larger changes are a replace.
constexpr size_t kRouteChangesMax = 100'000;

}  // namespace

tenant::Place StaticRouteStream::PlaceOf(const char* list, const std::string& field) const {
  return tenant::Place{"", absl::StrCat("tenants/", terms_.tenant, "/staticRoutes")}
      .Element(list, routes_ - 1)
      .Field(field);
}

std::optional<tenant::StaticRoute> StaticRouteStream::Take(const v1::StaticRoute& wanted, const char* list) {
  ++routes_;
  tenant::RouteComplaint complaint;
  auto route = tenant::ParseStaticRoute(wanted, terms_.limits, complaint);
  if (route) {
    auto unreachable = tenant::CheckNextHops(*route, check_);
    if (!unreachable) return route;
    complaint = *std::move(unreachable);
  }
  if (complaint.is_limit) {
    findings_.Limit(PlaceOf(list, complaint.field), "next-hops-per-route", std::move(complaint.description));
  } else {
    findings_.Invalid(PlaceOf(list, complaint.field), std::move(complaint.description));
  }
  return std::nullopt;
}

absl::Status StaticRouteStream::TooWrong() const {
  return findings_.count() < tenant::Findings::kFindingsMax ? absl::OkStatus() : RefusalOf(findings_);
}

absl::Status StaticRouteStream::AddToSet(const google::protobuf::RepeatedPtrField<v1::StaticRoute>& routes,
                                         tenant::StaticRouteSet& set) {
  for (const v1::StaticRoute& wanted : routes) {
    const auto route = Take(wanted, "routes");
    if (route && !set.Put(*route))
      findings_.Invalid(PlaceOf("routes", "prefix"),
                        absl::StrCat(route->prefix.ToString(),
                                     " is there twice; accepted: one route with several next hops"));
    if (set.size() > terms_.routes_max)
      return LimitReached(
          "static-routes-per-tenant",
          absl::StrCat("tenants/", terms_.tenant, "/staticRoutes: more than ", terms_.routes_max,
                       " routes are wanted; limit static-routes-per-tenant is ", terms_.routes_max));
  }
  return TooWrong();
}

absl::Status StaticRouteStream::AddToList(const google::protobuf::RepeatedPtrField<v1::StaticRoute>& routes,
                                          std::vector<tenant::StaticRoute>& list) {
  for (const v1::StaticRoute& wanted : routes) {
    auto route = Take(wanted, "put");
    if (!route) continue;
    if (!changed_.insert(route->prefix.ToString()).second)
      findings_.Invalid(PlaceOf("put", "prefix"), absl::StrCat(route->prefix.ToString(), " is there twice"));
    list.push_back(*std::move(route));
  }
  if (changed_.size() > kRouteChangesMax)
    return LimitReached("static-route-changes", absl::StrCat("more than ", kRouteChangesMax,
                                                             " changes in one update; use a replace"));
  return TooWrong();
}

absl::Status StaticRouteStream::AddPrefixes(const google::protobuf::RepeatedPtrField<std::string>& texts,
                                            std::vector<net::Prefix>& list) {
  for (const std::string& text : texts) {
    ++routes_;
    const auto prefix = net::Prefix::Parse(text);
    if (!prefix) {
      findings_.Invalid(PlaceOf("remove", ""), tenant::PrefixComplaint(text));
    } else if (!changed_.insert(prefix->ToString()).second) {
      findings_.Invalid(PlaceOf("remove", ""), absl::StrCat(prefix->ToString(), " is there twice"));
    } else {
      list.push_back(*prefix);
    }
  }
  if (changed_.size() > kRouteChangesMax)
    return LimitReached("static-route-changes", absl::StrCat("more than ", kRouteChangesMax,
                                                             " changes in one update; use a replace"));
  return TooWrong();
}

absl::Status StaticRouteStream::Finish(const v1::StaticRoutesHeader& header) const {
  if (!findings_.empty()) return RefusalOf(findings_);
  if (header.has_expected_routes() && header.expected_routes() != routes_)
    return InvalidField("header.expected_routes", absl::StrCat("the stream carried ", routes_, " routes, ",
                                                               header.expected_routes(), " were announced"));
  return absl::OkStatus();
}

}  // namespace sluice::api
