// Reading and checking the start-up file: see the header.
#include "control/io/gateway_config.h"

#include <charconv>
#include <fstream>
#include <sstream>

#include "absl/strings/str_format.h"
#include "proto/json/json_fault.h"

namespace sluice::io {
namespace {

absl::Status FromJson(const std::string& file, const std::string& text, google::protobuf::Message* message) {
  const absl::Status status = json::Parse(text, *message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s", file, std::string(status.message())));
}

absl::Status Wrong(const std::string& file, const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s: %s", file, field, what));
}

bool IsLogLevel(const std::string& level) {
  for (const char* each : {"trace", "debug", "info", "warning", "warn", "error"}) {
    if (level == each) return true;
  }
  return false;
}

absl::Status CheckTcp(const std::string& file, const gateway::v1::TcpListener& tcp) {
  if (!ListenPort(tcp.address())) return Wrong(file, "listen_tcp.address", "must be ADDRESS:PORT");
  if (tcp.client_ca_file().empty() || tcp.certificate_file().empty() || tcp.key_file().empty()) {
    return Wrong(
        file, "listen_tcp",
        "TCP is served with mutual TLS only: client_ca_file, certificate_file and key_file are required");
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<uint16_t> ListenPort(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  unsigned port = 0;
  const char* end = address.data() + address.size();
  const auto [at, error] = std::from_chars(address.data() + colon + 1, end, port);
  if (error != std::errc() || at != end || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

absl::StatusOr<std::string> ReadText(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrFormat("%s: cannot be read", file));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

absl::StatusOr<gateway::v1::GatewayConfig> ReadStartupConfig(const std::string& file) {
  const auto text = ReadText(file);
  if (!text.ok()) return text.status();
  return ParseStartupConfig(file, *text);
}

absl::StatusOr<gateway::v1::GatewayConfig> ParseStartupConfig(const std::string& file,
                                                              const std::string& text) {
  gateway::v1::GatewayConfig config;
  if (auto status = FromJson(file, text, &config); !status.ok()) return status;
  if (!config.has_listen_unix()) config.set_listen_unix("/run/sluice/gateway.sock");
  if (!config.has_dataplane_socket()) config.set_dataplane_socket("/run/sluice/dataplane.sock");
  if (!config.has_state_database()) config.set_state_database("/var/lib/sluice/gateway.db");
  if (!config.has_key_file()) config.set_key_file("/var/lib/sluice/gateway.key");
  if (!config.has_log_level()) config.set_log_level("info");
  if (!config.has_api_threads()) config.set_api_threads(32);
  if (config.has_listen_tcp()) {
    if (auto status = CheckTcp(file, config.listen_tcp()); !status.ok()) return status;
  }
  if (config.listen_unix().empty() && !config.has_listen_tcp()) {
    return Wrong(file, "listen_unix", "is empty and there is no listen_tcp: nobody could reach the gateway");
  }
  if (config.api_threads() < 2 || config.api_threads() > 256) {
    return Wrong(file, "api_threads", "must be 2 to 256");
  }
  if (config.has_metrics_listen() && !ListenPort(config.metrics_listen())) {
    return Wrong(file, "metrics_listen", "must be ADDRESS:PORT");
  }
  if (!IsLogLevel(config.log_level())) {
    return Wrong(file, "log_level", "must be trace, debug, info, warning or error");
  }
  return config;
}

}  // namespace sluice::io
