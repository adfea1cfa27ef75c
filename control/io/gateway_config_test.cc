// The start-up file: defaults, and mistakes named with file and field.
#include "control/io/gateway_config.h"

#include <catch2/catch.hpp>

namespace sluice::io {
namespace {

TEST_CASE("an empty start-up file gives the defaults") {
  const auto config = ParseStartupConfig("gateway.json", "{}");
  REQUIRE(config.ok());
  CHECK(config->listen_unix() == "/run/sluice/gateway.sock");
  CHECK(config->dataplane_socket() == "/run/sluice/dataplane.sock");
  CHECK(config->channel_socket().empty());
  CHECK(config->log_level() == "info");
  CHECK(config->api_threads() == 32);
}

TEST_CASE("a warning has two names, in both programs") {
  for (const char* level : {"warning", "warn"})
    CHECK(ParseStartupConfig("gateway.json", std::string(R"({"logLevel": ")") + level + "\"}").ok());
}

TEST_CASE("a wrong start-up file is refused with the field's name") {
  struct Row {
    const char* what;
    const char* text;
    const char* expected;
  };
  const Row rows[] = {
      {"no JSON", "{", "gateway.json: "},
      {"unknown field", R"({"listen": 1})", "listen"},
      {"log level", R"({"logLevel": "loud"})", "gateway.json: log_level: must be trace, debug"},
      {"metrics address", R"({"metricsListen": "9090"})", "metrics_listen: must be ADDRESS:PORT"},
      {"metrics port", R"({"metricsListen": "[::1]:99999"})", "metrics_listen: must be ADDRESS:PORT"},
      {"threads", R"({"apiThreads": 1})", "api_threads: must be 2 to 256"},
      {"unreachable", R"({"listenUnix": ""})", "listen_unix: is empty"},
      {"TCP without TLS", R"({"listenTcp": {"address": "0.0.0.0:443"}})", "mutual TLS only"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const auto config = ParseStartupConfig("gateway.json", row.text);
      REQUIRE_FALSE(config.ok());
      CHECK_THAT(std::string(config.status().message()), Catch::Contains(row.expected));
    }
  }
}

TEST_CASE("a file that is not there is named") {
  CHECK(ReadStartupConfig("/nowhere/gateway.json").status().message() ==
        "/nowhere/gateway.json: cannot be read");
}

}  // namespace
}  // namespace sluice::io
