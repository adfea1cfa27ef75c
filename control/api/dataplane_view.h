// What the API asks of a running dataplane and may wait for: inventory, dumps,
// lookups, trace, capture. Implemented over the dataplane's gRPC client; tests
// use a fake. Speaks the dataplane's messages and numbers: translating names is
// the API's work.
#pragma once

#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sluice/dataplane/v1/dataplane.pb.h"

namespace sluice::api {

// Called from the API's own threads, several at once; every method may block for
// the time of one exchange (at most about two seconds) and answers UNAVAILABLE,
// saying since when, while no dataplane is attached.
class DataplaneView {
 public:
  virtual ~DataplaneView() = default;

  virtual absl::StatusOr<dataplane::v1::ListPortsReply> ListPorts() = 0;
  virtual absl::StatusOr<dataplane::v1::ListWorkersReply> ListWorkers() = 0;
  virtual absl::StatusOr<dataplane::v1::ListTablesReply> ListTables() = 0;
  virtual absl::StatusOr<dataplane::v1::GetSlowPathReply> GetSlowPath() = 0;
  virtual absl::StatusOr<dataplane::v1::ListDropReasonsReply> ListDropReasons() = 0;
  virtual absl::StatusOr<std::vector<dataplane::v1::Neighbor>> ListNeighbors(
      const dataplane::v1::ListNeighborsRequest& request) = 0;
  virtual absl::StatusOr<std::vector<dataplane::v1::Adjacency>> ListAdjacencies(
      const dataplane::v1::ListAdjacenciesRequest& request) = 0;
  virtual absl::StatusOr<dataplane::v1::LookupRouteReply> LookupRoute(
      const dataplane::v1::LookupRouteRequest& request) = 0;

  // Both call `packet` for each packet until it answers false, `cancelled` answers
  // true (asked at least ten times a second), the request's count is reached, or
  // the dataplane goes away.
  using Cancelled = absl::FunctionRef<bool()>;
  virtual absl::Status Trace(const dataplane::v1::TraceRequest& request, Cancelled cancelled,
                             absl::FunctionRef<bool(const dataplane::v1::TracedPacket&)> packet) = 0;
  virtual absl::Status Capture(const dataplane::v1::CaptureRequest& request, Cancelled cancelled,
                               absl::FunctionRef<bool(const dataplane::v1::CapturedPacket&)> packet) = 0;
};

}  // namespace sluice::api
