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
  if (subinterface.Is(kSubinterfaceOwnMac)) {
    const Interface* interface = worker.tables->interfaces.Find(subinterface.interface());
    if (interface != nullptr) own = MacBits(interface->mac.bytes.data());
  }
  if (MacBits(frame) == own) return Station::kUs;
  return IsGroupMac(frame) ? Station::kGroup : Station::kOther;
}

void PassL2Header(rte_mbuf& mbuf, uint8_t bytes) {
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off + bytes);
  mbuf.data_len = static_cast<uint16_t>(mbuf.data_len - bytes);
  mbuf.pkt_len = mbuf.data_len;
}

// Any frame. Untagged, tagged by the port, to a group, not IP, not for us.
Verdict Examine(const WorkerContext& worker, rte_mbuf& mbuf) {
  const uint8_t* frame = DataOf(mbuf);
  EthernetVerdict ethernet = ParseEthernet(frame, mbuf.data_len);
  if ((mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) ethernet.vlan = mbuf.vlan_tci & 0xfff;
  const PortId port = mbuf.port;
  const Subinterface subinterface = worker.tables->subinterfaces.Find(port, ethernet.vlan);
  const Verdict verdict =
      Decide(ethernet.ether_type, StationOf(worker, subinterface, port, frame), subinterface);
  PacketMetadata& meta = MetaOf(mbuf);
  StoreArrival(meta, ArrivalWord(subinterface, verdict.edge == classify::kIp6Forward ? 6 : 4, ethernet.bytes),
               port);
  meta.reason = verdict.reason;
  meta.punt_class = PuntClass::kArp;
  if (subinterface.interface() != kNoInterface)
    worker.counters.Received(subinterface.interface(), mbuf.data_len - ethernet.bytes);
  if (__builtin_expect(worker.tracing, 0)) worker.observation->Arrived(mbuf);
  if (verdict.edge == classify::kIp4Forward || verdict.edge == classify::kIp6Forward)
    PassL2Header(mbuf, ethernet.bytes);
  else
    meta.l2_bytes = 0;  // the data still begins there
  return verdict;
}

// The ordinary frame: 802.1Q, IP, to us. False when it needs Examine().
inline bool TakeOrdinary(const WorkerContext& worker, rte_mbuf& mbuf, bool* ipv6) {
  constexpr uint8_t kL2Bytes = kEthernetBytes + kVlanTagBytes;
  const PortId port = mbuf.port;
  const classify::TaggedIp peek =
      classify::PeekTagged(DataOf(mbuf), mbuf.data_len, worker.transmit[port].mac_bits);
  const Subinterface subinterface = worker.tables->subinterfaces.Find(port, peek.vlan);
  constexpr uint64_t kWanted = uint64_t{kSubinterfaceUp} << 32;
  constexpr uint64_t kLookedAt = uint64_t{kSubinterfaceUp | kSubinterfaceOwnMac} << 32;
  const bool ordinary = peek.ordinary & ((subinterface.Word() & kLookedAt) == kWanted) &
                        ((mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0) & !worker.tracing;
  if (__builtin_expect(!ordinary, 0)) return false;
  StoreArrival(MetaOf(mbuf), ArrivalWord(subinterface, peek.ipv6 ? 6 : 4, kL2Bytes), port);
  worker.counters.Received(subinterface.interface(), mbuf.data_len - kL2Bytes);
  PassL2Header(mbuf, kL2Bytes);
  *ipv6 = peek.ipv6;
  return true;
}

uint16_t Classify(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  const WorkerContext& worker = run.worker;
  // IPv4 packets are gathered at the front of the node's own stream, which then
  // moves as a whole; IPv6 ones aside.
  void* ipv6_packets[kBurstMax];
  uint16_t ipv4_count = 0, ipv6_count = 0;
  for (uint16_t i = 0; i < count && i < kPrefetchDistance; ++i) PrefetchPacket(packets[i]);

  for (uint16_t i = 0; i < count; ++i) {
    if (i + kPrefetchDistance < count) PrefetchPacket(packets[i + kPrefetchDistance]);
    rte_mbuf& mbuf = *packets[i];
    bool ipv6 = false;
    if (__builtin_expect(!TakeOrdinary(worker, mbuf, &ipv6), 0)) {
      const Verdict verdict = Examine(worker, mbuf);
      if (verdict.edge != classify::kIp4Forward && verdict.edge != classify::kIp6Forward) {
        run.Send(verdict.edge, mbuf);
        continue;
      }
      ipv6 = verdict.edge == classify::kIp6Forward;
    }
    if (!ipv6) {
      packets[ipv4_count++] = &mbuf;
      continue;
    }
    ipv6_packets[ipv6_count++] = &mbuf;
    if (ipv6_count < kBurstMax) continue;
    rte_node_enqueue(run.graph, run.node, classify::kIp6Forward, ipv6_packets, ipv6_count);
    ipv6_count = 0;
  }
  if (ipv6_count != 0) rte_node_enqueue(run.graph, run.node, classify::kIp6Forward, ipv6_packets, ipv6_count);
  if (ipv4_count != 0) run.SendFirst(classify::kIp4Forward, ipv4_count);
  return count;
}

}  // namespace

const NodeSpec kClassifyNode{"classify", Counted<Classify, Visited::kNotYetDescribed>, kNext};

}  // namespace sluice::dataplane
