// `apply` and `delete`: every object of a file is one transaction of its own,
// in the file's order; the first refusal ends the run.
#include <algorithm>

#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "sluice/gateway/v1/routes.grpc.pb.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/manifest.h"
#include "tools/sluicectl/programmed.h"
#include "tools/sluicectl/readable.h"
#include "tools/sluicectl/route_text.h"
#include "tools/sluicectl/tenant_text.h"

namespace sluice::ctl {
namespace {

struct Writing {
  std::vector<std::string> files;
  bool dry_run = false;
  bool create_only = false;
  bool break_glass = false;
  bool wait = false;
  std::string etag;
  std::string kind;
  Selection selection;
};

constexpr int kRoutesPerMessage = 4096;

api::WriteOptions OptionsOf(const Writing& writing) {
  api::WriteOptions options;
  options.set_validate_only(writing.dry_run);
  // A file says how things shall be, so it replaces what is there; an etag in it is still checked.
  options.set_overwrite(!writing.create_only);
  options.set_break_glass(writing.break_glass);
  return options;
}

// "tenants/contoso changed", and what that did.
void ShowWritten(Session& session, const std::string& object, bool changed, const Writing& writing,
                 const google::protobuf::Message& result,
                 const google::protobuf::RepeatedPtrField<api::Consequence>& consequences) {
  session.ShowLine(result, [&] {
    const std::string verb =
        writing.dry_run ? (changed ? "would change" : "would stay") : (changed ? "changed" : "unchanged");
    return object + " " + verb + "\n" + ConsequencesText(consequences);
  });
}

// One write for each kind of object in a file.
class Applier {
 public:
  Applier(Session& session, const Writing& writing)
      : session_(session), writing_(writing), tenants_(session.Stub<api::TenantService>()) {}

  grpc::Status operator()(const api::Gateway& gateway) const {
    grpc::ClientContext context;
    session_.LimitTime(context);
    api::PutGatewayRequest request;
    *request.mutable_gateway() = gateway;
    *request.mutable_options() = OptionsOf(writing_);
    api::GatewayWriteResult result;
    auto s = session_.Stub<api::GatewayService>()->PutGateway(&context, request, &result);
    if (!s.ok()) return s;
    ShowWritten(session_, "gateway", result.changed(), writing_, result, result.consequences());
    return Waits() ? WaitForGateway(session_, result.gateway().generation()) : s;
  }

  grpc::Status operator()(const api::Tenant& tenant) const {
    api::PutTenantRequest request;
    *request.mutable_tenant() = tenant;
    // What a read adds is not for writing.
    request.mutable_tenant()->clear_status();
    return Put(&api::TenantService::Stub::PutTenant, request, "tenants/" + tenant.name());
  }

  grpc::Status operator()(const TenantConnection& part) const {
    api::PutConnectionRequest request;
    request.set_tenant(part.tenant);
    *request.mutable_connection() = part.connection;
    return Put(&api::TenantService::Stub::PutConnection, request,
               "tenants/" + part.tenant + "/connections/" + part.connection.name());
  }

  grpc::Status operator()(const TenantBgpPeer& part) const {
    api::PutBgpPeerRequest request;
    request.set_tenant(part.tenant);
    *request.mutable_bgp_peer() = part.bgp_peer;
    return Put(&api::TenantService::Stub::PutBgpPeer, request,
               "tenants/" + part.tenant + "/bgp-peers/" + part.bgp_peer.name());
  }

  grpc::Status operator()(const TenantPolicyMap& part) const {
    api::PutPolicyMapRequest request;
    request.set_tenant(part.tenant);
    *request.mutable_policy_map() = part.policy_map;
    return Put(&api::TenantService::Stub::PutPolicyMap, request,
               "tenants/" + part.tenant + "/policy-maps/" + part.policy_map.name());
  }

  grpc::Status operator()(const api::StaticRouteSet& set) const {
    grpc::ClientContext context;
    session_.LimitTime(context);
    api::StaticRoutesResult result;
    const auto stream = session_.Stub<api::RouteService>()->ReplaceStaticRoutes(&context, &result);
    api::ReplaceStaticRoutesRequest request;
    auto& header = *request.mutable_header();
    header.set_tenant(set.tenant());
    header.set_version(set.version());
    header.set_expected_routes(static_cast<uint64_t>(set.routes_size()));
    header.set_validate_only(writing_.dry_run);
    header.set_overwrite(!writing_.create_only);
    header.set_break_glass(writing_.break_glass);
    bool going = true;
    for (int i = 0; going && (i == 0 || i < set.routes_size()); i += kRoutesPerMessage) {
      for (int j = i; j < std::min(i + kRoutesPerMessage, set.routes_size()); ++j)
        *request.add_routes() = set.routes(j);
      going = stream->Write(request);
      request.Clear();
    }
    stream->WritesDone();
    auto s = stream->Finish();
    if (!s.ok()) return s;
    session_.ShowLine(result, [&] { return StaticRoutesResultText(set.tenant(), result, writing_.dry_run); });
    return Waits() ? WaitForStaticRoutes(session_, set.tenant(), result.version()) : s;
  }

