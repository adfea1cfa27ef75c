// gRPC DiagnosticsService.
#pragma once

#include <map>
#include <mutex>

#include "control/api/call.h"
#include "control/api/dataplane_view.h"
#include "control/api/name_table.h"
#include "control/api/seats.h"
#include "sluice/gateway/v1/diagnostics.grpc.pb.h"

namespace sluice::api {

// Called from gRPC's threads, several at once.
class DiagnosticsService final : public gateway::v1::DiagnosticsService::Service {
 public:
  DiagnosticsService(Core core, DataplaneView& dataplane, uint32_t packet_streams_max)
      : core_(core), dataplane_(dataplane), seats_("packet-streams", packet_streams_max) {}

  grpc::Status Trace(grpc::ServerContext* context, const gateway::v1::TraceRequest* request,
                     grpc::ServerWriter<gateway::v1::TracedPacket>* writer) override;
  grpc::Status Capture(grpc::ServerContext* context, const gateway::v1::CaptureRequest* request,
                       grpc::ServerWriter<gateway::v1::CapturedPacket>* writer) override;
  grpc::Status ListDrops(grpc::ServerContext* context, const gateway::v1::ListDropsRequest* request,
                         gateway::v1::ListDropsResponse* response) override;
  grpc::Status DescribePorts(grpc::ServerContext* context, const gateway::v1::DescribePortsRequest* request,
                             gateway::v1::DescribePortsResponse* response) override;
  grpc::Status ListNeighbors(grpc::ServerContext* context, const gateway::v1::ListNeighborsRequest* request,
                             gateway::v1::ListNeighborsResponse* response) override;
  grpc::Status Doctor(grpc::ServerContext* context, const gateway::v1::DoctorRequest* request,
                      gateway::v1::DoctorResponse* response) override;
  grpc::Status ListAuditEvents(grpc::ServerContext* context,
                               const gateway::v1::ListAuditEventsRequest* request,
                               gateway::v1::ListAuditEventsResponse* response) override;

 private:
  absl::StatusOr<NameTable> Names();
  // Names of the filter as the dataplane's numbers.
  absl::StatusOr<dataplane::v1::PacketFilter> Translate(const gateway::v1::PacketFilter& filter,
                                                        const NameTable& names);
  std::map<uint32_t, dataplane::v1::DropReasonName> DropReasons();

  Core core_;
  DataplaneView& dataplane_;
  Seats seats_;  // traces and captures
  std::mutex reasons_mutex_;
  std::map<uint32_t, dataplane::v1::DropReasonName>
      reasons_;  // by number, as last heard; under reasons_mutex_
};

}  // namespace sluice::api
