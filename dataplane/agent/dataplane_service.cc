// Attach, inventory and lookups of the dataplane's gRPC service.
#include "dataplane/agent/dataplane_service.h"

#include <rte_cycles.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "dataplane/agent/route_lookup.h"
#include "dataplane/agent/state_messages.h"
#include "dataplane/eal/monotonic_clock.h"
#include "dataplane/nodes/nodes.h"
#include "proto/channel/records.h"

namespace sluice::dataplane {
namespace {

grpc::Status Refused(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

DataplaneService::DataplaneService(ServiceParts parts) : parts_(std::move(parts)), started_(MonotonicNow()) {}

grpc::Status DataplaneService::Ask(const Task& task) const {
  if (parts_.agent.Run(task)) return grpc::Status::OK;
  return {grpc::StatusCode::UNAVAILABLE,
          "the dataplane is stopping, or tasks_max (256) requests wait for its agent"};
}

v1::PortState DataplaneService::PortMessage(const Port& port, bool carrier) const {
  v1::PortState message;
  message.set_number(port.id());
  message.set_name(port.plan().name);
  message.set_device(port.plan().devargs);
  message.set_driver(port.driver());
  message.set_mac(port.mac().ToString());
  message.set_mtu(port.plan().mtu_bytes);
  message.set_link_up(carrier);
  message.set_link_mbps(port.Link().mbps);
  message.set_queues(port.rx_queues());
  for (const auto& [offload, where] : port.offloads().report) (*message.mutable_offloads())[offload] = where;
  message.set_flow_api(port.flow_api());
  const FlowSteeringReport steering = parts_.steering.Report(port.id());
  v1::FlowRules& rules = *message.mutable_flow_rules();
  rules.set_steered(steering.steered);
  rules.set_unmarked(steering.unmarked);
  rules.set_refused(steering.refused);
  rules.set_refusal(steering.refusal);
  const PortStatistics counted = port.Statistics();
  v1::PortCounters& counters = *message.mutable_counters();
  counters.set_rx_packets(counted.rx_packets);
  counters.set_rx_bytes(counted.rx_bytes);
  counters.set_tx_packets(counted.tx_packets);
  counters.set_tx_bytes(counted.tx_bytes);
  counters.set_rx_missed(counted.rx_missed);
  counters.set_rx_errors(counted.rx_errors);
  counters.set_rx_nombuf(counted.rx_nombuf);
  counters.set_tx_errors(counted.tx_errors);
  return message;
}

grpc::Status DataplaneService::FillPorts(google::protobuf::RepeatedPtrField<v1::PortState>* ports) const {
  std::vector<PortState> states;
  const grpc::Status asked = Ask([&](TableWriter& writer) { states = writer.resolver().ports(); });
  if (!asked.ok()) return asked;
  for (const Port* port : parts_.ports) *ports->Add() = PortMessage(*port, states.at(port->id()).carrier);
  return grpc::Status::OK;
}

grpc::Status DataplaneService::Attach(grpc::ServerContext*, const v1::AttachRequest* request,
                                      v1::AttachReply* reply) {
  if (request->record_version() != channel::kRecordVersion)
    return {grpc::StatusCode::FAILED_PRECONDITION,
            absl::StrFormat("this dataplane takes records of version %u, not %u", channel::kRecordVersion,
                            request->record_version())};
  reply->set_record_version(channel::kRecordVersion);
  reply->set_instance(absl::StrFormat("%016x", parts_.memory.layout().instance));
  reply->set_channel_socket(parts_.channel_socket);
  reply->set_version(parts_.version);
  reply->set_uptime_ms(static_cast<uint64_t>((MonotonicNow() - started_) / std::chrono::milliseconds(1)));
  reply->set_workers(static_cast<uint32_t>(parts_.workers.size()));
  const grpc::Status asked = Ask([&](TableWriter& writer) {
    for (v1::TableFill& fill : TableFills(writer)) *reply->add_limits() = std::move(fill);
    for (v1::ScopeState& scope : ScopeStates(writer)) *reply->add_scopes() = std::move(scope);
  });
  return asked.ok() ? FillPorts(reply->mutable_ports()) : asked;
}

grpc::Status DataplaneService::ListPorts(grpc::ServerContext*, const v1::ListPortsRequest*,
                                         v1::ListPortsReply* reply) {
  return FillPorts(reply->mutable_ports());
}

grpc::Status DataplaneService::ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                                           v1::ListWorkersReply* reply) {
  const channel::CounterReader counters = parts_.memory.counters();
  for (const Worker* worker : parts_.workers) {
    const WorkerIndex index = worker->index();
    const channel::WorkerCounters counted = counters.Worker(index);
    v1::Worker& message = *reply->add_workers();
    message.set_index(index);
    message.set_core(parts_.worker_cores.at(index));
    message.set_busy_cycles(counted.busy_cycles);
    message.set_idle_cycles(counted.idle_cycles);
    message.set_walks(counted.walks);
    message.set_stuck(parts_.reclaimer.IsStuck(index));
    uint32_t number = 0;
    for (const NodeSpec* spec : AllNodes()) {
      const channel::NodeCounters node = counters.Node(index, number++);
      v1::NodeCounters& node_message = *message.add_nodes();
      node_message.set_name(spec->name);
      node_message.set_calls(node.calls);
      node_message.set_packets(node.packets);
      if (node.sampled_packets != 0)
        node_message.set_cycles_per_packet(static_cast<double>(node.sampled_cycles) /
                                           static_cast<double>(node.sampled_packets));
    }
  }
  return grpc::Status::OK;
}

grpc::Status DataplaneService::ListTables(grpc::ServerContext*, const v1::ListTablesRequest*,
                                          v1::ListTablesReply* reply) {
  return Ask([&](TableWriter& writer) {
    for (v1::TableFill& fill : TableFills(writer)) *reply->add_tables() = std::move(fill);
    for (v1::TableFill& fill : parts_.queues()) *reply->add_queues() = std::move(fill);
  });
}

grpc::Status DataplaneService::GetSlowPath(grpc::ServerContext*, const v1::GetSlowPathRequest*,
                                           v1::GetSlowPathReply* reply) {
  *reply = parts_.slow_path();
  return grpc::Status::OK;
}

grpc::Status DataplaneService::ListDropReasons(grpc::ServerContext*, const v1::ListDropReasonsRequest*,
                                               v1::ListDropReasonsReply* reply) {
  for (const DropReasonName& reason : kDropReasons) {
    v1::DropReasonName& message = *reply->add_reasons();
    message.set_number(static_cast<uint32_t>(reason.reason));
    message.set_name(reason.name);
    message.set_description(reason.description);
  }
  return grpc::Status::OK;
}

absl::StatusOr<v1::LookupRouteReply> DataplaneService::Lookup(const LookupFlow& flow) {
  WorkerDecision decision;
  {
    const TableReader reader(parts_.reclaimer);
    if (!reader.valid()) return absl::ResourceExhaustedError("too many lookups at once, try again");
    decision = DecideAsWorker(parts_.tables, flow);
  }
  bool exists = false;
  v1::LookupRouteReply reply;
  const grpc::Status asked = Ask([&](TableWriter& writer) {
    exists = writer.tables().Exists(flow.vrf);
    reply = ExplainDecision(writer, flow, decision, parts_.memory.counters(), MonotonicNow());
  });
  if (!asked.ok())
    return absl::Status(static_cast<absl::StatusCode>(asked.error_code()), asked.error_message());
  if (!exists) return absl::NotFoundError(absl::StrFormat("vrf %u does not exist", flow.vrf));
  return reply;
}

grpc::Status DataplaneService::LookupRoute(grpc::ServerContext*, const v1::LookupRouteRequest* request,
                                           v1::LookupRouteReply* reply) {
  const auto flow = ParseLookup(*request, parts_.tables.vrfs.size());
  if (!flow.ok()) return Refused(flow.status());
  auto answer = Lookup(*flow);
  if (!answer.ok()) return Refused(answer.status());
  *reply = *std::move(answer);
  return grpc::Status::OK;
}

grpc::Status DataplaneService::DescribeGraph(grpc::ServerContext*, const v1::DescribeGraphRequest*,
                                             v1::DescribeGraphReply* reply) {
  reply->set_dot(dataplane::DescribeGraph(AllNodes()));
  return grpc::Status::OK;
}

}  // namespace sluice::dataplane
