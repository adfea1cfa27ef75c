// sluicectl: the command line of the gateway. Everything goes through its public API.
#include <cstdio>
#include <cstdlib>

#include "tools/sluicectl/command.h"
#include "tools/sluicectl/exit_code.h"
#include "tools/sluicectl/status_text.h"

namespace sluice::ctl {
namespace {

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0 done   1 failed   2 wrong usage or file   3 not found   4 refused by the gateway\n"
    "  5 not implemented by the gateway   6 no gateway answers   7 doctor found a problem";

void AddSessionOptions(CLI::App& app, Session& session, double& timeout_s) {
  ServerOptions& server = session.server_options();
  app.add_option("-s,--server", server.server, "unix:/path, or host:port with TLS files")
      ->envname("SLUICE_SERVER")
      ->capture_default_str();
  app.add_option("--tls-ca", server.ca_file, "PEM: authorities of the gateway's certificate")
      ->envname("SLUICE_TLS_CA");
  app.add_option("--tls-cert", server.certificate_file, "PEM: our certificate")->envname("SLUICE_TLS_CERT");
  app.add_option("--tls-key", server.key_file, "PEM: its key")->envname("SLUICE_TLS_KEY");
  app.add_option("--tls-name", server.server_name, "name in the gateway's certificate, when not the host");
  app.add_option("--timeout", timeout_s, "seconds for an answer")
      ->check(Seconds(0.001, 86400))
      ->capture_default_str();
  const std::map<std::string, OutputForm> forms = {
      {"table", OutputForm::kTable}, {"json", OutputForm::kJson}, {"name", OutputForm::kName}};
  // Not a transformer: CLI11 would run it before the check of the words.
  app.add_option_function<std::string>(
         "-o,--output", [&session, forms](const std::string& word) { session.output = forms.at(word); },
         "table, json or name")
      ->check(OneOf({"table", "json", "name"}));
}

int Run(int argc, char** argv) {
  // Never destroyed: with the last channel gRPC 1.51 shuts itself down, which on a busy machine
  // takes seconds and complains on standard error.
  Session& session = *new Session;
  Action chosen;
  double timeout_s = 30;
  CLI::App app{"Drives and examines a Sluice gateway over its API.", "sluicectl"};
  app.require_subcommand(1);
  // Options of the program may follow the command: sluicectl get tenants -o json.
  app.fallthrough();
  app.footer(kExitCodes);
  AddSessionOptions(app, session, timeout_s);
  AddReadCommands(app, session, chosen);
  AddApplyCommand(app, session, chosen);
  AddDeleteCommand(app, session, chosen);
  AddWatchCommand(app, session, chosen);
  AddRouteCommands(app, session, chosen);
  AddMappingCommands(app, session, chosen);
  AddPacketCommands(app, session, chosen);
  AddDiagnoseCommands(app, session, chosen);
  AddTopCommand(app, session, chosen);
  AddOperateCommands(app, session, chosen);
  AddCompletionCommand(app, session, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "sluicectl: %s (--help shows how)\n", UsageText(app, error).c_str());
    return kUsage;
  }
  session.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout_s * 1000));
  grpc::Status status = session.Open();
  if (status.ok()) status = chosen();
  if (status.ok()) return session.exit_code;
  std::fputs(StatusText(status, session.server()).c_str(), stderr);
  return session.asked() ? ExitCodeOf(status.error_code()) : kUsage;
}

}  // namespace
}  // namespace sluice::ctl

int main(int argc, char** argv) {
  // gRPC would write its own words beside ours; what matters reaches us as a status.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  return sluice::ctl::Run(argc, argv);
}
