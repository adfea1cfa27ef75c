// The loop of ip4_forward and ip6_forward. Ordinary packets are checked, looked
// up and rewritten in three short loops over the burst; what is odd about a
// packet is found by one test and leaves for the careful functions below.
#pragma once

#include <type_traits>

#include "dataplane/nodes/encapsulation.h"
#include "dataplane/nodes/forward.h"
#include "dataplane/nodes/forward_family.h"

namespace sluice::dataplane::forward {

// Strict reverse path (RFC 3704 section 2.2): does a packet to `source` leave
// through `interface`? All members of a group count.
template <class F>
bool ReversePathIs(const Tables& tables, VrfId vrf, const typename F::Address& source, InterfaceId interface);

// Sanity, own-source, reverse path and inbound policer of a packet with
// anything odd about it. True: look it up. Else it has left the node.
template <class F>
bool AdmitOdd(const NodeRun& run, rte_mbuf& mbuf);

// Does with the packet what its adjacency says when that is not simply sending
// an ordinary packet. True: rewritten, to be sent with the others. Else it has
// left the node.
template <class F>
bool SendOdd(const NodeRun& run, rte_mbuf& mbuf, AdjacencyId id);

template <class F, uint16_t kSize = kBurstMax>
struct Burst {
  rte_mbuf* packet[kSize];
  uint8_t* ip[kSize];  // where the header lies
  uint16_t vrf[kSize];
  typename F::Address destination[kSize];
  NextHopGroupId group[kSize];
  AdjacencyId adjacency[kSize];
  bool tunnel[kSize];  // its TunnelWay comes first
};

// How many frames are routed side by side: enough for their cache misses to overlap,
// few enough for their arrays to leave room in L1.
inline constexpr uint16_t kFramesTogether = 32;

// Frames as they were received, with a tag, and what they become where they leave
// with one: whoever recognises them has the header in registers.
template <class F>
struct FrameBurst : Burst<F, kFramesTogether> {
  static constexpr uint32_t kNoHopLeft = 0x10000;

  uint64_t arrival[kFramesTogether];   // ArrivalWord: they have no metadata yet
  uint32_t ip_bytes[kFramesTogether];  // kNoHopLeft, beyond any MTU, where that is so
  uint64_t hop_word[kFramesTogether];  // eight bytes of the header, at F::kHopWordAt, a hop later
  uint64_t lengths[kFramesTogether];   // FrameLengthWord

  // The last three of the frame at `i`, by its header.
  void Foresee(uint16_t i, const uint8_t* header, VrfId of_vrf) {
    const uint16_t bytes = F::IpBytes(header);
    ip_bytes[i] = F::Hops(header) > 1 ? bytes : kNoHopLeft;
    hop_word[i] = F::CountHop(LoadRaw<uint64_t>(header + F::kHopWordAt));
    lengths[i] = FrameLengthWord(uint32_t{bytes} + kTaggedL2Bytes, of_vrf);
  }
};

// Fills `burst` with what may be looked up; returns how many.
template <class F>
uint16_t Admit(const NodeRun& run, rte_mbuf** packets, uint16_t count, Burst<F>& burst) {
  const Tables& tables = *run.worker.tables;
  uint16_t admitted = 0;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf& mbuf = *packets[i];
    uint8_t* ip = DataOf(mbuf);
    const PacketMetadata& meta = MetaOf(mbuf);
    const VrfId vrf = meta.vrf;
    const uint32_t available = mbuf.data_len;
    uint32_t odd = meta.flags | static_cast<uint32_t>(available < F::kHeaderBytes);
    if (__builtin_expect(odd == 0, 1))
      odd = F::Oddities(ip, available) | static_cast<uint32_t>(F::MayBeOurs(tables, vrf, F::Source(ip)));
    if (__builtin_expect(odd != 0, 0) && !AdmitOdd<F>(run, mbuf)) continue;
    burst.packet[admitted] = &mbuf;
    burst.ip[admitted] = ip;
    burst.vrf[admitted] = vrf;
    burst.destination[admitted] = F::Destination(ip);
    ++admitted;
  }
  return admitted;
}

// From groups to adjacencies. The flow is hashed only where a group spreads.
template <class F, unsigned kL2Bytes, uint16_t kSize>
inline void Choose(const Tables& tables, Burst<F, kSize>& burst, uint16_t count) {
  const NextHopGroups::Reader groups = tables.groups.reader();
  const AdjacencyTable::Reader adjacencies = tables.adjacencies.reader();
  for (uint16_t i = 0; i < count; ++i) {
    const GroupWord word = groups.Load(burst.group[i]);
    uint32_t hash = 0;
    if (__builtin_expect(word.spreads(), 0)) hash = F::FlowHash(burst.ip[i]);
    burst.adjacency[i] = groups.Choose(word, hash);
    burst.tunnel[i] = kL2Bytes != 0 && word.tunnel();
    if (burst.tunnel[i]) {
      adjacencies.PrefetchWay(burst.adjacency[i]);
    } else {
      adjacencies.Prefetch(burst.adjacency[i]);
    }
  }
}

