// The fake dataplane's threads: see the header.
#include "tests/lib/fake_dataplane.h"

#include <grpcpp/server_builder.h>

#include <array>
#include <chrono>

#include "dataplane/tables/test_limits.h"
#include "proto/channel/seqpacket.h"
#include "proto/net/check.h"

namespace sluice::testing {

namespace v1 = dataplane::v1;
using namespace std::chrono_literals;

class FakeDataplane::Service : public v1::Dataplane::Service {
 public:
  Service(std::string channel_socket, uint64_t instance)
      : channel_socket_(std::move(channel_socket)), instance_(instance) {}

  grpc::Status Attach(grpc::ServerContext*, const v1::AttachRequest*, v1::AttachReply* reply) override {
    reply->set_record_version(channel::kRecordVersion);
    reply->set_instance(std::to_string(instance_));
    reply->set_channel_socket(channel_socket_);
    reply->set_version("fake");
    reply->set_workers(1);
    FillPort(reply->add_ports());
    return grpc::Status::OK;
  }
  grpc::Status ListPorts(grpc::ServerContext*, const v1::ListPortsRequest*,
                         v1::ListPortsReply* reply) override {
    FillPort(reply->add_ports());
    return grpc::Status::OK;
  }
  grpc::Status WatchState(grpc::ServerContext* context, const v1::WatchStateRequest*,
                          grpc::ServerWriter<v1::StateChange>* writer) override {
    v1::StateChange change;
    FillPort(change.mutable_port());
    writer->Write(change);
    v1::Neighbor& neighbor = *change.mutable_neighbor();
    neighbor.set_interface(10);
    neighbor.set_vrf(1);
    neighbor.set_address("15.0.0.1");
    neighbor.set_state("reachable");
    writer->Write(change);
    change.set_snapshot_complete(true);
    writer->Write(change);
    std::unique_lock lock(mutex_);
    while (!ended_ && !context->IsCancelled()) wake_.wait_for(lock, 20ms);
    return grpc::Status::OK;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }

 private:
  static void FillPort(v1::PortState* port) {
    port->set_number(0);
    port->set_name("p1");
    port->set_mtu(1500);
    port->set_link_up(true);
  }

  const std::string channel_socket_;
  const uint64_t instance_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
};

FakeDataplane::FakeDataplane(const std::string& directory, uint64_t instance) {
  channel::ChannelSizes sizes;
  constexpr dataplane::TableLimits limits = testing::kFewTenants;
  sizes.counters = {.workers = 1,
                    .interfaces = limits.interfaces,
                    .adjacencies = limits.adjacencies,
                    .vrfs = limits.vrfs,
                    .drop_reasons = 4,
                    .policers = limits.policers,
                    .nodes = 1};
  auto memory = channel::ChannelMemory::Create(sizes, instance);
  SLUICE_CHECK(memory.ok());
  memory_ = std::make_unique<channel::ChannelMemory>(*std::move(memory));
  const std::string path = directory + "/channel.sock";
  auto server = channel::ChannelServer::Listen(path, *memory_, nullptr);
  SLUICE_CHECK(server.ok());
  server_ = *std::move(server);
  service_ = std::make_unique<Service>(path, instance);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + directory + "/dataplane.sock", grpc::InsecureServerCredentials());
  builder.RegisterService(service_.get());
  grpc_ = builder.BuildAndStart();
  SLUICE_CHECK(grpc_ != nullptr);
  thread_ = std::thread([this] { Work(); });
}

FakeDataplane::~FakeDataplane() {
  stopping_ = true;
  thread_.join();
  server_.reset();
  service_->End();
  grpc_->Shutdown(std::chrono::system_clock::now() + 100ms);
}

void FakeDataplane::Work() {
  alignas(8) std::array<std::byte, channel::kMaxRecordBytes> record;
  const channel::FileDescriptor bell(dup(server_->poll_fd()));
  while (!stopping_) {
    if (server_->Service() == channel::ChannelServer::Change::kAttached) ++attachments_;
    uint64_t last = 0;
    uint32_t bytes = 0;
    {
      const std::lock_guard lock(mutex_);
      while (server_->attached() &&
             server_->PopUpdate(record, &bytes) == channel::RingConsumer::Result::kRecord) {
        const auto* header = reinterpret_cast<const channel::RecordHeader*>(record.data());
        if (const auto refusal = agent_.Apply(header, bytes)) SLUICE_CHECK(server_->Refuse(*refusal));
        last = header->sequence;
      }
    }
    if (last > 0) server_->Acknowledge(last);
    if (last == 0 && server_->PrepareToSleep()) (void)channel::WaitReadable(bell, 20ms);
  }
}

}  // namespace sluice::testing
