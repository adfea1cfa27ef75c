// The list of what can be read; see readable.h.
#include "tools/sluicectl/readable.h"

#include <array>

namespace sluice::ctl {
namespace {

constexpr std::array<Readable, 13> kReadables = {{
    {"tenants", "tenant", "tenants with their state", GetTenants, DescribeTenant},
    {"connections", "connection", "connections of one tenant or all", GetConnections, DescribeConnection},
    {"gateway", "gateway", "the gateway itself", GetGateway, DescribeGateway},
    {"ports", "port", "ports of the dataplane", GetPorts, DescribePorts},
    {"neighbors", "neighbor", "ARP and ND tables", GetNeighbors, nullptr},
    {"routes", "route", "routes of a tenant", GetRoutes, nullptr},
    {"bgp-peers", "bgp-peer", "BGP peers of one tenant or all", GetBgpPeers, nullptr},
    {"policy-maps", "policy-map", "policy maps of one tenant or all", GetPolicyMaps, nullptr},
    {"virtual-networks", "virtual-network", "overlay networks of one tenant or all", GetVirtualNetworks,
     DescribeVirtualNetwork},
    {"workers", "worker", "load of the dataplane's workers", GetWorkers, nullptr},
    {"limits", "limit", "tables and queues against their limits", GetLimits, nullptr},
    {"drops", "drop", "dropped packets by reason", GetDrops, nullptr},
    {"audit", "audit", "who changed what, newest first", GetAudit, nullptr},
}};

grpc::Status Split(std::string& name, std::string& tenant) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return grpc::Status::OK;
  const std::string owner = name.substr(0, slash);
  if (!tenant.empty() && tenant != owner) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "\"" + name + "\" is not of tenant \"" + tenant + "\""};
  }
  tenant = owner;
  name.erase(0, slash + 1);
  return grpc::Status::OK;
}

}  // namespace

std::span<const Readable> Readables() {
  return kReadables;
}

const Readable* FindReadable(const std::string& name) {
  for (const Readable& readable : kReadables) {
    if (name == readable.plural || name == readable.singular) return &readable;
  }
  return nullptr;
}

grpc::Status NeedTenant(const Selection& selection) {
  if (!selection.tenant.empty()) return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT,
          "of which tenant is \"" + selection.name + "\"? name it TENANT/" + selection.name};
}

grpc::Status SplitTenant(Selection& selection) {
  return Split(selection.name, selection.tenant);
}

grpc::Status SplitConnection(Selection& selection) {
  return Split(selection.connection, selection.tenant);
}

}  // namespace sluice::ctl
