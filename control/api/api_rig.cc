// Starting and stopping of the rig, and its calls.
#include "control/api/api_rig.h"

#include <grpcpp/create_channel.h>

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "control/store/audit_rows.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sluice::api {

namespace v1 = ::sluice::gateway::v1;

ThreadExecutor::~ThreadExecutor() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  more_.notify_all();
  thread_.join();
}

void ThreadExecutor::Post(absl::AnyInvocable<void() &&> work) {
  const std::lock_guard lock(mutex_);
  if (ending_) return;
  work_.push_back(std::move(work));
  more_.notify_all();
}

void ThreadExecutor::Loop() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (work_.empty()) {
      more_.wait(lock);
      continue;
    }
    auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    std::move(work)();
    work = nullptr;
    lock.lock();
  }
  work_.clear();
}

bool HasCondition(const v1::Tenant& tenant, const std::string& type, v1::ConditionStatus status) {
  for (const v1::Condition& each : tenant.status().conditions())
    if (each.type() == type) return each.status() == status;
  return false;
}

std::vector<std::string> Violations(const grpc::Status& status) {
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(status.error_details()));
  std::vector<std::string> found;
  for (const auto& detail : details.details()) {
    google::rpc::BadRequest request;
    if (!detail.UnpackTo(&request)) continue;
    for (const auto& each : request.field_violations()) found.push_back(each.field());
  }
  return found;
}

Rig::Rig(v1::GatewayConfig config) : config_(std::move(config)) {
  std::string pattern = std::filesystem::temp_directory_path() / "sluice-api-XXXXXX";
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  Start();
}

Rig::~Rig() {
  Stop();
  std::filesystem::remove_all(directory_);
}

void Rig::Start() {
  auto store = store::Store::Open(directory_ / "gateway.db", directory_ / "gateway.key");
  INFO(store.status());
  REQUIRE(store.ok());
  store_ = *std::move(store);
  sink_ = std::make_unique<FakeSink>();
  programming_.acknowledged = 0;
  const auto clock = [this] { return clock_us_ += 1000; };
  state_ = std::make_unique<DesiredState>(Surroundings{*store_, *sink_, programming_, dataplane_, clock,
                                                       absl::StrCat("instance-", clock_us_.load()), "test"});
  REQUIRE(state_->Load().ok());
  executor_ = std::make_unique<ThreadExecutor>();
  config_.set_listen_unix(socket());
  auto server = Server::Start(config_, *executor_, *state_, view_);
  INFO(server.status());
  REQUIRE(server.ok());
  server_ = *std::move(server);
  channel_ = grpc::CreateChannel("unix:" + socket(), grpc::InsecureChannelCredentials());
}

void Rig::Stop() {
  channel_.reset();
  server_.reset();
  executor_.reset();
  state_.reset();
  store_.reset();
}

void Rig::Restart() {
  Stop();
  Start();
}

void Rig::Acknowledge() {
  OnCore([&](DesiredState& state) {
    programming_.acknowledged = sink_->newest;
    state.Refresh();
    return true;
  });
}

grpc::Status Rig::Put(const std::string& tenant, const std::string& spec, v1::TenantWriteResult& result,
                      const std::string& etag, const v1::WriteOptions& options) {
  v1::PutTenantRequest request;
  request.mutable_tenant()->set_name(tenant);
  request.mutable_tenant()->set_etag(etag);
  REQUIRE(google::protobuf::TextFormat::ParseFromString(spec, request.mutable_tenant()->mutable_spec()));
  *request.mutable_options() = options;
  result.Clear();
  const grpc::Status status = Call(&v1::TenantService::Stub::PutTenant, request, &result);
  UNSCOPED_INFO(status.error_message());
  return status;
}

v1::Tenant Rig::Get(const std::string& tenant) {
  v1::GetTenantRequest request;
  request.set_tenant(tenant);
  v1::Tenant found;
  const grpc::Status status = Call(&v1::TenantService::Stub::GetTenant, request, &found);
  INFO(status.error_message());
  REQUIRE(status.ok());
  return found;
}

grpc::Status Rig::GetStatus(const std::string& tenant) {
  v1::GetTenantRequest request;
  request.set_tenant(tenant);
  v1::Tenant found;
  return Call(&v1::TenantService::Stub::GetTenant, request, &found);
}

grpc::Status Rig::Replace(const std::string& tenant, uint64_t version, uint32_t count,
                          v1::StaticRoutesResult* result) {
  v1::StaticRoutesResult ignored;
  v1::RouteService::Stub stub(channel());
  grpc::ClientContext context;
  const auto writer = stub.ReplaceStaticRoutes(&context, result != nullptr ? result : &ignored);
  v1::ReplaceStaticRoutesRequest message;
  message.mutable_header()->set_tenant(tenant);
  message.mutable_header()->set_version(version);
  message.mutable_header()->set_expected_routes(count);
  constexpr uint32_t kPerMessage = 5000;
  for (uint32_t i = 0; i < count; ++i) {
    auto& route = *message.add_routes();
    route.set_prefix(net::Prefix(net::Ipv4Address{0x10000000 + (i << 8)}, 24).ToString());
    route.add_next_hops()->set_address("15.0.0.1");
    if (message.routes_size() < static_cast<int>(kPerMessage)) continue;
    if (!writer->Write(message)) break;
    message.Clear();
  }
  writer->Write(message);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  UNSCOPED_INFO(status.error_message());
  return status;
}

std::string Rig::AuditText() {
  return OnCore([&](DesiredState& state) {
    std::string text;
    for (const auto& row : store::LoadAudit(state.store().database(), std::nullopt, 0, 1000)) {
      absl::StrAppend(&text, row.who, " ", row.method, " ", row.object, " ", row.result,
                      row.break_glass ? " break glass" : "");
      for (const std::string& change : row.changes) absl::StrAppend(&text, "\n  ", change);
      absl::StrAppend(&text, "\n");
    }
    return text;
  });
}

}  // namespace sluice::api
