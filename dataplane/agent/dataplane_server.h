// The dataplane's gRPC server on its Unix socket, mode 0600.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/agent/dataplane_service.h"

namespace sluice::dataplane {

class DataplaneServer {
 public:
  // Listens from now on. Start it last, as clients take its answers as a sign of
  // readiness; destroy it before the agent stops. Unavailable, naming the path,
  // when the socket cannot be had. Main thread: the process's umask changes for a
  // moment.
  static absl::StatusOr<std::unique_ptr<DataplaneServer>> Start(const std::string& socket_path,
                                                                ServiceParts parts);
  // Ends streams and waits for calls.
  ~DataplaneServer();
  DataplaneServer(const DataplaneServer&) = delete;
  DataplaneServer& operator=(const DataplaneServer&) = delete;

 private:
  explicit DataplaneServer(ServiceParts parts) : service_(std::move(parts)) {}

  DataplaneService service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace sluice::dataplane
