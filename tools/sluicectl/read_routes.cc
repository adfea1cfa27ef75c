// Reading routes: a stream, shown as it comes, because a table may have a million.
#include "sluice/gateway/v1/routes.grpc.pb.h"
#include "tools/sluicectl/interrupt.h"
#include "tools/sluicectl/readable.h"
#include "tools/sluicectl/route_text.h"

namespace sluice::ctl {
namespace {

api::RouteView ViewOf(const std::string& name) {
  if (name == "received") return api::ROUTE_VIEW_RECEIVED;
  if (name == "advertised") return api::ROUTE_VIEW_ADVERTISED;
  if (name == "programmed") return api::ROUTE_VIEW_PROGRAMMED;
  return api::ROUTE_VIEW_BEST;
}

}  // namespace

grpc::Status GetRoutes(Session& session, const Selection& selection) {
  api::ListRoutesRequest request;
  // `get routes contoso` reads as well as `get routes -t contoso`.
  request.set_tenant(selection.tenant.empty() ? selection.name : selection.tenant);
  if (request.tenant().empty()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "whose routes? name the tenant: get routes TENANT"};
  }
  request.set_view(ViewOf(selection.view));
  if (!selection.within.empty()) request.set_within(selection.within);
  if (!selection.connection.empty()) request.set_connection(selection.connection);
  request.set_limit(selection.limit);

  grpc::ClientContext context;
  InterruptCancels interrupt(context);
  const auto stream = session.Stub<api::RouteService>()->ListRoutes(&context, request);
  api::ListRoutesResponse batch;
  bool titled = session.output != OutputForm::kTable;
  const auto title = [&] {
    if (!titled) session.Say(RoutesTitle());
    titled = true;
  };
  while (stream->Read(&batch)) {
    title();
    for (const auto& route : batch.routes()) {
      session.ShowLine(route, [&] {
        return session.output == OutputForm::kName ? route.prefix() + "\n" : RouteLine(route);
      });
    }
  }
  const grpc::Status status = stream->Finish();
  // A refusal has no table.
  if (status.ok()) title();
  return interrupt.happened() ? grpc::Status::OK : status;
}

}  // namespace sluice::ctl
