// `watch`: the gateway's change stream, one line an event, until Ctrl-C.
#include "sluice/gateway/v1/watch.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/interrupt.h"
#include "tools/sluicectl/watch_text.h"

namespace sluice::ctl {
namespace {

namespace api = ::sluice::gateway::v1;

const std::map<std::string, api::WatchKind> kKinds = {
    {"tenants", api::WATCH_KIND_TENANTS}, {"connections", api::WATCH_KIND_CONNECTIONS},
    {"bgp-peers", api::WATCH_KIND_PEERS}, {"routes", api::WATCH_KIND_ROUTES},
    {"gateway", api::WATCH_KIND_GATEWAY},
};

struct Watching {
  std::vector<std::string> kinds;
  std::vector<std::string> tenants;
  bool snapshot_only = false;
  std::string resume_token;
};

grpc::Status Watch(Session& session, const Watching& watching) {
  api::WatchRequest request;
  for (const auto& kind : watching.kinds) request.add_kinds(kKinds.at(kind));
  for (const auto& tenant : watching.tenants) request.add_tenants(tenant);
  request.set_resume_token(watching.resume_token);
  grpc::ClientContext context;
  InterruptCancels interrupt(context);
  const auto stream = session.Stub<api::WatchService>()->Watch(&context, request);
  api::WatchEvent event;
  bool done = false;
  while (!done && stream->Read(&event)) {
    session.ShowLine(event, [&] { return WatchEventLine(event); });
    done = watching.snapshot_only && event.has_snapshot_end();
  }
  if (done) context.TryCancel();
  const grpc::Status status = stream->Finish();
  return done || interrupt.happened() ? grpc::Status::OK : status;
}

}  // namespace

void AddWatchCommand(CLI::App& app, Session& session, Action& chosen) {
  auto watching = std::make_shared<Watching>();
  auto* command = app.add_subcommand("watch", "Shows what is, then every change, until Ctrl-C");
  std::vector<std::string> names;
  for (const auto& [name, kind] : kKinds) names.push_back(name);
  command
      ->add_option("KIND", watching->kinds,
                   "tenants, connections, bgp-peers, routes, gateway; all but routes")
      ->check(OneOf(names));
  command->add_option("-t,--tenant", watching->tenants, "only of this tenant");
  command->add_flag("--snapshot", watching->snapshot_only, "end after what is");
  command->add_option("--resume-token", watching->resume_token, "go on after the event that carried it");
  command->callback(
      [&session, &chosen, watching] { chosen = [&session, watching] { return Watch(session, *watching); }; });
}

}  // namespace sluice::ctl
