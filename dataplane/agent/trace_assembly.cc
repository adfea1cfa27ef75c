// Assembly of traced packets.
#include "dataplane/agent/trace_assembly.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dataplane/eal/wall_clock.h"
#include "proto/net/address.h"

namespace sluice::dataplane {
namespace {

constexpr auto kQuiet = std::chrono::milliseconds(100);
// Packets of which not all records were seen yet; more are told as they are.
constexpr size_t kPendingMax = 4096;

bool IsEnd(const std::string& node) {
  return node == "drop" || node == "port_tx" || node == "punt";
}

// What the metadata says at this node.
std::string Describe(const std::string& node, const TraceRecord& record) {
  const PacketMetadata& meta = record.meta;
  std::string text =
      absl::StrFormat("vrf %u, interface %u, %u bytes", meta.vrf, meta.interface, record.packet_bytes);
  if (meta.group != 0) absl::StrAppend(&text, ", group ", meta.group);
  if (meta.adjacency != 0) absl::StrAppend(&text, ", adjacency ", meta.adjacency);
  if (node == "drop") absl::StrAppend(&text, ", dropped: ", NameOf(meta.reason).description);
  if (node == "icmp_error")
    absl::StrAppend(&text, ", ICMP type ", static_cast<unsigned>(meta.icmp_type), " code ",
                    static_cast<unsigned>(meta.icmp_code));
  if (node == "fragment") absl::StrAppend(&text, ", to pieces of ", meta.mtu, " bytes");
  return text;
}

// As Observation copied them in front of the first record's data.
uint32_t ReceivedL2Bytes(const PacketMetadata& meta) {
  return (meta.flags & kPacketFromUs) == 0 ? meta.l2_bytes : 0;
}

}  // namespace

WorkerClock::WorkerClock(uint64_t tsc, uint64_t unix_ns, uint64_t ticks_per_second)
    : tsc_(tsc), unix_ns_(unix_ns), ns_per_tick_(1e9 / static_cast<double>(ticks_per_second)) {}

uint64_t WorkerClock::UnixNs(uint64_t tsc) const {
  const auto ticks = static_cast<double>(static_cast<int64_t>(tsc - tsc_));
  return unix_ns_ + static_cast<uint64_t>(static_cast<int64_t>(ticks * ns_per_tick_));
}

TraceAssembly::TraceAssembly(const WorkerClock& clock, NodeName node_name, bool drops_only,
                             std::optional<DropReason> reason)
    : clock_(clock), node_name_(std::move(node_name)), drops_only_(drops_only), reason_(reason) {}

void TraceAssembly::Add(const TraceRecord& record, Instant now) {
  const bool known = pending_.contains(record.trace_id);
  Pending& pending = pending_[record.trace_id];
  if (!known) {
    pending.packet.set_id(record.trace_id);
    pending.packet.set_timestamp_ns(clock_.UnixNs(record.tsc));
    pending.packet.set_head(record.head, record.head_bytes);
    pending.packet.set_worker(record.trace_id >> 24);  // see Observation
    pending.packet.set_vrf(record.meta.vrf);
    pending.packet.set_interface(record.meta.interface);
    pending.packet.set_original_bytes(record.packet_bytes + ReceivedL2Bytes(record.meta));
  }
  const std::string node = node_name_(record.node);
  v1::TraceStep& step = *pending.packet.add_steps();
  step.set_node(node);
  step.set_text(Describe(node, record));
  pending.ended |= IsEnd(node);
  // A packet that is answered by an ICMP error is lost for its own reason, whatever becomes of the answer.
  const bool lost = node == "drop" || node == "icmp_error";
  if (lost && pending.reason == DropReason::kNone) pending.reason = record.meta.reason;
  pending.last = now;
}

bool TraceAssembly::Wanted(const Pending& pending) const {
  if (reason_) return pending.reason == *reason_;
  return !drops_only_ || pending.reason != DropReason::kNone;
}

std::optional<v1::TracedPacket> TraceAssembly::Take(Instant now) {
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (!at->second.ended && now - at->second.last < kQuiet && pending_.size() <= kPendingMax) {
      ++at;
      continue;
    }
    Pending done = std::move(at->second);
    at = pending_.erase(at);
    done.packet.set_drop_reason(static_cast<uint32_t>(done.reason));
    if (Wanted(done)) return std::move(done.packet);
  }
  return std::nullopt;
}

}  // namespace sluice::dataplane
