// Completion for bash; see completion.h.
#include "tools/sluicectl/completion.h"

#include "tools/sluicectl/command.h"
#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

std::string Words(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string OptionWords(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
    for (const auto& name : option->get_snames()) words.push_back("-" + name);
  }
  return Words(words);
}

std::string CommandWords(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : app.get_subcommands(nullptr)) words.push_back(command->get_name());
  return Words(words);
}

// One case per command path: "get", "route lookup".
void AppendCases(const CLI::App& app, const std::string& path, std::string& out) {
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    const std::string here = path + (path.empty() ? "" : " ") + command->get_name();
    out += "    '" + here + "') commands='" + CommandWords(*command) + "'; options='" +
           OptionWords(*command) + "' ;;\n";
    AppendCases(*command, here, out);
  }
}

std::string KindWords() {
  std::vector<std::string> words;
  for (const Readable& readable : Readables()) {
    words.push_back(readable.plural);
    if (readable.plural != std::string(readable.singular)) words.push_back(readable.singular);
  }
  return Words(words);
}

constexpr const char* kStart =
    R"(# bash completion of sluicectl; use it with: source <(sluicectl completion bash)
_sluicectl_names() { sluicectl --timeout 0.5 -o name get "$1" 2>/dev/null; }

_sluicectl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local path='' commands='' options='' words='' word positional=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      -*) ;;
      *) positional+=("$word") ;;
    esac
  done
  case "${positional[0]}" in
    route|mapping) path="${positional[*]:0:2}" ;;
    *) path="${positional[0]}" ;;
  esac
  case "$path" in
)";

constexpr const char* kMiddle = R"(  esac
  case "$previous" in
    -t|--tenant) words=$(_sluicectl_names tenants) ;;
    -o|--output) words='table json name' ;;
    -f|--file|-w|--write|--tls-ca|--tls-cert|--tls-key)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return ;;
    get|describe) words=$kinds ;;
    delete) words='tenant connection bgp-peer policy-map' ;;
    reset) words='connection bgp-peer' ;;
    completion) words='bash' ;;
    tenant|tenants|lookup|explain|drops|doctor|drain|routes) words=$(_sluicectl_names tenants) ;;
    replace|update|list) words=$(_sluicectl_names virtual-networks) ;;
    connection|connections) words=$(_sluicectl_names connections) ;;
    port|ports) words=$(_sluicectl_names ports) ;;
  esac
  [ -n "$words" ] || words="$commands"
  case "$current" in -*) words="$options $global" ;; esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _sluicectl sluicectl
)";

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::string cases = "    '') commands='" + CommandWords(app) + "' ;;\n";
  AppendCases(app, "", cases);
  std::string middle = kMiddle;
  const std::string vocabulary =
      "  esac\n  local kinds='" + KindWords() + "' global='" + OptionWords(app) + "'\n";
  middle.replace(0, std::string("  esac\n").size(), vocabulary);
  return kStart + cases + middle;
}

void AddCompletionCommand(CLI::App& app, Session& session, Action& chosen) {
  auto shell = std::make_shared<std::string>();
  auto* command = app.add_subcommand("completion", "Prints a completion script for a shell");
  command->add_option("SHELL", *shell)->required()->check(CLI::IsMember({"bash"}));
  command->callback([&app, &session, &chosen, shell] {
    chosen = [&app, &session] {
      session.Say(BashCompletion(app));
      return grpc::Status::OK;
    };
  });
}

}  // namespace sluice::ctl
