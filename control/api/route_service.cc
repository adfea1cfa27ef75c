// Streams of static routes.
#include "control/api/route_service.h"

#include "control/api/collect_later.h"
#include "control/api/refusal.h"
#include "control/tenant/static_route.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Routes stored per turn on the core thread: some ten milliseconds.
constexpr size_t kRoutesPerTurn = 4'000;

absl::Status RoutesHeaderMissing() {
  return InvalidField("header",
                      "the first message of the stream has no header; accepted: one that names the tenant");
}

}  // namespace

absl::StatusOr<StaticRouteTerms> RouteService::Begin(const v1::StaticRoutesHeader& header, bool replace,
                                                     const std::string& who) {
  return Flatten<StaticRouteTerms>(
      RunOnCore(core_.executor, [&] { return writes_.Begin(header, replace, who); }));
}

absl::Status RouteService::Refuse(const v1::StaticRoutesHeader& header, bool replace, const std::string& who,
                                  absl::Status refusal) {
  RunOnCore(core_.executor, [&] {
    writes_.Refused(header, replace, who, refusal);
    return true;
  });
  return refusal;
}

grpc::Status RouteService::ReplaceStaticRoutes(grpc::ServerContext* context,
                                               grpc::ServerReader<v1::ReplaceStaticRoutesRequest>* reader,
                                               v1::StaticRoutesResult* response) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  const std::string who = CallerOf(*context);
  v1::ReplaceStaticRoutesRequest message;
  if (!reader->Read(&message) || !message.has_header()) return ToGrpc(RoutesHeaderMissing());
  const v1::StaticRoutesHeader header = message.header();
  auto terms = Begin(header, true, who);
  if (!terms.ok()) return ToGrpc(terms.status());
  StaticRouteStream stream(*std::move(terms));
  tenant::StaticRouteSet routes;
  absl::Status status;
  do {
    status = stream.AddToSet(message.routes(), routes);
  } while (status.ok() && reader->Read(&message));
  // A caller that went away has not said that this was all.
  if (context->IsCancelled()) return {grpc::StatusCode::CANCELLED, "the caller went away"};
  if (status.ok()) status = stream.Finish(header);
  if (!status.ok()) return ToGrpc(Refuse(header, true, who, status));
  auto result = StoreReplace(header, stream.terms(), std::move(routes), who);
  if (!result.ok()) return ToGrpc(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

absl::Status RouteService::FillSet(int64_t set, const tenant::StaticRouteSet& routes) {
  std::vector<tenant::StaticRoute> portion;
  portion.reserve(kRoutesPerTurn);
  auto at = routes.routes().begin();
  while (at != routes.routes().end()) {
    portion.clear();
    for (; at != routes.routes().end() && portion.size() < kRoutesPerTurn; ++at)
      portion.push_back(routes.RouteAt(at));
    const auto filled = RunOnCore(core_.executor, [&] { return writes_.Fill(set, portion); });
    if (!filled) return ShuttingDown();
    if (!filled->ok()) return *filled;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::StaticRoutesResult> RouteService::StoreReplace(const v1::StaticRoutesHeader& header,
                                                                  const StaticRouteTerms& terms,
                                                                  tenant::StaticRouteSet routes,
                                                                  const std::string& who) {
  if (header.validate_only())
    return Flatten<v1::StaticRoutesResult>(
        RunOnCore(core_.executor, [&] { return writes_.DryReplace(header, terms, routes, who); }));
  const auto set = Flatten<int64_t>(RunOnCore(core_.executor, [&] { return writes_.CreateSet(terms); }));
  if (!set.ok()) return set.status();
  absl::Status filled = FillSet(*set, routes);
  auto result = Flatten<v1::StaticRoutesResult>(
      RunOnCore(core_.executor, [&]() -> absl::StatusOr<v1::StaticRoutesResult> {
        writes_.Abandon(*set);
        if (!filled.ok()) return filled;
        return writes_.CommitReplace(header, terms, *set, routes, who);
      }));
  if (result.ok()) FeedAll(terms.tenant, *result);
  CollectLater();
  return result;
}

// The core thread does other work between portions; what is large is destroyed here.
void RouteService::FeedAll(const std::string& tenant, v1::StaticRoutesResult& result) {
  while (true) {
    const auto portion = RunOnCore(core_.executor, [&] { return writes_.Feed(tenant, result); });
    if (!portion || *portion) return;
  }
}

void RouteService::CollectLater() {
  api::CollectLater<StaticRouteWrites>(core_);
}

grpc::Status RouteService::UpdateStaticRoutes(grpc::ServerContext* context,
                                              grpc::ServerReader<v1::UpdateStaticRoutesRequest>* reader,
                                              v1::StaticRoutesResult* response) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  const std::string who = CallerOf(*context);
  v1::UpdateStaticRoutesRequest message;
  if (!reader->Read(&message) || !message.has_header()) return ToGrpc(RoutesHeaderMissing());
  const v1::StaticRoutesHeader header = message.header();
  auto terms = Begin(header, false, who);
  if (!terms.ok()) return ToGrpc(terms.status());
  StaticRouteStream stream(*std::move(terms));
  std::vector<tenant::StaticRoute> put;
  std::vector<net::Prefix> remove;
  absl::Status status;
  do {
    status = stream.AddToList(message.put(), put);
    if (status.ok()) status = stream.AddPrefixes(message.remove(), remove);
  } while (status.ok() && reader->Read(&message));
  if (context->IsCancelled()) return {grpc::StatusCode::CANCELLED, "the caller went away"};
  if (status.ok()) status = stream.Finish(header);
  if (!status.ok()) return ToGrpc(Refuse(header, false, who, status));
  return OnCore(core_, response, [&] { return writes_.Update(header, stream.terms(), put, remove, who); });
}

}  // namespace sluice::api
