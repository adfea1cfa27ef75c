// `delete`: one object, one transaction.
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tools/sluicectl/apply_report.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/readable.h"
#include "tools/sluicectl/tenant_text.h"

namespace sluice::ctl {
namespace {

struct Writing {
  bool dry_run = false;
  bool break_glass = false;
  std::string etag;
  std::string kind;
  Selection selection;
};

api::WriteOptions OptionsOf(const Writing& writing) {
  api::WriteOptions options;
  options.set_validate_only(writing.dry_run);
  // Who names an object means it; an etag is still checked.
  options.set_overwrite(true);
  options.set_break_glass(writing.break_glass);
  return options;
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
  const std::string object = "tenants/" + writing.selection.name;
  session.ShowLine(result, [&] { return DeletedText(object, result, writing.dry_run); });
  return RefusalIn(object, result.consequences());
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
  Outcome outcome;
  outcome.object = "tenants/" + writing.selection.tenant + "/" + collection + "/" + writing.selection.name;
  outcome.changed = result.changed();
  outcome.consequences = result.consequences();
  if (writing.dry_run) outcome.refusal = RefusalIn(outcome.object, outcome.consequences);
  session.ShowLine(result, [&] { return WrittenText(outcome, writing.dry_run); });
  return outcome.refusal;
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

}  // namespace

void AddDeleteCommand(CLI::App& app, Session& session, Action& chosen) {
  auto deleting = std::make_shared<Writing>();
  auto* remove = app.add_subcommand("delete", "Deletes an object; one that is absent is fine");
  remove->add_option("KIND", deleting->kind, "tenant, connection, bgp-peer or policy-map")
      ->required()
      ->check(OneOf({"tenant", "connection", "bgp-peer", "policy-map"}));
  remove->add_option("NAME", deleting->selection.name, "of a tenant's parts TENANT/NAME")->required();
  remove->add_option("-t,--tenant", deleting->selection.tenant, "of this tenant");
  remove->add_option("--etag", deleting->etag, "only when the tenant still has this etag");
  remove->add_flag("--dry-run", deleting->dry_run, "change nothing, show what would happen");
  remove->add_flag("--break-glass", deleting->break_glass,
                   "write although another identity manages the object (audited)");
  remove->callback([&session, &chosen, deleting] {
    chosen = [&session, deleting] { return Delete(session, *deleting); };
  });
}

}  // namespace sluice::ctl
