// Bursts of frames into their VRFs, and ordinary packets on to their next hop:
// handing a packet to another node costs about 30 instructions of 200, because
// everything just found out must be stored and loaded again
// (docs/decisions/0003-graph-shape.md).
#include "dataplane/nodes/classify.h"

#include "dataplane/nodes/decapsulation.h"
#include "dataplane/nodes/forward_burst.h"
#include "dataplane/nodes/recognition.h"
#include "dataplane/nodes/tunnel_payload.h"

namespace sluice::dataplane {
namespace {

using classify::Decide;
using classify::Edge;
using classify::Station;
using classify::Verdict;
using forward::kFramesTogether;

constexpr const char* kNext[classify::kEdgeCount] = {
    "port_tx",      "local",       "icmp_error",  "fragment",    "punt",         "drop",
    "tunnel_encap", "esp_encrypt", "ip4_forward", "ip6_forward", "tunnel_decap", "esp_decrypt"};
constexpr uint16_t kPrefetchDistance = 4;

// The frame where drivers put it, without waiting for the mbuf to say so.
void PrefetchPacket(rte_mbuf* mbuf) {
  __builtin_prefetch(reinterpret_cast<uint8_t*>(&MetaOf(*mbuf) + 1) + RTE_PKTMBUF_HEADROOM, 1);
}

// A subinterface with an address of its own answers to that one only.
Station StationOf(const WorkerContext& worker, const Subinterface& subinterface, PortId port,
                  const uint8_t* frame) {
  uint64_t own = worker.transmit[port].mac_bits;
  if (subinterface.Is(kSubinterfaceOwnMac)) {
    const Interface* interface = worker.tables->interfaces.Find(subinterface.interface());
    if (interface != nullptr) own = MacBits(interface->mac.bytes.data());
  }
  if (MacBits(frame) == own) return Station::kUs;
  return IsGroupMac(frame) ? Station::kGroup : Station::kOther;
}

// False for what is too short to say, too: that ends in ip6_forward.
bool IsUnicastIpv6(const uint8_t* ip, uint32_t bytes) {
  return bytes >= kIpv6HeaderBytes && Ipv6Destination(ip)[0] != 0xff;
}

// Any frame. Untagged, tagged by the port, to a group, not IP, not for us.
Verdict Examine(const WorkerContext& worker, rte_mbuf& mbuf) {
  const uint8_t* frame = DataOf(mbuf);
  EthernetVerdict ethernet = ParseEthernet(frame, mbuf.data_len);
  if ((mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) ethernet.vlan = mbuf.vlan_tci & 0xfff;
  const PortId port = mbuf.port;
  const Subinterface subinterface = worker.tables->subinterfaces.Find(port, ethernet.vlan);
  const bool ipv6_multicast = !IsUnicastIpv6(frame + ethernet.bytes, mbuf.data_len - ethernet.bytes);
  Verdict verdict =
      Decide(ethernet.ether_type, StationOf(worker, subinterface, port, frame), subinterface, ipv6_multicast);
  // No port is asked for it (RTE_ETH_RX_OFFLOAD_SCATTER); the nodes see one buffer only.
  if (__builtin_expect(mbuf.nb_segs != 1, 0)) verdict = {classify::kDrop, DropReason::kChained};
  PacketMetadata& meta = MetaOf(mbuf);
  StoreArrival(meta,
               ArrivalWord(subinterface, verdict.edge == classify::kIp6Forward ? 6 : 4, ethernet.bytes));
  meta.ingress_port = port;
  meta.trace_id = 0;
  meta.reason = verdict.reason;
  meta.punt_class = PuntClass::kArp;
  if (__builtin_expect(worker.tracing, 0)) worker.observation->Arrived(mbuf);
  if (verdict.edge == classify::kIp4Forward || verdict.edge == classify::kIp6Forward) {
    // Received is what is IP and meant for us. A station counts no frames that its MAC
    // filters out (RFC 2863 section 6, ifInUcastPkts), and what is not IP would make
    // the connection's two directions differ, because ARP that we send is not counted.
    worker.counters.Received(subinterface.interface(), mbuf.data_len - ethernet.bytes);
    forward::PassL2Header(mbuf, ethernet.bytes);
  } else {
    meta.l2_bytes = 0;  // the data still begins there
  }
  return verdict;
}

// The burst under way, by family, until it is routed.
struct Bursts {
  forward::FrameBurst<forward::Ipv4> ipv4;
  forward::FrameBurst<forward::Ipv6> ipv6;
  uint16_t ipv4_count = 0, ipv6_count = 0;
};

// Takes an ordinary packet in; false when there is anything odd about it, and
// then nothing was done.
template <class F>
inline bool TakeOrdinary(const WorkerContext& worker, rte_mbuf& mbuf, const Subinterface& subinterface,
                         uint64_t oddities, forward::FrameBurst<F>& burst, uint16_t& count) {
  uint8_t* ip = DataOf(mbuf) + kTaggedL2Bytes;
  const uint32_t available = mbuf.data_len - uint32_t{kTaggedL2Bytes};
  const auto destination = F::Destination(ip);
  oddities |= F::Oddities(ip, available);
  if (__builtin_expect(oddities != 0, 0)) return false;
  if (forward::IsOurs<F>(*worker.tables, subinterface.vrf(), F::Source(ip))) return false;
  worker.counters.Received(subinterface.interface(), available);
  burst.packet[count] = &mbuf;
  burst.ip[count] = ip;
  burst.arrival[count] = ArrivalWord(subinterface, F::kFamily, kTaggedL2Bytes);
  burst.vrf[count] = subinterface.vrf();
  burst.destination[count] = destination;
  burst.Foresee(count, ip, subinterface.vrf());
  ++count;
  return true;
}

inline bool TakeOrdinary(const WorkerContext& worker, rte_mbuf& mbuf, Bursts& bursts) {
  const PortId port = mbuf.port;
  const classify::Tag tag = classify::PeekTag(DataOf(mbuf), worker.transmit[port].mac_bits);
  const Subinterface subinterface = worker.tables->subinterfaces.Find(port, tag.vlan);
  const uint64_t oddities = tag.oddities | classify::Oddities(subinterface) | OdditiesOf(mbuf);
  if (__builtin_expect(tag.ether_type == kEtherTypeIpv4, 1))
    return TakeOrdinary<forward::Ipv4>(worker, mbuf, subinterface, oddities, bursts.ipv4, bursts.ipv4_count);
  if (tag.ether_type != kEtherTypeIpv6) return false;
  return TakeOrdinary<forward::Ipv6>(worker, mbuf, subinterface, oddities, bursts.ipv6, bursts.ipv6_count);
}

// One by one, what no vector took: all, on processors without AVX-512.
void TakeOrSend(const NodeRun& run, rte_mbuf* const packets[], uint16_t count, Bursts& bursts) {
  const WorkerContext& worker = run.worker;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf& mbuf = *packets[i];
    // While somebody traces, every packet shows itself in every node.
    if (__builtin_expect(!worker.tracing && TakeOrdinary(worker, mbuf, bursts), 1)) continue;
    Edge edge = Examine(worker, mbuf).edge;
    if (MetaOf(mbuf).vrf == 0 && (edge == classify::kIp4Forward || edge == classify::kIp6Forward)) {
      const TunnelPayload payload = TunnelPayloadOf(*worker.tables, mbuf, edge == classify::kIp4Forward);
      if (payload == TunnelPayload::kClear) edge = classify::kTunnelDecap;
      if (payload == TunnelPayload::kEsp) edge = classify::kEspDecrypt;
    }
    run.Send(edge, mbuf);
  }
}

// Ordinary packets of tenants, without vector instructions. The others go to
// `others`; returns how many.
uint16_t TakeOrdinaryOnes(const WorkerContext& worker, rte_mbuf* const packets[], uint16_t count,
                          Bursts& bursts, rte_mbuf* others[]) {
  uint16_t left = 0;
  for (uint16_t i = 0; i < count && i < kPrefetchDistance; ++i) PrefetchPacket(packets[i]);
  for (uint16_t i = 0; i < count; ++i) {
    if (i + kPrefetchDistance < count) PrefetchPacket(packets[i + kPrefetchDistance]);
    if (!TakeOrdinary(worker, *packets[i], bursts)) others[left++] = packets[i];
  }
  return left;
}

// A burst of the underlay, by its first and last frame: no tenant's, mostly.
bool IsOfUnderlay(const WorkerContext& worker, rte_mbuf* const packets[], uint16_t count) {
  return decapsulation::IsOfUnderlay(worker, *packets[0]) &&
         decapsulation::IsOfUnderlay(worker, *packets[count - 1]);
}

// At most kFramesTogether packets, and at least one.
void Take(const NodeRun& run, rte_mbuf* const packets[], uint16_t count, Bursts& bursts) {
  static const bool vector = classify::HasVectorRecognition();
  const WorkerContext& worker = run.worker;
  if (__builtin_expect(worker.tracing, 0)) return TakeOrSend(run, packets, count, bursts);
  rte_mbuf* others[kFramesTogether];
  uint16_t left = count;
  if (IsOfUnderlay(worker, packets, count)) {
    for (uint16_t i = 0; i < count; ++i) {
      PrefetchPacket(packets[i]);
      others[i] = packets[i];
    }
  } else {
    if (vector && worker.ipv4_prevails && !worker.one_by_one) {
      bursts.ipv4_count = classify::RecogniseIpv4(worker, packets, count, bursts.ipv4, others, left);
    } else {
      left = TakeOrdinaryOnes(worker, packets, count, bursts, others);
    }
    run.worker.ipv4_prevails = 4 * bursts.ipv4_count >= count;
  }
  if (left == 0) return;
  decapsulation::Leaving careful, encrypted;
  left = decapsulation::Take(worker, others, left, bursts.ipv4, bursts.ipv4_count, careful, encrypted);
  if (careful.count != 0) run.Send(classify::kTunnelDecap, careful.packet, careful.count);
  if (encrypted.count != 0) run.Send(classify::kEspDecrypt, encrypted.packet, encrypted.count);
  if (__builtin_expect(left != 0, 0)) TakeOrSend(run, others, left, bursts);
}

// Finished frames are gathered at the front of the node's own stream, which then
// moves as a whole: they are never more than the packets read from it so far.
uint16_t Classify(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Bursts bursts;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kFramesTogether)) {
    Take(run, packets + begin, std::min<uint16_t>(kFramesTogether, static_cast<uint16_t>(count - begin)),
         bursts);
    if (bursts.ipv4_count != 0)
      finished =
          static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv4>(
                                               run, bursts.ipv4, bursts.ipv4_count, packets + finished));
    if (bursts.ipv6_count != 0)
      finished =
          static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv6>(
                                               run, bursts.ipv6, bursts.ipv6_count, packets + finished));
    bursts.ipv4_count = bursts.ipv6_count = 0;
  }
  if (finished != 0) run.SendFirst(classify::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kClassifyNode{"classify", Counted<Classify, Visited::kNotYetDescribed>, kNext};

}  // namespace sluice::dataplane
