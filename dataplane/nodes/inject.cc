// Takes packets of the slow path into the graph where their kind says, and what
// reassembly has for this walk.
#include "dataplane/nodes/inject.h"

#include "dataplane/nodes/forward.h"
#include "dataplane/nodes/overlay_frame.h"
#include "dataplane/nodes/reassemble.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t {
  kPortTx,
  kIp4Forward,
  kIp6Forward,
  kFragment,
  kIcmpError,
  kDrop,
  kReassemble,
  kEdgeCount
};
constexpr const char* kNext[kEdgeCount] = {"port_tx",    "ip4_forward", "ip6_forward", "fragment",
                                           "icmp_error", "drop",        "reassemble"};

constexpr uint16_t kInjectBurst = 32;

// The family and length of the packet at the data; 0 if it is neither.
uint8_t MeasureIp(const rte_mbuf& mbuf, const uint8_t* ip, uint16_t* ip_bytes) {
  const uint32_t available = mbuf.data_len;
  if (available >= kIpv4HeaderBytes && ip[0] >> 4 == 4) {
    *ip_bytes = Ipv4TotalLength(ip);
    return Ipv4HeaderLength(ip) >= kIpv4HeaderBytes && *ip_bytes >= Ipv4HeaderLength(ip) &&
                   *ip_bytes <= available
               ? 4
               : 0;
  }
  if (available >= kIpv6HeaderBytes && ip[0] >> 4 == 6) {
    const uint32_t bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
    *ip_bytes = static_cast<uint16_t>(bytes);
    return bytes <= available ? 6 : 0;
  }
  return 0;
}

// A held packet through the adjacency that was resolved meanwhile. Its hop is
// counted and its policer paid.
void SendHeld(const NodeRun& run, rte_mbuf& mbuf) {
  PacketMetadata& meta = MetaOf(mbuf);
  if (meta.adjacency >= run.worker.tables->adjacencies.size())
    return run.Drop(kDrop, mbuf, DropReason::kInjectInvalid);
  const AdjacencySnapshot adjacency = run.worker.tables->adjacencies.Load(meta.adjacency);
  // The neighbour may be forgotten and its id another's, in another tenant even,
  // while the packet lay in the ring: it leaves through its own interface or not at all.
  const bool the_same = adjacency.interface() == meta.egress_interface;
  if (!adjacency.sendable() || !the_same) return run.Drop(kDrop, mbuf, DropReason::kNeighborUnresolved);
  meta.mtu = adjacency.mtu();
  if (meta.ip_bytes > adjacency.mtu()) {
    // The MTU shrank while it waited.
    const bool fragmentable = meta.family == 4 && (Ipv4FragmentField(DataOf(mbuf)) & kIpv4DontFragment) == 0;
    return fragmentable ? run.Send(kFragment, mbuf) : run.Drop(kDrop, mbuf, DropReason::kTooBig);
  }
  StoreDeparture(mbuf, {meta.ip_bytes, adjacency.interface(), meta.adjacency});
  forward::Rewrite(mbuf, adjacency, meta.family == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6, meta.ip_bytes);
  run.Send(kPortTx, mbuf);
}

// Host unreachable (RFC 1812 section 5.2.7.1 code 1, RFC 4443 section 3.1 code 3),
// unless the packet is our own.
void RefuseHeld(const NodeRun& run, rte_mbuf& mbuf) {
  PacketMetadata& meta = MetaOf(mbuf);
  if ((meta.flags & kPacketFromUs) != 0) return run.Drop(kDrop, mbuf, DropReason::kNeighborUnresolved);
  meta.reason = DropReason::kNeighborUnresolved;
  meta.icmp_type = meta.family == 4 ? 3 : 1;
  meta.icmp_code = meta.family == 4 ? 1 : 3;
  run.Send(kIcmpError, mbuf);
}

// The outer packet takes the careful way through the underlay, as ours.
void SendThroughOverlay(const NodeRun& run, rte_mbuf& mbuf) {
  PacketMetadata& meta = MetaOf(mbuf);
  const DropReason reason = WrapOverlayFrame(*run.worker.tables, mbuf);
  if (reason != DropReason::kNone) return run.Drop(kDrop, mbuf, reason);
  const VrfId tenant = meta.vrf;
  const uint8_t family = MeasureIp(mbuf, DataOf(mbuf), &meta.ip_bytes);
  DescribeForTenant(meta, tenant, family);
  run.Send(meta.family == 4 ? kIp4Forward : kIp6Forward, mbuf);
}

void Accept(const NodeRun& run, rte_mbuf& mbuf) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.trace_id = 0;
  meta.reason = DropReason::kNone;
  if (meta.vrf >= run.worker.tables->vrfs.size()) {
    meta.vrf = 0;  // whose counters are there
    return run.Drop(kDrop, mbuf, DropReason::kInjectInvalid);
  }
  if (meta.inject_kind == InjectKind::kRawL2) {
    mbuf.port = meta.egress_port;
    if (mbuf.port >= kPortsMax) return run.Drop(kDrop, mbuf, DropReason::kInjectInvalid);
    StoreDeparture(mbuf, {0, kNoInterface, kNoAdjacency});
    return run.Send(kPortTx, mbuf);
  }
  if (meta.inject_kind == InjectKind::kOverlayFrame) return SendThroughOverlay(run, mbuf);
  meta.family = MeasureIp(mbuf, DataOf(mbuf), &meta.ip_bytes);
  if (meta.family == 0) return run.Drop(kDrop, mbuf, DropReason::kInjectInvalid);
  if (meta.inject_kind == InjectKind::kAdjacency) return SendHeld(run, mbuf);
  if (meta.inject_kind == InjectKind::kUnreachable) return RefuseHeld(run, mbuf);
  meta.flags = kPacketFromUs;
  run.Send(meta.family == 4 ? kIp4Forward : kIp6Forward, mbuf);
}

// Fragments of other workers, and datagrams whose rest did not come. Costs a worker
// that has neither two loads, and one for each other worker.
uint16_t TakeFragments(const NodeRun& run) {
  uint16_t taken = 0;
  if (run.worker.fragment_rings != nullptr) {
    rte_mbuf* packets[reassemble::kHandedOverMax];
    taken = reassemble::TakeHandedOver(run, packets);
    if (taken != 0) run.Send(kReassemble, packets, taken);
  }
  rte_mbuf* expired[reassemble::kExpiredMax];
  uint16_t to_answer = 0;
  const uint16_t count = reassemble::TakeExpired(run, expired, to_answer);
  for (uint16_t i = 0; i < count; ++i) run.Send(i < to_answer ? kIcmpError : kDrop, *expired[i]);
  taken = static_cast<uint16_t>(taken + count);
  run.worker.arrived += taken;
  return taken;
}

uint16_t Inject(const NodeRun& run, rte_mbuf**, uint16_t) {
  const uint16_t fragments = TakeFragments(run);
  if (run.worker.inject == nullptr) return fragments;
  rte_mbuf* packets[kInjectBurst];
  const unsigned count =
      rte_ring_sc_dequeue_burst(run.worker.inject, reinterpret_cast<void**>(packets), kInjectBurst, nullptr);
  run.worker.arrived += count;
  for (unsigned i = 0; i < count; ++i) Accept(run, *packets[i]);
  return static_cast<uint16_t>(count + fragments);
}

}  // namespace

const NodeSpec kInjectNode{"inject", Counted<Inject>, kNext, true};

}  // namespace sluice::dataplane
