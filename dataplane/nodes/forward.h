// What ip4_forward and ip6_forward have in common: the edges, the last steps of
// a packet that is sent, and the decision about one that is not ordinary.
#pragma once

#include <cstring>

#include "dataplane/graph/node_spec.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/metadata.h"
#include "dataplane/tables/adjacency_table.h"

namespace sluice::dataplane {
namespace forward {

enum Edge : uint16_t {
  kPortTx,
  kLocal,
  kIcmpError,
  kFragment,
  kPunt,
  kDrop,
  kTunnelEncap,
  kEspEncrypt,
  kEdgeCount
};
// Nodes that also route ordinary packets themselves have two edges more.
inline constexpr uint16_t kIp4Forward = kEdgeCount, kIp6Forward = kEdgeCount + 1;
inline constexpr const char* kNext[kEdgeCount] = {"port_tx", "local", "icmp_error",   "fragment",
                                                  "punt",    "drop",  "tunnel_encap", "esp_encrypt"};

// What an adjacency means for a packet.
enum class Fate : uint8_t {
  kSend,
  kTunnel,
  kGlean,  // look the destination itself up among the interface's neighbours
  kLocal,
  kUnresolved,  // the slow path holds it and resolves the next hop
  kHopsExceeded,
  kTooBig,
  kFragment,
  kNoRoute,
  kBlackhole,
  kNextHopDown,
};

// The facts of a packet that matter here.
struct Passenger {
  uint16_t ip_bytes;
  uint8_t hops;            // TTL or hop limit as received
  bool from_us;            // no hop is counted
  bool may_be_fragmented;  // IPv4 with DF clear
};

// In the order in which a router finds out: is there a route, is it for us, is
// there a hop left, does it fit, is there somebody to send it to.
inline Fate Decide(const AdjacencySnapshot& adjacency, const Passenger& packet) {
  if (adjacency.none()) return Fate::kNoRoute;
  if (adjacency.kind() == AdjacencyKind::kLocal) return Fate::kLocal;
  if (adjacency.kind() == AdjacencyKind::kDrop) return Fate::kBlackhole;
  if (!packet.from_us && packet.hops <= 1) return Fate::kHopsExceeded;
  if (adjacency.kind() == AdjacencyKind::kGlean) return adjacency.live() ? Fate::kGlean : Fate::kNextHopDown;
  if (!adjacency.live() && !adjacency.resolvable()) return Fate::kNextHopDown;
  if (packet.ip_bytes > adjacency.mtu()) return packet.may_be_fragmented ? Fate::kFragment : Fate::kTooBig;
  if (!adjacency.live()) return Fate::kUnresolved;
  return adjacency.kind() == AdjacencyKind::kTunnel ? Fate::kTunnel : Fate::kSend;
}

// The L2 header of a live adjacency in front of `ip`, but for the ether type. Word
// by word, as it was loaded: one store of 16 bytes would wait for both. Returns
// the length of the header.
inline uint8_t WriteL2Header(uint8_t* ip, const AdjacencySnapshot& adjacency) {
  if (__builtin_expect(adjacency.tagged(), 1)) {
    std::memcpy(ip - 18, adjacency.Rewrite(), 8);
    std::memcpy(ip - 10, adjacency.Rewrite() + 1, 8);
    return kTaggedL2Bytes;
  }
  std::memcpy(ip - 14, adjacency.Rewrite(), 8);
  std::memcpy(ip - 6, adjacency.Rewrite() + 1, 4);
  return kEthernetBytes;
}

// Makes a frame of the IP packet at `ip`, wherever the mbuf's data is: puts the L2
// header of a live adjacency in front of it, and trims what follows it.
// `ether_type` in host byte order.
inline void PutFrame(rte_mbuf& mbuf, const AdjacencySnapshot& adjacency, uint16_t ether_type, uint8_t* ip,
                     uint16_t ip_bytes, VrfId vrf) {
  StoreBe16(ip - 2, ether_type);
  const uint8_t l2_bytes = WriteL2Header(ip, adjacency);
  mbuf.data_off = static_cast<uint16_t>(ip - static_cast<const uint8_t*>(mbuf.buf_addr) - l2_bytes);
  StoreFrameLength(mbuf, uint32_t{ip_bytes} + l2_bytes, vrf);
  // From here on the port that it leaves through.
  mbuf.port = adjacency.port();
}

// The same for a packet that has metadata and lies at the mbuf's data.
inline void Rewrite(rte_mbuf& mbuf, const AdjacencySnapshot& adjacency, uint16_t ether_type,
                    uint16_t ip_bytes) {
  PutFrame(mbuf, adjacency, ether_type, DataOf(mbuf), ip_bytes, MetaOf(mbuf).vrf);
}

// The same for a frame as it was received, with a tag: the data is still at its
// L2 header, and the ether type is in place. It has no metadata.
inline void RewriteTagged(rte_mbuf& mbuf, const AdjacencySnapshot& adjacency, uint8_t* ip, uint16_t ip_bytes,
                          VrfId vrf) {
  const uint8_t l2_bytes = WriteL2Header(ip, adjacency);
  if (__builtin_expect(l2_bytes != kTaggedL2Bytes, 0))
    mbuf.data_off = static_cast<uint16_t>(mbuf.data_off + kTaggedL2Bytes - l2_bytes);
  StoreFrameLength(mbuf, uint32_t{ip_bytes} + l2_bytes, vrf);
  mbuf.port = adjacency.port();
}

// What esp_encrypt expects of an inner packet whose hop is counted: the data at its IP
// header, and what port_tx would be told of it; no metadata, unless somebody traces.
inline void DescribeForEsp(rte_mbuf& mbuf, uint8_t* ip, uint16_t ip_bytes, VrfId vrf, InterfaceId tunnel,
                           AdjacencyId adjacency) {
  mbuf.data_off = static_cast<uint16_t>(ip - static_cast<const uint8_t*>(mbuf.buf_addr));
  StoreFrameLength(mbuf, ip_bytes, vrf);
  StoreDeparture(mbuf, {ip_bytes, tunnel, adjacency});
}

// The worker's clock, read only by what needs it.
inline uint64_t Now() {
  return rte_rdtsc();
}

// Hands the packet to icmp_error; `cause` counts the loss.
inline void SendIcmpError(const NodeRun& run, rte_mbuf& mbuf, DropReason cause, uint8_t type, uint8_t code) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.reason = cause;
  meta.icmp_type = type;
  meta.icmp_code = code;
  run.Send(kIcmpError, mbuf);
}

// Inbound policer of the interface that the packet came in on. True: within the rate.
bool WithinInboundRate(const WorkerContext& worker, const PacketMetadata& meta, uint16_t ip_bytes);

// Outbound policer of an adjacency's connection. True: within the rate.
inline bool WithinOutboundRate(const WorkerContext& worker, const AdjacencySnapshot& adjacency,
                               uint16_t ip_bytes) {
  const PolicerId policer = adjacency.policer_out();
  if (policer == kNoPolicer) return true;
  const bool conforms = worker.tables->policers.Admit(worker.index, policer, ip_bytes, Now);
  if (!conforms) Count(worker.counters.policer_dropped[policer], ip_bytes);
  return conforms;
}

}  // namespace forward
}  // namespace sluice::dataplane
