// The start-up file of sluice-gateway: GatewayConfig in JSON form, with defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::io {

// InvalidArgument or NotFound, naming the file and what is wrong in it.
// What is absent in the file has its default afterwards, but for channel_socket
// (then the dataplane says where it is) and what is off when absent.
absl::StatusOr<gateway::v1::GatewayConfig> ReadStartupConfig(const std::string& file);
// The same of the file's text; `file` is only named.
absl::StatusOr<gateway::v1::GatewayConfig> ParseStartupConfig(const std::string& file,
                                                              const std::string& text);

// The whole of a file; NotFound names it.
absl::StatusOr<std::string> ReadText(const std::string& file);

// The port of "ADDRESS:PORT" ("[::1]:9090"); absent when it is not one.
std::optional<uint16_t> ListenPort(const std::string& address);

}  // namespace sluice::io
