// Streams of watch events.
#include "control/api/watch_service.h"

#include "control/api/watch_cursor.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// How soon a change of a route is told; objects wake the stream themselves.
constexpr absl::Duration kRoutePoll = absl::Milliseconds(100);
constexpr absl::Duration kPoll = absl::Milliseconds(500);
constexpr int kHeartbeatPolls = 20;  // of kPoll: ten seconds

}  // namespace

grpc::Status WatchService::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                                 grpc::ServerWriter<v1::WatchEvent>* writer) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  if (absl::Status known = WatchCursor::Check(*request); !known.ok()) return ToGrpc(known);
  WatchCursor cursor(*request);
  const absl::Duration poll = cursor.wants_routes() ? kRoutePoll : kPoll;
  int quiet = 0;
  while (!stopping_ && !context->IsCancelled()) {
    const auto events = RunOnCore(core_.executor, [&] { return cursor.Next(core_.state); });
    if (!events) break;
    for (const v1::WatchEvent& event : *events)
      if (!writer->Write(event)) return grpc::Status::OK;
    if (!events->empty()) {
      quiet = 0;
      continue;
    }
    if (++quiet * poll >= kHeartbeatPolls * kPoll) {
      quiet = 0;
      v1::WatchEvent heartbeat;
      heartbeat.mutable_heartbeat();
      const auto token = RunOnCore(core_.executor, [&] { return cursor.Token(core_.state); });
      if (!token) break;
      heartbeat.set_resume_token(*token);
      if (!writer->Write(heartbeat)) return grpc::Status::OK;
    }
    core_.state.watch_log().WaitBeyond(cursor.revision(), poll);
  }
  if (stopping_) return {grpc::StatusCode::UNAVAILABLE, "the gateway is shutting down"};
  return grpc::Status::CANCELLED;
}

}  // namespace sluice::api
