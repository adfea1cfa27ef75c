// `route lookup` asks the dataplane's live tables; `route explain` asks the RIB why.
#include "sluice/gateway/v1/routes.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/route_text.h"

namespace sluice::ctl {
namespace {

struct AskedRoute {
  std::string tenant;
  std::string address;
  std::string source;
  uint32_t protocol = 0, source_port = 0, destination_port = 0;
};

grpc::Status Lookup(Session& session, const AskedRoute& asked) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::LookupRouteRequest request;
  request.set_tenant(asked.tenant);
  request.set_address(asked.address);
  if (!asked.source.empty()) {
    request.mutable_flow()->set_source(asked.source);
    request.mutable_flow()->set_protocol(asked.protocol);
    request.mutable_flow()->set_source_port(asked.source_port);
    request.mutable_flow()->set_destination_port(asked.destination_port);
  }
  api::LookupRouteResponse answer;
  if (auto s = session.Stub<api::RouteService>()->LookupRoute(&context, request, &answer); !s.ok()) return s;
  session.Show(answer, [&] { return LookupText(asked.tenant, asked.address, answer); });
  return grpc::Status::OK;
}

grpc::Status Explain(Session& session, const AskedRoute& asked) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::ExplainRouteRequest request;
  request.set_tenant(asked.tenant);
  request.set_destination(asked.address);
  api::ExplainRouteResponse answer;
  if (auto s = session.Stub<api::RouteService>()->ExplainRoute(&context, request, &answer); !s.ok()) return s;
  session.Show(answer, [&] { return ExplanationText(answer); });
  return grpc::Status::OK;
}

}  // namespace

void AddRouteCommands(CLI::App& app, Session& session, Action& chosen) {
  auto asked = std::make_shared<AskedRoute>();
  auto* route = app.add_subcommand("route", "Where packets go, and why")->require_subcommand(1);

  auto* lookup = route->add_subcommand("lookup", "The next hop of a packet, from the live dataplane tables");
  lookup->add_option("TENANT", asked->tenant)->required();
  lookup->add_option("ADDRESS", asked->address, "destination")->required();
  auto* source = lookup->add_option("--source", asked->source,
                                    "source address of the flow, for the choice among several");
  lookup->add_option("--protocol", asked->protocol, "IP protocol number")
      ->needs(source)
      ->check(WholeNumber(0, 255));
  lookup->add_option("--source-port", asked->source_port)->needs(source)->check(WholeNumber(0, 65535));
  lookup->add_option("--destination-port", asked->destination_port)
      ->needs(source)
      ->check(WholeNumber(0, 65535));
  lookup->callback(
      [&session, &chosen, asked] { chosen = [&session, asked] { return Lookup(session, *asked); }; });

  auto* explain = route->add_subcommand("explain", "All candidates for a destination and why one was chosen");
  explain->add_option("TENANT", asked->tenant)->required();
  explain->add_option("DESTINATION", asked->address, "address or prefix")->required();
  explain->callback(
      [&session, &chosen, asked] { chosen = [&session, asked] { return Explain(session, *asked); }; });
}

}  // namespace sluice::ctl
