// What the dataplane knows about a packet beside its bytes: 64 bytes in the
// private area of the mbuf. Written by port_rx/classify or by whoever injects,
// then handed from node to node.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/ids.h"
#include "dataplane/tables/subinterface_map.h"

namespace sluice::dataplane {

// Why a packet goes to the slow path; each class has a budget there.
enum class PuntClass : uint8_t {
  kArp = 1,                // whole frame, data at the Ethernet header
  kNeighborDiscovery = 2,  // from here on: data at the IP header, the frame's L2
                           // header still lies in the headroom before it
  kUnresolved = 3,         // next_hop on egress_interface is not resolved: hold and resolve
  kLocal = 4,              // to one of our addresses, for control
  kPathMtu = 5,            // from the underlay, about a packet of ours that was too large
};

// What the slow path wants done with a packet that it injects.
enum class InjectKind : uint8_t {
  kRawL2 = 1,        // a complete frame: send it on `egress_port`
  kForward = 2,      // an IP packet of ours in `vrf`: route it, without TTL decrement
  kAdjacency = 3,    // an IP packet that was held: send it through `adjacency`, TTL already counted
  kUnreachable = 4,  // an IP packet that was held in vain: tell its sender
  // A complete frame: send it through the overlay `egress_interface` of `vrf` to its
  // host with the provider address `next_hop`.
  kOverlayFrame = 5,
};

// What an SA's owner is to do with a packet that another worker handed over.
enum class EspHandover : uint8_t { kEncrypt = 1, kDecrypt = 2 };

enum PacketFlag : uint8_t {
  // As in SubinterfaceFlag. Any flag takes the packet through the careful path.
  kPacketStrictUrpf = kSubinterfaceStrictUrpf,
  kPacketPolicerIn = kSubinterfacePolicerIn,
  kPacketClampMss = kSubinterfaceClampMss,
  // Of our own making: no sanity checks, no TTL decrement, no inbound policer.
  kPacketFromUs = 1 << 4,
  // Put together of fragments, or freed of the header of an atomic one.
  kPacketReassembled = 1 << 5,
  // In the underlay, around a packet of `tenant`, who pays where it has to wait.
  kPacketOfTenant = 1 << 7,
};
static_assert((kSubinterfaceClampMss & (kPacketFromUs | kPacketReassembled | kPacketOfTenant)) == 0);

struct alignas(64) PacketMetadata {
  // The first eight bytes are written as one word by classify (ArrivalWord).
  InterfaceId interface;  // it came in on; kNoInterface when it is ours
  VrfId vrf;
  uint8_t flags;                 // PacketFlag
  uint8_t family;                // 4 or 6
  uint8_t l2_bytes;              // of the received L2 header, which stays in front of the data
  DropReason reason;             // for the drop node
  uint16_t ip_bytes;             // total length of the IP packet, set by the forward nodes
  InterfaceId egress_interface;  // of punted and injected packets
  AdjacencyId adjacency;
  uint32_t group;
  uint8_t icmp_type;  // the error that icmp_error is to send
  uint8_t icmp_code;
  PuntClass punt_class;
  InjectKind inject_kind;
  PortId ingress_port;  // of punted and traced packets
  PortId egress_port;
  uint16_t mtu;          // to fragment to; or the figure that an ICMP error reports
  VrfId tenant;          // with kPacketOfTenant
  uint8_t next_hop[16];  // network byte order, IPv4 in the first four
  uint32_t trace_id;     // 0 = not traced; says nothing unless the worker is tracing
  EspHandover handover;  // of packets between workers: for whom it is at the owner's
  uint8_t owner_slot;    // likewise: whose they are
  uint8_t reserved2[6];
};
static_assert(sizeof(PacketMetadata) == 64);

// What classify knows, as the first word of the metadata: interface, VRF and
// flags lie there as they do in the subinterface's own word.
inline uint64_t ArrivalWord(const Subinterface& subinterface, uint8_t family, uint8_t l2_bytes) {
  constexpr uint64_t kKept = 0xffffffff | uint64_t{kPacketStrictUrpf | kPacketPolicerIn | kPacketClampMss}
                                              << 32;
  return (subinterface.Word() & kKept) | uint64_t{family} << 40 | uint64_t{l2_bytes} << 48;
}
static_assert(offsetof(PacketMetadata, vrf) == 2 && offsetof(PacketMetadata, flags) == 4 &&
              offsetof(PacketMetadata, family) == 5 && offsetof(PacketMetadata, l2_bytes) == 6 &&
              offsetof(PacketMetadata, reason) == 7);

inline void StoreArrival(PacketMetadata& meta, uint64_t word) {
  std::memcpy(static_cast<void*>(&meta), &word, sizeof word);
}

// A packet of ours in the underlay, of the family, that carries one of `tenant`.
inline void DescribeForTenant(PacketMetadata& meta, VrfId tenant, uint8_t family) {
  StoreArrival(meta, uint64_t{kPacketFromUs | kPacketOfTenant} << 32 | uint64_t{family} << 40);
  meta.tenant = tenant;
}
// It leaves for the slow path: from there on everything is counted for its tenant.
inline void ChargeTenant(PacketMetadata& meta) {
  if ((meta.flags & kPacketOfTenant) != 0) meta.vrf = meta.tenant;
}

// Not zero: the port took the tag off, or the frame lies in several buffers.
inline uint64_t OdditiesOf(const rte_mbuf& mbuf) {
  return (mbuf.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) | uint64_t{mbuf.nb_segs ^ 1u};
}

// What port_tx counts once the port has taken the frame. It travels in fields of the
// mbuf that mean something only on reception, so that a packet that leaves at once
// needs no metadata: that would be a cache line more for each.
struct Departure {
  uint16_t ip_bytes;      // total length of the IP packet
  InterfaceId interface;  // kNoInterface: the frame has none and is not counted
  AdjacencyId adjacency;
};
static_assert(sizeof(Departure) == 8 && sizeof(rte_mbuf::hash) == 8);

inline void StoreDeparture(rte_mbuf& mbuf, const Departure& departure) {
  std::memcpy(static_cast<void*>(&mbuf.hash), &departure, sizeof departure);
}
inline Departure LoadDeparture(const rte_mbuf& mbuf) {
  Departure departure;
  std::memcpy(&departure, &mbuf.hash, sizeof departure);
  return departure;
}

// The lengths of a frame in one segment, and whose it is if the port does not take
// it: that lies where a VLAN tag for the hardware would, which says nothing without
// an offload flag. One store for three fields.
inline uint64_t FrameLengthWord(uint32_t bytes, VrfId vrf) {
  static_assert(offsetof(rte_mbuf, data_len) == offsetof(rte_mbuf, pkt_len) + 4 &&
                offsetof(rte_mbuf, vlan_tci) == offsetof(rte_mbuf, pkt_len) + 6);
  return bytes | uint64_t{bytes} << 32 | uint64_t{vrf} << 48;
}
inline void StoreFrameLength(rte_mbuf& mbuf, uint64_t word) {
  std::memcpy(reinterpret_cast<uint8_t*>(&mbuf) + offsetof(rte_mbuf, pkt_len), &word, sizeof word);
}
inline void StoreFrameLength(rte_mbuf& mbuf, uint32_t bytes, VrfId vrf) {
  StoreFrameLength(mbuf, FrameLengthWord(bytes, vrf));
}
// Of a frame whose Departure names an interface.
inline VrfId VrfOfFrame(const rte_mbuf& mbuf) {
  return mbuf.vlan_tci;
}

// Every packet in the graph has a private area of this size (see eal/packet_pool).
inline PacketMetadata& MetaOf(rte_mbuf& mbuf) {
  return *static_cast<PacketMetadata*>(rte_mbuf_to_priv(&mbuf));
}

inline uint8_t* DataOf(rte_mbuf& mbuf) {
  return rte_pktmbuf_mtod(&mbuf, uint8_t*);
}

}  // namespace sluice::dataplane
