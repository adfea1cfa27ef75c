// Reading apply's files; see manifest.h.
#include "tools/sluicectl/manifest.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "proto/json/json_fault.h"

namespace sluice::ctl {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using google::protobuf::util::JsonStringToMessage;
using google::protobuf::util::MessageToJsonString;

// The object that is read, in its file.
struct Where {
  const std::string& text;
  std::string name;  // for errors: "tenants.json: item 2"
  int item = -1;     // of the file's list
};

grpc::Status Wrong(const std::string& where, const std::string& message) {
  return {grpc::StatusCode::INVALID_ARGUMENT, where + ": " + message};
}

grpc::Status Fill(const Struct& object, const Where& where, google::protobuf::Message& message) {
  std::string json;
  // An object that came from JSON has a JSON form.
  auto status = MessageToJsonString(object, &json);
  if (status.ok()) status = JsonStringToMessage(json, &message);
  if (status.ok()) return grpc::Status::OK;
  return Wrong(where.name, json::Fault(where.text, message.GetDescriptor(), std::string(status.message()),
                                       {where.item, {"kind", "tenant"}}));
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
grpc::Status AddPart(Struct& object, const Where& where, Message Part::*message, std::vector<Resource>& out) {
  Part part;
  part.tenant = Taken(object, "tenant");
  if (part.tenant.empty()) return Wrong(where.name, "\"tenant\" is missing: whose is it?");
  if (auto s = Fill(object, where, part.*message); !s.ok()) return s;
  out.push_back(std::move(part));
  return grpc::Status::OK;
}

template <typename Message>
grpc::Status AddWhole(const Struct& object, const Where& where, std::vector<Resource>& out) {
  Message message;
  if (auto s = Fill(object, where, message); !s.ok()) return s;
  out.push_back(std::move(message));
  return grpc::Status::OK;
}

grpc::Status AddResources(const Struct& object, const Where& where, std::vector<Resource>& out) {
  api::Resources resources;
  if (auto s = Fill(object, where, resources); !s.ok()) return s;
  if (resources.has_gateway()) out.push_back(resources.gateway());
  for (const auto& tenant : resources.tenants()) out.push_back(tenant);
  for (const auto& routes : resources.static_routes()) out.push_back(routes);
  return grpc::Status::OK;
}

grpc::Status AddObject(Struct object, const Where& where, std::vector<Resource>& out) {
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
        where.name,
        "\"kind\": \"" + kind +
            "\" is not known; gateway, tenant, connection, bgp-peer, policy-map and static-routes are");
  }
  if (Has(object, "name") && Has(object, "spec")) return AddWhole<api::Tenant>(object, where, out);
  return AddResources(object, where, out);
}

grpc::Status ParseObjects(const std::string& text, const std::string& name, std::vector<Resource>& out) {
  Value root;
  if (const auto status = JsonStringToMessage(text, &root); !status.ok()) {
    return Wrong(name, "no JSON: " + json::Fault(text, nullptr, std::string(status.message())));
  }
  if (root.kind_case() == Value::kStructValue) return AddObject(root.struct_value(), {text, name}, out);
  if (root.kind_case() != Value::kListValue) return Wrong(name, "an object or a list of objects is wanted");
  int item = 0;
  for (const auto& value : root.list_value().values()) {
    const Where where{text, name + ": item " + std::to_string(item + 1), item};
    ++item;
    if (value.kind_case() != Value::kStructValue) return Wrong(where.name, "an object is wanted");
    if (auto s = AddObject(value.struct_value(), where, out); !s.ok()) return s;
  }
  return grpc::Status::OK;
}

}  // namespace

std::string ObjectOf(const Resource& resource) {
  struct Names {
    std::string operator()(const api::Gateway&) const { return "gateway"; }
    std::string operator()(const api::Tenant& tenant) const { return "tenants/" + tenant.name(); }
    std::string operator()(const TenantConnection& part) const {
      return "tenants/" + part.tenant + "/connections/" + part.connection.name();
    }
    std::string operator()(const TenantBgpPeer& part) const {
      return "tenants/" + part.tenant + "/bgp-peers/" + part.bgp_peer.name();
    }
    std::string operator()(const TenantPolicyMap& part) const {
      return "tenants/" + part.tenant + "/policy-maps/" + part.policy_map.name();
    }
    std::string operator()(const api::StaticRouteSet& set) const {
      return "static routes of tenants/" + set.tenant();
    }
  };
  return std::visit(Names(), resource);
}

grpc::Status ParseManifest(const std::string& json, const std::string& name, std::vector<Resource>& out) {
  const size_t before = out.size();
  if (auto s = ParseObjects(json, name, out); !s.ok()) return s;
  if (out.size() > before) return grpc::Status::OK;
  return Wrong(name,
               "there is no object in it; wanted: \"gateway\", \"tenants\" or \"static_routes\" with "
               "something in them, or an object with \"kind\"");
}

}  // namespace sluice::ctl