// Sends the frame at `i` to where frames have a tag; false when there is more to it,
// and then nothing was done.
template <class F>
inline bool SendFrame(const AdjacencySnapshot& adjacency, const FrameBurst<F>& burst, uint16_t i) {
  const uint32_t ip_bytes = burst.ip_bytes[i];
  if (__builtin_expect(!(adjacency.plain_tagged() & (ip_bytes <= adjacency.mtu())), 0)) return false;
  rte_mbuf& mbuf = *burst.packet[i];
  uint8_t* ip = burst.ip[i];
  std::memcpy(ip - kTaggedL2Bytes, adjacency.Rewrite(), 8);
  std::memcpy(ip - kTaggedL2Bytes + 8, adjacency.Rewrite() + 1, 8);
  std::memcpy(ip + F::kHopWordAt, &burst.hop_word[i], sizeof burst.hop_word[i]);
  StoreDeparture(mbuf, {static_cast<uint16_t>(ip_bytes), adjacency.interface(), burst.adjacency[i]});
  StoreFrameLength(mbuf, burst.lengths[i]);
  mbuf.port = adjacency.port();
  return true;
}

// Sends the ordinary packet at `i`, whose IP header lies kL2Bytes behind its data;
// false when it is not one.
template <class F, unsigned kL2Bytes, uint16_t kSize>
inline bool SendOrdinary(const AdjacencySnapshot& adjacency, const Burst<F, kSize>& burst, uint16_t i) {
  rte_mbuf& mbuf = *burst.packet[i];
  uint8_t* ip = burst.ip[i];
  const uint16_t ip_bytes = F::IpBytes(ip);
  // What classify sends here itself is never our own.
  const bool from_us = kL2Bytes == 0 && (MetaOf(mbuf).flags & kPacketFromUs) != 0;
  const bool ordinary = adjacency.plain() & (ip_bytes <= adjacency.mtu()) & (F::Hops(ip) > 1) & !from_us;
  if (__builtin_expect(!ordinary, 0)) return false;
  F::CountHop(ip);
  StoreDeparture(mbuf, {ip_bytes, adjacency.interface(), burst.adjacency[i]});
  if constexpr (kL2Bytes == kTaggedL2Bytes) {
    RewriteTagged(mbuf, adjacency, ip, ip_bytes, burst.vrf[i]);
  } else {
    MetaOf(mbuf).adjacency = burst.adjacency[i];  // for who traces
    Rewrite(mbuf, adjacency, F::kEtherType, ip_bytes);
  }
  return true;
}

// The same through a tunnel, of one kind or the other: its hop is counted.
template <class F, unsigned kL2Bytes, uint16_t kSize>
inline bool IsForTunnel(const AdjacencySnapshot& adjacency, const Burst<F, kSize>& burst, uint16_t i) {
  uint8_t* ip = burst.ip[i];
  const bool from_us = kL2Bytes == 0 && (MetaOf(*burst.packet[i]).flags & kPacketFromUs) != 0;
  const bool tunnel = adjacency.plain_tunnel() | adjacency.plain_esp();
  const bool ordinary = tunnel & (F::IpBytes(ip) <= adjacency.mtu()) & (F::Hops(ip) > 1) & !from_us;
  if (!ordinary) return false;
  F::CountHop(ip);
  return true;
}

// Those of a burst that are to be encrypted, for esp_encrypt.
struct ToEncrypt {
  rte_mbuf* packets[kBurstMax];
  uint16_t count = 0;

  template <class F, uint16_t kSize>
  void Add(const Burst<F, kSize>& burst, uint16_t i, const AdjacencySnapshot& adjacency) {
    rte_mbuf& mbuf = *burst.packet[i];
    uint8_t* const ip = burst.ip[i];
    DescribeForEsp(mbuf, ip, F::IpBytes(ip), burst.vrf[i], adjacency.interface(), burst.adjacency[i]);
    packets[count++] = &mbuf;
  }
  void Send(const NodeRun& run) const {
    if (count != 0) run.Send(kEspEncrypt, packets, count);
  }
};

// Those of a burst whose way is a tunnel: at once where they have no metadata; else
// tunnel_encap finds the adjacency there.
template <unsigned kL2Bytes>
struct Tunnelled {
  static constexpr encapsulation::Edges kEdges{kIp4Forward, kIp6Forward, kDrop};
  encapsulation::Departures departures;

