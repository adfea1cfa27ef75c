// Short loops over a burst, each asking for the cache lines of the next: outer headers, the
// SA, the replay window's first look, the cipher once for all, and what is inside.
#include "dataplane/nodes/esp_decrypt.h"

#include "dataplane/nodes/esp_handover.h"
#include "dataplane/nodes/forward_burst.h"
#include "dataplane/nodes/inner_packet.h"
#include "dataplane/packet/esp.h"
#include "dataplane/packet/esp_crypto.h"
#include "dataplane/packet/selector_fields.h"

namespace sluice::dataplane {
namespace {

using esp_decrypt::kDrop;
using esp_decrypt::kIp4Forward;
using esp_decrypt::kIp6Forward;

constexpr const char* kNext[esp_decrypt::kEdgeCount] = {
    "port_tx", "local",        "icmp_error",  "fragment",    "punt",
    "drop",    "tunnel_encap", "esp_encrypt", "ip4_forward", "ip6_forward"};

constexpr uint16_t kChunk = forward::kFramesTogether;

// A packet on its way out of its tunnel; `mbuf`'s data is at the outer IP header.
struct Arrival {
  rte_mbuf* mbuf;
  uint8_t* outer;
  uint8_t* esp;
  const std::atomic<InboundSa*>* place;
  InboundSa* sa;
  const Tunnel* tunnel;  // the SA's; null: it is gone
  uint32_t spi, sequence_low, esp_bytes;
  uint16_t remote_port;  // of UDP encapsulation, host byte order
  uint8_t outer_ecn;
  bool outer_ipv4, udp;

