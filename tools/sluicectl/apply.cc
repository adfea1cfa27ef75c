// `apply`: every object of the files is one transaction of its own, in the files' order. A run of
// several is tried dry first, so that what is wrong in one of them is said before any is applied.
#include <algorithm>

#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "sluice/gateway/v1/routes.grpc.pb.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tools/sluicectl/apply_report.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/exit_code.h"
#include "tools/sluicectl/manifest.h"
#include "tools/sluicectl/programmed.h"
#include "tools/sluicectl/route_text.h"
#include "tools/sluicectl/unreachable_text.h"

namespace sluice::ctl {
namespace {

struct Applying {
  std::vector<std::string> files;
  bool dry_run = false;
  bool create_only = false;
  bool overwrite = false;
  bool break_glass = false;
  bool wait = false;
};

constexpr int kRoutesPerMessage = 4096;

// One object after its write, or after the dry run of it.
struct Applied {
  Outcome outcome;
  std::shared_ptr<google::protobuf::Message> result;
  // Of static routes; empty: the outcome's.
  std::string text;
  std::function<grpc::Status()> wait;
};

// One write for each kind of object in a file.
class Applier {
 public:
  Applier(Session& session, const Applying& applying, bool dry_run)
      : session_(session),
        applying_(applying),
        dry_run_(dry_run),
        tenants_(session.Stub<api::TenantService>()) {}

  Applied operator()(const api::Gateway& gateway) const {
    grpc::ClientContext context;
    session_.LimitTime(context);
    api::PutGatewayRequest request;
    *request.mutable_gateway() = gateway;
    // What a read adds is not for writing.
    request.mutable_gateway()->clear_status();
    *request.mutable_options() = Options();
    auto result = std::make_shared<api::GatewayWriteResult>();
    auto status = session_.Stub<api::GatewayService>()->PutGateway(&context, request, result.get());
    auto applied = Done(ObjectOf(gateway), status, result);
    applied.wait = [&session = session_, result] {
      return WaitForGateway(session, result->gateway().generation());
    };
    return applied;
  }

  Applied operator()(const api::Tenant& tenant) const {
    api::PutTenantRequest request;
    *request.mutable_tenant() = tenant;
    request.mutable_tenant()->clear_status();
    auto applied = Put(&api::TenantService::Stub::PutTenant, request, tenant);
    const auto& result = static_cast<const api::TenantWriteResult&>(*applied.result);
    applied.outcome.created = applied.outcome.changed && result.tenant().generation() == (dry_run_ ? 0 : 1);
    return applied;
  }

  Applied operator()(const TenantConnection& part) const {
    api::PutConnectionRequest request;
    request.set_tenant(part.tenant);
    *request.mutable_connection() = part.connection;
    return Put(&api::TenantService::Stub::PutConnection, request, part);
  }

  Applied operator()(const TenantBgpPeer& part) const {
    api::PutBgpPeerRequest request;
    request.set_tenant(part.tenant);
    *request.mutable_bgp_peer() = part.bgp_peer;
    return Put(&api::TenantService::Stub::PutBgpPeer, request, part);
  }

  Applied operator()(const TenantPolicyMap& part) const {
    api::PutPolicyMapRequest request;
    request.set_tenant(part.tenant);
    *request.mutable_policy_map() = part.policy_map;
    return Put(&api::TenantService::Stub::PutPolicyMap, request, part);
  }

  Applied operator()(const api::StaticRouteSet& set) const {
    grpc::ClientContext context;
    session_.LimitTime(context);
    auto result = std::make_shared<api::StaticRoutesResult>();
    const auto stream = session_.Stub<api::RouteService>()->ReplaceStaticRoutes(&context, result.get());
    api::ReplaceStaticRoutesRequest request;
    *request.mutable_header() = HeaderOf(set);
    bool going = true;
    for (int i = 0; going && (i == 0 || i < set.routes_size()); i += kRoutesPerMessage) {
      for (int j = i; j < std::min(i + kRoutesPerMessage, set.routes_size()); ++j)
        *request.add_routes() = set.routes(j);
      going = stream->Write(request);
      request.Clear();
    }
    stream->WritesDone();
    Applied applied;
    applied.outcome.object = ObjectOf(set);
    applied.outcome.refusal = stream->Finish();
    applied.outcome.changed = result->added() + result->changed() + result->removed() > 0;
    if (applied.outcome.refusal.ok()) applied.text = StaticRoutesResultText(set.tenant(), *result, dry_run_);
    applied.result = result;
    applied.wait = [&session = session_, tenant = set.tenant(), result] {
      return WaitForStaticRoutes(session, tenant, result->version());
    };
    return applied;
  }

 private:
  api::WriteOptions Options() const {
    api::WriteOptions options;
    options.set_validate_only(dry_run_);
    // A file says how things shall be, so it replaces what is there; an etag in it is still checked.
    options.set_overwrite(!applying_.create_only);
    options.set_break_glass(applying_.break_glass);
    return options;
  }

  // A set has no etag: its version is what keeps an old file from undoing a newer one.
  api::StaticRoutesHeader HeaderOf(const api::StaticRouteSet& set) const {
    api::StaticRoutesHeader header;
    header.set_tenant(set.tenant());
    if (set.version() != 0) header.set_version(set.version());
    header.set_expected_routes(static_cast<uint64_t>(set.routes_size()));
    header.set_validate_only(dry_run_);
    header.set_overwrite(applying_.overwrite);
    header.set_break_glass(applying_.break_glass);
    return header;
  }

