// Bursts of frames into their VRFs, and ordinary packets on to their next hop:
// handing a packet to another node costs about 30 instructions of 200, because
// everything just found out must be stored and loaded again
// (docs/decisions/0003-graph-shape.md).
#include "dataplane/nodes/classify.h"

#include "dataplane/nodes/forward_burst.h"
#include "dataplane/nodes/recognition.h"
#include "dataplane/packet/tunnel_header.h"

namespace sluice::dataplane {
namespace {

using classify::Decide;
using classify::Edge;
using classify::Station;
using classify::Verdict;

constexpr const char* kNext[classify::kEdgeCount] = {
    "port_tx", "local",        "icmp_error",  "fragment",    "punt",
    "drop",    "tunnel_encap", "ip4_forward", "ip6_forward", "tunnel_decap"};
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
  const Verdict verdict =
      Decide(ethernet.ether_type, StationOf(worker, subinterface, port, frame), subinterface, ipv6_multicast);
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

// A packet of the underlay, with the data at its IP header, that may be one of a
// tunnel's: tunnel_decap knows.
bool IsTunnelPacket(const Tables& tables, const rte_mbuf& mbuf, bool ipv4) {
  const uint8_t* ip = rte_pktmbuf_mtod(&mbuf, const uint8_t*);
  const uint32_t header = ipv4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  const uint32_t odd = mbuf.data_len < header ? 1
                       : ipv4                 ? Ipv4Oddities(ip, mbuf.data_len)
                                              : Ipv6Oddities(ip, mbuf.data_len);
  if (odd != 0) return false;
  const uint8_t protocol = ipv4 ? Ipv4Protocol(ip) : Ipv6NextHeader(ip);
  if (protocol == kProtocolGre) return true;
  const uint32_t bytes = ipv4 ? Ipv4TotalLength(ip) : Ipv6PayloadLength(ip) + header;
  return protocol == kProtocolUdp && bytes >= header + kUdpHeaderBytes &&
         tables.tunnels.vxlan_ports().Contains(LoadBe16(ip + header + 2));
}

// The burst under way, by family, until it is routed.
struct Bursts {
  forward::Burst<forward::Ipv4> ipv4;
  forward::Burst<forward::Ipv6> ipv6;
  uint16_t ipv4_count = 0, ipv6_count = 0;
};

// Takes an ordinary packet in; false when there is anything odd about it, and
// then nothing was done.
template <class F>
inline bool TakeOrdinary(const WorkerContext& worker, rte_mbuf& mbuf, const Subinterface& subinterface,
                         uint64_t oddities, forward::Burst<F>& burst, uint16_t& count) {
  uint8_t* ip = DataOf(mbuf) + kTaggedL2Bytes;
  const uint32_t available = mbuf.data_len - uint32_t{kTaggedL2Bytes};
  const auto destination = F::Destination(ip);
  oddities |= F::Oddities(ip, available) |
              static_cast<uint64_t>(F::MayBeOurs(*worker.tables, subinterface.vrf(), F::Source(ip)));
  if (__builtin_expect(oddities != 0, 0)) return false;
  worker.counters.Received(subinterface.interface(), available);
  burst.packet[count] = &mbuf;
  burst.ip[count] = ip;
  burst.arrival[count] = ArrivalWord(subinterface, F::kFamily, kTaggedL2Bytes);
  burst.vrf[count] = subinterface.vrf();
  burst.destination[count] = destination;
  ++count;
  return true;
}

inline bool TakeOrdinary(const WorkerContext& worker, rte_mbuf& mbuf, Bursts& bursts) {
  const PortId port = mbuf.port;
  const classify::Tag tag = classify::PeekTag(DataOf(mbuf), worker.transmit[port].mac_bits);
  const Subinterface subinterface = worker.tables->subinterfaces.Find(port, tag.vlan);
  const uint64_t oddities =
      tag.oddities | classify::Oddities(subinterface) | (mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED);
  if (__builtin_expect(tag.ether_type == kEtherTypeIpv4, 1))
    return TakeOrdinary<forward::Ipv4>(worker, mbuf, subinterface, oddities, bursts.ipv4, bursts.ipv4_count);
  if (tag.ether_type != kEtherTypeIpv6) return false;
  return TakeOrdinary<forward::Ipv6>(worker, mbuf, subinterface, oddities, bursts.ipv6, bursts.ipv6_count);
}

// Packets of the underlay on their way to tunnel_decap.
struct TunnelPackets {
  rte_mbuf* packet[kBurstMax];
  uint16_t count = 0;
};

// Takes a packet of the underlay over IPv4 that may be one of a tunnel's, tagged
// or not; false when it is not, or anything is odd about it, and then nothing was
// done.
inline bool TakeTunnelPacket(const WorkerContext& worker, rte_mbuf& mbuf, TunnelPackets& tunnel) {
  const uint8_t* frame = DataOf(mbuf);
  const PortId port = mbuf.port;
  const uint32_t tag = LoadBe32(frame + 12);
  const bool tagged = tag >> 16 == kEtherType8021q;
  const uint8_t l2_bytes = tagged ? kTaggedL2Bytes : kEthernetBytes;
  const Subinterface subinterface =
      worker.tables->subinterfaces.Find(port, tagged ? static_cast<uint16_t>(tag & 0xfff) : uint16_t{0});
  // The only flags: up, and of the underlay.
  constexpr uint64_t kFlags = uint64_t{kSubinterfaceUp | kSubinterfaceUnderlay} << 32;
  uint64_t odd = (subinterface.Word() ^ kFlags) & uint64_t{0xffff} << 32;
  if (odd != 0) return false;
  const uint8_t* ip = frame + l2_bytes;
  const uint32_t available = mbuf.data_len - uint32_t{l2_bytes};
  odd = (MacBits(frame) ^ worker.transmit[port].mac_bits) | (mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) |
        static_cast<uint64_t>(LoadBe16(ip - 2) ^ kEtherTypeIpv4) | Ipv4Oddities(ip, available);
  if (odd != 0) return false;
  if (Ipv4Protocol(ip) != kProtocolGre) {
    const bool vxlan = Ipv4Protocol(ip) == kProtocolUdp &&
                       Ipv4TotalLength(ip) >= kIpv4HeaderBytes + kUdpHeaderBytes &&
                       worker.tables->tunnels.vxlan_ports().Contains(LoadBe16(ip + kIpv4HeaderBytes + 2));
    if (!vxlan) return false;
  }
  StoreArrival(MetaOf(mbuf), ArrivalWord(subinterface, 4, l2_bytes));
  worker.counters.Received(subinterface.interface(), available);
  forward::PassL2Header(mbuf, l2_bytes);
  tunnel.packet[tunnel.count++] = &mbuf;
  return true;
}

// One by one, what no vector took: all, on processors without AVX-512.
void TakeOrSend(const NodeRun& run, rte_mbuf* const packets[], uint16_t count, Bursts& bursts,
                TunnelPackets& tunnel) {
  const WorkerContext& worker = run.worker;
  for (uint16_t i = 0; i < count && i < kPrefetchDistance; ++i) PrefetchPacket(packets[i]);
  for (uint16_t i = 0; i < count; ++i) {
    if (i + kPrefetchDistance < count) PrefetchPacket(packets[i + kPrefetchDistance]);
    rte_mbuf& mbuf = *packets[i];
    // While somebody traces, every packet shows itself in every node.
    if (__builtin_expect(!worker.tracing && TakeOrdinary(worker, mbuf, bursts), 1)) continue;
    if (!worker.tracing && TakeTunnelPacket(worker, mbuf, tunnel)) continue;
    Edge edge = Examine(worker, mbuf).edge;
    if (MetaOf(mbuf).vrf == 0 && (edge == classify::kIp4Forward || edge == classify::kIp6Forward) &&
        IsTunnelPacket(*worker.tables, mbuf, edge == classify::kIp4Forward))
      edge = classify::kTunnelDecap;
    run.Send(edge, mbuf);
  }
}

// Those that a tunnel may have sent leave `packets`; returns how many are left.
uint16_t TakeTunnelPackets(const WorkerContext& worker, rte_mbuf* packets[], uint16_t count,
                           TunnelPackets& tunnel) {
  uint16_t left = 0;
  for (uint16_t i = 0; i < count; ++i)
    if (!TakeTunnelPacket(worker, *packets[i], tunnel)) packets[left++] = packets[i];
  return left;
}

// At most kBurstMax packets.
void Take(const NodeRun& run, rte_mbuf* const packets[], uint16_t count, Bursts& bursts) {
  static const bool vector = classify::HasVectorRecognition();
  TunnelPackets tunnel;
  if (!vector || run.worker.one_by_one || run.worker.tracing) {
    TakeOrSend(run, packets, count, bursts, tunnel);
  } else {
    rte_mbuf* odd[kBurstMax];
    uint16_t odd_count;
    bursts.ipv4_count = classify::RecogniseIpv4(run.worker, packets, count, bursts.ipv4, odd, odd_count);
    if (odd_count != 0) odd_count = TakeTunnelPackets(run.worker, odd, odd_count, tunnel);
    if (__builtin_expect(odd_count != 0, 0)) TakeOrSend(run, odd, odd_count, bursts, tunnel);
  }
  if (tunnel.count != 0) run.Send(classify::kTunnelDecap, tunnel.packet, tunnel.count);
}

// Finished frames are gathered at the front of the node's own stream, which then
// moves as a whole: they are never more than the packets read from it so far.
uint16_t Classify(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Bursts bursts;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kBurstMax)) {
    Take(run, packets + begin, std::min<uint16_t>(kBurstMax, static_cast<uint16_t>(count - begin)), bursts);
    finished = static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv4, kTaggedL2Bytes>(
                                                    run, bursts.ipv4, bursts.ipv4_count, packets + finished));
    if (bursts.ipv6_count != 0)
      finished =
          static_cast<uint16_t>(finished + forward::RouteBurst<forward::Ipv6, kTaggedL2Bytes>(
                                               run, bursts.ipv6, bursts.ipv6_count, packets + finished));
    bursts.ipv4_count = bursts.ipv6_count = 0;
  }
  if (finished != 0) run.SendFirst(classify::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kClassifyNode{"classify", Counted<Classify, Visited::kNotYetDescribed>, kNext};

}  // namespace sluice::dataplane
