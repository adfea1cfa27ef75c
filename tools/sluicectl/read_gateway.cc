// Reading the gateway, its dataplane's ports and tables, and its audit trail.
#include "sluice/gateway/v1/diagnostics.grpc.pb.h"
#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "tools/sluicectl/gateway_text.h"
#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

grpc::Status ReadGateway(Session& session, api::Gateway& gateway) {
  grpc::ClientContext context;
  session.LimitTime(context);
  return session.Stub<api::GatewayService>()->GetGateway(&context, {}, &gateway);
}

// All ports, or the one that is named.
grpc::Status ReadPorts(Session& session, const Selection& selection, api::DescribePortsResponse& ports) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::DescribePortsResponse all;
  if (auto s = session.Stub<api::DiagnosticsService>()->DescribePorts(&context, {}, &all); !s.ok()) return s;
  for (const auto& port : all.ports()) {
    if (selection.name.empty() || port.name() == selection.name) *ports.add_ports() = port;
  }
  if (ports.ports().empty() && !selection.name.empty()) {
    return {grpc::StatusCode::NOT_FOUND, "there is no port " + selection.name};
  }
  return grpc::Status::OK;
}

std::vector<std::string> PortNames(const api::DescribePortsResponse& ports) {
  std::vector<std::string> names;
  for (const auto& port : ports.ports()) names.push_back(port.name());
  return names;
}

grpc::Status ShowGateway(Session& session, std::string (*text)(const api::Gateway&)) {
  api::Gateway gateway;
  if (auto s = ReadGateway(session, gateway); !s.ok()) return s;
  session.Show(gateway, [&] { return text(gateway); });
  return grpc::Status::OK;
}

// `get drops contoso` reads as well as `get drops -t contoso`.
std::string TenantIn(const Selection& selection) {
  return selection.tenant.empty() ? selection.name : selection.tenant;
}

}  // namespace

grpc::Status GetGateway(Session& session, const Selection&) {
  return ShowGateway(session, GatewayTable);
}

grpc::Status DescribeGateway(Session& session, const Selection&) {
  return ShowGateway(session, GatewayDescription);
}

grpc::Status GetWorkers(Session& session, const Selection&) {
  return ShowGateway(session, [](const api::Gateway& gateway) { return WorkersTable(gateway.status()); });
}

grpc::Status GetLimits(Session& session, const Selection& selection) {
  api::Gateway gateway;
  if (auto s = ReadGateway(session, gateway); !s.ok()) return s;
  if (!KeepFill(selection.name, *gateway.mutable_status()))
    return {grpc::StatusCode::NOT_FOUND,
            "there is no limit " + selection.name + "; sluicectl get limits lists them"};
  session.Show(gateway, [&] { return FillsTable(gateway.status()); });
  return grpc::Status::OK;
}

grpc::Status GetPorts(Session& session, const Selection& selection) {
  api::DescribePortsResponse ports;
  if (auto s = ReadPorts(session, selection, ports); !s.ok()) return s;
  session.Show(
      ports, [&] { return PortsTable(ports); }, PortNames(ports));
  return grpc::Status::OK;
}

grpc::Status DescribePorts(Session& session, const Selection& selection) {
  api::DescribePortsResponse ports;
  if (auto s = ReadPorts(session, selection, ports); !s.ok()) return s;
  session.Show(
      ports,
      [&] {
        std::string out;
        for (const auto& port : ports.ports()) out += (out.empty() ? "" : "\n") + PortDescriptionText(port);
        return out;
      },
      PortNames(ports));
  return grpc::Status::OK;
}

grpc::Status GetNeighbors(Session& session, const Selection& selection) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::ListNeighborsRequest request;
  if (!selection.tenant.empty()) request.set_tenant(selection.tenant);
  if (!selection.connection.empty()) {
    if (auto s = NeedTenant({.tenant = selection.tenant, .name = selection.connection}); !s.ok()) return s;
    request.set_connection(selection.connection);
  }
  api::ListNeighborsResponse answer, wanted;
  if (auto s = session.Stub<api::DiagnosticsService>()->ListNeighbors(&context, request, &answer); !s.ok())
    return s;
  std::vector<std::string> names;
  for (const auto& neighbor : answer.neighbors()) {
    if (!selection.name.empty() && neighbor.address() != selection.name) continue;
    *wanted.add_neighbors() = neighbor;
    names.push_back(neighbor.address());
  }
  session.Show(
      wanted, [&] { return NeighborsTable(wanted); }, names);
  return grpc::Status::OK;
}

grpc::Status GetDrops(Session& session, const Selection& selection) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::ListDropsRequest request;
  if (const std::string tenant = TenantIn(selection); !tenant.empty()) request.set_tenant(tenant);
  api::ListDropsResponse drops;
  if (auto s = session.Stub<api::DiagnosticsService>()->ListDrops(&context, request, &drops); !s.ok())
    return s;
  session.Show(drops, [&] { return DropsTable(drops); });
  return grpc::Status::OK;
}

grpc::Status GetAudit(Session& session, const Selection& selection) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::ListAuditEventsRequest request;
  if (const std::string tenant = TenantIn(selection); !tenant.empty()) request.set_tenant(tenant);
  request.set_limit(static_cast<uint32_t>(selection.limit));
  api::ListAuditEventsResponse events;
  if (auto s = session.Stub<api::DiagnosticsService>()->ListAuditEvents(&context, request, &events); !s.ok())
    return s;
  session.Show(events, [&] { return AuditTable(events); });
  return grpc::Status::OK;
}

}  // namespace sluice::ctl
