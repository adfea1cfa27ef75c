// gRPC GatewayService.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "control/api/call.h"
#include "control/api/dataplane_view.h"
#include "sluice/gateway/v1/gateway.grpc.pb.h"

namespace sluice::api {

// Called from gRPC's threads, several at once.
class GatewayService final : public gateway::v1::GatewayService::Service {
 public:
  GatewayService(Core core, DataplaneView& dataplane) : core_(core), dataplane_(dataplane) {}

  grpc::Status PutGateway(grpc::ServerContext* context, const gateway::v1::PutGatewayRequest* request,
                          gateway::v1::GatewayWriteResult* response) override;
  grpc::Status GetGateway(grpc::ServerContext* context, const gateway::v1::GetGatewayRequest* request,
                          gateway::v1::Gateway* response) override;
  grpc::Status Drain(grpc::ServerContext*, const gateway::v1::DrainRequest*,
                     gateway::v1::DrainResponse*) override {
    return NotThereYet("drains of gateways");
  }

 private:
  void AddLoad(gateway::v1::GatewayStatus& status);

  Core core_;
  DataplaneView& dataplane_;
  std::mutex mutex_;
  // Cycles (busy, all) of each worker when it was asked last, for the load since.
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> cycles_;
};

}  // namespace sluice::api
