// Bursts of frames into their VRFs.
#include "dataplane/nodes/classify.h"

namespace sluice::dataplane {
namespace {

using classify::Decide;
using classify::Station;
using classify::Verdict;

constexpr const char* kNext[classify::kEdgeCount] = {"ip4_forward", "ip6_forward", "punt", "drop"};

constexpr uint16_t kPrefetchDistance = 4;

void PrefetchPacket(rte_mbuf* mbuf) {
  __builtin_prefetch(DataOf(*mbuf));
  __builtin_prefetch(&MetaOf(*mbuf), 1);
}

// A subinterface with an address of its own answers to that one only.
Station StationOf(const WorkerContext& worker, const Subinterface& subinterface, PortId port,
                  const uint8_t* frame) {
  uint64_t own = worker.transmit[port].mac_bits;
  if ((subinterface.flags & kSubinterfaceOwnMac) != 0) {
    const Interface* interface = worker.tables->interfaces.Find(subinterface.interface);
    if (interface != nullptr) own = MacBits(interface->mac.bytes.data());
  }
  if (MacBits(frame) == own) return Station::kUs;
  return IsGroupMac(frame) ? Station::kGroup : Station::kOther;
}

// What classify found out, in the order in which PacketMetadata begins.
void Describe(PacketMetadata& meta, const Subinterface& subinterface, PortId port, uint8_t l2_bytes) {
  meta.vrf = subinterface.vrf;
  meta.interface = subinterface.interface;
  meta.flags = static_cast<uint8_t>(subinterface.flags & (kPacketStrictUrpf | kPacketPolicerIn));
  meta.l2_bytes = l2_bytes;
  meta.reason = DropReason::kNone;
  meta.ingress_port = port;
  meta.trace_id = 0;
}

void PassL2Header(rte_mbuf& mbuf, uint8_t bytes) {
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off + bytes);
  mbuf.data_len = static_cast<uint16_t>(mbuf.data_len - bytes);
  mbuf.pkt_len = mbuf.data_len;
}

// Everything that is not an ordinary IP packet.
void SendOdd(const NodeRun& run, rte_mbuf& mbuf, const Verdict& verdict) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.reason = verdict.reason;
  if (verdict.edge == classify::kPunt) meta.punt_class = PuntClass::kArp;
  run.Send(verdict.edge, mbuf);
}

uint16_t Classify(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  const WorkerContext& worker = run.worker;
  const SubinterfaceMap& subinterfaces = worker.tables->subinterfaces;
  // IPv4 packets are gathered at the front of the node's own stream, which then
  // moves as a whole; IPv6 ones aside.
  void* ipv6[kBurstMax];
  uint16_t ipv4_count = 0, ipv6_count = 0;
  for (uint16_t i = 0; i < count && i < kPrefetchDistance; ++i) PrefetchPacket(packets[i]);

  for (uint16_t i = 0; i < count; ++i) {
    if (i + kPrefetchDistance < count) PrefetchPacket(packets[i + kPrefetchDistance]);
    rte_mbuf& mbuf = *packets[i];
    const uint8_t* frame = DataOf(mbuf);
    EthernetVerdict ethernet = ParseEthernet(frame, mbuf.data_len);
    const PortId port = mbuf.port;
    if (__builtin_expect((mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0, 0))
      ethernet.vlan = mbuf.vlan_tci & 0xfff;
    const Subinterface subinterface = subinterfaces.Find(port, ethernet.vlan);
    const Station station = StationOf(worker, subinterface, port, frame);
    const Verdict verdict = Decide(ethernet.ether_type, station, subinterface);
    Describe(MetaOf(mbuf), subinterface, port, ethernet.bytes);
    if (__builtin_expect(worker.tracing, 0)) worker.observation->Arrived(mbuf);
    if (subinterface.interface != kNoInterface)
      worker.counters.Received(subinterface.interface, mbuf.data_len - ethernet.bytes);
    if (__builtin_expect(verdict.edge == classify::kIp4Forward, 1)) {
      PassL2Header(mbuf, ethernet.bytes);
      packets[ipv4_count++] = &mbuf;
    } else if (verdict.edge == classify::kIp6Forward) {
      PassL2Header(mbuf, ethernet.bytes);
      ipv6[ipv6_count++] = &mbuf;
      if (ipv6_count < kBurstMax) continue;
      rte_node_enqueue(run.graph, run.node, classify::kIp6Forward, ipv6, ipv6_count);
      ipv6_count = 0;
    } else {
      SendOdd(run, mbuf, verdict);
    }
  }
  if (ipv6_count != 0) rte_node_enqueue(run.graph, run.node, classify::kIp6Forward, ipv6, ipv6_count);
  if (ipv4_count != 0) run.SendFirst(classify::kIp4Forward, ipv4_count);
  return count;
}

}  // namespace

const NodeSpec kClassifyNode{"classify", Counted<Classify, Visited::kNotYetDescribed>, kNext};

}  // namespace sluice::dataplane
