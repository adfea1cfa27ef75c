// `reset` and `drain`: what an operator does to something that runs. Today's gateways answer both
// with UNIMPLEMENTED (exit status 5); the help says so.
#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

namespace api = ::sluice::gateway::v1;

struct Operation {
  std::string kind;
  Selection selection;
};

grpc::Status Drain(Session& session, const std::string& tenant) {
  grpc::ClientContext context;
  session.LimitTime(context);
  grpc::Status status;
  if (tenant.empty()) {
    api::DrainResponse response;
    status = session.Stub<api::GatewayService>()->Drain(&context, {}, &response);
  } else {
    api::DrainTenantRequest request;
    request.set_tenant(tenant);
    api::DrainTenantResponse response;
    status = session.Stub<api::TenantService>()->DrainTenant(&context, request, &response);
  }
  if (status.ok()) session.Say((tenant.empty() ? "gateway" : "tenants/" + tenant) + " is draining\n");
  return status;
}

grpc::Status Reset(Session& session, Operation operation) {
  if (auto s = SplitTenant(operation.selection); !s.ok()) return s;
  const auto& [tenant, name] = std::pair(operation.selection.tenant, operation.selection.name);
  if (auto s = NeedTenant(operation.selection); !s.ok()) return s;
  const auto stub = session.Stub<api::TenantService>();
  grpc::ClientContext context;
  session.LimitTime(context);
  grpc::Status status;
  if (operation.kind == "connection") {
    api::ResetConnectionRequest request;
    request.set_tenant(tenant);
    request.set_connection(name);
    api::ResetConnectionResponse response;
    status = stub->ResetConnection(&context, request, &response);
  } else {
    api::ResetPeerRequest request;
    request.set_tenant(tenant);
    request.set_bgp_peer(name);
    api::ResetPeerResponse response;
    status = stub->ResetPeer(&context, request, &response);
  }
  if (status.ok()) session.Say(operation.kind + " " + tenant + "/" + name + " reset\n");
  return status;
}

}  // namespace

void AddOperateCommands(CLI::App& app, Session& session, Action& chosen) {
  auto tenant = std::make_shared<std::string>();
  auto* drain = app.add_subcommand(
      "drain", "Not yet available: moves traffic away from the gateway, or one tenant's from it");
  drain->add_option("TENANT", *tenant, "only this tenant");
  drain->callback(
      [&session, &chosen, tenant] { chosen = [&session, tenant] { return Drain(session, *tenant); }; });

  auto operation = std::make_shared<Operation>();
  auto* reset =
      app.add_subcommand("reset", "Not yet available: takes a connection or BGP peer down and up again");
  reset->add_option("KIND", operation->kind, "connection or bgp-peer")
      ->required()
      ->check(OneOf({"connection", "bgp-peer"}));
  reset->add_option("NAME", operation->selection.name, "TENANT/NAME")->required();
  reset->add_option("-t,--tenant", operation->selection.tenant, "of this tenant");
  reset->callback([&session, &chosen, operation] {
    chosen = [&session, operation] { return Reset(session, *operation); };
  });
}

}  // namespace sluice::ctl
