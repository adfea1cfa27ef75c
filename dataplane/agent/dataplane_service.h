// The dataplane's gRPC service: what is rare. Runs on gRPC's threads; asks the
// agent for what the writer keeps, in pieces between two batches of records, and
// reads counters, worker tables and observation rings itself.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/agent/agent.h"
#include "dataplane/agent/route_lookup.h"
#include "dataplane/agent/state_feed.h"
#include "dataplane/agent/trace_assembly.h"
#include "dataplane/eal/flow_steering.h"
#include "dataplane/eal/port.h"
#include "dataplane/graph/worker.h"
#include "proto/channel/shared_memory.h"
#include "sluice/dataplane/v1/dataplane.grpc.pb.h"

namespace sluice::dataplane {

// What the service speaks for. Everything must outlive it; the agent runs.
struct ServiceParts {
  Agent& agent;
  const Tables& tables;  // read as a worker reads them
  QsbrReclaimer& reclaimer;
  const channel::ChannelMemory& memory;
  StateFeed& feed;                                     // observes the agent's writer
  std::function<v1::GetSlowPathReply()> slow_path;     // any thread
  std::function<std::vector<v1::TableFill>()> queues;  // rings and packet pools; any thread
  const FlowSteering& steering;
  std::vector<const Port*> ports;
  std::vector<Worker*> workers;
  std::vector<uint32_t> worker_cores;  // by worker
  std::string channel_socket;
  std::string version;
};

class DataplaneService final : public v1::Dataplane::Service {
 public:
  explicit DataplaneService(ServiceParts parts);

  grpc::Status Attach(grpc::ServerContext* context, const v1::AttachRequest* request,
                      v1::AttachReply* reply) override;
  grpc::Status ListPorts(grpc::ServerContext* context, const v1::ListPortsRequest* request,
                         v1::ListPortsReply* reply) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersReply* reply) override;
  grpc::Status ListTables(grpc::ServerContext* context, const v1::ListTablesRequest* request,
                          v1::ListTablesReply* reply) override;
  grpc::Status GetSlowPath(grpc::ServerContext* context, const v1::GetSlowPathRequest* request,
                           v1::GetSlowPathReply* reply) override;
  grpc::Status ListNeighbors(grpc::ServerContext* context, const v1::ListNeighborsRequest* request,
                             grpc::ServerWriter<v1::Neighbor>* stream) override;
  grpc::Status ListAdjacencies(grpc::ServerContext* context, const v1::ListAdjacenciesRequest* request,
                               grpc::ServerWriter<v1::Adjacency>* stream) override;
  grpc::Status ListTunnels(grpc::ServerContext* context, const v1::ListTunnelsRequest* request,
                           grpc::ServerWriter<v1::Tunnel>* stream) override;
  grpc::Status ListRoutes(grpc::ServerContext* context, const v1::ListRoutesRequest* request,
                          grpc::ServerWriter<v1::Route>* stream) override;
  grpc::Status LookupRoute(grpc::ServerContext* context, const v1::LookupRouteRequest* request,
                           v1::LookupRouteReply* reply) override;
  grpc::Status ListDropReasons(grpc::ServerContext* context, const v1::ListDropReasonsRequest* request,
                               v1::ListDropReasonsReply* reply) override;
  grpc::Status WatchState(grpc::ServerContext* context, const v1::WatchStateRequest* request,
                          grpc::ServerWriter<v1::StateChange>* stream) override;
  grpc::Status Trace(grpc::ServerContext* context, const v1::TraceRequest* request,
                     grpc::ServerWriter<v1::TracedPacket>* stream) override;
  grpc::Status Capture(grpc::ServerContext* context, const v1::CaptureRequest* request,
                       grpc::ServerWriter<v1::CapturedPacket>* stream) override;
  grpc::Status DescribeGraph(grpc::ServerContext* context, const v1::DescribeGraphRequest* request,
                             v1::DescribeGraphReply* reply) override;

 private:
  using Task = std::function<void(TableWriter&)>;
  grpc::Status Ask(const Task& task) const;
  v1::PortState PortMessage(const Port& port, bool carrier) const;
  grpc::Status FillPorts(google::protobuf::RepeatedPtrField<v1::PortState>* ports) const;
  template <class Family>
  grpc::Status StreamRoutes(VrfId vrf, grpc::ServerWriter<v1::Route>* stream) const;
  grpc::Status Snapshot(grpc::ServerWriter<v1::StateChange>* stream) const;
  v1::StateChange StuckWorkers() const;
  // What the tables say of a flow, as a worker reads them, explained by the agent.
  absl::StatusOr<v1::LookupRouteReply> Lookup(const LookupFlow& flow);
  TraceAssembly::Directory TraceDirectory();
  InterfaceId SubinterfaceOf(PortId port, uint16_t vlan) const;
  grpc::Status StreamChanges(const ChangedState& changed, grpc::ServerWriter<v1::StateChange>* stream) const;

  const ServiceParts parts_;
  const std::chrono::steady_clock::time_point started_;
  // One trace and one capture at a time: a worker has one filter for each.
  std::mutex tracing_, capturing_;
};

}  // namespace sluice::dataplane
