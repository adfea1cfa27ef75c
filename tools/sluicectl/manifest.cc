// Reading apply's files; see manifest.h.
#include "tools/sluicectl/manifest.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

namespace sluice::ctl {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageToJsonString;

// Where in the file we are, for errors: "tenants.json: item 2".
grpc::Status Wrong(const std::string& where, const std::string& message) {
  return {grpc::StatusCode::INVALID_ARGUMENT, where + ": " + message};
}

grpc::Status Fill(const Struct& object, const std::string& where, google::protobuf::Message& message) {
  std::string json;
  // An object that came from JSON has a JSON form.
  auto status = MessageToJsonString(object, &json);
  if (status.ok()) status = JsonStringToMessage(json, &message);
  if (!status.ok()) return Wrong(where, std::string(status.message()));
  return grpc::Status::OK;
}

bool Has(const Struct& object, const std::string& field) {
  return object.fields().contains(field);
}

// Removes a string field that is ours and not the message's.
std::string Taken(Struct& object, const std::string& field) {
  auto& fields = *object.mutable_fields();
  const auto found = fields.find(field);
  if (found == fields.end()) return "";
  std::string value = found->second.string_value();
  fields.erase(field);
  return value;
}

template <typename Part, typename Message>
grpc::Status AddPart(Struct& object, const std::string& where, Message Part::*message,
                     std::vector<Resource>& out) {
  Part part;
  part.tenant = Taken(object, "tenant");
  if (part.tenant.empty()) return Wrong(where, "\"tenant\" is missing: whose is it?");
  if (auto s = Fill(object, where, part.*message); !s.ok()) return s;
  out.push_back(std::move(part));
  return grpc::Status::OK;
}

template <typename Message>
grpc::Status AddWhole(const Struct& object, const std::string& where, std::vector<Resource>& out) {
  Message message;
  if (auto s = Fill(object, where, message); !s.ok()) return s;
  out.push_back(std::move(message));
  return grpc::Status::OK;
}

grpc::Status AddResources(const Struct& object, const std::string& where, std::vector<Resource>& out) {
  api::Resources resources;
  if (auto s = Fill(object, where, resources); !s.ok()) return s;
  if (resources.has_gateway()) out.push_back(resources.gateway());
  for (const auto& tenant : resources.tenants()) out.push_back(tenant);
  for (const auto& routes : resources.static_routes()) out.push_back(routes);
  return grpc::Status::OK;
}

grpc::Status AddObject(Struct object, const std::string& where, std::vector<Resource>& out) {
  const bool kind_given = Has(object, "kind");
  const std::string kind = Taken(object, "kind");
  if (kind == "gateway") return AddWhole<api::Gateway>(object, where, out);
  if (kind == "tenant") return AddWhole<api::Tenant>(object, where, out);
  if (kind == "static-routes") return AddWhole<api::StaticRouteSet>(object, where, out);
  if (kind == "connection") return AddPart(object, where, &TenantConnection::connection, out);
  if (kind == "bgp-peer") return AddPart(object, where, &TenantBgpPeer::bgp_peer, out);
  if (kind == "policy-map") return AddPart(object, where, &TenantPolicyMap::policy_map, out);
  if (kind_given) {
    return Wrong(
        where,
        "\"kind\": \"" + kind +
            "\" is not known; gateway, tenant, connection, bgp-peer, policy-map and static-routes are");
  }
  if (Has(object, "name") && Has(object, "spec")) return AddWhole<api::Tenant>(object, where, out);
  return AddResources(object, where, out);
}

}  // namespace

grpc::Status ParseManifest(const std::string& json, const std::string& name, std::vector<Resource>& out) {
  Value root;
  if (const auto status = JsonStringToMessage(json, &root); !status.ok()) {
    // Below its first line stands a caret that points into the text, which we do not show.
    const std::string said(status.message());
    return Wrong(name, "no JSON: " + said.substr(0, said.find('\n')));
  }
  if (root.kind_case() == Value::kStructValue) return AddObject(root.struct_value(), name, out);
  if (root.kind_case() != Value::kListValue) return Wrong(name, "an object or a list of objects is wanted");
  int item = 0;
  for (const auto& value : root.list_value().values()) {
    const std::string where = name + ": item " + std::to_string(++item);
    if (value.kind_case() != Value::kStructValue) return Wrong(where, "an object is wanted");
    if (auto s = AddObject(value.struct_value(), where, out); !s.ok()) return s;
  }
  return grpc::Status::OK;
}

}  // namespace sluice::ctl
