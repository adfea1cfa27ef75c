// Files of `sluicectl apply -f`: API messages in JSON form.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <variant>
#include <vector>

#include "sluice/gateway/v1/config.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

struct TenantConnection {
  std::string tenant;
  api::Connection connection;
};
struct TenantBgpPeer {
  std::string tenant;
  api::BgpPeer bgp_peer;
};
struct TenantPolicyMap {
  std::string tenant;
  api::PolicyMap policy_map;
};

using Resource = std::variant<api::Gateway, api::Tenant, TenantConnection, TenantBgpPeer, TenantPolicyMap,
                              api::StaticRouteSet>;

// Accepts the start-up file's form (a Resources message), one object, or a list
// of objects. An object says what it is by "kind": "gateway", "tenant",
// "connection", "bgp-peer", "policy-map" or "static-routes"; a part of a tenant
// names it in "tenant". Without "kind", an object with "name" and "spec" is a
// tenant, and any other is a Resources message. The order of the result is the
// order of the file, Resources as gateway, tenants, static routes.
// `name` stands for the file in errors. A field nobody knows, and a file without any object, is an error.
grpc::Status ParseManifest(const std::string& json, const std::string& name, std::vector<Resource>& out);

// "gateway", "tenants/blue", "tenants/blue/connections/site", "static routes of tenants/blue".
std::string ObjectOf(const Resource& resource);

}  // namespace sluice::ctl
