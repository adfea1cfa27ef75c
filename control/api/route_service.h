// gRPC RouteService.
#pragma once

#include "control/api/call.h"
#include "control/api/dataplane_view.h"
#include "control/api/seats.h"
#include "control/api/static_route_stream.h"
#include "control/api/static_route_writes.h"
#include "sluice/gateway/v1/routes.grpc.pb.h"

namespace sluice::api {

// Called from gRPC's threads, several at once.
class RouteService final : public gateway::v1::RouteService::Service {
 public:
  RouteService(Core core, DataplaneView& dataplane)
      : core_(core), dataplane_(dataplane), writes_(core.state) {}

  grpc::Status ReplaceStaticRoutes(grpc::ServerContext* context,
                                   grpc::ServerReader<gateway::v1::ReplaceStaticRoutesRequest>* reader,
                                   gateway::v1::StaticRoutesResult* response) override;
  grpc::Status UpdateStaticRoutes(grpc::ServerContext* context,
                                  grpc::ServerReader<gateway::v1::UpdateStaticRoutesRequest>* reader,
                                  gateway::v1::StaticRoutesResult* response) override;
  grpc::Status ListRoutes(grpc::ServerContext* context, const gateway::v1::ListRoutesRequest* request,
                          grpc::ServerWriter<gateway::v1::ListRoutesResponse>* writer) override;
  grpc::Status LookupRoute(grpc::ServerContext* context, const gateway::v1::LookupRouteRequest* request,
                           gateway::v1::LookupRouteResponse* response) override;
  grpc::Status ExplainRoute(grpc::ServerContext* context, const gateway::v1::ExplainRouteRequest* request,
                            gateway::v1::ExplainRouteResponse* response) override;

  // Has what no tenant names any more deleted, portion by portion. Any thread.
  void CollectLater();

 private:
  absl::StatusOr<StaticRouteTerms> Begin(const gateway::v1::StaticRoutesHeader& header, bool replace,
                                         const std::string& who);
  absl::Status Refuse(const gateway::v1::StaticRoutesHeader& header, bool replace, const std::string& who,
                      absl::Status refusal);
  absl::StatusOr<gateway::v1::StaticRoutesResult> StoreReplace(const gateway::v1::StaticRoutesHeader& header,
                                                               const StaticRouteTerms& terms,
                                                               tenant::StaticRouteSet routes,
                                                               const std::string& who);
  void FeedAll(const std::string& tenant, gateway::v1::StaticRoutesResult& result);
  absl::Status FillSet(int64_t set, const tenant::StaticRouteSet& routes);

  Core core_;
  DataplaneView& dataplane_;
  StaticRouteWrites writes_;  // core thread only
  // A set of a million routes takes some 100 MiB while it is read.
  Seats seats_{"static-route-streams", 4};
};

}  // namespace sluice::api
