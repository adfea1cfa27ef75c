// `drops` and `doctor`: what is lost and why, and what is wrong with a remedy.
#include "sluice/gateway/v1/diagnostics.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/gateway_text.h"
#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

grpc::Status Doctor(Session& session, const std::string& tenant) {
  grpc::ClientContext context;
  session.LimitTime(context);
  api::DoctorRequest request;
  if (!tenant.empty()) request.set_tenant(tenant);
  api::DoctorResponse findings;
  if (auto s = session.Stub<api::DiagnosticsService>()->Doctor(&context, request, &findings); !s.ok())
    return s;
  session.Show(findings, [&] { return FindingsText(findings); });
  for (const auto& finding : findings.findings()) {
    if (finding.verdict() == api::DoctorFinding::VERDICT_PROBLEM) session.exit_code = kProblemsFound;
  }
  return grpc::Status::OK;
}

}  // namespace

void AddDiagnoseCommands(CLI::App& app, Session& session, Action& chosen) {
  auto selection = std::make_shared<Selection>();
  auto* drops = app.add_subcommand("drops", "Dropped packets by reason, most first");
  drops->add_option("TENANT", selection->tenant, "only of this tenant");
  drops->callback([&session, &chosen, selection] {
    chosen = [&session, selection] { return GetDrops(session, *selection); };
  });

  auto tenant = std::make_shared<std::string>();
  auto* doctor =
      app.add_subcommand("doctor", "Examines the gateway and says what is wrong and what would help");
  doctor->add_option("TENANT", *tenant, "only this tenant");
  doctor->callback(
      [&session, &chosen, tenant] { chosen = [&session, tenant] { return Doctor(session, *tenant); }; });
}

}  // namespace sluice::ctl
