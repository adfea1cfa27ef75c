// The last steps of a packet into a tunnel, whatever kind of tunnel: fields of the outer
// header, and the outer packet on to its next hop in the underlay.
#pragma once

#include "dataplane/nodes/encapsulation.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/nodes/forward_family.h"

// Functions over one packet are parts of one loop: as calls they hand each other
// small structures through memory, byte by byte in and as words out, and each time
// the processor waits for its own stores (a third of the loop).
#define SLUICE_PART [[gnu::always_inline]] inline

namespace sluice::dataplane::underlay_departure {

// RFC 2983 for DSCP; the ECN field is copied (RFC 6040 section 4.1, normal mode).
SLUICE_PART uint8_t OuterTrafficClass(const Tunnel& tunnel, uint8_t inner) {
  return static_cast<uint8_t>((inner & tunnel.tos_kept) | tunnel.tos_set);
}

// Folded and inverted (RFC 1071), host byte order.
SLUICE_PART uint16_t Folded(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum += sum >> 16;
  return static_cast<uint16_t>(~sum);
}

// Ours, in the underlay, with the data at its IP header: unresolved, too large,
// without a route, through a policer, or while somebody traces.
inline void DescribeOuter(rte_mbuf& mbuf, VrfId tenant, uint8_t* ip, uint16_t bytes, uint8_t family) {
  DescribeForTenant(MetaOf(mbuf), tenant, family);
  mbuf.data_off = static_cast<uint16_t>(ip - static_cast<const uint8_t*>(mbuf.buf_addr));
  mbuf.data_len = bytes;
  mbuf.pkt_len = bytes;
}

// What becomes of the finished outer packet at `ip`, with one of `tenant` inside, to whose far end the
// underlay's routes lead by `group`. True: a finished frame; else it left through `edges`.
template <class F>
SLUICE_PART bool Send(const NodeRun& run, const encapsulation::Edges& edges, rte_mbuf& mbuf, VrfId tenant,
                      uint8_t* ip, uint16_t bytes, NextHopGroupId group, const NextHopGroups::Reader& groups,
                      const AdjacencyTable::Reader& adjacencies) {
  const GroupWord word = groups.Load(group);
  const AdjacencyId id = groups.Choose(word, __builtin_expect(word.spreads(), 0) ? F::FlowHash(ip) : 0);
  const AdjacencySnapshot adjacency = adjacencies.Load(id);
  const bool ordinary = adjacency.plain() & (bytes <= adjacency.mtu());
  if (__builtin_expect(!ordinary | run.worker.tracing, 0)) DescribeOuter(mbuf, tenant, ip, bytes, F::kFamily);
  if (__builtin_expect(!ordinary, 0)) {
    run.Send(F::kFamily == 4 ? edges.ip4_forward : edges.ip6_forward, mbuf);
    return false;
  }
  StoreDeparture(mbuf, {bytes, adjacency.interface(), id});
  forward::PutFrame(mbuf, adjacency, F::kEtherType, ip, bytes, 0);
  return true;
}

}  // namespace sluice::dataplane::underlay_departure
