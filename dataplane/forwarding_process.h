// All parts of a running dataplane in the order in which they depend on each
// other; destroyed in reverse. Main thread only.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/dataplane_server.h"
#include "dataplane/agent/state_feed.h"
#include "dataplane/agent/steering_loop.h"
#include "dataplane/eal/eal_runtime.h"
#include "dataplane/eal/flow_steering.h"
#include "dataplane/eal/packet_pool.h"
#include "dataplane/eal/port.h"
#include "dataplane/eal/startup_plan.h"
#include "dataplane/graph/fragment_rings.h"
#include "dataplane/graph/handover_rings.h"
#include "dataplane/graph/worker.h"
#include "dataplane/packet/esp_crypto.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/worker_wiring.h"
#include "proto/channel/channel_server.h"

namespace sluice::dataplane {

class ForwardingProcess {
 public:
  // Starts everything, or nothing: the error names the operator's object.
  static absl::StatusOr<std::unique_ptr<ForwardingProcess>> Start(const StartupPlan& plan);
  // Stops what uses a part before the part itself.
  ~ForwardingProcess();
  ForwardingProcess(const ForwardingProcess&) = delete;
  ForwardingProcess& operator=(const ForwardingProcess&) = delete;

 private:
  explicit ForwardingProcess(const StartupPlan& plan) : plan_(plan) {}

  absl::Status StartEal();
  absl::Status OpenPorts();
  absl::Status CreateTables();
  absl::Status CreateChannel();
  absl::Status CreateCrypto();
  absl::Status CreateWorkers();
  absl::Status StartSteering();
  absl::Status StartThreads();
  absl::Status StartServer();
  CounterBlock CountersOf(WorkerIndex worker) const;
  WorkerIndex worker_count() const { return static_cast<WorkerIndex>(plan_.worker_cores.size()); }

  const StartupPlan plan_;
  const uint64_t instance_ = MakeInstance();
  std::vector<std::string> remarks_;
  std::unique_ptr<EalRuntime> eal_;
  PacketPool packets_;
  PacketPool slow_path_packets_;
  PacketPool reassembly_packets_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::unique_ptr<QsbrReclaimer> reclaimer_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<channel::ChannelMemory> memory_;
  std::unique_ptr<channel::PacketPort> control_packets_;
  std::unique_ptr<channel::ChannelServer> channel_;
  NeighborMailbox neighbor_requests_;
  AgentInbox agent_inbox_;
  StateFeed state_feed_;
  std::unique_ptr<TableWriter> table_writer_;
  std::unique_ptr<Agent> agent_;
  std::vector<OwnedWorkerRings> rings_;
  std::unique_ptr<FragmentRings> fragment_rings_;
  std::unique_ptr<HandoverRings> handover_rings_;
  std::vector<EspCrypto> esp_crypto_;  // by worker
  std::unique_ptr<SlowPath> slow_path_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<FlowSteering> steering_;
  std::unique_ptr<SteeringLoop> steering_loop_;  // where a port can steer
  bool workers_run_ = false;
  std::unique_ptr<DataplaneServer> server_;

  static uint64_t MakeInstance();
};

}  // namespace sluice::dataplane
