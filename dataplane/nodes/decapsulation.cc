// Three short loops over a burst, each asking for the cache lines of the next: outer
// headers, whose the packets are, and what is inside.
#include "dataplane/nodes/decapsulation.h"

#include "dataplane/nodes/tunnel_payload.h"
#include "dataplane/packet/tcp_mss.h"
#include "dataplane/packet/tunnel_header.h"
#include "dataplane/packet/tunnel_models.h"

namespace sluice::dataplane::decapsulation {
namespace {

// Packets looked at together: their state fits the first-level cache.
constexpr uint16_t kChunk = 64;

// The tag of a frame with one; 0 of others.
uint16_t VlanOf(const uint8_t* frame, bool* tagged) {
  const uint32_t tag = LoadBe32(frame + 12);
  *tagged = tag >> 16 == kEtherType8021q;
  return *tagged ? static_cast<uint16_t>(tag & 0xfff) : uint16_t{0};
}

// A packet on its way out of its tunnel.
struct Arrival {
  rte_mbuf* mbuf;
  uint8_t* outer;     // the outer IP header
  uint64_t underlay;  // ArrivalWord, where it came in
  TerminationKey4 key;
  uint32_t hash;
  uint32_t outer_bytes;     // total length of the outer packet
  uint32_t payload_offset;  // of the tunnel's payload, from the outer IP header
  uint32_t ether_type;      // of the payload
  uint64_t oddities;        // so far
  InterfaceId interface;
};

// Encrypted, or on ESP's UDP port.
inline bool MayBeEsp(const uint8_t* ip, uint8_t protocol, uint16_t outer_bytes) {
  if (IsIpv4Fragment(ip)) return false;  // to us, it ends in reassemble
  return protocol == kProtocolEsp ||
         (protocol == kProtocolUdp && outer_bytes >= kIpv4HeaderBytes + kUdpHeaderBytes &&
          LoadBe16(ip + kIpv4HeaderBytes + 2) == kUdpPortEsp);
}

// The outer headers of a frame whose tunnel may be anybody's; kNone: it is not a
// tunnel packet over IPv4, or anything is odd about its L2 or IP header. Of kEsp, `arrival`
// has the first fields.
inline TunnelPayload LookAtOuter(const WorkerContext& worker, rte_mbuf& mbuf, Arrival& arrival) {
  uint8_t* frame = DataOf(mbuf);
  const PortId port = mbuf.port;
  bool tagged;
  const uint16_t vlan = VlanOf(frame, &tagged);
  const Subinterface subinterface = worker.tables->subinterfaces.Find(port, vlan);
  // The only flags: up, and of the underlay.
  constexpr uint64_t kFlags = uint64_t{kSubinterfaceUp | kSubinterfaceUnderlay} << 32;
  if (((subinterface.Word() ^ kFlags) & uint64_t{0xffff} << 32) != 0) return TunnelPayload::kNone;
  const uint8_t l2_bytes = tagged ? kTaggedL2Bytes : kEthernetBytes;
  uint8_t* ip = frame + l2_bytes;
  const uint32_t available = mbuf.data_len - uint32_t{l2_bytes};
  const uint64_t odd = (MacBits(frame) ^ worker.transmit[port].mac_bits) | OdditiesOf(mbuf) |
                       static_cast<uint64_t>(LoadBe16(ip - 2) ^ kEtherTypeIpv4) | Ipv4Oddities(ip, available);
  if (__builtin_expect(odd != 0, 0)) return TunnelPayload::kNone;
  const uint8_t protocol = Ipv4Protocol(ip);
  const uint16_t outer_bytes = Ipv4TotalLength(ip);
  arrival.mbuf = &mbuf;
  arrival.outer = ip;
  arrival.underlay = ArrivalWord(subinterface, forward::Ipv4::kFamily, l2_bytes);
  if (protocol != kProtocolGre) {
    const bool vxlan = protocol == kProtocolUdp && outer_bytes >= kIpv4HeaderBytes + kUdpHeaderBytes &&
                       worker.tables->tunnels.vxlan_ports().Contains(LoadBe16(ip + kIpv4HeaderBytes + 2));
    if (!vxlan) {
      if (!MayBeEsp(ip, protocol, outer_bytes)) return TunnelPayload::kNone;
      worker.counters.Received(subinterface.interface(), available);
      return TunnelPayload::kEsp;
    }
  }
  TunnelHeader header;
  const bool plain =
      PeekTunnelHeader(protocol, ip + kIpv4HeaderBytes, outer_bytes - uint32_t{kIpv4HeaderBytes}, header);
  const TerminationKey4 key =
      TerminationKey4::Of(Ipv4Destination(ip), Ipv4Source(ip), header.selector, header.key);
  arrival.key.words[0] = key.words[0];
  arrival.key.words[1] = key.words[1];
  arrival.hash = TerminationMap4::Hash(key);
  arrival.outer_bytes = outer_bytes;
  arrival.payload_offset = uint32_t{kIpv4HeaderBytes} + header.bytes;
  arrival.ether_type = header.ether_type;
  arrival.oddities = static_cast<uint64_t>(!plain) | static_cast<uint64_t>(IsIpv4Fragment(ip)) |
                     (ip[1] & uint32_t{kEcnMask});
  worker.tables->tunnels.ipv4().Prefetch(arrival.hash);
  worker.counters.Received(subinterface.interface(), available);
  return TunnelPayload::kClear;
}

// The packet inside, when it is an ordinary one; else false, and nothing was done.
inline bool LookInside(const WorkerContext& worker, const Arrival& arrival,
                       forward::FrameBurst<forward::Ipv4>& burst, uint16_t& count) {
  if (__builtin_expect(arrival.interface == kNoInterface, 0)) return false;
  const Tunnel& tunnel = *worker.tables->tunnels.Find(arrival.interface);
  rte_mbuf& mbuf = *arrival.mbuf;
  uint8_t* ip = arrival.outer + arrival.payload_offset;
  uint64_t odd = arrival.oddities | tunnel.arrival_flags | static_cast<uint64_t>(!tunnel.up());
  uint32_t ether_type = arrival.ether_type;
  uint64_t l2_bytes = 0;
  if (tunnel.is_overlay()) {
    odd |= MacBits(ip) ^ MacBits(tunnel.mac.bytes.data());
    ether_type = LoadBe16(ip + 12);
    ip += kEthernetBytes;
    l2_bytes = kEthernetBytes;
  } else {
    odd |= static_cast<uint64_t>(Ipv4Protocol(ip) == kProtocolGre);  // a keepalive?
  }
  const auto available = arrival.outer_bytes - static_cast<uint32_t>(ip - arrival.outer);
  odd |= (ether_type ^ kEtherTypeIpv4) | Ipv4Oddities(ip, available) |
         static_cast<uint64_t>(worker.tables->own_addresses.MayBeIpv4(tunnel.vrf, Ipv4Source(ip))) |
         (uint32_t{tunnel.Is(channel::kTunnelClampMss)} & IsPlainTcpSyn(ip));
  if (__builtin_expect(odd != 0, 0)) return false;
  // No sooner: what is left to the node is as it came. The underlay seldom changes a DSCP,
  // and it seldom matters.
  const bool other_dscp = ((arrival.outer[1] ^ ip[1]) & tunnel.tos_inward) != 0;
  if (__builtin_expect(other_dscp | tunnel.hops_inward(), 0))
    TakeOverIpv4(ip, {arrival.outer[1], Ipv4Ttl(arrival.outer)}, {tunnel.tos_inward, tunnel.hops_inward()});
  // As if received behind a tagged L2 header: there is more than that in front of it.
  StoreBe16(ip - 2, kEtherTypeIpv4);
  mbuf.data_off = static_cast<uint16_t>(ip - kTaggedL2Bytes - static_cast<const uint8_t*>(mbuf.buf_addr));
  StoreFrameLength(mbuf, available + kTaggedL2Bytes, tunnel.vrf);
  worker.counters.Received(tunnel.id, available);
  burst.packet[count] = &mbuf;
  burst.ip[count] = ip;
  burst.arrival[count] =
      tunnel.id | uint64_t{tunnel.vrf} << 16 | uint64_t{forward::Ipv4::kFamily} << 40 | l2_bytes << 48;
  burst.vrf[count] = tunnel.vrf;
  burst.destination[count] = Ipv4Destination(ip);
  burst.Foresee(count, ip, tunnel.vrf);
  ++count;
  return true;
}

void LeaveToNode(const Arrival& arrival, Leaving& leaving) {
  rte_mbuf& mbuf = *arrival.mbuf;
  StoreArrival(MetaOf(mbuf), arrival.underlay);
  forward::PassL2Header(mbuf, static_cast<unsigned>(arrival.outer - DataOf(mbuf)));
  leaving.packet[leaving.count++] = &mbuf;
}

}  // namespace

uint16_t Take(const WorkerContext& worker, rte_mbuf* frames[], uint16_t count,
              forward::FrameBurst<forward::Ipv4>& burst, uint16_t& burst_count, Leaving& careful,
              Leaving& encrypted) {
  const TunnelTable& tunnels = worker.tables->tunnels;
  Arrival arrivals[kChunk];
  uint16_t left = 0;
  for (uint16_t begin = 0; begin < count; begin = static_cast<uint16_t>(begin + kChunk)) {
    const auto end = std::min<uint16_t>(count, static_cast<uint16_t>(begin + kChunk));
    uint16_t taken = 0;
    for (uint16_t i = begin; i < end; ++i) {
      const TunnelPayload payload = LookAtOuter(worker, *frames[i], arrivals[taken]);
      if (__builtin_expect(payload == TunnelPayload::kClear, 1)) {
        ++taken;
      } else if (payload == TunnelPayload::kEsp) {
        LeaveToNode(arrivals[taken], encrypted);
      } else {
        frames[left++] = frames[i];
      }
    }
    for (uint16_t i = 0; i < taken; ++i) {
      Arrival& arrival = arrivals[i];
      arrival.interface = tunnels.ipv4().Find(arrival.key, arrival.hash);
      __builtin_prefetch(tunnels.Find(arrival.interface));
      __builtin_prefetch(&worker.counters.interface_rx[arrival.interface], 1);
    }
    for (uint16_t i = 0; i < taken; ++i)
      if (__builtin_expect(!LookInside(worker, arrivals[i], burst, burst_count), 0))
        LeaveToNode(arrivals[i], careful);
  }
  return left;
}

bool IsOfUnderlay(const WorkerContext& worker, rte_mbuf& frame) {
  bool tagged;
  const uint16_t vlan = VlanOf(DataOf(frame), &tagged);
  return worker.tables->subinterfaces.Find(frame.port, vlan).Is(kSubinterfaceUnderlay);
}

}  // namespace sluice::dataplane::decapsulation
