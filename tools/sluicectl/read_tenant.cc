// Reading tenants and their parts.
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tools/sluicectl/connection_text.h"
#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/json_object.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/readable.h"
#include "tools/sluicectl/tenant_pages.h"
#include "tools/sluicectl/tenant_text.h"
#include "tools/sluicectl/text_table.h"
#include "tools/sluicectl/virtual_network_text.h"

namespace sluice::ctl {
namespace {

grpc::Status Absent(const std::string& what, const Selection& selection) {
  return {grpc::StatusCode::NOT_FOUND,
          "there is no " + what + " " + selection.name +
              (selection.tenant.empty() ? "" : " of tenant " + selection.tenant)};
}

grpc::Status ReadTenant(Session& session, const std::string& name, api::Tenant& tenant) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::GetTenantRequest request;
  request.set_tenant(name);
  return session.Stub<api::TenantService>()->GetTenant(&context, request, &tenant);
}

// One tenant when it is named, else all pages of the list.
grpc::Status ReadTenants(Session& session, const std::string& name, const std::vector<std::string>& labels,
                         std::vector<api::Tenant>& tenants) {
  if (!name.empty()) return ReadTenant(session, name, tenants.emplace_back());
  LabelSelection wanted;
  for (const std::string& label : labels) {
    const size_t equals = label.find('=');
    if (equals == std::string::npos) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "label '" + label + "' is not KEY=VALUE"};
    }
    wanted[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return ListTenants(session, wanted, tenants);
}

grpc::Status ReadConnections(Session& session, const Selection& selection, std::vector<ConnectionView>& out) {
  std::vector<api::Tenant> tenants;
  if (auto s = ReadTenants(session, selection.tenant, {}, tenants); !s.ok()) return s;
  for (const auto& tenant : tenants) {
    for (auto& view : ConnectionsOf(tenant)) {
      if (selection.name.empty() || view.spec.name() == selection.name) out.push_back(std::move(view));
    }
  }
  if (out.empty() && !selection.name.empty()) return Absent("connection", selection);
  return grpc::Status::OK;
}

void ShowConnections(Session& session, const std::vector<ConnectionView>& views,
                     const std::function<std::string()>& text) {
  JsonList list("connections");
  std::vector<std::string> names;
  for (const auto& view : views) {
    list.Add({{"tenant", view.tenant}}, {{"spec", &view.spec}, {"status", &view.status}});
    names.push_back(view.tenant + "/" + view.spec.name());
  }
  session.Show(list.message(), text, names);
}

// One line per part of all tenants: `part` adds rows and JSON objects of one tenant.
using PartReader = void (*)(const api::Tenant&, const Selection&, std::vector<Row>&, JsonList&);

grpc::Status ShowParts(Session& session, const Selection& selection, const char* plural, const char* singular,
                       const std::vector<Column>& columns, PartReader part) {
  std::vector<api::Tenant> tenants;
  if (auto s = ReadTenants(session, selection.tenant, {}, tenants); !s.ok()) return s;
  std::vector<Row> rows;
  JsonList list(plural);
  for (const auto& tenant : tenants) part(tenant, selection, rows, list);
  if (rows.empty() && !selection.name.empty()) return Absent(singular, selection);
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row[0] + "/" + row[1]);
  session.Show(
      list.message(), [&] { return TableText(columns, rows); }, names);
  return grpc::Status::OK;
}

bool Wanted(const Selection& selection, const std::string& name) {
  return selection.name.empty() || selection.name == name;
}

}  // namespace

grpc::Status GetTenants(Session& session, const Selection& selection) {
  api::ListTenantsResponse all;
  std::vector<api::Tenant> tenants;
  if (auto s = ReadTenants(session, selection.name, selection.labels, tenants); !s.ok()) return s;
  std::vector<std::string> names;
  for (const auto& tenant : tenants) {
    *all.add_tenants() = tenant;
    names.push_back(tenant.name());
  }
  const bool one = !selection.name.empty();
  session.Show(
      one ? static_cast<const google::protobuf::Message&>(tenants.front()) : all,
      [&] { return TenantsTable(tenants); }, names);
  return grpc::Status::OK;
}

grpc::Status DescribeTenant(Session& session, const Selection& selection) {
  std::vector<api::Tenant> tenants;
  if (auto s = ReadTenants(session, selection.name, selection.labels, tenants); !s.ok()) return s;
  for (const auto& tenant : tenants) {
    session.Show(tenant, [&] { return TenantDescription(tenant); }, {tenant.name()});
  }
  return grpc::Status::OK;
}