  template <class F, uint16_t kSize>
  void Add(const NodeRun& run, const Burst<F, kSize>& burst, uint16_t i, const AdjacencySnapshot& adjacency) {
    departures.Add(run, kEdges, *burst.packet[i], burst.ip[i], burst.vrf[i], burst.adjacency[i], adjacency);
  }
  // The same of what has a TunnelWay; false, and nothing was done, when it has none or
  // the packet is not ordinary.
  template <class F, uint16_t kSize>
  bool AddByWay(const NodeRun& run, const AdjacencyTable::Reader& adjacencies, const Burst<F, kSize>& burst,
                uint16_t i) {
    uint8_t* ip = burst.ip[i];
    const AdjacencyId id = burst.adjacency[i];
    const TunnelWay way = adjacencies.LoadWay(id);
    const bool ordinary = way.usable() & (F::IpBytes(ip) <= way.mtu()) & (F::Hops(ip) > 1);
    if (__builtin_expect(!ordinary, 0)) return false;
    F::CountHop(ip);
    departures.Add(run, kEdges, *burst.packet[i], ip, burst.vrf[i], id, way.interface(), way.hop_first(),
                   way.hop_second());
    return true;
  }
  // Returns how many were written to `out`.
  uint16_t Send(const NodeRun& run, rte_mbuf** out) {
    return departures.empty() ? uint16_t{0} : departures.Encapsulate(run, kEdges, out);
  }
};
template <>
struct Tunnelled<0> {
  rte_mbuf* packets[kBurstMax];
  uint16_t count = 0;

  template <class F, uint16_t kSize>
  void Add(const NodeRun&, const Burst<F, kSize>& burst, uint16_t i, const AdjacencySnapshot&) {
    MetaOf(*burst.packet[i]).adjacency = burst.adjacency[i];
    packets[count++] = burst.packet[i];
  }
  template <class F, uint16_t kSize>
  bool AddByWay(const NodeRun&, const AdjacencyTable::Reader&, const Burst<F, kSize>&, uint16_t) {
    return false;
  }
  uint16_t Send(const NodeRun& run, rte_mbuf**) {
    if (count != 0) run.Send(kTunnelEncap, packets, count);
    return 0;
  }
};

inline void PassL2Header(rte_mbuf& mbuf, unsigned bytes) {
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off + bytes);
  mbuf.data_len = static_cast<uint16_t>(mbuf.data_len - bytes);
  mbuf.pkt_len = mbuf.data_len;
}

// Looks a burst up and sends it: what is to go to port_tx is written to `out`,
// the rest left through other edges. Returns how many were written.
template <class F, class AnyBurst>
inline uint16_t RouteBurst(const NodeRun& run, AnyBurst& burst, uint16_t count, rte_mbuf** out) {
  constexpr bool kFrames = std::is_same_v<AnyBurst, FrameBurst<F>>;
  constexpr unsigned kL2Bytes = kFrames ? kTaggedL2Bytes : 0;
  const Tables& tables = *run.worker.tables;
  F::Routes(tables).LookupBurst(burst.vrf, burst.destination, burst.group, count);
  Choose<F, kL2Bytes>(tables, burst, count);
  const AdjacencyTable::Reader adjacencies = tables.adjacencies.reader();
  Tunnelled<kL2Bytes> tunnelled;
  ToEncrypt to_encrypt;
  uint16_t sent = 0;
  for (uint16_t i = 0; i < count; ++i) {
    if (burst.tunnel[i] && tunnelled.AddByWay(run, adjacencies, burst, i)) continue;
    rte_mbuf& mbuf = *burst.packet[i];
    const AdjacencySnapshot adjacency = adjacencies.Load(burst.adjacency[i]);
    if constexpr (kFrames) {
      if (__builtin_expect(SendFrame<F>(adjacency, burst, i), 1)) {
        out[sent++] = &mbuf;
        continue;
      }
    }
    if (__builtin_expect(!SendOrdinary<F, kL2Bytes>(adjacency, burst, i), 0)) {
      if (IsForTunnel<F, kL2Bytes>(adjacency, burst, i)) {
        if (adjacency.esp()) {
          to_encrypt.Add(burst, i, adjacency);
        } else {
          tunnelled.Add(run, burst, i, adjacency);
        }
        continue;
      }
      if constexpr (kFrames) {
        StoreArrival(MetaOf(mbuf), burst.arrival[i]);
        PassL2Header(mbuf, kL2Bytes);
      }
      if (!SendOdd<F>(run, mbuf, burst.adjacency[i])) continue;
    }
    out[sent++] = &mbuf;
  }
  to_encrypt.Send(run);
  return static_cast<uint16_t>(sent + tunnelled.Send(run, out + sent));
}

template <class F>
uint16_t Forward(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  Burst<F> burst;
  uint16_t sent = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kBurstMax)) {
    const uint16_t chunk = std::min<uint16_t>(kBurstMax, static_cast<uint16_t>(count - begin));
    const uint16_t admitted = Admit<F>(run, packets + begin, chunk, burst);
    sent = static_cast<uint16_t>(sent + RouteBurst<F>(run, burst, admitted, packets + sent));
  }
  if (sent != 0) run.SendFirst(kPortTx, sent);
  return count;
}

}  // namespace sluice::dataplane::forward
