// `get` and `describe`: one command each for everything that can be read.
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

std::string KindsHelp() {
  std::string out = "What:";
  for (const Readable& readable : Readables())
    out += std::string("\n  ") + readable.plural + ": " + readable.what;
  return out;
}

struct Asked {
  std::string kind;
  Selection selection;
};

CLI::App* AddCommand(CLI::App& app, const std::string& verb, const std::string& what, Asked& asked) {
  auto* command = app.add_subcommand(verb, what);
  command->footer(KindsHelp());
  command->add_option("KIND", asked.kind, "what to read")->required();
  command->add_option(
      "NAME", asked.selection.name,
      "which one; of a tenant's parts NAME or TENANT/NAME; of drops, routes and audit the tenant");
  command->add_option("-t,--tenant", asked.selection.tenant, "only of this tenant");
  command->add_option("-c,--connection", asked.selection.connection,
                      "neighbors and routes: only of this connection, TENANT/NAME");
  command->add_option("-l,--label", asked.selection.labels, "tenants with this label, KEY=VALUE");
  command->add_option("--view", asked.selection.view, "of routes")
      ->check(OneOf({"best", "received", "advertised", "programmed"}));
  command->add_option("--within", asked.selection.within, "routes inside this prefix");
  command->add_option("--limit", asked.selection.limit, "at most so many; 0 is all")
      ->check(WholeNumber(0, UINT32_MAX));
  return command;
}

grpc::Status Read(Session& session, Asked asked, bool describe) {
  const Readable* readable = FindReadable(asked.kind);
  if (readable == nullptr) {
    std::string known;
    for (const Readable& r : Readables()) known += (known.empty() ? "" : ", ") + std::string(r.plural);
    return {grpc::StatusCode::INVALID_ARGUMENT,
            "there is no kind \"" + asked.kind + "\"; there are " + known};
  }
  if (auto s = SplitTenant(asked.selection); !s.ok()) return s;
  if (auto s = SplitConnection(asked.selection); !s.ok()) return s;
  const Reading reading = describe && readable->describe != nullptr ? readable->describe : readable->get;
  return reading(session, asked.selection);
}

}  // namespace

void AddReadCommands(CLI::App& app, Session& session, Action& chosen) {
  const auto add = [&](const std::string& verb, const std::string& what, bool describe) {
    auto asked = std::make_shared<Asked>();
    AddCommand(app, verb, what, *asked)->callback([&session, &chosen, asked, describe] {
      chosen = [&session, asked, describe] { return Read(session, *asked, describe); };
    });
  };
  add("get", "Lists objects, one a line", false);
  add("describe", "Shows everything about objects", true);
}

}  // namespace sluice::ctl
