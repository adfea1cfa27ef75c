// GatewayService over gateway_writes and the dataplane's own figures.
#include "control/api/gateway_service.h"

#include "control/api/gateway_status.h"
#include "control/api/gateway_writes.h"

namespace sluice::api {

namespace v1 = ::sluice::gateway::v1;

grpc::Status GatewayService::PutGateway(grpc::ServerContext* context, const v1::PutGatewayRequest* request,
                                        v1::GatewayWriteResult* response) {
  return OnCore(core_, response,
                [&, who = CallerOf(*context)] { return api::PutGateway(core_.state, *request, who); });
}

grpc::Status GatewayService::GetGateway(grpc::ServerContext*, const v1::GetGatewayRequest*,
                                        v1::Gateway* response) {
  const grpc::Status shown =
      OnCore(core_, response, [&]() -> absl::StatusOr<v1::Gateway> { return ShowGateway(core_.state); });
  if (shown.ok()) AddLoad(*response->mutable_status());
  return shown;
}

// Figures of a dataplane that is away are left out; a condition says that it is.
void GatewayService::AddLoad(v1::GatewayStatus& status) {
  if (const auto workers = dataplane_.ListWorkers(); workers.ok()) {
    const std::lock_guard lock(mutex_);
    for (const auto& worker : workers->workers()) {
      auto& load = *status.add_workers();
      load.set_worker(worker.index());
      load.set_core(worker.core());
      load.set_stuck(worker.stuck());
      const uint64_t all = worker.busy_cycles() + worker.idle_cycles();
      auto& [busy_before, all_before] = cycles_[worker.index()];
      // After a restart of the dataplane counting starts again.
      if (all < all_before) busy_before = all_before = 0;
      if (all > all_before)
        load.set_busy_percent(100.0 * static_cast<double>(worker.busy_cycles() - busy_before) /
                              static_cast<double>(all - all_before));
      busy_before = worker.busy_cycles();
      all_before = all;
    }
  }
  const auto tables = dataplane_.ListTables();
  if (!tables.ok()) return;
  for (const auto* list : {&tables->tables(), &tables->queues()}) {
    for (const auto& each : *list) {
      auto& fill = *status.add_fills();
      fill.set_name(each.name());
      fill.set_used(each.used());
      fill.set_limit(each.limit());
    }
  }
}

}  // namespace sluice::api
