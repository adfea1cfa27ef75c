// Short loops over a burst, each asking for the cache lines of the next: whose tunnel and
// which SA, header and trailer, the cipher once for all, outer headers.
#include "dataplane/nodes/esp_encrypt.h"

#include "dataplane/nodes/esp_handover.h"
#include "dataplane/nodes/underlay_departure.h"
#include "dataplane/packet/esp.h"
#include "dataplane/packet/esp_crypto.h"
#include "dataplane/packet/selector_fields.h"
#include "dataplane/packet/tcp_mss.h"

namespace sluice::dataplane {
namespace {

using esp_encrypt::kDrop;

constexpr const char* kNext[esp_encrypt::kEdgeCount] = {"port_tx", "ip4_forward", "ip6_forward", "drop"};
constexpr encapsulation::Edges kEdges{esp_encrypt::kIp4Forward, esp_encrypt::kIp6Forward, kDrop};

// Packets looked at together: their state fits the first-level cache.
constexpr uint16_t kChunk = 32;

// A packet on its way into its tunnel.
struct Leaving {
  rte_mbuf* mbuf;
  uint8_t* ip;  // the inner header
  const Tunnel* tunnel;
  OutboundSa* sa;
  AdjacencyId adjacency;
  VrfId vrf;
  uint16_t ip_bytes;
};

void Refuse(const NodeRun& run, rte_mbuf& mbuf, VrfId vrf, DropReason reason) {
  MetaOf(mbuf).vrf = vrf;
  run.Drop(kDrop, mbuf, reason);
}

// RFC 4301 section 5.1: the first policy that matches, in the SPD's order. Never in clear.
OutboundSa* FindSa(const NodeRun& run, const Leaving& leaving) {
  SaTable& sas = run.worker.tables->sas;
  const OutboundPolicies* const policies = sas.PoliciesOf(leaving.tunnel->id);
  OutboundPolicies::Choice choice{.sa = nullptr, .policy = 0};
  if (policies != nullptr) {
    if (OutboundSa* const only = policies->only(); __builtin_expect(only != nullptr, 1)) return only;
    choice = policies->Choose(SelectorFieldsOf(leaving.ip, leaving.ip_bytes, LocalEnd::kSource));
    if (choice.sa != nullptr) return choice.sa;
  }
  sas.Missed(run.worker.index, leaving.tunnel->id, choice.policy);
  const bool no_policy = choice.policy >= kPoliciesMax;
  Refuse(run, *leaving.mbuf, leaving.vrf, no_policy ? DropReason::kEspSelector : DropReason::kEspNoSa);
  return nullptr;
}

// Whose they are; the tunnels' pointers were asked for.
uint16_t TakeTunnels(const NodeRun& run, rte_mbuf** packets, uint16_t count, Leaving* leaving) {
  const Tables& tables = *run.worker.tables;
  uint16_t taken = 0;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf& mbuf = *packets[i];
    const Departure departure = LoadDeparture(mbuf);
    const VrfId vrf = VrfOfFrame(mbuf);
    const Tunnel* const tunnel = tables.tunnels.Find(departure.interface);
    if (__builtin_expect(tunnel == nullptr, 0)) {
      Refuse(run, mbuf, vrf, DropReason::kNextHopDown);
      continue;
    }
    __builtin_prefetch(tunnel);
    __builtin_prefetch(tables.sas.PoliciesOf(departure.interface));
    uint8_t* const ip = DataOf(mbuf);
    __builtin_prefetch(ip - 64, 1);
    __builtin_prefetch(ip + departure.ip_bytes, 1);
    leaving[taken++] = {&mbuf, ip, tunnel, nullptr, departure.adjacency, vrf, departure.ip_bytes};
  }
  return taken;
}

uint16_t TakeSas(const NodeRun& run, Leaving* leaving, uint16_t count) {
  uint16_t taken = 0;
  for (uint16_t i = 0; i < count; ++i) {
    Leaving& each = leaving[i];
    const Tunnel& tunnel = *each.tunnel;
    // Another tenant's by now, a tunnel that does not encrypt, or a way round in a circle.
    if (__builtin_expect((tunnel.vrf != each.vrf) | (tunnel.kind != TunnelKind::kEsp), 0)) {
      Refuse(run, *each.mbuf, each.vrf, each.vrf == 0 ? DropReason::kTunnelLoop : DropReason::kNextHopDown);
      continue;
    }
    each.sa = FindSa(run, each);
    if (__builtin_expect(each.sa == nullptr, 0)) continue;
    __builtin_prefetch(each.sa);
    __builtin_prefetch(&each.sa->sequence, 1);
    leaving[taken++] = each;
  }
  return taken;
}

// Room for all that ESP adds, with an L2 header in front and whole vectors behind.
bool HasRoom(const Leaving& leaving, uint32_t front, uint32_t esp_bytes) {
  const rte_mbuf& mbuf = *leaving.mbuf;
  const auto before = static_cast<uint32_t>(leaving.ip - static_cast<const uint8_t*>(mbuf.buf_addr));
  constexpr uint32_t kSlack = 16;
  return before >= front + kTaggedL2Bytes + kSlack && before + esp_bytes + kSlack <= mbuf.buf_len;
}

// A SYN tells what may be sent out of the tunnel.
void ClampMss(const NodeRun& run, const Leaving& leaving) {
  ClampTcpMss(leaving.ip, leaving.ip_bytes, run.worker.tables->adjacencies.Load(leaving.adjacency).mtu());
}

// What every packet must pass before it costs a sequence number; kNone: it may go.
DropReason Examine(const NodeRun& run, const Leaving& leaving) {
  OutboundSa& sa = *leaving.sa;
  const uint32_t state = sa.usage.state.load(std::memory_order_relaxed);
  if (__builtin_expect((state & kSaStopped) != 0, 0)) {
    Count(sa.losses.stopped);
    return (state & kSaSequenceExhausted) != 0 ? DropReason::kEspSequence : DropReason::kEspExpired;
  }
  const uint32_t front = OuterHeader::kRoom + kEspHeaderBytes + sa.transform.iv_bytes;
  if (__builtin_expect(!HasRoom(leaving, front, EspBytes(sa.transform, leaving.ip_bytes)), 0)) {
    Count(sa.losses.malformed);
    return DropReason::kTunnelTruncated;
  }
  if (leaving.tunnel->Is(channel::kTunnelClampMss) && __builtin_expect(MayBeTcpSyn(leaving.ip), 0))
    ClampMss(run, leaving);
  return DropReason::kNone;
}

// ESP header and trailer around the inner packet, and what the cipher is to do. False: the
// packet left.
bool Prepare(const NodeRun& run, const Leaving& leaving, EspRequest& request) {
  OutboundSa& sa = *leaving.sa;
  const SlotOwner owner = run.worker.tables->slots.OwnerOf(sa.slot);
  if (__builtin_expect(!owner.Is(run.worker.index), 0)) {
    if (!esp_handover::HandOver(run, *leaving.mbuf, owner,
                                {EspHandover::kEncrypt, sa.id, leaving.vrf, sa.slot}))
      Refuse(run, *leaving.mbuf, leaving.vrf, DropReason::kEspQueueFull);
    return false;
  }
  DropReason reason = Examine(run, leaving);
  const uint64_t sequence = reason == DropReason::kNone ? sa.sequence.Take(sa.mark) : 0;
  if (__builtin_expect(sequence == 0, 0)) {
    if (reason == DropReason::kNone) {
      run.worker.tables->sas.Raise(sa.usage, kSaSequenceExhausted);
      Count(sa.losses.stopped);
      reason = DropReason::kEspSequence;
    }
    Refuse(run, *leaving.mbuf, leaving.vrf, reason);
    return false;
  }
  uint8_t* const esp = leaving.ip - kEspHeaderBytes - sa.transform.iv_bytes;
  StoreEspHeader(esp, sa.spi, sequence);
  StoreEspTrailer(leaving.ip + leaving.ip_bytes, EspPadBytes(leaving.ip_bytes, sa.transform.alignment),
                  leaving.ip[0] >> 4 == 4 ? kNextHeaderIpv4 : kNextHeaderIpv6);
  request.transform = &sa.transform;
  request.esp = esp;
  request.sequence = sequence;
  request.bytes = EspBytes(sa.transform, leaving.ip_bytes);
  return true;
}

// What outer headers take from the inner one, which is encrypted by then.
struct Inner {
  uint8_t traffic_class, hops;
  bool dont_fragment;
};

Inner Describe(const uint8_t* ip) {
  if (ip[0] >> 4 == 4) return {ip[1], Ipv4Ttl(ip), (Ipv4FragmentField(ip) & kIpv4DontFragment) != 0};
  return {static_cast<uint8_t>(LoadBe16(ip) >> 4), Ipv6HopLimit(ip), true};
}

SLUICE_PART void FinishIpv4(WorkerContext& worker, const Tunnel& tunnel, const OuterHeader& outer,
                            Inner inner, uint16_t bytes, uint8_t* ip) {
  uint16_t identification = 0, fragment_field = kIpv4DontFragment;
  const bool df_clear =
      tunnel.Is(channel::kTunnelDfClear) | (tunnel.Is(channel::kTunnelDfCopy) & !inner.dont_fragment);
  if (__builtin_expect(df_clear, 0)) {
    // Only what may be fragmented needs one (RFC 6864 section 4.1).
    fragment_field = 0;
    identification = worker.next_identification;
    worker.next_identification = static_cast<uint16_t>(identification + kIdentificationStep);
  }
  const uint8_t ttl = tunnel.ttl != 0 ? tunnel.ttl : inner.hops;
  const uint8_t tos = underlay_departure::OuterTrafficClass(tunnel, inner.traffic_class);
  const uint32_t sum = outer.ipv4_sum + tos + bytes + identification + fragment_field + (uint32_t{ttl} << 8);
  ip[1] = tos;
  StoreBe16(ip + 2, bytes);
  StoreBe32(ip + 4, uint32_t{identification} << 16 | fragment_field);
  ip[8] = ttl;
  StoreBe16(ip + 10, underlay_departure::Folded(sum));
}

SLUICE_PART void FinishIpv6(const Tunnel& tunnel, Inner inner, uint16_t bytes, uint8_t* ip) {
  const uint8_t traffic_class = underlay_departure::OuterTrafficClass(tunnel, inner.traffic_class);
  StoreBe32(ip, LoadBe32(ip) | uint32_t{traffic_class} << 20);
  StoreBe16(ip + 4, static_cast<uint16_t>(bytes - kIpv6HeaderBytes));
  ip[7] = tunnel.ttl != 0 ? tunnel.ttl : inner.hops;
}

// The outer headers in front of the ESP header at `esp`, of which `esp_bytes` follow. Returns
// where the packet begins.
SLUICE_PART uint8_t* PutOuterHeaders(WorkerContext& worker, const Tunnel& tunnel, const OuterHeader& outer,
                                     Inner inner, uint8_t* esp, uint16_t esp_bytes) {
  constexpr unsigned kShort = 32;
  uint8_t* const ip = esp - outer.bytes;
  const auto bytes = static_cast<uint16_t>(esp_bytes + outer.bytes);
  if (__builtin_expect(outer.ipv4, 1)) {
    std::memcpy(esp - kShort, outer.header.data() + OuterHeader::kRoom - kShort, kShort);
    FinishIpv4(worker, tunnel, outer, inner, bytes, ip);
  } else {
    std::memcpy(esp - OuterHeader::kRoom, outer.header.data(), OuterHeader::kRoom);
    FinishIpv6(tunnel, inner, bytes, ip);
  }
  if (!outer.udp) return ip;
  uint8_t* const udp = esp - kUdpHeaderBytes;
  StoreBe16(udp + 4, static_cast<uint16_t>(esp_bytes + kUdpHeaderBytes));
  // Over IPv4 it is zero (RFC 3948 section 2.1); over IPv6 receivers may insist on one (RFC
  // 8200 section 8.1).
  if (!outer.ipv4) StoreUdpChecksum(ip, std::span(udp, esp_bytes + size_t{kUdpHeaderBytes}));
  return ip;
}

// The finished bursts by the family of their outer headers.
struct Burst {
  Leaving leaving[kChunk];
  EspRequest request[kChunk];
  Inner inner[kChunk];
  const OuterHeader* outer[kChunk];
  uint32_t far_end[kChunk];  // host byte order; 0 over IPv6
  uint16_t count = 0;
};

void PrepareAll(const NodeRun& run, const Leaving* leaving, uint16_t count, Burst& burst) {
  uint16_t prepared = 0;
  for (uint16_t i = 0; i < count; ++i) {
    const Leaving& each = leaving[i];
    // Of its keys, what every cipher begins with.
    __builtin_prefetch(each.sa->transform.keys);
    if (!Prepare(run, each, burst.request[prepared])) continue;
    burst.leaving[prepared] = each;
    burst.inner[prepared] = Describe(each.ip);
    burst.outer[prepared] = each.sa->outer.load(std::memory_order_acquire);
    __builtin_prefetch(burst.outer[prepared]);
    ++prepared;
  }
  burst.count = prepared;
}

// Returns how many finished frames were written to `out`.
uint16_t SendAll(const NodeRun& run, Burst& burst, rte_mbuf** out) {
  WorkerContext& worker = run.worker;
  Tables& tables = *worker.tables;
  const NextHopGroups::Reader groups = tables.groups.reader();
  const AdjacencyTable::Reader adjacencies = tables.adjacencies.reader();
  for (uint16_t i = 0; i < burst.count; ++i) burst.far_end[i] = burst.outer[i]->remote;
  NextHopGroupId group[kChunk];
  worker.underlay_ways.Find(tables.fib4, tables.underlay_generation.load(std::memory_order_acquire),
                            burst.far_end, group, burst.count);
  uint16_t sent = 0;
  for (uint16_t i = 0; i < burst.count; ++i) {
    const Leaving& leaving = burst.leaving[i];
    const EspRequest& request = burst.request[i];
    OutboundSa& sa = *leaving.sa;
    const OuterHeader& outer = *burst.outer[i];
    worker.counters.Sent(leaving.tunnel->id, leaving.adjacency, leaving.ip_bytes);
    if (__builtin_expect(sa.usage.CountPacket(leaving.ip_bytes), 0)) tables.sas.Outlived(sa.rules, sa.usage);
    uint8_t* const ip = PutOuterHeaders(worker, *leaving.tunnel, outer, burst.inner[i], request.esp,
                                        static_cast<uint16_t>(request.bytes));
    const auto bytes = static_cast<uint16_t>(request.bytes + outer.bytes);
    rte_mbuf& mbuf = *leaving.mbuf;
    const bool finished =
        __builtin_expect(outer.ipv4, 1)
            ? underlay_departure::Send<forward::Ipv4>(run, kEdges, mbuf, leaving.tunnel->vrf, ip, bytes,
                                                      group[i], groups, adjacencies)
            : underlay_departure::Send<forward::Ipv6>(
                  run, kEdges, mbuf, leaving.tunnel->vrf, ip, bytes,
                  tables.fib6.Lookup(0, {LoadBe64(ip + 24), LoadBe64(ip + 32)}), groups, adjacencies);
    if (finished) out[sent++] = &mbuf;
  }
  return sent;
}

uint16_t Encrypt(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Leaving leaving[kChunk];
  Burst burst;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kChunk)) {
    const auto chunk = std::min<uint16_t>(kChunk, static_cast<uint16_t>(count - begin));
    uint16_t taken = TakeTunnels(run, packets + begin, chunk, leaving);
    taken = TakeSas(run, leaving, taken);
    PrepareAll(run, leaving, taken, burst);
    if (burst.count == 0) continue;
    run.worker.esp_crypto->Seal(std::span(burst.request, burst.count));
    finished = static_cast<uint16_t>(finished + SendAll(run, burst, packets + finished));
  }
  if (finished != 0) run.SendFirst(esp_encrypt::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kEspEncryptNode{"esp_encrypt", Counted<Encrypt>, kNext};

}  // namespace sluice::dataplane
