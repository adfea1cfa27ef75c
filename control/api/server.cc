// Building of the gRPC server.
#include "control/api/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "control/api/call.h"
#include "control/api/diagnostics_service.h"
#include "control/api/gateway_service.h"
#include "control/api/mapping_service.h"
#include "control/api/route_service.h"
#include "control/api/tenant_service.h"
#include "control/api/tls_files.h"
#include "control/api/watch_service.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

constexpr char kUnixDefault[] = "/run/sluice/gateway.sock";
constexpr uint32_t kThreadsDefault = 32;
constexpr uint32_t kThreadsMin = 2;
constexpr uint32_t kThreadsMax = 256;
constexpr auto kGrace = std::chrono::seconds(1);

// Every call over TLS comes by here before its method: who has no name cannot be a
// tenant's manager, and must not be taken for somebody who has one.
class CallerCheck final : public grpc::AuthMetadataProcessor {
 public:
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata&, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    return ToGrpc(CertificateName(*context).status());
  }
};

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MutualTls(const v1::TcpListener& listener) {
  const auto files = ReadTlsFiles(listener);
  if (!files.ok()) return files.status();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = files->client_ca;
  options.pem_key_cert_pairs.push_back({files->key, files->certificate});
  auto credentials = grpc::SslServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<CallerCheck>());
  return credentials;
}

class GrpcServer final : public Server {
 public:
  GrpcServer(Core core, DataplaneView& dataplane, uint32_t threads)
      : tenants_(core),
        gateway_(core, dataplane),
        routes_(core, dataplane),
        mappings_(core),
        // Each watcher, trace and capture holds a thread; requests need some, too.
        watch_(core, std::max(threads / 2, 1U)),
        diagnostics_(core, dataplane, std::max(threads / 8, 1U)) {}
  ~GrpcServer() override {
    watch_.Stop();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::time_point(Deadline()));
  }

  absl::Status Listen(const v1::GatewayConfig& config, uint32_t threads);
  void SetServing(bool serving) override { server_->GetHealthCheckService()->SetServingStatus(serving); }
  void CollectAbandonedSets() {
    routes_.CollectLater();
    mappings_.CollectLater();
  }

 private:
  // Wall time is what gRPC wants for a deadline.
  static std::chrono::system_clock::time_point Deadline();

  TenantService tenants_;
  GatewayService gateway_;
  RouteService routes_;
  MappingService mappings_;
  WatchService watch_;
  DiagnosticsService diagnostics_;
  std::unique_ptr<grpc::Server> server_;
};

std::chrono::system_clock::time_point GrpcServer::Deadline() {
  const gpr_timespec now = gpr_now(GPR_CLOCK_REALTIME);
  return std::chrono::system_clock::time_point(std::chrono::seconds(now.tv_sec)) + kGrace;
}

absl::Status GrpcServer::Listen(const v1::GatewayConfig& config, uint32_t threads) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota("northbound");
  quota.SetMaxThreads(static_cast<int>(threads));
  builder.SetResourceQuota(quota);
  const std::string path = config.has_listen_unix() ? config.listen_unix() : kUnixDefault;
  // The socket is made with mode 0600 from the start; nothing else is created meanwhile.
  // gRPC gives up at the first address it cannot have, whose number then stays -1.
  int unix_port = -1;
  int tcp_port = -1;
  if (!path.empty()) builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials(), &unix_port);
  if (config.has_listen_tcp()) {
    const auto credentials = MutualTls(config.listen_tcp());
    if (!credentials.ok()) return credentials.status();
    builder.AddListeningPort(config.listen_tcp().address(), *credentials, &tcp_port);
  }
  if (path.empty() && !config.has_listen_tcp())
    return absl::InvalidArgumentError("neither listen_unix nor listen_tcp is given");
  for (grpc::Service* service : std::initializer_list<grpc::Service*>{&tenants_, &gateway_, &routes_,
                                                                      &mappings_, &watch_, &diagnostics_})
    builder.RegisterService(service);
  const mode_t mask = umask(0177);
  server_ = builder.BuildAndStart();
  umask(mask);
  if (!path.empty() && unix_port <= 0)
    return absl::UnavailableError(absl::StrCat("cannot listen on unix socket ", path));
  if (server_ == nullptr)
    return absl::UnavailableError(absl::StrCat("cannot listen on ", config.listen_tcp().address()));
  SetServing(true);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const v1::GatewayConfig& config, Executor& executor,
                                                      DesiredState& state, DataplaneView& dataplane) {
  const uint32_t threads = config.has_api_threads() ? config.api_threads() : kThreadsDefault;
  if (threads < kThreadsMin || threads > kThreadsMax)
    return absl::InvalidArgumentError(
        absl::StrCat("api_threads: ", threads, "; accepted: ", kThreadsMin, " to ", kThreadsMax));
  auto server = std::make_unique<GrpcServer>(Core{executor, state}, dataplane, threads);
  if (absl::Status status = server->Listen(config, threads); !status.ok()) return status;
  server->CollectAbandonedSets();
  return server;
}

}  // namespace sluice::api
