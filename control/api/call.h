// What every gRPC method does around its own work: who calls, running on the
// core thread, and statuses with their details.
#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "control/api/executor.h"

namespace sluice::api {

// The desired state and the thread it lives on. Borrowed.
struct Core {
  Executor& executor;
  DesiredState& state;
};

// Who calls on the Unix socket. No certificate may say so of its owner.
inline constexpr char kLocalCaller[] = "local";

// The name in the client certificate: its URI name, else DNS name, else common name.
// UNAUTHENTICATED when it has none, or one that is not for certificates.
absl::StatusOr<std::string> CertificateName(const grpc::AuthContext& context);

// The name in the client certificate, which the listener has checked; kLocalCaller on
// the Unix socket.
std::string CallerOf(const grpc::ServerContext& context);

// The same code; payloads become google.rpc details.
grpc::Status ToGrpc(const absl::Status& status);

// UNIMPLEMENTED, naming what is not there.
grpc::Status NotThereYet(const std::string& what);

// What is answered when the core thread is gone.
inline absl::Status ShuttingDown() {
  return absl::UnavailableError("the gateway is shutting down");
}

// A StatusOr that ran on the core thread, or that it is gone.
template <typename T>
absl::StatusOr<T> Flatten(std::optional<absl::StatusOr<T>> result) {
  if (!result) return ShuttingDown();
  return *std::move(result);
}

// Runs `work`, which answers a StatusOr, on the core thread.
template <typename Reply, typename Work>
grpc::Status OnCore(const Core& core, Reply* reply, Work work) {
  auto result = RunOnCore(core.executor, std::move(work));
  if (!result) return ToGrpc(ShuttingDown());
  if (!result->ok()) return ToGrpc(result->status());
  *reply = **std::move(result);
  return grpc::Status::OK;
}

}  // namespace sluice::api
