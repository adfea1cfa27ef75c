// Checks and complaints of the command line; see command_line.h.
#include "tools/sluicectl/command_line.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace sluice::ctl {
namespace {

std::string Quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string JoinedWords(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string NumberText(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

template <typename Number>
bool Parses(const std::string& text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
}

// The command that was named last; its own parts are what is missing or too much.
const CLI::App& Innermost(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? app : Innermost(*named.back());
}

std::string CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  return JoinedWords(names);
}

std::string MissingText(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = Innermost(app);
  const bool wants_command = command.get_require_subcommand_min() > 0 && command.get_subcommands().empty();
  if (!wants_command) return command.get_name() + ": " + error.what();
  std::vector<std::string> unknown = app.remaining(true);
  const auto word =
      std::find_if(unknown.begin(), unknown.end(), [](const std::string& each) { return each[0] != '-'; });
  const std::string parent = &command == &app ? "" : command.get_name() + ": ";
  if (word == unknown.end()) return parent + "a command is missing; there are " + CommandsOf(command);
  return parent + "there is no command " + Quoted(*word) + "; there are " + CommandsOf(command);
}

}  // namespace

CLI::Validator WholeNumber(uint64_t least, uint64_t most) {
  return CLI::Validator(
      [least, most](std::string& text) {
        if (Parses<uint64_t>(text, least, most)) return std::string();
        return Quoted(text) + " is not a whole number from " + std::to_string(least) + " to " +
               std::to_string(most);
      },
      "");
}

CLI::Validator Seconds(double least, double most) {
  return CLI::Validator(
      [least, most](std::string& text) {
        if (Parses<double>(text, least, most)) return std::string();
        return Quoted(text) + " is not a number of seconds from " + NumberText(least) + " to " +
               NumberText(most);
      },
      "");
}

CLI::Validator OneOf(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](std::string& text) {
        if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
        return Quoted(text) + " is not one of " + JoinedWords(words);
      },
      "");
}

std::string UsageText(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return MissingText(app, error);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    // CLI11 tells them in no order of ours.
    return Innermost(app).get_name() + ": not understood: " + JoinedWords(app.remaining(true));
  }
  const std::string said = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return said.substr(0, said.find(':')) + ": its value is missing";
  return said;
}

}  // namespace sluice::ctl
