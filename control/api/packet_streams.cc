// Trace and capture: filters by name go down as numbers, packets come back with
// names.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/api/conditions.h"
#include "control/api/diagnostics_service.h"
#include "control/api/packet_match.h"
#include "control/api/packet_words.h"
#include "control/api/refusal.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
namespace dp = ::sluice::dataplane::v1;

constexpr uint32_t kTraceDefault = 10;
constexpr uint32_t kTraceMax = 1000;
constexpr uint32_t kHeadersBytes = 128;
constexpr uint32_t kSnapMax = 9216;
constexpr absl::Duration kTraceTimeout = absl::Seconds(10);
constexpr absl::Duration kTraceTimeoutMax = absl::Seconds(60);

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::StatusOr<uint32_t> PortNumber(DataplaneView& dataplane, const std::string& name) {
  const auto ports = dataplane.ListPorts();
  if (!ports.ok()) return ports.status();
  std::vector<std::string> known;
  for (const dp::PortState& port : ports->ports()) {
    if (port.name() == name) return port.number();
    known.push_back(port.name());
  }
  return InvalidField("filter.port", absl::StrCat("there is no port \"", name.substr(0, 80),
                                                  "\"; accepted: ", absl::StrJoin(known, ", ")));
}

absl::StatusOr<uint32_t> ReasonNumber(DataplaneView& dataplane, const std::string& name) {
  const auto reasons = dataplane.ListDropReasons();
  if (!reasons.ok()) return reasons.status();
  std::vector<std::string> known;
  for (const auto& reason : reasons->reasons()) {
    if (reason.name() == name) return reason.number();
    known.push_back(reason.name());
  }
  return InvalidField("filter.drop_reason", absl::StrCat("there is no drop reason \"", name.substr(0, 80),
                                                         "\"; accepted: ", absl::StrJoin(known, ", ")));
}

