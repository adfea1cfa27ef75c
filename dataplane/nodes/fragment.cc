// Cuts IPv4 packets to the MTU of their adjacency, be it a neighbour or a tunnel.
#include "dataplane/nodes/fragment.h"

#include "dataplane/nodes/forward.h"
#include "dataplane/packet/fragmentation.h"

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kPortTx, kPunt, kDrop, kTunnelEncap, kEdgeCount };
constexpr const char* kNext[kEdgeCount] = {"port_tx", "punt", "drop", "tunnel_encap"};

// 9000 bytes over an MTU of 576 make 17.
constexpr uint32_t kFragmentsMax = 64;

void SendFragment(const NodeRun& run, rte_mbuf& mbuf, const AdjacencySnapshot& adjacency, uint16_t bytes) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.ip_bytes = bytes;
  if (adjacency.sendable()) {
    StoreDeparture(mbuf, {bytes, adjacency.interface(), meta.adjacency});
    forward::Rewrite(mbuf, adjacency, kEtherTypeIpv4, bytes);
    return run.Send(kPortTx, mbuf);
  }
  if (adjacency.kind() == AdjacencyKind::kTunnel) return run.Send(kTunnelEncap, mbuf);
  // Nobody answers there yet: the slow path holds fragments as it holds packets.
  meta.punt_class = PuntClass::kUnresolved;
  meta.egress_interface = adjacency.interface();
  const bool glean = adjacency.kind() == AdjacencyKind::kGlean;
  std::memset(meta.next_hop, 0, sizeof meta.next_hop);
  if (glean) {
    std::memcpy(meta.next_hop, DataOf(mbuf) + 16, 4);
  } else {
    std::memcpy(meta.next_hop, adjacency.NextHop(), 4);
  }
  run.Send(kPunt, mbuf);
}

void Fragment(const NodeRun& run, rte_mbuf& mbuf) {
  const PacketMetadata& meta = MetaOf(mbuf);
  const AdjacencySnapshot adjacency = run.worker.tables->adjacencies.Load(meta.adjacency);
  const bool tunnel = adjacency.kind() == AdjacencyKind::kTunnel && adjacency.live();
  const bool usable =
      tunnel || adjacency.kind() == AdjacencyKind::kGlean || adjacency.sendable() || adjacency.resolvable();
  if (adjacency.none() || !usable) return run.Drop(kDrop, mbuf, DropReason::kNextHopDown);

  Ipv4Fragmenter fragmenter(DataOf(mbuf), meta.mtu);
  const uint32_t count = fragmenter.remaining();
  rte_mbuf* fragments[kFragmentsMax];
  if (count == 0 || count > kFragmentsMax || rte_pktmbuf_alloc_bulk(mbuf.pool, fragments, count) != 0)
    return run.Drop(kDrop, mbuf, DropReason::kFragmentationFailed);
  for (uint32_t i = 0; i < count; ++i) {
    rte_mbuf& fragment = *fragments[i];
    MetaOf(fragment) = meta;
    MetaOf(fragment).l2_bytes = 0;
    const uint16_t bytes = fragmenter.Write(DataOf(fragment));
    fragment.data_len = bytes;
    fragment.pkt_len = bytes;
    SendFragment(run, fragment, adjacency, bytes);
  }
  rte_pktmbuf_free(&mbuf);
}

uint16_t FragmentAll(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) Fragment(run, *packets[i]);
  return count;
}

}  // namespace

const NodeSpec kFragmentNode{"fragment", Counted<FragmentAll>, kNext};

}  // namespace sluice::dataplane
