// `trace` and `capture`: packets of the running dataplane, as text or as a pcap file.
#include <optional>

#include "sluice/gateway/v1/diagnostics.grpc.pb.h"
#include "tools/sluicectl/command.h"
#include "tools/sluicectl/interrupt.h"
#include "tools/sluicectl/packet_text.h"
#include "tools/sluicectl/pcap_file.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/readable.h"

namespace sluice::ctl {
namespace {

struct WantedPackets {
  std::string tenant, connection, port, drop_reason, source, destination, direction = "both", file;
  std::optional<uint32_t> protocol;
  bool dropped_only = false;
  uint64_t count = 0;
  double seconds = 0;
  uint32_t snap_length = 0;
};

constexpr uint32_t kHeadersOnly = 128;
// What the gateway takes, too.
constexpr uint32_t kTraceCountMax = 1000;
constexpr double kTraceSecondsMax = 60;
constexpr double kCaptureSecondsMax = 1e6;
constexpr uint32_t kSnapLengthMax = 9216;

void SetDuration(double seconds, google::protobuf::Duration& out) {
  out.set_seconds(static_cast<int64_t>(seconds));
  out.set_nanos(static_cast<int32_t>((seconds - static_cast<double>(out.seconds())) * 1e9));
}

api::PacketFilter FilterOf(const WantedPackets& wanted) {
  api::PacketFilter filter;
  if (!wanted.tenant.empty()) filter.set_tenant(wanted.tenant);
  if (!wanted.connection.empty()) filter.set_connection(wanted.connection);
  if (!wanted.port.empty()) filter.set_port(wanted.port);
  if (!wanted.drop_reason.empty()) filter.set_drop_reason(wanted.drop_reason);
  if (!wanted.source.empty()) filter.set_source_prefix(wanted.source);
  if (!wanted.destination.empty()) filter.set_destination_prefix(wanted.destination);
  if (wanted.protocol) filter.set_protocol(*wanted.protocol);
  filter.set_dropped_only(wanted.dropped_only);
  return filter;
}

grpc::Status Trace(Session& session, const WantedPackets& wanted) {
  api::TraceRequest request;
  *request.mutable_filter() = FilterOf(wanted);
  request.set_count(static_cast<uint32_t>(wanted.count));
  if (wanted.seconds > 0) SetDuration(wanted.seconds, *request.mutable_timeout());
  grpc::ClientContext context;
  InterruptCancels interrupt(context);
  const auto stream = session.Stub<api::DiagnosticsService>()->Trace(&context, request);
  api::TracedPacket packet;
  uint64_t count = 0;
  while (stream->Read(&packet)) {
    ++count;
    session.ShowLine(packet, [&] { return TracedPacketText(packet); });
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok() && !interrupt.happened()) return status;
  session.Say(CountText(count) + " packets traced\n");
  return grpc::Status::OK;
}

api::CaptureRequest CaptureRequestOf(const WantedPackets& wanted) {
  api::CaptureRequest request;
  *request.mutable_filter() = FilterOf(wanted);
  if (wanted.direction == "in") request.set_direction(api::CAPTURE_DIRECTION_INBOUND);
  if (wanted.direction == "out") request.set_direction(api::CAPTURE_DIRECTION_OUTBOUND);
  request.set_count(wanted.count);
  if (wanted.seconds > 0) SetDuration(wanted.seconds, *request.mutable_duration());
  if (wanted.snap_length > 0) request.set_snap_length(wanted.snap_length);
  return request;
}

grpc::Status Capture(Session& session, const WantedPackets& wanted) {
  PcapFile file;
  const bool to_file = !wanted.file.empty();
  if (to_file) {
    const uint32_t snap = wanted.snap_length > 0 ? wanted.snap_length : kHeadersOnly;
    if (auto s = file.Open(wanted.file, snap); !s.ok()) return s;
  }
  grpc::ClientContext context;
  InterruptCancels interrupt(context);
  const auto stream = session.Stub<api::DiagnosticsService>()->Capture(&context, CaptureRequestOf(wanted));
  api::CapturedPacket packet;
  uint64_t count = 0, missed = 0;
  grpc::Status written;
  while (written.ok() && stream->Read(&packet)) {
    ++count;
    missed += packet.missed();
    if (to_file) {
      written = file.Append(packet);
    } else {
      session.ShowLine(packet, [&] { return CapturedPacketLine(packet); });
    }
  }
  if (!written.ok()) context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (!written.ok()) return written;
  if (!status.ok() && !interrupt.happened()) return status;
  // Standard output may be the pcap file.
  if (wanted.file != "-") {
    session.Say(CountText(count) + " packets captured, " + CountText(missed) +
                " not kept for lack of room\n");
  }
  return grpc::Status::OK;
}

// A connection is one of a tenant: TENANT/NAME, or --tenant beside it.
grpc::Status OfTenant(WantedPackets wanted, Session& session,
                      grpc::Status (*action)(Session&, const WantedPackets&)) {
  Selection selection;
  selection.tenant = wanted.tenant;
  selection.connection = wanted.connection;
  if (auto s = SplitConnection(selection); !s.ok()) return s;
  selection.name = selection.connection;
  if (auto s = NeedTenant(selection); !selection.name.empty() && !s.ok()) return s;
  wanted.tenant = selection.tenant;
  wanted.connection = selection.connection;
  return action(session, wanted);
}

void AddFilter(CLI::App* command, WantedPackets& wanted, uint64_t count_max, double seconds_max) {
  command->add_option("-t,--tenant", wanted.tenant, "packets of this tenant");
  command->add_option("-c,--connection", wanted.connection, "packets of this connection, TENANT/NAME");
  command->add_option("-p,--port", wanted.port, "packets of this port");
  command->add_option("--source", wanted.source, "source inside this prefix");
  command->add_option("--destination", wanted.destination, "destination inside this prefix");
  command->add_option("--protocol", wanted.protocol, "IP protocol number")->check(WholeNumber(0, 255));
  command->add_flag("--dropped", wanted.dropped_only, "only dropped packets");
  command->add_option("--drop-reason", wanted.drop_reason, "only packets dropped for this reason");
  command->add_option("-n,--count", wanted.count, "end after so many packets")
      ->check(WholeNumber(1, count_max));
  command->add_option("--seconds", wanted.seconds, "end after so long")->check(Seconds(0.001, seconds_max));
}

}  // namespace

void AddPacketCommands(CLI::App& app, Session& session, Action& chosen) {
  auto tracing = std::make_shared<WantedPackets>();
  auto* trace = app.add_subcommand("trace", "Shows packets with what each node of the graph decided");
  AddFilter(trace, *tracing, kTraceCountMax, kTraceSecondsMax);
  trace->callback([&session, &chosen, tracing] {
    chosen = [&session, tracing] { return OfTenant(*tracing, session, Trace); };
  });

  auto capturing = std::make_shared<WantedPackets>();
  auto* capture = app.add_subcommand("capture", "Shows packets, or writes them to a pcap file, until Ctrl-C");
  AddFilter(capture, *capturing, UINT32_MAX, kCaptureSecondsMax);
  capture->add_option("-w,--write", capturing->file, "pcap file; - is standard output");
  capture
      ->add_option("-s,--snap-length", capturing->snap_length,
                   "bytes kept of each packet; headers only when not said")
      ->check(WholeNumber(1, kSnapLengthMax));
  capture->add_option("--direction", capturing->direction, "in, out or both")
      ->check(OneOf({"in", "out", "both"}));
  capture->callback([&session, &chosen, capturing] {
    chosen = [&session, capturing] { return OfTenant(*capturing, session, Capture); };
  });
}

}  // namespace sluice::ctl
