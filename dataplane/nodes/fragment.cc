// Cuts IPv4 packets to the MTU of their adjacency, be it a neighbour or a tunnel, and
// those of IPv6 that are our own and may be.
#include "dataplane/nodes/fragment.h"

#include "dataplane/nodes/forward.h"
#include "dataplane/packet/fragmentation.h"

namespace sluice::dataplane {
namespace {

enum Edge : uint16_t { kPortTx, kPunt, kDrop, kTunnelEncap, kEspEncrypt, kEdgeCount };
constexpr const char* kNext[kEdgeCount] = {"port_tx", "punt", "drop", "tunnel_encap", "esp_encrypt"};

// 9000 bytes over an MTU of 576 make 17.
constexpr uint32_t kFragmentsMax = 64;

void SendFragment(const NodeRun& run, rte_mbuf& mbuf, const AdjacencySnapshot& adjacency, uint16_t bytes) {
  PacketMetadata& meta = MetaOf(mbuf);
  meta.ip_bytes = bytes;
  if (adjacency.sendable()) {
    StoreDeparture(mbuf, {bytes, adjacency.interface(), meta.adjacency});
    forward::Rewrite(mbuf, adjacency, meta.family == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6, bytes);
    return run.Send(kPortTx, mbuf);
  }
  if (adjacency.kind() == AdjacencyKind::kTunnel) {
    if (!adjacency.esp()) return run.Send(kTunnelEncap, mbuf);
    forward::DescribeForEsp(mbuf, DataOf(mbuf), bytes, meta.vrf, adjacency.interface(), meta.adjacency);
    return run.Send(kEspEncrypt, mbuf);
  }
  // Nobody answers there yet: the slow path holds fragments as it holds packets.
  meta.punt_class = PuntClass::kUnresolved;
  meta.egress_interface = adjacency.interface();
  const bool glean = adjacency.kind() == AdjacencyKind::kGlean;
  std::memset(meta.next_hop, 0, sizeof meta.next_hop);
  const size_t address_bytes = meta.family == 4 ? 4 : 16;
  const uint8_t* const destination = DataOf(mbuf) + (meta.family == 4 ? 16 : 24);
  std::memcpy(meta.next_hop, glean ? static_cast<const void*>(destination) : adjacency.NextHop(),
              address_bytes);
  ChargeTenant(meta);
  run.Send(kPunt, mbuf);
}

// Sends the pieces; the packet itself ends here.
template <class Fragmenter>
void Cut(const NodeRun& run, rte_mbuf& mbuf, const AdjacencySnapshot& adjacency, Fragmenter fragmenter) {
  const PacketMetadata& meta = MetaOf(mbuf);
  const uint32_t count = fragmenter.remaining();
  // Not of the pool of a held or reassembled packet, which is for those.
  rte_mempool* const pool = run.worker.packets != nullptr ? run.worker.packets : mbuf.pool;
  rte_mbuf* fragments[kFragmentsMax];
  if (count == 0 || count > kFragmentsMax || rte_pktmbuf_alloc_bulk(pool, fragments, count) != 0)
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

// Nobody can tell the next one from it, and no other worker has it.
uint32_t NextIpv6Identification(WorkerContext& worker) {
  worker.next_identification = static_cast<uint16_t>(worker.next_identification + kIdentificationStep);
  return static_cast<uint32_t>(forward::Now()) << 16 | worker.next_identification;
}

void Fragment(const NodeRun& run, rte_mbuf& mbuf) {
  const PacketMetadata& meta = MetaOf(mbuf);
  const AdjacencySnapshot adjacency = run.worker.tables->adjacencies.Load(meta.adjacency);
  const bool tunnel = adjacency.kind() == AdjacencyKind::kTunnel && adjacency.live();
  const bool usable =
      tunnel || adjacency.kind() == AdjacencyKind::kGlean || adjacency.sendable() || adjacency.resolvable();
  if (adjacency.none() || !usable) return run.Drop(kDrop, mbuf, DropReason::kNextHopDown);

  if (meta.family == 4) return Cut(run, mbuf, adjacency, Ipv4Fragmenter(DataOf(mbuf), meta.mtu));
  Cut(run, mbuf, adjacency, Ipv6Fragmenter(DataOf(mbuf), meta.mtu, NextIpv6Identification(run.worker)));
}

uint16_t FragmentAll(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) Fragment(run, *packets[i]);
  return count;
}

}  // namespace

const NodeSpec kFragmentNode{"fragment", Counted<FragmentAll>, kNext};

}  // namespace sluice::dataplane
