// A gateway's northbound half in one process for tests: real store and gRPC
// server over a Unix socket, a thread as the core, fakes behind the interfaces.
#pragma once

#include <google/protobuf/text_format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "control/api/fake_dataplane.h"
#include "control/api/server.h"
#include "control/api/tenant_writes.h"
#include "sluice/gateway/v1/diagnostics.grpc.pb.h"
#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "sluice/gateway/v1/routes.grpc.pb.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "sluice/gateway/v1/watch.grpc.pb.h"

namespace sluice::api {

// A thread that runs what is posted, in order.
class ThreadExecutor final : public Executor {
 public:
  ThreadExecutor() : thread_([this] { Loop(); }) {}
  ~ThreadExecutor() override;
  void Post(absl::AnyInvocable<void() &&> work) override;
  // Whether the caller runs on the thread.
  bool IsMine() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<absl::AnyInvocable<void() &&>> work_;
  bool ending_ = false;
  std::thread thread_;
};

inline constexpr char kLa[] =
    "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' peer_addresses: "
    "'15.0.0.1' }";

bool HasCondition(const gateway::v1::Tenant& tenant, const std::string& type,
                  gateway::v1::ConditionStatus status);

// The field of each violation that a refusal carries.
std::vector<std::string> Violations(const grpc::Status& status);

class Rig {
 public:
  // `config` may add a TCP listener.
  explicit Rig(gateway::v1::GatewayConfig config = {});
  ~Rig();

  // What the core thread reads and writes: to be touched between two calls only.
  FakeSink& sink() { return Met(*sink_); }
  FakeProgramming& programming() { return Met(programming_); }
  FakeDataplaneState& dataplane() { return Met(dataplane_); }
  FakeDataplaneView& view() { return Met(view_); }
  std::string socket() const { return directory_ / "api.sock"; }
  std::shared_ptr<grpc::Channel> channel() {
    Meet();
    return channel_;
  }

  // What a second server over the same state says.
  absl::Status TryStart(const gateway::v1::GatewayConfig& config) {
    return Server::Start(config, *executor_, *state_, view_).status();
  }
  // Ends everything but the store's file and starts again.
  void Restart();
  // Runs on the core thread, with its answer.
  template <typename Work>
  auto OnCore(Work work) {
    return *RunOnCore(*executor_, [&] { return work(*state_); });
  }
  // What was stated to the sink so far is acknowledged.
  void Acknowledge();

  template <typename Service, typename Request, typename Response>
  grpc::Status Call(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    Service stub(channel_);
    grpc::ClientContext context;
    Meet();
    return (stub.*method)(&context, request, response);
  }
  grpc::Status Put(const std::string& tenant, const std::string& spec, gateway::v1::TenantWriteResult& result,
                   const std::string& etag = "", const gateway::v1::WriteOptions& options = {});
  gateway::v1::Tenant Get(const std::string& tenant);
  grpc::Status GetStatus(const std::string& tenant);
  // Streams `count` /24 routes over 15.0.0.1 as `version`.
  grpc::Status Replace(const std::string& tenant, uint64_t version, uint32_t count,
                       gateway::v1::StaticRoutesResult* result = nullptr);
  // The whole audit trail as text.
  std::string AuditText();

 private:
  void Start();
  void Stop();
  // A call orders the test's thread and the core's by sockets and gRPC's own locks, of which
  // the thread sanitizer knows nothing; by this it knows.
  void Meet() {
    if (executor_ != nullptr && !executor_->IsMine()) RunOnCore(*executor_, [] { return true; });
  }
  template <typename Fake>
  Fake& Met(Fake& fake) {
    Meet();
    return fake;
  }

  gateway::v1::GatewayConfig config_;
  std::filesystem::path directory_;
  FakeDataplaneState dataplane_;
  FakeDataplaneView view_;
  FakeProgramming programming_;
  std::unique_ptr<FakeSink> sink_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<DesiredState> state_;
  std::unique_ptr<ThreadExecutor> executor_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::atomic<int64_t> clock_us_ = 1'700'000'000'000'000;
};

}  // namespace sluice::api