void SetNanoseconds(google::protobuf::Timestamp& out, uint64_t time_ns) {
  out.set_seconds(static_cast<int64_t>(time_ns / 1'000'000'000));
  out.set_nanos(static_cast<int32_t>(time_ns % 1'000'000'000));
}

}  // namespace

absl::StatusOr<dp::PacketFilter> DiagnosticsService::Translate(const v1::PacketFilter& filter,
                                                               const NameTable& names) {
  dp::PacketFilter to;
  if (filter.has_connection()) {
    if (!filter.has_tenant())
      return InvalidField("filter.tenant",
                          absl::StrCat("missing; accepted: the tenant of connection ", filter.connection()));
    const auto interface = names.InterfaceOf(filter.tenant(), filter.connection());
    if (!interface.ok()) return interface.status();
    to.set_interface(*interface);
  } else if (filter.has_tenant()) {
    const auto vrf = names.VrfOf(filter.tenant());
    if (!vrf.ok()) return vrf.status();
    to.set_vrf(*vrf);
  }
  if (filter.has_port()) {
    const auto port = PortNumber(dataplane_, filter.port());
    if (!port.ok()) return port.status();
    to.set_port(*port);
  }
  to.set_drops_only(filter.dropped_only() || filter.has_drop_reason());
  if (filter.has_drop_reason()) {
    const auto reason = ReasonNumber(dataplane_, filter.drop_reason());
    if (!reason.ok()) return reason.status();
    to.set_drop_reason(*reason);
  }
  return to;
}

grpc::Status DiagnosticsService::Trace(grpc::ServerContext* context, const v1::TraceRequest* request,
                                       grpc::ServerWriter<v1::TracedPacket>* writer) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  const uint32_t count = request->count() == 0 ? kTraceDefault : request->count();
  if (count > kTraceMax)
    return ToGrpc(InvalidField(
        "count", absl::StrCat(count, "; accepted: 1 to ", kTraceMax, ", 0 for ", kTraceDefault)));
  const absl::Duration timeout = request->has_timeout() ? DurationOf(request->timeout()) : kTraceTimeout;
  if (timeout <= absl::ZeroDuration() || timeout > kTraceTimeoutMax)
    return ToGrpc(InvalidField("timeout", "accepted: above 0 s, up to 60 s"));
  const auto names = Names();
  if (!names.ok()) return ToGrpc(names.status());
  const auto filter = Translate(request->filter(), *names);
  if (!filter.ok()) return ToGrpc(filter.status());
  const auto match = PacketMatch::Make(request->filter());
  if (!match.ok()) return ToGrpc(match.status());
  dp::TraceRequest trace;
  *trace.mutable_filter() = *filter;
  // What is matched here is counted here; the others are not to end the trace.
  trace.set_packets_max(match->matches_all() ? count : std::numeric_limits<uint32_t>::max());
  const auto link_of = [&](uint32_t interface) { return names->LinkOf(interface); };
  const auto reasons = DropReasons();
  uint32_t sent = 0;
  const int64_t end_us = core_.state.now_us() + absl::ToInt64Microseconds(timeout);
  const auto cancelled = [&] { return context->IsCancelled() || core_.state.now_us() >= end_us; };
  const absl::Status status = dataplane_.Trace(trace, cancelled, [&](const dp::TracedPacket& packet) {
    if (!match->Matches(packet.head())) return true;
    v1::TracedPacket out;
    SetNanoseconds(*out.mutable_time(), packet.timestamp_ns());
    for (const auto& step : packet.steps()) {
      auto& to = *out.add_steps();
      to.set_node(step.node());
      to.set_note(StepNote(step, link_of));
    }
    const auto reason = reasons.find(packet.drop_reason());
    if (packet.drop_reason() != 0 && reason != reasons.end()) out.set_drop_reason(reason->second.name());
    out.set_headers(packet.head());
    out.set_length(packet.original_bytes());
    out.set_worker(packet.worker());
    out.set_tenant(names->TenantOf(packet.vrf()));
    if (const auto* link = names->LinkOf(packet.interface())) {
      out.set_connection(link->connection);
      out.set_port(link->port);
    }
    return writer->Write(out) && ++sent != count;
  });
  return ToGrpc(status);
}

grpc::Status DiagnosticsService::Capture(grpc::ServerContext* context, const v1::CaptureRequest* request,
                                         grpc::ServerWriter<v1::CapturedPacket>* writer) {
  const Seats::Seat seat(seats_);
  if (!seat.status().ok()) return ToGrpc(seat.status());
  const uint32_t snap = request->has_snap_length() ? request->snap_length() : kHeadersBytes;
  if (snap == 0 || snap > kSnapMax)
    return ToGrpc(InvalidField("snap_length", absl::StrCat(snap, "; accepted: 1 to ", kSnapMax)));
  if (request->has_duration() && DurationOf(request->duration()) <= absl::ZeroDuration())
    return ToGrpc(InvalidField("duration", "accepted: above 0 s, or to leave it out for no end"));
  const auto names = Names();
  if (!names.ok()) return ToGrpc(names.status());
  const auto filter = Translate(request->filter(), *names);
  if (!filter.ok()) return ToGrpc(filter.status());
  const auto reasons = DropReasons();
  const auto match = PacketMatch::Make(request->filter());
  if (!match.ok()) return ToGrpc(match.status());
  dp::CaptureRequest capture;
  *capture.mutable_filter() = *filter;
  if (filter->has_interface()) {
    // Frames that leave by the connection came in by another one: told apart here.
    capture.mutable_filter()->clear_interface();
    capture.mutable_filter()->set_vrf(names->LinkOf(filter->interface())->vrf);
  }
  // What is to be matched must be there, however little of it is wanted.
  capture.set_snap_bytes(match->matches_all() ? snap : std::max(snap, kHeadersBytes));
  const int64_t end_us =
      request->has_duration()
          ? core_.state.now_us() + absl::ToInt64Microseconds(DurationOf(request->duration()))
          : std::numeric_limits<int64_t>::max();
  const auto cancelled = [&] { return context->IsCancelled() || core_.state.now_us() >= end_us; };
  uint64_t sent = 0;
  uint64_t missed_before = 0;
  const absl::Status status = dataplane_.Capture(capture, cancelled, [&](const dp::CapturedPacket& packet) {
    const auto direction = packet.outbound() ? v1::CAPTURE_DIRECTION_OUTBOUND : v1::CAPTURE_DIRECTION_INBOUND;
    if (request->direction() != v1::CAPTURE_DIRECTION_UNSPECIFIED && request->direction() != direction)
      return true;
    if (!match->Matches(packet.bytes())) return true;
    const uint32_t interface = InterfaceOfFrame(packet);
    if (filter->has_interface() && interface != filter->interface()) return true;
    v1::CapturedPacket out;
    SetNanoseconds(*out.mutable_time(), packet.timestamp_ns());
    out.set_tenant(names->TenantOf(packet.vrf()));
    if (const auto* link = names->LinkOf(interface)) {
      out.set_connection(link->connection);
      out.set_port(link->port);
    }
    out.set_direction(direction);
    const auto reason = reasons.find(packet.drop_reason());
    if (packet.drop_reason() != 0 && reason != reasons.end()) out.set_drop_reason(reason->second.name());
    out.set_frame(packet.bytes().substr(0, snap));
    out.set_original_length(packet.original_bytes());
    out.set_missed(packet.missed() - missed_before);
    missed_before = packet.missed();
    return writer->Write(out) && ++sent != request->count();
  });
  return ToGrpc(status);
}

}  // namespace sluice::api
