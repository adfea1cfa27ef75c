// What people read who wrote a wrong file.
#include "proto/json/json_fault.h"

#include <catch2/catch.hpp>

#include "sluice/dataplane/v1/config.pb.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::json {
namespace {

template <typename Message>
std::string Refusal(const std::string& text) {
  Message message;
  const absl::Status status = Parse(text, message);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

}  // namespace

TEST_CASE("what is right is read, in either spelling") {
  dataplane::v1::DataplaneConfig config;
  REQUIRE(Parse(R"({"mainCore": 1, "worker_cores": [2, 3], "ports": [{"name": "\"a\\"}], "memory": null})",
                config)
              .ok());
  CHECK(config.main_core() == 1);
  CHECK(config.worker_cores_size() == 2);
}

TEST_CASE("a wrong file is told by line, field and what would be right") {
  using Config = dataplane::v1::DataplaneConfig;
  struct Row {
    const char* text;
    const char* told;
  };
  const Row rows[] = {
      {"{\n\"mainCores\": 1}", "line 2: unknown field \"mainCores\"; did you mean \"mainCore\"?"},
      {"{\"main_cores\": 1}", "line 1: unknown field \"main_cores\"; did you mean \"main_core\"?"},
      {"{\n\"ports\": [\n{\"name\": \"a\"},\n{\"nmae\": \"b\"}]}",
       "line 4: ports[1]: unknown field \"nmae\"; did you mean \"name\"?"},
      {"{\"idlePolicy\":\n\"BUSSY\"}", "line 2: idlePolicy: \"BUSSY\" is not one of BUSY, "},
      {"{\"mainCore\": -1}", "line 1: mainCore: -1 is not a whole number from 0 to 4294967295"},
      {"{\"mainCore\": 1.5}", "line 1: mainCore: 1.5 is not a whole number"},
      {"{\"mainCore\": \"one\"}", "line 1: mainCore: \"one\" is no number"},
      {"{\"instance\": 7}", "line 1: instance: text in quotes is wanted, such as \"7\""},
      {"{\"memory\": {\"hugePages\": 7}}", "line 1: memory.hugePages: true or false is wanted"},
      {"{\"memory\": []}", "line 1: memory: an object {…} is wanted"},
      {"{\"ports\": 7}", "line 1: ports: an object {…} is wanted"},
      {"{\"mainCore\": [1]}", "line 1: mainCore: one value is wanted, not a list"},
      {"{\"mainCore\": 1\n\"instance\": \"a\"}",
       "line 2: a comma or } is missing before \"\"instance\": \"a\"}\""},
      {"{\n\"ports\": [\n", "line 3: the text ends, and the [ of line 2 is still open"},
      {"{\"instance\": \"a\n}", "line 1: a quote is missing after \"a\""},
      {"{\"instance\" \"a\"}", "line 1: a colon is missing after \"instance\""},
      {"{\"mainCore\": one}", "line 1: mainCore: a value is wanted in front of \"one}\""},
      {"{} {}", "line 1: there is more after the end of the JSON"},
      {"[]", "line 1: an object {…} is wanted"},
      {"", "line 1: an object {…} is wanted"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK_THAT(Refusal<Config>(row.text), Catch::StartsWith(row.told));
  }
}

TEST_CASE("a name that is like no other is told with those there are") {
  const std::string said = Refusal<dataplane::v1::DataplaneConfig>(R"({"ports": [{"zzzzzzzzzz": 1}]})");
  CHECK_THAT(said, Catch::Contains("unknown field \"zzzzzzzzzz\"; known: name, device"));
}

TEST_CASE("an object of a list is judged in its place, beside fields of the list's own") {
  const Place place{1, {"kind", "tenant"}};
  const auto* type = gateway::v1::Connection::descriptor();
  const std::string text =
      "[{\"kind\": \"tenant\"},\n {\"kind\": \"connection\", \"tenant\": \"a\",\n \"nmae\": \"c\"}]";
  CHECK(Fault(text, type, "no", place) == "line 3: unknown field \"nmae\"; did you mean \"name\"?");
  const std::string right = "[7, {\"kind\": \"connection\", \"tenant\": \"a\", \"name\": \"c\"}]";
  CHECK(Fault(right, type, "INVALID_ARGUMENT:no\n^", place) == "no");
}

TEST_CASE("a text that is nested without end is a fault and no crash") {
  const std::string deep(100'000, '[');
  CHECK(Fault(deep, nullptr, "no") == "line 1: it is nested too deep");
  CHECK_THAT(Fault("{\"ports\": " + deep, dataplane::v1::DataplaneConfig::descriptor(), "no"),
             Catch::StartsWith("line 1: "));
}

}  // namespace sluice::json
