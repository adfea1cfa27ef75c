// What a person reads who mistyped a command line.
#include "tools/sluicectl/command_line.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

struct Line {
  CLI::App app{"test", "sluicectl"};
  std::string output, kind;
  uint64_t count = 0;
  double seconds = 1;

  Line() {
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("-o,--output", output)->check(OneOf({"table", "json"}));
    auto* get = app.add_subcommand("get");
    get->add_option("KIND", kind)->required();
    get->add_option("-n,--count", count)->check(WholeNumber(1, 1000));
    get->add_option("--seconds", seconds)->check(Seconds(0.001, 60));
    app.add_subcommand("route")->require_subcommand(1)->add_subcommand("lookup");
  }

  // "" when the line is accepted.
  std::string Complaint(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      app.parse(words);
    } catch (const CLI::ParseError& error) {
      return UsageText(app, error);
    }
    return "";
  }
};

}  // namespace

TEST_CASE("a mistyped command line is told in one plain line") {
  struct Row {
    std::vector<std::string> line;
    const char* complaint;
  };
  const Row rows[] = {
      {{"get", "tenants", "-n", "1000", "--seconds", "0.5", "-o", "json"}, ""},
      {{"gett"}, "there is no command \"gett\"; there are get, route"},
      {{}, "a command is missing; there are get, route"},
      {{"route"}, "route: a command is missing; there are lookup"},
      {{"route", "look"}, "route: there is no command \"look\"; there are lookup"},
      {{"get"}, "get: KIND is required"},
      {{"get", "x", "-o", "yaml"}, "--output: \"yaml\" is not one of table, json"},
      {{"get", "x", "-o"}, "--output: its value is missing"},
      {{"get", "x", "-n", "-1"}, "--count: \"-1\" is not a whole number from 1 to 1000"},
      {{"get", "x", "-n", "1001"}, "--count: \"1001\" is not a whole number from 1 to 1000"},
      {{"get", "x", "-n", "3x"}, "--count: \"3x\" is not a whole number from 1 to 1000"},
      {{"get", "x", "-n", "/run/x"}, "--count: \"/run/x\" is not a whole number from 1 to 1000"},
      {{"get", "x", "--seconds", "-2"}, "--seconds: \"-2\" is not a number of seconds from 0.001 to 60"},
      {{"get", "x", "--bogus"}, "get: not understood: --bogus"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.complaint) {
      CHECK(Line().Complaint(row.line) == row.complaint);
    }
  }
}

TEST_CASE("a connection is one of a tenant, wherever it is named") {
  Selection selection;
  selection.connection = "contoso/branch";
  CHECK(SplitConnection(selection).ok());
  CHECK(selection.tenant == "contoso");
  CHECK(selection.connection == "branch");
  selection.connection = "fabrikam/branch";
  CHECK(SplitConnection(selection).error_message() == "\"fabrikam/branch\" is not of tenant \"contoso\"");
  selection.connection = "branch";
  CHECK(SplitConnection(selection).ok());
}

}  // namespace sluice::ctl
