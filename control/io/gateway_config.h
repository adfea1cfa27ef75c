// The start-up file of sluice-gateway: GatewayConfig in JSON form, with defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::io {

struct StartupConfig {
  std::string listen_unix;  // empty: no Unix socket
  std::optional<gateway::v1::TcpListener> listen_tcp;
  std::string dataplane_socket;
  std::string channel_socket;  // empty: the dataplane says where it is
  std::string state_database;
  std::string key_file;
  std::string seed_file;       // empty: none
  std::string metrics_listen;  // empty: none
  std::string log_level;       // spdlog's names
  std::string run_as_user;     // empty: stays
  uint32_t api_threads = 32;
};

// InvalidArgument or NotFound, naming the file and what is wrong in it.
absl::StatusOr<StartupConfig> ReadStartupConfig(const std::string& file);
// The same of the file's text; `file` is only named.
absl::StatusOr<StartupConfig> ParseStartupConfig(const std::string& file, const std::string& text);
// The contents of a seed file.
absl::StatusOr<gateway::v1::Resources> ReadResources(const std::string& file);

// The port of "ADDRESS:PORT" ("[::1]:9090"); absent when it is not one.
std::optional<uint16_t> ListenPort(const std::string& address);

}  // namespace sluice::io
