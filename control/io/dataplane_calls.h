// The API's calls to the running dataplane over its gRPC service.
#pragma once

#include <vector>

#include "control/api/dataplane_view.h"
#include "control/io/dataplane_link.h"

namespace sluice::io {

// Any thread.
class DataplaneCalls : public api::DataplaneView {
 public:
  // `link` outlives this.
  explicit DataplaneCalls(DataplaneLink& link) : link_(link) {}

  absl::StatusOr<dataplane::v1::ListPortsReply> ListPorts() override;
  absl::StatusOr<dataplane::v1::ListWorkersReply> ListWorkers() override;
  absl::StatusOr<dataplane::v1::ListTablesReply> ListTables() override;
  absl::StatusOr<dataplane::v1::GetSlowPathReply> GetSlowPath() override;
  absl::StatusOr<dataplane::v1::ListDropReasonsReply> ListDropReasons() override;
  absl::StatusOr<std::vector<dataplane::v1::Neighbor>> ListNeighbors(
      const dataplane::v1::ListNeighborsRequest& request) override;
  absl::StatusOr<std::vector<dataplane::v1::Adjacency>> ListAdjacencies(
      const dataplane::v1::ListAdjacenciesRequest& request) override;
  absl::StatusOr<dataplane::v1::LookupRouteReply> LookupRoute(
      const dataplane::v1::LookupRouteRequest& request) override;
  absl::Status Trace(const dataplane::v1::TraceRequest& request, Cancelled cancelled,
                     absl::FunctionRef<bool(const dataplane::v1::TracedPacket&)> packet) override;
  absl::Status Capture(const dataplane::v1::CaptureRequest& request, Cancelled cancelled,
                       absl::FunctionRef<bool(const dataplane::v1::CapturedPacket&)> packet) override;

 private:
  absl::Status Absent() const;

  DataplaneLink& link_;
};

}  // namespace sluice::io