grpc::Status GetConnections(Session& session, const Selection& selection) {
  std::vector<ConnectionView> views;
  if (auto s = ReadConnections(session, selection, views); !s.ok()) return s;
  ShowConnections(session, views, [&] { return ConnectionsTable(views); });
  return grpc::Status::OK;
}

grpc::Status DescribeConnection(Session& session, const Selection& selection) {
  std::vector<ConnectionView> views;
  if (auto s = ReadConnections(session, selection, views); !s.ok()) return s;
  ShowConnections(session, views, [&] {
    std::string out;
    for (const auto& view : views) out += (out.empty() ? "" : "\n") + ConnectionDescription(view);
    return out;
  });
  return grpc::Status::OK;
}

grpc::Status GetBgpPeers(Session& session, const Selection& selection) {
  return ShowParts(
      session, selection, "bgp_peers", "BGP peer", {{"TENANT"}, {"PEER"}, {"STATE"}, {"UPTIME"}, {"REASON"}},
      [](const api::Tenant& tenant, const Selection& wanted, std::vector<Row>& rows, JsonList& list) {
        for (const auto& peer : tenant.status().bgp_peers()) {
          if (!Wanted(wanted, peer.name())) continue;
          rows.push_back({tenant.name(), peer.name(), EnumText(peer.state()),
                          peer.has_uptime() ? DurationText(peer.uptime()) : "", peer.error_reason()});
          list.Add({{"tenant", tenant.name()}}, {{"status", &peer}});
        }
      });
}

grpc::Status GetPolicyMaps(Session& session, const Selection& selection) {
  return ShowParts(
      session, selection, "policy_maps", "policy map",
      {{"TENANT"}, {"POLICY MAP"}, {"ENTRIES", Align::kRight}},
      [](const api::Tenant& tenant, const Selection& wanted, std::vector<Row>& rows, JsonList& list) {
        for (const auto& map : tenant.spec().policy_maps()) {
          if (!Wanted(wanted, map.name())) continue;
          rows.push_back({tenant.name(), map.name(), std::to_string(map.entries_size())});
          list.Add({{"tenant", tenant.name()}}, {{"spec", &map}});
        }
      });
}

namespace {

// Virtual networks of one tenant or all, with their status.
grpc::Status ReadVirtualNetworks(Session& session, const Selection& selection,
                                 std::vector<VirtualNetworkView>& out) {
  std::vector<api::Tenant> tenants;
  if (auto s = ReadTenants(session, selection.tenant, {}, tenants); !s.ok()) return s;
  for (const auto& tenant : tenants) {
    for (auto& view : VirtualNetworksOf(tenant))
      if (Wanted(selection, view.spec.name())) out.push_back(std::move(view));
  }
  if (out.empty() && !selection.name.empty()) return Absent("virtual network", selection);
  return grpc::Status::OK;
}

void ShowVirtualNetworks(Session& session, const std::vector<VirtualNetworkView>& views,
                         const std::function<std::string()>& text) {
  JsonList list("virtual_networks");
  std::vector<std::string> names;
  for (const auto& view : views) {
    list.Add({{"tenant", view.tenant}}, {{"spec", &view.spec}, {"status", &view.status}});
    names.push_back(view.tenant + "/" + view.spec.name());
  }
  session.Show(list.message(), text, names);
}

}  // namespace

grpc::Status GetVirtualNetworks(Session& session, const Selection& selection) {
  std::vector<VirtualNetworkView> views;
  if (auto s = ReadVirtualNetworks(session, selection, views); !s.ok()) return s;
  ShowVirtualNetworks(session, views, [&] { return VirtualNetworksTable(views); });
  return grpc::Status::OK;
}

grpc::Status DescribeVirtualNetwork(Session& session, const Selection& selection) {
  std::vector<VirtualNetworkView> views;
  if (auto s = ReadVirtualNetworks(session, selection, views); !s.ok()) return s;
  ShowVirtualNetworks(session, views, [&] {
    std::string out;
    for (const auto& view : views) out += (out.empty() ? "" : "\n") + VirtualNetworkDescription(view);
    return out;
  });
  return grpc::Status::OK;
}

}  // namespace sluice::ctl
