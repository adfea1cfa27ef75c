// gRPC WatchService: one stream per watcher, fed from the change lists.
#pragma once

#include <atomic>
#include <cstdint>

#include "control/api/call.h"
#include "control/api/seats.h"
#include "sluice/gateway/v1/watch.grpc.pb.h"

namespace sluice::api {

// Called from gRPC's threads. Each watcher holds one of them, so their number
// has a limit (watchers) well below the server's threads.
class WatchService final : public gateway::v1::WatchService::Service {
 public:
  WatchService(Core core, uint32_t watchers_max) : core_(core), seats_("watchers", watchers_max) {}

  grpc::Status Watch(grpc::ServerContext* context, const gateway::v1::WatchRequest* request,
                     grpc::ServerWriter<gateway::v1::WatchEvent>* writer) override;
  // Ends all streams soon. Any thread.
  void Stop() { stopping_ = true; }

 private:
  Core core_;
  Seats seats_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace sluice::api
