// The northbound gRPC server: all services, health and reflection, on a private
// Unix socket and, with mutual TLS only, on TCP.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/api/dataplane_view.h"
#include "control/api/desired_state.h"
#include "control/api/executor.h"
#include "sluice/gateway/v1/config.pb.h"

namespace sluice::api {

// Made and destroyed on any thread but the core thread.
class Server {
 public:
  // Listens. The references must outlive it; the executor must run its work
  // until the server is destroyed. Errors name the address or file.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const gateway::v1::GatewayConfig& config,
                                                       Executor& executor, DesiredState& state,
                                                       DataplaneView& dataplane);
  // Ends streams, lets calls finish for a moment, then stops.
  virtual ~Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What grpc.health.v1 answers. Serving from the start.
  virtual void SetServing(bool serving) = 0;

 protected:
  Server() = default;
};

}  // namespace sluice::api