  VrfId vrf() const { return tunnel != nullptr ? tunnel->vrf : VrfId{0}; }
};

bool Refused(const NodeRun& run, const Arrival& arrival, DropReason reason) {
  MetaOf(*arrival.mbuf).vrf = arrival.vrf();
  run.Drop(kDrop, *arrival.mbuf, reason);
  return false;
}

// No packet of an SA of ours: dropped when it came to us, else the underlay's own traffic.
bool PassBy(const NodeRun& run, rte_mbuf& mbuf, bool outer_ipv4, DropReason reason) {
  const Tables& tables = *run.worker.tables;
  const uint8_t* ip = DataOf(mbuf);
  const NextHopGroupId group = outer_ipv4 ? tables.fib4.Lookup(0, forward::Ipv4::Destination(ip))
                                          : tables.fib6.Lookup(0, forward::Ipv6::Destination(ip));
  if (group == tables.groups.local() && reason != DropReason::kNone) {
    run.Drop(kDrop, mbuf, reason);
  } else {
    run.Send(outer_ipv4 ? kIp4Forward : kIp6Forward, mbuf);
  }
  return false;
}

bool TakeOuter(const NodeRun& run, rte_mbuf& mbuf, Arrival& arrival) {
  uint8_t* const ip = DataOf(mbuf);
  const bool ipv4 = ip[0] >> 4 == 4;
  const uint32_t header = ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  const uint32_t bytes = ipv4 ? Ipv4TotalLength(ip) - header : Ipv6PayloadLength(ip);
  const uint8_t protocol = ipv4 ? Ipv4Protocol(ip) : Ipv6NextHeader(ip);
  const EspArrival esp = ParseEspArrival(protocol, std::span(ip + header, bytes));
  // IKE goes on to who listens to it, or not.
  if (__builtin_expect(esp.kind != EspArrivalKind::kEsp, 0)) return PassBy(run, mbuf, ipv4, esp.reason);
  arrival.mbuf = &mbuf;
  arrival.outer = ip;
  arrival.esp = ip + header + esp.offset;
  arrival.place = run.worker.tables->sas.PlaceOf(esp.spi);
  __builtin_prefetch(arrival.place);
  arrival.sa = nullptr;
  arrival.tunnel = nullptr;
  arrival.spi = esp.spi;
  arrival.sequence_low = esp.sequence_low;
  arrival.esp_bytes = esp.bytes;
  arrival.udp = protocol == kProtocolUdp;
  arrival.remote_port = arrival.udp ? LoadBe16(ip + header) : uint16_t{0};
  arrival.outer_ecn = (ipv4 ? ip[1] : ip[1] >> 4) & kEcnMask;
  arrival.outer_ipv4 = ipv4;
  return true;
}

const uint8_t* OuterSource(const Arrival& arrival) {
  return arrival.outer_ipv4 ? arrival.outer + 12 : Ipv6Source(arrival.outer);
}

uint16_t TakeOuters(const NodeRun& run, rte_mbuf** packets, uint16_t count, Arrival* arrivals) {
  uint16_t taken = 0;
  for (uint16_t i = 0; i < count; ++i) taken += TakeOuter(run, *packets[i], arrivals[taken]) ? 1 : 0;
  return taken;
}

// Whose they are; asks for what the next step reads.
void FindSas(Arrival* arrivals, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    Arrival& arrival = arrivals[i];
    InboundSa* const sa = arrival.place != nullptr ? arrival.place->load(std::memory_order_acquire) : nullptr;
    arrival.sa = sa;
    __builtin_prefetch(sa);
    __builtin_prefetch(sa != nullptr ? &sa->window : nullptr, 1);
    __builtin_prefetch(arrival.esp + 64);
  }
}

// RFC 4301 section 4.1: by SPI, and it came to where the SA ends. With or without UDP, which
// peers may change at any time (RFC 7296 section 2.23).
bool IsItsSa(const Arrival& arrival) {
  const InboundSa& sa = *arrival.sa;
  const uint8_t* const destination = arrival.outer_ipv4 ? arrival.outer + 16 : Ipv6Destination(arrival.outer);
  return sa.spi == arrival.spi && sa.endpoints.LocalIs(destination, arrival.outer_ipv4);
}

DropReason ReasonOf(ReplayVerdict verdict, SaLosses& losses) {
  if (verdict == ReplayVerdict::kLate) {
    Count(losses.late);
    return DropReason::kEspLate;
  }
  Count(losses.replay);
  return DropReason::kEspReplay;
}

// The first look of RFC 4303 section 3.4.3, before the cipher. False: the packet left.
bool Prepare(const NodeRun& run, Arrival& arrival, EspRequest& request) {
  Tables& tables = *run.worker.tables;
  if (__builtin_expect(arrival.sa == nullptr || !IsItsSa(arrival), 0))
    return PassBy(run, *arrival.mbuf, arrival.outer_ipv4, DropReason::kEspNoSa);
  InboundSa& sa = *arrival.sa;
  const uint8_t slot = SlotOfSpi(arrival.spi);
  const SlotOwner owner = tables.slots.OwnerOf(slot);
  if (__builtin_expect(!owner.Is(run.worker.index), 0)) {
    // Still the underlay's: the owner looks at it anew.
    if (esp_handover::HandOver(run, *arrival.mbuf, owner, {EspHandover::kDecrypt, sa.id, 0, slot}))
      return false;
    arrival.tunnel = tables.tunnels.Find(sa.tunnel);
    return Refused(run, arrival, DropReason::kEspQueueFull);
  }
  arrival.tunnel = tables.tunnels.Find(sa.tunnel);
  __builtin_prefetch(arrival.tunnel);
  if (__builtin_expect(sa.usage.stopped(), 0)) {
    Count(sa.losses.stopped);
    return Refused(run, arrival, DropReason::kEspExpired);
  }
  if (__builtin_expect(!EspLengthHolds(sa.transform, arrival.esp_bytes), 0)) {
    Count(sa.losses.malformed);
    return Refused(run, arrival, DropReason::kEspMalformed);
  }
  const ReplayWindow::Checked checked = sa.window.Check(arrival.sequence_low);
  if (__builtin_expect(checked.verdict != ReplayVerdict::kFresh, 0))
    return Refused(run, arrival, ReasonOf(checked.verdict, sa.losses));
  __builtin_prefetch(sa.transform.keys);
  request.transform = &sa.transform;
  request.esp = arrival.esp;
  request.sequence = checked.sequence;
  request.bytes = arrival.esp_bytes;
  request.authentic = false;
  return true;
}

// A peer behind NAT whose address or port changed (RFC 7296 section 2.23): only an authentic
// packet that is newer than all before says so.
void NoteSource(SaTable& sas, const Arrival& arrival, InboundSa& sa) {
  const uint8_t* const source = OuterSource(arrival);
  if (__builtin_expect(sa.endpoints.RemoteIs(source, arrival.outer_ipv4, arrival.remote_port), 1)) return;
  SeenPeer::Value seen{.port = arrival.remote_port, .ipv4 = arrival.outer_ipv4};
  std::memcpy(seen.address.data(), source, arrival.outer_ipv4 ? 4 : 16);
  sa.peer.Store(seen);
  sas.Raise(sa.usage, kSaPeerMoved);
}

// The second look: authentic, and still new, in the order of arrival.
bool Accept(const NodeRun& run, const Arrival& arrival, const EspRequest& request) {
  InboundSa& sa = *arrival.sa;
  if (__builtin_expect(!request.authentic, 0)) {
    Count(sa.losses.integrity);
    return Refused(run, arrival, DropReason::kEspIntegrity);
  }
  const uint64_t highest = sa.window.highest();
  const ReplayVerdict verdict = sa.window.Advance(request.sequence);
  if (__builtin_expect(verdict != ReplayVerdict::kFresh, 0))
    return Refused(run, arrival, ReasonOf(verdict, sa.losses));
  SaTable& sas = run.worker.tables->sas;
  if (__builtin_expect(sa.udp & arrival.udp, 0) && request.sequence > highest) NoteSource(sas, arrival, sa);
  sas.Raise(sa.usage, kSaInboundUsed);
  return true;
}

// What is inside, when it may go on in the tenant's VRF. `ip` is where it begins.
bool LookInside(const NodeRun& run, const Arrival& arrival, uint8_t*& ip, EspPayload& payload) {
  InboundSa& sa = *arrival.sa;
  SaTable& sas = run.worker.tables->sas;
  const EspTransform& transform = sa.transform;
  ip = arrival.esp + kEspHeaderBytes + transform.iv_bytes;
  payload = ParseEspPayload(std::span(ip, arrival.esp_bytes - transform.envelope_bytes()));
  if (__builtin_expect(payload.reason != DropReason::kNone, 0)) {
    Count(payload.reason == DropReason::kEspDummy ? sa.losses.dummy : sa.losses.malformed);
    return Refused(run, arrival, payload.reason);
  }
  if (__builtin_expect(sa.usage.CountPacket(payload.bytes), 0)) sas.Outlived(sa.rules, sa.usage);
  if (__builtin_expect(arrival.tunnel == nullptr || !arrival.tunnel->up(), 0))
    return Refused(run, arrival, DropReason::kInterfaceDown);
  run.worker.counters.Received(arrival.tunnel->id, payload.bytes);
  if (!sa.any_packet &&
      !Matches(sa.rules.selectors, SelectorFieldsOf(ip, payload.bytes, LocalEnd::kDestination))) {
    Count(sa.losses.selector);
    return Refused(run, arrival, DropReason::kEspSelector);
  }
  if (__builtin_expect(arrival.outer_ecn != 0, 0) && !inner_packet::MergeEcn(ip, arrival.outer_ecn))
    return Refused(run, arrival, DropReason::kTunnelEcn);
  if (arrival.tunnel->Is(channel::kTunnelClampMss) && __builtin_expect(MayBeTcpSyn(ip), 0))
    inner_packet::ClampMssBack(*run.worker.tables, *arrival.tunnel, ip, payload.bytes);
  return true;
}

// The bursts of inner packets under way.
struct Inner {
  forward::FrameBurst<forward::Ipv4> ipv4;
  forward::FrameBurst<forward::Ipv6> ipv6;
  uint16_t ipv4_count = 0, ipv6_count = 0;
};

// Appends the packet as if it had been received behind a tagged L2 header, which has room in
// front of it; or, when there is anything odd, or somebody traces, describes it for the
// forward node.
template <class F>
void Route(const NodeRun& run, const Arrival& arrival, uint8_t* ip, uint16_t bytes,
           forward::FrameBurst<F>& burst, uint16_t& count) {
  const WorkerContext& worker = run.worker;
  const Tunnel& tunnel = *arrival.tunnel;
  rte_mbuf& mbuf = *arrival.mbuf;
  const uint64_t word = tunnel.id | uint64_t{tunnel.vrf} << 16 | uint64_t{F::kFamily} << 40;
  const uint32_t odd = F::Oddities(ip, bytes) | tunnel.arrival_flags | static_cast<uint32_t>(worker.tracing) |
                       static_cast<uint32_t>(F::MayBeOurs(*worker.tables, tunnel.vrf, F::Source(ip)));
  if (__builtin_expect(odd != 0, 0)) {
    StoreArrival(MetaOf(mbuf), word | uint64_t{tunnel.arrival_flags} << 32);
    mbuf.data_off = static_cast<uint16_t>(ip - static_cast<const uint8_t*>(mbuf.buf_addr));
    mbuf.data_len = bytes;
    mbuf.pkt_len = bytes;
    return run.Send(F::kFamily == 4 ? kIp4Forward : kIp6Forward, mbuf);
  }
  StoreBe16(ip - 2, F::kEtherType);
  mbuf.data_off = static_cast<uint16_t>(ip - kTaggedL2Bytes - static_cast<const uint8_t*>(mbuf.buf_addr));
  StoreFrameLength(mbuf, uint32_t{bytes} + kTaggedL2Bytes, tunnel.vrf);
  burst.packet[count] = &mbuf;
  burst.ip[count] = ip;
  burst.arrival[count] = word;
  burst.vrf[count] = tunnel.vrf;
  burst.destination[count] = F::Destination(ip);
  burst.Foresee(count, ip, tunnel.vrf);
  ++count;
}

void TakeInner(const NodeRun& run, const Arrival& arrival, const EspRequest& request, Inner& inner) {
  if (!Accept(run, arrival, request)) return;
  uint8_t* ip;
  EspPayload payload;
  if (!LookInside(run, arrival, ip, payload)) return;
  if (payload.ipv4) {
    Route<forward::Ipv4>(run, arrival, ip, payload.bytes, inner.ipv4, inner.ipv4_count);
  } else {
    Route<forward::Ipv6>(run, arrival, ip, payload.bytes, inner.ipv6, inner.ipv6_count);
  }
}

// What outlives the process is written once a burst for each SA, or run of its packets.
void PublishMarks(const Arrival* arrivals, uint16_t count) {
  const InboundSa* before = nullptr;
  for (uint16_t i = count; i-- > 0;) {
    const InboundSa& sa = *arrivals[i].sa;
    if (&sa == before) continue;
    before = &sa;
    sa.mark.value.store(sa.window.highest(), std::memory_order_release);
  }
}

uint16_t Decrypt(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Arrival arrivals[kChunk];
  EspRequest requests[kChunk];
  Inner inner;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kChunk)) {
    const auto chunk = std::min<uint16_t>(kChunk, static_cast<uint16_t>(count - begin));
    const uint16_t taken = TakeOuters(run, packets + begin, chunk, arrivals);
    FindSas(arrivals, taken);
    uint16_t prepared = 0;
    for (uint16_t i = 0; i < taken; ++i)
      if (Prepare(run, arrivals[i], requests[prepared])) arrivals[prepared++] = arrivals[i];
    if (prepared == 0) continue;
    run.worker.esp_crypto->Open(std::span(requests, prepared));
    inner.ipv4_count = inner.ipv6_count = 0;
    for (uint16_t i = 0; i < prepared; ++i) TakeInner(run, arrivals[i], requests[i], inner);
    PublishMarks(arrivals, prepared);
    if (inner.ipv4_count != 0)
      finished = static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv4>(
                                                      run, inner.ipv4, inner.ipv4_count, packets + finished));
    if (inner.ipv6_count != 0)
      finished = static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv6>(
                                                      run, inner.ipv6, inner.ipv6_count, packets + finished));
  }
  if (finished != 0) run.SendFirst(esp_decrypt::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kEspDecryptNode{"esp_decrypt", Counted<Decrypt>, kNext};

}  // namespace sluice::dataplane
