// Fragments are copied into a buffer of the reassembly pool and freed at once: a
// flood of them takes no receive buffers out of circulation.
#include "dataplane/nodes/reassemble.h"

#include <algorithm>

#include "dataplane/graph/fragment_rings.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/nodes/tunnel_payload.h"
#include "dataplane/packet/reassembly.h"

namespace sluice::dataplane {
namespace {

using reassemble::kDrop;
using reassemble::kIcmpError;
using reassemble::kLocal;
using reassemble::kTunnelDecap;
using Discarded = ReassemblyTable::Discarded;
using Outcome = ReassemblyTable::Outcome;
using Verdict = ReassemblyTable::Verdict;

constexpr const char* kNext[reassemble::kEdgeCount] = {"local", "tunnel_decap", "icmp_error", "drop",
                                                       "esp_decrypt"};

// Time exceeded, reassembly (RFC 792, RFC 1122 section 3.3.2; RFC 4443 section 3.3).
constexpr IcmpKind kReassemblyTimeExceededIpv4{11, 1}, kReassemblyTimeExceededIpv6{3, 1};

ReassemblyTable& TableOf(const WorkerContext& worker) {
  return *worker.tables->reassembly[worker.index];
}

void SetBytes(rte_mbuf& mbuf, const uint8_t* begin, uint16_t bytes) {
  mbuf.data_off = static_cast<uint16_t>(begin - static_cast<const uint8_t*>(mbuf.buf_addr));
  mbuf.data_len = bytes;
  mbuf.pkt_len = bytes;
}

// The datagram came where this fragment of it came.
void KeepArrival(const WorkerContext& worker, const ReassemblyTable::Buffer& buffer, rte_mbuf& fragment) {
  rte_mbuf& datagram = *static_cast<rte_mbuf*>(buffer.owner);
  PacketMetadata& meta = MetaOf(datagram);
  meta = MetaOf(fragment);
  meta.l2_bytes = 0;
  if (!worker.tracing) meta.trace_id = 0;
  datagram.port = fragment.port;
}

ReassemblyTable::Buffer TakeBuffer(const WorkerContext& worker) {
  if (worker.reassembly_pool == nullptr) return {};
  rte_mbuf* const mbuf = rte_pktmbuf_alloc(worker.reassembly_pool);
  if (mbuf == nullptr) return {};
  return {mbuf, static_cast<uint8_t*>(mbuf->buf_addr) + RTE_PKTMBUF_HEADROOM + kFragmentHeaderBytesMax};
}

// Whose lost fragments are counted: the tenant may be gone, and its number another's.
VrfId VrfOf(const Tables& tables, const FragmentKey& key) {
  return tables.GenerationOf(key.vrf) == key.generation ? key.vrf : VrfId{0};
}

// The packet that stands for all fragments of a discarded datagram; null when there
// is none. They are counted but for this one, which whoever gets it counts.
rte_mbuf* RemainsOf(const WorkerContext& worker, const Discarded& discarded) {
  if (discarded.reason == DropReason::kNone) return nullptr;
  auto* const mbuf = static_cast<rte_mbuf*>(discarded.buffer.owner);
  if (discarded.fragments == 0) {
    rte_pktmbuf_free(mbuf);
    return nullptr;
  }
  PacketMetadata& meta = MetaOf(*mbuf);
  meta.vrf = VrfOf(*worker.tables, discarded.key);
  meta.reason = discarded.reason;
  meta.flags = 0;
  worker.counters.Drop(meta.vrf, discarded.reason, discarded.fragments - 1);
  SetBytes(*mbuf, discarded.buffer.payload - discarded.header_bytes,
           static_cast<uint16_t>(discarded.header_bytes + discarded.payload_bytes));
  return mbuf;
}

// An interface that is gone, or another tenant's by now, is none.
void CheckArrival(const Tables& tables, PacketMetadata& meta) {
  const Interface* interface =
      meta.interface == kNoInterface ? nullptr : tables.interfaces.Find(meta.interface);
  if (interface == nullptr || interface->vrf != meta.vrf) meta.interface = kNoInterface;
}

// A whole datagram to us, as if it had come in one piece.
void SendWhole(const NodeRun& run, rte_mbuf& mbuf, uint8_t* ip, bool ipv4) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.ip_bytes =
      ipv4 ? Ipv4TotalLength(ip) : static_cast<uint16_t>(Ipv6PayloadLength(ip) + kIpv6HeaderBytes);
  SetBytes(mbuf, ip, meta.ip_bytes);
  meta.flags = kPacketReassembled;
  meta.reason = DropReason::kNone;
  meta.family = ipv4 ? 4 : 6;
  CheckArrival(*run.worker.tables, meta);
  const TunnelPayload payload =
      meta.vrf == 0 ? TunnelPayloadOf(*run.worker.tables, mbuf, ipv4) : TunnelPayload::kNone;
  switch (payload) {
    case TunnelPayload::kNone:
      return run.Send(kLocal, mbuf);
    case TunnelPayload::kClear:
      return run.Send(kTunnelDecap, mbuf);
    case TunnelPayload::kEsp:
      return run.Send(reassemble::kEspDecrypt, mbuf);
  }
}

void Complete(const NodeRun& run, const Outcome& outcome, bool ipv4) {
  auto& mbuf = *static_cast<rte_mbuf*>(outcome.buffer.owner);
  const auto finish = ipv4 ? FinishIpv4Datagram : FinishIpv6Datagram;
  SendWhole(run, mbuf,
            finish(outcome.buffer.payload, outcome.header_bytes, outcome.payload_bytes, outcome.congestion),
            ipv4);
}

// RFC 6946 section 4: an atomic fragment is a datagram by itself, whatever else has
// its identification.
void CompleteAtomic(const NodeRun& run, rte_mbuf& mbuf, const Fragment& fragment) {
  uint8_t* const payload = DataOf(mbuf) + fragment.header_bytes;
  // The received L2 header no longer lies in front of the data.
  MetaOf(mbuf).l2_bytes = 0;
  SendWhole(run, mbuf, FinishIpv6Datagram(payload, fragment.header_bytes, fragment.payload_bytes, false),
            false);
}

void Hold(const NodeRun& run, rte_mbuf& mbuf, const Fragment& fragment, uint64_t hash, uint64_t now) {
  const WorkerContext& worker = run.worker;
  ReassemblyTable& table = TableOf(worker);
  Outcome outcome = table.Offer(fragment, hash, now);
  const bool begins = outcome.verdict == Verdict::kNeedsBuffer;
  if (begins) {
    const ReassemblyTable::Buffer buffer = TakeBuffer(worker);
    if (buffer.owner == nullptr) return run.Drop(kDrop, mbuf, DropReason::kReassemblyNoBuffer);
    outcome = table.Offer(fragment, hash, now, buffer);
  }
  if (rte_mbuf* remains = RemainsOf(worker, outcome.discarded)) run.Send(kDrop, *remains);
  if (outcome.verdict == Verdict::kRefused) return run.Drop(kDrop, mbuf, outcome.reason);
  if (begins || fragment.offset == 0) KeepArrival(worker, outcome.buffer, mbuf);
  rte_pktmbuf_free(&mbuf);
  if (outcome.verdict == Verdict::kComplete) Complete(run, outcome, fragment.key.family == 4);
}

// The budget of ring, source and tenant comes before the ring.
void HandOver(const NodeRun& run, rte_mbuf& mbuf, const Fragment& fragment, WorkerIndex home) {
  const WorkerContext& worker = run.worker;
  FragmentKey of_source;
  of_source.source = fragment.key.source;
  of_source.vrf = fragment.key.vrf;
  // The tenant may be gone before the other worker looks.
  MetaOf(mbuf).group = fragment.key.generation;
  FairRing& ring = worker.fragment_rings->Between(worker.index, home);
  if (!ring.Push(mbuf, TableOf(worker).Hash(of_source), fragment.key.vrf))
    run.Drop(kDrop, mbuf, DropReason::kFragmentQueueFull);
}

bool IsLinkLocalIpv6(const std::array<uint8_t, 16>& address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

FragmentFault Parse(const rte_mbuf& mbuf, Fragment& fragment) {
  const uint8_t* const ip = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  if (ip[0] >> 4 == 4) return ParseIpv4Fragment(ip, fragment);
  const uint32_t ip_bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  return ParseIpv6Fragment(ip, FindIpv6Transport(ip, ip_bytes).fragment_at, fragment);
}

void Reassemble(const NodeRun& run, rte_mbuf& mbuf, uint64_t now) {
  const WorkerContext& worker = run.worker;
  PacketMetadata& meta = MetaOf(mbuf);
  Fragment fragment;
  const FragmentFault fault = Parse(mbuf, fragment);
  if (fault.reason != DropReason::kNone) {
    if (fault.error.type == 0) return run.Drop(kDrop, mbuf, fault.reason);
    meta.reason = fault.reason;
    meta.icmp_type = fault.error.type;
    meta.icmp_code = fault.error.code;
    meta.mtu = fault.pointer;
    return run.Send(kIcmpError, mbuf);
  }
  if (fragment.offset == 0 && !fragment.more) return CompleteAtomic(run, mbuf, fragment);
  FragmentKey& key = fragment.key;
  key.vrf = meta.vrf;
  key.generation = worker.tables->GenerationOf(meta.vrf);
  const bool link_local =
      key.family == 6 && (IsLinkLocalIpv6(key.source) || IsLinkLocalIpv6(key.destination));
  if (link_local) key.link = meta.interface;
  const uint64_t hash = TableOf(worker).Hash(key);
  const WorkerIndex workers =
      worker.fragment_rings == nullptr ? WorkerIndex{1} : worker.fragment_rings->workers();
  const WorkerIndex home = workers == 1 ? worker.index : ReassemblyTable::HomeOf(hash, workers);
  if (home != worker.index) return HandOver(run, mbuf, fragment, home);
  Hold(run, mbuf, fragment, hash, now);
}

uint16_t ReassembleAll(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  const uint64_t now = forward::Now();
  for (uint16_t i = 0; i < count; ++i) Reassemble(run, *packets[i], now);
  return count;
}

}  // namespace

namespace reassemble {

uint16_t TakeHandedOver(const NodeRun& run, rte_mbuf* packets[]) {
  const WorkerContext& worker = run.worker;
  FragmentRings& rings = *worker.fragment_rings;
  const WorkerIndex workers = rings.workers();
  // Each worker gets as much as the others, and what one leaves is nobody's.
  const auto each = static_cast<uint16_t>(std::max(1, kHandedOverMax / (workers - 1)));
  uint16_t count = 0;
  for (uint16_t step = 1; step < workers; ++step) {
    FairRing& ring = rings.Between(static_cast<WorkerIndex>((worker.index + step) % workers), worker.index);
    for (uint16_t i = 0; i < each && count < kHandedOverMax; ++i) {
      rte_mbuf* const mbuf = ring.Pop();
      if (mbuf == nullptr) break;
      const PacketMetadata& meta = MetaOf(*mbuf);
      if (worker.tables->GenerationOf(meta.vrf) == meta.group) {
        packets[count++] = mbuf;
        continue;
      }
      worker.counters.Drop(0, DropReason::kInjectInvalid);
      rte_pktmbuf_free(mbuf);
    }
  }
  return count;
}

uint16_t TakeExpired(const NodeRun& run, rte_mbuf* packets[], uint16_t& to_answer) {
  const WorkerContext& worker = run.worker;
  ReassemblyTable& table = TableOf(worker);
  to_answer = 0;
  if (table.empty()) return 0;
  const uint64_t now = forward::Now();
  uint16_t count = 0;
  for (uint16_t i = 0; i < kExpiredMax; ++i) {
    const auto expired = table.Expire(now);
    if (!expired) break;
    rte_mbuf* const mbuf = RemainsOf(worker, *expired);
    if (mbuf == nullptr) continue;
    PacketMetadata& meta = MetaOf(*mbuf);
    packets[count++] = mbuf;
    // Only whoever sent the first fragment is told.
    if (expired->header_bytes == 0 || meta.vrf != expired->key.vrf) continue;
    CheckArrival(*worker.tables, meta);
    const IcmpKind error =
        expired->key.family == 4 ? kReassemblyTimeExceededIpv4 : kReassemblyTimeExceededIpv6;
    meta.icmp_type = error.type;
    meta.icmp_code = error.code;
    std::swap(packets[to_answer++], packets[count - 1]);
  }
  return count;
}

}  // namespace reassemble

const NodeSpec kReassembleNode{"reassemble", Counted<ReassembleAll>, kNext};

}  // namespace sluice::dataplane
