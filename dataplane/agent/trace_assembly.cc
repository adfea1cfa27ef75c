// Assembly of traced packets.
#include "dataplane/agent/trace_assembly.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dataplane/eal/wall_clock.h"
#include "dataplane/packet/flow_hash.h"
#include "proto/net/address.h"

namespace sluice::dataplane {
namespace {

constexpr auto kQuiet = std::chrono::milliseconds(100);
// Packets of which not all records were seen yet; more are told as they are.
constexpr size_t kPendingMax = 4096;

bool IsEnd(const std::string& node) {
  return node == "drop" || node == "port_tx" || node == "punt";
}

// What the node is about to do, as far as the metadata knows. Fields that no node wrote for this packet
// hold those of an earlier one, so each is read only where it is set.
std::string Describe(const std::string& node, const TraceRecord& record) {
  const PacketMetadata& meta = record.meta;
  if (node == "drop") return NameOf(meta.reason).description;
  if (node == "icmp_error")
    return absl::StrFormat("%s; ICMP type %u code %u to the sender", NameOf(meta.reason).description,
                           meta.icmp_type, meta.icmp_code);
  if (node == "fragment") return absl::StrFormat("to pieces of at most %u bytes", meta.mtu);
  return absl::StrFormat("%u bytes", record.packet_bytes);
}

// As Observation copied them in front of the first record's data.
uint32_t ReceivedL2Bytes(const PacketMetadata& meta) {
  return (meta.flags & kPacketFromUs) == 0 ? meta.l2_bytes : 0;
}

std::optional<LookupFlow> FlowOfIpv4(const uint8_t* ip, uint32_t bytes) {
  if (bytes < kIpv4HeaderBytes) return std::nullopt;
  LookupFlow flow;
  flow.source = net::Ipv4Address{Ipv4Source(ip)};
  flow.destination = net::Ipv4Address{Ipv4Destination(ip)};
  flow.protocol = Ipv4Protocol(ip);
  const uint32_t header = Ipv4HeaderLength(ip);
  if (!HasPorts(flow.protocol) || IsIpv4Fragment(ip) || header + 4 > bytes) return flow;
  flow.source_port = LoadBe16(ip + header);
  flow.destination_port = LoadBe16(ip + header + 2);
  return flow;
}

// The flow behind extension headers is not looked for: it may hash to another member of a group.
std::optional<LookupFlow> FlowOfIpv6(const uint8_t* ip, uint32_t bytes) {
  constexpr uint32_t kNextHeader = 6;
  if (bytes < kIpv6HeaderBytes) return std::nullopt;
  LookupFlow flow;
  flow.source = net::Ipv6Address::FromBytes(Ipv6Source(ip));
  flow.destination = net::Ipv6Address::FromBytes(Ipv6Destination(ip));
  flow.protocol = ip[kNextHeader];
  if (!HasPorts(flow.protocol) || kIpv6HeaderBytes + 4u > bytes) return flow;
  flow.source_port = LoadBe16(ip + kIpv6HeaderBytes);
  flow.destination_port = LoadBe16(ip + kIpv6HeaderBytes + 2);
  return flow;
}

// What a forward node looks up; `l2_bytes` of the record's head lie before the IP header.
std::optional<LookupFlow> FlowOf(const std::string& node, const TraceRecord& record, uint32_t l2_bytes) {
  if (l2_bytes > record.head_bytes) return std::nullopt;
  const uint8_t* ip = record.head + l2_bytes;
  const uint32_t bytes = record.head_bytes - l2_bytes;
  auto flow = node == "ip4_forward"   ? FlowOfIpv4(ip, bytes)
              : node == "ip6_forward" ? FlowOfIpv6(ip, bytes)
                                      : std::nullopt;
  if (flow) flow->vrf = record.meta.vrf;
  return flow;
}

}  // namespace

WorkerClock::WorkerClock(uint64_t tsc, uint64_t unix_ns, uint64_t ticks_per_second)
    : tsc_(tsc), unix_ns_(unix_ns), ns_per_tick_(1e9 / static_cast<double>(ticks_per_second)) {}

uint64_t WorkerClock::UnixNs(uint64_t tsc) const {
  const auto ticks = static_cast<double>(static_cast<int64_t>(tsc - tsc_));
  return unix_ns_ + static_cast<uint64_t>(static_cast<int64_t>(ticks * ns_per_tick_));
}

TraceAssembly::TraceAssembly(const WorkerClock& clock, Directory directory, bool drops_only,
                             std::optional<DropReason> reason)
    : clock_(clock), directory_(std::move(directory)), drops_only_(drops_only), reason_(reason) {}

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
  const std::string node = directory_.node_name(record.node);
  if (const auto flow = FlowOf(node, record, known ? 0 : ReceivedL2Bytes(record.meta)))
    pending.flows[pending.packet.steps_size()] = *flow;
  v1::TraceStep& step = *pending.packet.add_steps();
  step.set_node(node);
  step.set_text(Describe(node, record));
  step.set_interface(node == "port_tx"
                         ? directory_.subinterface(record.port, VlanOfFrame(record.head, record.head_bytes))
                         : record.meta.interface);
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
    if (!Wanted(done)) continue;
    for (const auto& [step, flow] : done.flows) directory_.lookup(flow, *done.packet.mutable_steps(step));
    return std::move(done.packet);
  }
  return std::nullopt;
}

}  // namespace sluice::dataplane
