// Trace and capture of the dataplane's gRPC service: arm the workers' filters,
// drain their rings, disarm. Nothing of this costs a packet while nobody listens.
#include <rte_cycles.h>
#include <rte_graph.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_format.h"
#include "dataplane/agent/dataplane_service.h"
#include "dataplane/agent/trace_assembly.h"
#include "dataplane/eal/monotonic_clock.h"
#include "dataplane/eal/wall_clock.h"

namespace sluice::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 10ms;
constexpr uint32_t kPacketsDefault = 100;

// Absent: the filter names something that cannot be.
std::optional<PacketFilter> FilterOf(const v1::PacketFilter& message) {
  PacketFilter filter;
  const auto fits = [](uint32_t value) { return value <= 0xffff; };
  if (message.has_vrf()) filter.vrf = static_cast<VrfId>(message.vrf());
  if (message.has_interface()) filter.interface = static_cast<InterfaceId>(message.interface());
  if (message.has_port()) filter.port = static_cast<PortId>(message.port());
  filter.drops_only = message.drops_only();
  if (message.has_drop_reason()) {
    if (message.drop_reason() >= std::size(kDropReasons)) return std::nullopt;
    filter.drop_reason = static_cast<DropReason>(message.drop_reason());
  }
  if (!fits(message.vrf()) || !fits(message.interface()) || !fits(message.port())) return std::nullopt;
  return filter;
}

const grpc::Status kBadFilter(grpc::StatusCode::INVALID_ARGUMENT,
                              "filter: no such VRF, interface, port or drop reason");

// Arms one kind of observation on all workers while it lives.
template <FilterWord Observation::*kFilter>
class Armed {
 public:
  Armed(const std::vector<Worker*>& workers, const PacketFilter& filter) : workers_(workers) {
    for (Worker* worker : workers_) (worker->observation().*kFilter).Arm(filter);
  }
  ~Armed() { Disarm(); }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
  void Disarm() {
    for (Worker* worker : workers_) (worker->observation().*kFilter).Disarm();
  }

 private:
  const std::vector<Worker*>& workers_;
};

template <class T, class Visitor>
void Drain(SpscRing<T>& ring, Visitor visitor) {
  while (const T* record = ring.Front()) {
    visitor(*record);
    ring.Release();
  }
}

v1::CapturedPacket CaptureMessage(const CaptureRecord& record, const WorkerClock& clock, uint64_t missed) {
  v1::CapturedPacket message;
  message.set_timestamp_ns(clock.UnixNs(record.tsc));
  message.set_original_bytes(record.original_bytes);
  message.set_bytes(record.bytes, record.bytes_present);
  message.set_interface(record.interface);
  message.set_vrf(record.vrf);
  message.set_drop_reason(static_cast<uint32_t>(record.reason));
  message.set_outbound(record.outbound);
  message.set_missed(missed);
  return message;
}

}  // namespace

TraceAssembly::Directory DataplaneService::TraceDirectory() {
  return {
      .node_name =
          [](uint32_t node) {
            const char* name = rte_node_id_to_name(node);
            return std::string(name == nullptr ? "?" : name);
          },
      .subinterface = [this](PortId port, uint16_t vlan) { return SubinterfaceOf(port, vlan); },
      .lookup =
          [this](const LookupFlow& flow, v1::TraceStep& step) {
            const auto reply = Lookup(flow);
            if (!reply.ok()) return;  // the VRF went meanwhile; the step stays without it
            step.set_prefix(reply->prefix());
            step.set_next_hop_interface(reply->adjacency().interface());
            const std::string& next_hop = reply->adjacency().next_hop();
            const bool on_link = next_hop.empty() && reply->adjacency().kind() == "glean";
            step.set_next_hop(on_link ? flow.destination.ToString() : next_hop);
          },
  };
}

InterfaceId DataplaneService::SubinterfaceOf(PortId port, uint16_t vlan) const {
  const SubinterfaceMap& map = parts_.tables.subinterfaces;
  return port < map.ports() ? map.Find(port, vlan).interface() : kNoInterface;
}

grpc::Status DataplaneService::Trace(grpc::ServerContext* context, const v1::TraceRequest* request,
                                     grpc::ServerWriter<v1::TracedPacket>* stream) {
  const auto filter = FilterOf(request->filter());
  if (!filter) return kBadFilter;
  const std::unique_lock only_one(tracing_, std::try_to_lock);
  if (!only_one.owns_lock()) return {grpc::StatusCode::FAILED_PRECONDITION, "another trace is running"};
  for (Worker* worker : parts_.workers) Drain(worker->observation().traced, [](const TraceRecord&) {});

  const WorkerClock clock(rte_rdtsc(), UnixNs(), rte_get_tsc_hz());
  TraceAssembly assembly(clock, TraceDirectory(), filter->drops_only, filter->drop_reason);
  uint32_t left = request->packets_max() != 0 ? request->packets_max() : kPacketsDefault;
  Armed<&Observation::trace_filter> armed(parts_.workers, *filter);
  while (!context->IsCancelled()) {
    const Instant now = MonotonicNow();
    for (Worker* worker : parts_.workers)
      Drain(worker->observation().traced, [&](const TraceRecord& record) { assembly.Add(record, now); });
    while (auto packet = assembly.Take(now)) {
      if (!stream->Write(*packet)) return grpc::Status::CANCELLED;
      if (--left == 0) return grpc::Status::OK;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return grpc::Status::CANCELLED;
}

grpc::Status DataplaneService::Capture(grpc::ServerContext* context, const v1::CaptureRequest* request,
                                       grpc::ServerWriter<v1::CapturedPacket>* stream) {
  const auto filter = FilterOf(request->filter());
  if (!filter) return kBadFilter;
  const std::unique_lock only_one(capturing_, std::try_to_lock);
  if (!only_one.owns_lock()) return {grpc::StatusCode::FAILED_PRECONDITION, "another capture is running"};
  uint64_t missed_before = 0;
  const uint32_t snap = request->snap_bytes() != 0 ? request->snap_bytes() : kTraceHeadBytes;
  for (Worker* worker : parts_.workers) {
    Observation& observation = worker->observation();
    Drain(observation.captured, [](const CaptureRecord&) {});
    missed_before += observation.captured.missed();
    observation.capture_snap_bytes.store(std::min<uint32_t>(snap, kCaptureBytesMax),
                                         std::memory_order_relaxed);
  }

  const WorkerClock clock(rte_rdtsc(), UnixNs(), rte_get_tsc_hz());
  const bool endless = request->packets_max() == 0;
  uint32_t left = request->packets_max();
  bool listening = true;
  const Armed<&Observation::capture_filter> armed(parts_.workers, *filter);
  while (!context->IsCancelled()) {
    uint64_t missed = 0;
    for (Worker* worker : parts_.workers) missed += worker->observation().captured.missed();
    for (Worker* worker : parts_.workers) {
      Drain(worker->observation().captured, [&](const CaptureRecord& record) {
        if (!listening || (!endless && left == 0)) return;
        v1::CapturedPacket message = CaptureMessage(record, clock, missed - missed_before);
        if (record.outbound)
          message.set_egress_interface(SubinterfaceOf(record.egress_port, record.egress_vlan));
        listening = stream->Write(message);
        --left;
      });
    }
    if (!listening) break;
    if (!endless && left == 0) return grpc::Status::OK;
    std::this_thread::sleep_for(kPoll);
  }
  return grpc::Status::CANCELLED;
}

}  // namespace sluice::dataplane
