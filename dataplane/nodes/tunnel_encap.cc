// The node around Encapsulate(): packets whose adjacency their metadata names.
#include "dataplane/nodes/tunnel_encap.h"

#include "dataplane/nodes/encapsulation.h"

namespace sluice::dataplane {
namespace {

constexpr const char* kNext[tunnel_encap::kEdgeCount] = {"port_tx", "ip4_forward", "ip6_forward", "drop"};
constexpr encapsulation::Edges kEdges{tunnel_encap::kIp4Forward, tunnel_encap::kIp6Forward,
                                      tunnel_encap::kDrop};

uint16_t Encapsulate(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  const AdjacencyTable::Reader adjacencies = run.worker.tables->adjacencies.reader();
  encapsulation::Departures departures;
  uint16_t finished = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kBurstMax)) {
    const auto end = std::min<uint16_t>(count, static_cast<uint16_t>(begin + kBurstMax));
    for (uint16_t i = begin; i < end; ++i) {
      rte_mbuf& mbuf = *packets[i];
      const PacketMetadata& meta = MetaOf(mbuf);
      departures.Add(run, kEdges, mbuf, DataOf(mbuf), meta.vrf, meta.adjacency,
                     adjacencies.Load(meta.adjacency));
    }
    finished = static_cast<uint16_t>(finished + departures.Encapsulate(run, kEdges, packets + finished));
  }
  if (finished != 0) run.SendFirst(tunnel_encap::kPortTx, finished);
  return count;
}

}  // namespace

const NodeSpec kTunnelEncapNode{"tunnel_encap", Counted<Encapsulate>, kNext};

}  // namespace sluice::dataplane