 private:
  template <typename Request>
  grpc::Status Put(grpc::Status (api::TenantService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                    api::TenantWriteResult*),
                   Request& request, const std::string& object) const {
    grpc::ClientContext context;
    session_.LimitTime(context);
    *request.mutable_options() = OptionsOf(writing_);
    api::TenantWriteResult result;
    if (auto s = (tenants_.get()->*method)(&context, request, &result); !s.ok()) return s;
    ShowWritten(session_, object, result.changed(), writing_, result, result.consequences());
    if (!Waits()) return grpc::Status::OK;
    return WaitForTenant(session_, result.tenant().name(), result.tenant().generation());
  }
  bool Waits() const { return writing_.wait && !writing_.dry_run; }

  Session& session_;
  const Writing& writing_;
  std::unique_ptr<api::TenantService::Stub> tenants_;
};

grpc::Status Apply(Session& session, const Writing& writing) {
  std::vector<Resource> resources;
  for (const std::string& path : writing.files) {
    std::string content;
    if (auto s = ReadFile(path, content); !s.ok()) return s;
    if (auto s = ParseManifest(content, FileName(path), resources); !s.ok()) return s;
  }
  const Applier apply(session, writing);
  for (const Resource& resource : resources) {
    if (auto s = std::visit(apply, resource); !s.ok()) return s;
  }
  return grpc::Status::OK;
}

grpc::Status DeleteTenant(Session& session, const Writing& writing) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::DeleteTenantRequest request;
  request.set_tenant(writing.selection.name);
  request.set_etag(writing.etag);
  *request.mutable_options() = OptionsOf(writing);
  api::DeleteTenantResponse result;
  auto s = session.Stub<api::TenantService>()->DeleteTenant(&context, request, &result);
  if (!s.ok()) return s;
  session.ShowLine(result,
                   [&] { return DeletedText("tenants/" + writing.selection.name, result, writing.dry_run); });
  return s;
}

template <typename Request>
grpc::Status DeletePart(Session& session, const Writing& writing, const char* collection,
                        void (*name)(Request&, const std::string&),
                        grpc::Status (api::TenantService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                         api::TenantWriteResult*)) {
  if (auto s = NeedTenant(writing.selection); !s.ok()) return s;
  grpc::ClientContext context;
  session.LimitTime(context);
  Request request;
  request.set_tenant(writing.selection.tenant);
  name(request, writing.selection.name);
  request.set_etag(writing.etag);
  *request.mutable_options() = OptionsOf(writing);
  api::TenantWriteResult result;
  if (auto s = (session.Stub<api::TenantService>().get()->*method)(&context, request, &result); !s.ok())
    return s;
  ShowWritten(session,
              "tenants/" + writing.selection.tenant + "/" + collection + "/" + writing.selection.name,
              result.changed(), writing, result, result.consequences());
  return grpc::Status::OK;
}

grpc::Status Delete(Session& session, Writing writing) {
  if (auto s = SplitTenant(writing.selection); !s.ok()) return s;
  using Stub = api::TenantService::Stub;
  if (writing.kind == "tenant") return DeleteTenant(session, writing);
  if (writing.kind == "connection") {
    return DeletePart<api::DeleteConnectionRequest>(
        session, writing, "connections", [](auto& r, const std::string& n) { r.set_connection(n); },
        &Stub::DeleteConnection);
  }
  if (writing.kind == "bgp-peer") {
    return DeletePart<api::DeleteBgpPeerRequest>(
        session, writing, "bgp-peers", [](auto& r, const std::string& n) { r.set_bgp_peer(n); },
        &Stub::DeleteBgpPeer);
  }
  return DeletePart<api::DeletePolicyMapRequest>(
      session, writing, "policy-maps", [](auto& r, const std::string& n) { r.set_policy_map(n); },
      &Stub::DeletePolicyMap);
}

void AddWritingOptions(CLI::App* command, Writing& writing) {
  command->add_flag("--dry-run", writing.dry_run, "change nothing, show what would happen");
  command->add_flag("--break-glass", writing.break_glass,
                    "write although another identity manages the object (audited)");
}

}  // namespace

void AddWriteCommands(CLI::App& app, Session& session, Action& chosen) {
  auto applying = std::make_shared<Writing>();
  auto* apply = app.add_subcommand("apply", "Creates or replaces the objects of files");
  apply->add_option("-f,--file", applying->files, "JSON of the API's messages; - is standard input")
      ->required();
  AddWritingOptions(apply, *applying);
  apply->add_flag("--create-only", applying->create_only, "refuse to replace what is there without its etag");
  apply->add_flag("--wait", applying->wait, "until the dataplane forwards by it");
  apply->callback(
      [&session, &chosen, applying] { chosen = [&session, applying] { return Apply(session, *applying); }; });

  auto deleting = std::make_shared<Writing>();
  auto* remove = app.add_subcommand("delete", "Deletes an object; one that is absent is fine");
  remove->add_option("KIND", deleting->kind, "tenant, connection, bgp-peer or policy-map")
      ->required()
      ->check(OneOf({"tenant", "connection", "bgp-peer", "policy-map"}));
  remove->add_option("NAME", deleting->selection.name, "of a tenant's parts TENANT/NAME")->required();
  remove->add_option("-t,--tenant", deleting->selection.tenant, "of this tenant");
  remove->add_option("--etag", deleting->etag, "only when the tenant still has this etag");
  AddWritingOptions(remove, *deleting);
  remove->callback([&session, &chosen, deleting] {
    chosen = [&session, deleting] { return Delete(session, *deleting); };
  });
}

}  // namespace sluice::ctl
