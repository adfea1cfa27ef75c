// Listening and stopping of the gRPC server.
#include "dataplane/agent/dataplane_server.h"

#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_format.h"
#include "dataplane/eal/wall_clock.h"

namespace sluice::dataplane {
namespace {

constexpr int kThreadsMax = 64;
constexpr auto kStopWithin = std::chrono::seconds(2);

}  // namespace

absl::StatusOr<std::unique_ptr<DataplaneServer>> DataplaneServer::Start(const std::string& socket_path,
                                                                        ServiceParts parts) {
  std::unique_ptr<DataplaneServer> server(new DataplaneServer(std::move(parts)));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket_path, grpc::InsecureServerCredentials());
  builder.RegisterService(&server->service_);
  grpc::ResourceQuota quota("dataplane");
  quota.SetMaxThreads(kThreadsMax);
  builder.SetResourceQuota(quota);
  // The socket has its mode from the first moment.
  const mode_t before = umask(0177);
  server->server_ = builder.BuildAndStart();
  umask(before);
  if (server->server_ == nullptr)
    return absl::UnavailableError(absl::StrFormat("grpc_socket %s: cannot listen there", socket_path));
  return server;
}

DataplaneServer::~DataplaneServer() {
  if (server_ != nullptr) server_->Shutdown(WallNow() + kStopWithin);
}

}  // namespace sluice::dataplane
