// Certificates and key of the TCP listener, read and held against each other before gRPC gets
// them: its own answer to a wrong one is a port that cannot be listened on.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::api {

// PEM texts.
struct TlsFiles {
  std::string client_ca;
  std::string certificate;  // ours first, then what it is signed by
  std::string key;
};

// INVALID_ARGUMENT names the field and the file that cannot be read or parsed, and both files
// when the key is not the certificate's.
absl::StatusOr<TlsFiles> ReadTlsFiles(const gateway::v1::TcpListener& listener);

}  // namespace sluice::api