  template <typename Result>
  Applied Done(const std::string& object, const grpc::Status& status,
               const std::shared_ptr<Result>& result) const {
    Applied applied;
    applied.outcome.object = object;
    applied.outcome.changed = result->changed();
    applied.outcome.consequences = result->consequences();
    applied.outcome.refusal = status.ok() && dry_run_ ? RefusalIn(object, result->consequences()) : status;
    applied.result = result;
    return applied;
  }

  template <typename Request>
  Applied Put(grpc::Status (api::TenantService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               api::TenantWriteResult*),
              Request& request, const Resource& resource) const {
    grpc::ClientContext context;
    session_.LimitTime(context);
    *request.mutable_options() = Options();
    auto result = std::make_shared<api::TenantWriteResult>();
    const auto status = (tenants_.get()->*method)(&context, request, result.get());
    auto applied = Done(ObjectOf(resource), status, result);
    applied.wait = [&session = session_, result] {
      return WaitForTenant(session, result->tenant().name(), result->tenant().generation());
    };
    return applied;
  }

  Session& session_;
  const Applying& applying_;
  const bool dry_run_;
  std::unique_ptr<api::TenantService::Stub> tenants_;
};

// Nobody answered, as opposed to answering no.
bool NoAnswer(const grpc::Status& status) {
  const ExitCode code = ExitCodeOf(status.error_code());
  return code == kUnreachable || code == kFailed;
}

grpc::Status ReadResources(const Applying& applying, std::vector<Resource>& resources) {
  for (const std::string& path : applying.files) {
    std::string content;
    if (auto s = ReadFile(path, content); !s.ok()) return s;
    if (auto s = ParseManifest(content, FileName(path), resources); !s.ok()) return s;
  }
  return grpc::Status::OK;
}

// What is surely refused ends the run before anything is applied.
grpc::Status TryDry(Session& session, const Applying& applying, const std::vector<Resource>& resources) {
  const Applier dry(session, applying, true);
  std::vector<Outcome> outcomes;
  std::vector<Applied> tried;
  for (const Resource& resource : resources) {
    tried.push_back(std::visit(dry, resource));
    outcomes.push_back(tried.back().outcome);
    if (NoAnswer(outcomes.back().refusal)) return outcomes.back().refusal;
  }
  const std::vector<Judgement> judgements = Judge(outcomes);
  for (size_t i = 0; applying.dry_run && i < tried.size(); ++i) {
    session.ShowLine(*tried[i].result, [&] {
      if (judgements[i].verdict == Verdict::kOpen) return OpenText(outcomes[i], judgements[i].waits_for);
      return tried[i].text.empty() ? WrittenText(outcomes[i], true) : tried[i].text;
    });
  }
  return RefusedBefore(outcomes, judgements, applying.dry_run);
}

grpc::Status Apply(Session& session, const Applying& applying) {
  std::vector<Resource> resources;
  if (auto s = ReadResources(applying, resources); !s.ok()) return s;
  // One object is one transaction, which needs no trial.
  if (applying.dry_run || resources.size() > 1)
    if (auto s = TryDry(session, applying, resources); !s.ok() || applying.dry_run) return s;
  const Applier apply(session, applying, false);
  std::vector<std::function<grpc::Status()>> waits;
  for (size_t i = 0; i < resources.size(); ++i) {
    const Applied applied = std::visit(apply, resources[i]);
    if (!applied.outcome.refusal.ok()) {
      std::vector<std::string> objects;
      for (const Resource& each : resources) objects.push_back(ObjectOf(each));
      const grpc::Status& why = applied.outcome.refusal;
      const std::string cut =
          resources.size() > 1 ? UnreachableText(session.server(), why.error_message()) : "";
      return StoppedAt(objects, i, cut.empty() ? why : grpc::Status(why.error_code(), cut));
    }
    session.ShowLine(*applied.result, [&] {
      return applied.text.empty() ? WrittenText(applied.outcome, false) : applied.text;
    });
    if (applying.wait) waits.push_back(applied.wait);
  }
  for (const auto& wait : waits)
    if (auto s = wait(); !s.ok()) return s;
  return grpc::Status::OK;
}

}  // namespace

void AddApplyCommand(CLI::App& app, Session& session, Action& chosen) {
  auto applying = std::make_shared<Applying>();
  auto* apply = app.add_subcommand("apply", "Creates or replaces the objects of files");
  apply->footer(
      "An object of a file replaces what is stored of it as a whole. Several are tried first: when one is\n"
      "surely refused, nothing is applied. They are then applied in order, each all or nothing; when one is\n"
      "refused all the same, the rest is not tried, and the message says how far it came.");
  apply->add_option("-f,--file", applying->files, "JSON of the API's messages; - is standard input")
      ->required();
  apply->add_flag("--dry-run", applying->dry_run, "change nothing, show what would happen");
  apply->add_flag("--break-glass", applying->break_glass,
                  "write although another identity manages the object (audited)");
  apply->add_flag("--create-only", applying->create_only, "refuse to replace what is there without its etag");
  apply->add_flag("--overwrite", applying->overwrite,
                  "static routes: also when the stored version is higher, or has other content");
  apply->add_flag("--wait", applying->wait, "until the dataplane forwards by it");
  apply->callback(
      [&session, &chosen, applying] { chosen = [&session, applying] { return Apply(session, *applying); }; });
}

}  // namespace sluice::ctl
