// A million routes through the API of a real gateway into a real dataplane, and
// how long either needs to be back with them after kill -9. Prints JSON rows.
#include <grpcpp/create_channel.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "proto/net/address.h"
#include "proto/net/check.h"
#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "sluice/gateway/v1/routes.grpc.pb.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tests/bench/dataplane_process.h"
#include "tests/bench/figures.h"

namespace sluice::bench {
namespace {

namespace v1 = gateway::v1;
using namespace std::chrono_literals;

constexpr uint32_t kRoutes = 1'000'000;
constexpr uint32_t kRoutesPerMessage = 4000;

class Client {
 public:
  explicit Client(const std::string& directory) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 20);
    const auto channel = grpc::CreateCustomChannel("unix:" + directory + "/gateway.sock",
                                                   grpc::InsecureChannelCredentials(), arguments);
    gateway_ = v1::GatewayService::NewStub(channel);
    tenants_ = v1::TenantService::NewStub(channel);
    routes_ = v1::RouteService::NewStub(channel);
  }

  bool Answers() {
    grpc::ClientContext context;
    v1::Gateway gateway;
    return gateway_->GetGateway(&context, v1::GetGatewayRequest(), &gateway).ok();
  }
  // Room for the routes and a connected one, and the tenant that has them.
  void PutTenant() {
    v1::PutGatewayRequest gateway;
    gateway.mutable_gateway()->mutable_spec()->mutable_limits()->set_routes_ipv4_per_tenant(kRoutes + 100);
    gateway.mutable_options()->set_overwrite(true);
    v1::GatewayWriteResult written;
    grpc::ClientContext first;
    SLUICE_CHECK(gateway_->PutGateway(&first, gateway, &written).ok());
    v1::PutTenantRequest request;
    request.mutable_tenant()->set_name("bench");
    v1::Connection& connection = *request.mutable_tenant()->mutable_spec()->add_connections();
    connection.set_name("site");
    connection.mutable_l3()->set_port("p1");
    connection.mutable_l3()->set_vlan(100);
    connection.add_addresses("200.0.0.5/24");
    v1::TenantWriteResult result;
    grpc::ClientContext second;
    const grpc::Status status = tenants_->PutTenant(&second, request, &result);
    if (!status.ok()) std::fprintf(stderr, "gateway_bench: %s\n", status.error_message().c_str());
    SLUICE_CHECK(status.ok());
  }
  void ReplaceRoutes() {
    grpc::ClientContext context;
    v1::StaticRoutesResult result;
    const auto writer = routes_->ReplaceStaticRoutes(&context, &result);
    for (uint32_t first = 0; first < kRoutes; first += kRoutesPerMessage) {
      v1::ReplaceStaticRoutesRequest request;
      if (first == 0) {
        request.mutable_header()->set_tenant("bench");
        request.mutable_header()->set_version(1);
      }
      for (uint32_t i = first; i < first + kRoutesPerMessage; ++i) {
        v1::StaticRoute& route = *request.add_routes();
        route.set_prefix(net::Ipv4Address{(1u << 24) + (i << 8)}.ToString() + "/24");
        route.add_next_hops()->set_address("200.0.0.1");
      }
      SLUICE_CHECK(writer->Write(request));
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (!status.ok()) std::fprintf(stderr, "gateway_bench: %s\n", status.error_message().c_str());
    SLUICE_CHECK(status.ok() && result.routes() == kRoutes);
  }
  // Static routes that the dataplane confirmed.
  uint64_t Programmed() {
    grpc::ClientContext context;
    v1::GetTenantRequest request;
    request.set_tenant("bench");
    v1::Tenant tenant;
    if (!tenants_->GetTenant(&context, request, &tenant).ok()) return 0;
    for (const v1::RouteCounts& count : tenant.status().routes()) {
      if (count.source() == v1::ROUTE_SOURCE_STATIC) return count.programmed();
    }
    return 0;
  }

 private:
  std::unique_ptr<v1::GatewayService::Stub> gateway_;
  std::unique_ptr<v1::TenantService::Stub> tenants_;
  std::unique_ptr<v1::RouteService::Stub> routes_;
};

template <typename So>
void Await(So so) {
  const Clock::time_point start = Clock::now();
  while (!so()) {
    SLUICE_CHECK(SecondsSince(start) < 180);
    std::this_thread::yield();
  }
}

int Run(const std::string& dataplane_program, const std::string& gateway_program) {
  const ScratchDirectory directory;
  const std::string& path = directory.path();
  const std::vector<std::string> dataplane_command = DataplaneCommand(dataplane_program, path);
  WriteText(path + "/gateway.json", R"({"listenUnix": ")" + path + R"(/gateway.sock", "dataplaneSocket": ")" +
                                        path + R"(/dataplane.sock", "stateDatabase": ")" + path +
                                        R"(/gateway.db", "keyFile": ")" + path + R"(/gateway.key"})");
  const std::vector<std::string> gateway_command = {gateway_program, "--config", path + "/gateway.json"};
  auto dataplane = std::make_unique<Process>(dataplane_command);
  auto gateway = std::make_unique<Process>(gateway_command);
  Client client(path);
  const auto all = [&] { return client.Programmed() == kRoutes; };
  Await([&] { return client.Answers(); });
  client.PutTenant();

  Clock::time_point start = Clock::now();
  client.ReplaceRoutes();
  Await(all);
  PrintRow("api.replace_1m_s", SecondsSince(start), "s");

  gateway->Kill();
  start = Clock::now();
  gateway = std::make_unique<Process>(gateway_command);
  Await(all);
  PrintRow("restart.control_1m_s", SecondsSince(start), "s");

  dataplane->Kill();
  start = Clock::now();
  dataplane = std::make_unique<Process>(dataplane_command);
  Await([&] { return !all(); });  // control noticed
  Await(all);
  PrintRow("restart.dataplane_1m_s", SecondsSince(start), "s");
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  std::string dataplane;
  std::string gateway;
  std::string only = "*";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--dataplane") dataplane = argv[i + 1];
    if (std::string(argv[i]) == "--gateway") gateway = argv[i + 1];
    if (std::string(argv[i]) == "--only") only = argv[i + 1];
  }
  if (!sluice::bench::AnyWanted(only, {"api.replace_1m_s", "restart.control_1m_s", "restart.dataplane_1m_s"}))
    return 0;
  if (dataplane.empty() || gateway.empty()) {
    std::fprintf(stderr, "gateway_bench: --dataplane PROGRAM and --gateway PROGRAM are needed\n");
    return 2;
  }
  return sluice::bench::Run(dataplane, gateway);
}
