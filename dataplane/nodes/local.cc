// What becomes of packets to our own addresses.
#include "dataplane/nodes/local.h"

#include "dataplane/nodes/forward.h"
#include "dataplane/nodes/tunnel_payload.h"
#include "dataplane/packet/header_options.h"
#include "dataplane/packet/ipv6_reception.h"

namespace sluice::dataplane {
namespace local {
namespace {

constexpr uint8_t kLinkOnlyHopLimit = 255;  // RFC 4861 section 7.1: never routed
constexpr uint32_t kTcpHeaderBytes = 20;
constexpr uint16_t kBgpPort = 179, kUdpPortIke = 500;
constexpr uint8_t kPacketTooBig = 2, kNeighborSolicitation = 135, kNeighborAdvertisement = 136;

Verdict Refuse(DropReason reason) {
  return {Service::kDrop, reason};
}

// Of the packet that an error quotes. What is about control's own TCP is control's.
bool QuotesTcp(const uint8_t* icmp, uint32_t bytes, unsigned protocol_at) {
  return bytes > kIcmpHeaderBytes + protocol_at && icmp[kIcmpHeaderBytes + protocol_at] == kProtocolTcp;
}

// Other ICMP errors matter to control only when it has connections of its own.
Verdict DecideIcmpv4(const uint8_t* icmp, uint32_t bytes, Listeners listeners) {
  constexpr unsigned kProtocolAt = 9;
  if (bytes < kIcmpHeaderBytes) return Refuse(DropReason::kLocalMalformed);
  if (icmp[0] == kIcmpEcho) return {Service::kEcho};
  const bool fragmentation_needed = icmp[0] == 3 && icmp[1] == 4;
  if (fragmentation_needed && listeners.tunnels && !QuotesTcp(icmp, bytes, kProtocolAt))
    return {Service::kPathMtu};
  const bool about_us = icmp[0] == 3 || icmp[0] == 11 || icmp[0] == 12;
  return about_us && listeners.bgp ? Verdict{Service::kPunt} : Refuse(DropReason::kIcmpUnwanted);
}

Verdict DecideIcmpv6(const uint8_t* ip, uint32_t offset, uint32_t ip_bytes, Listeners listeners) {
  constexpr unsigned kNextHeaderAt = 6;
  if (ip_bytes < offset + 8u) return Refuse(DropReason::kLocalMalformed);
  const uint8_t type = ip[offset];
  const bool multicast = Ipv6Destination(ip)[0] == 0xff;
  if (type == kNeighborSolicitation || type == kNeighborAdvertisement) {
    if (Ipv6HopLimit(ip) != kLinkOnlyHopLimit || !Icmpv6ChecksumHolds(ip, ip_bytes, offset))
      return Refuse(DropReason::kLocalMalformed);
    return {Service::kNeighborDiscovery};
  }
  if (multicast) return Refuse(DropReason::kMulticast);
  if (type == kIcmpv6Echo) return {Service::kEcho};
  const bool too_big = type == kPacketTooBig;
  if (too_big && listeners.tunnels && !QuotesTcp(ip + offset, ip_bytes - offset, kNextHeaderAt))
    return {Service::kPathMtu};
  return type < 128 && listeners.bgp ? Verdict{Service::kPunt} : Refuse(DropReason::kIcmpUnwanted);
}

// The only TCP that control speaks, whoever of both connected.
// Anything else gets no reset: who scans the gateway's addresses learns nothing.
Verdict DecideTcp(const uint8_t* tcp, uint32_t bytes, bool punt_bgp) {
  if (bytes < kTcpHeaderBytes) return Refuse(DropReason::kLocalMalformed);
  const bool bgp = LoadBe16(tcp) == kBgpPort || LoadBe16(tcp + 2) == kBgpPort;
  return bgp && punt_bgp ? Verdict{Service::kPunt} : Refuse(DropReason::kTcpUnwanted);
}

// On the second port, what is ESP's never comes here (RFC 3948 section 2.2).
bool IsIke(const uint8_t* udp, uint32_t bytes) {
  const uint16_t port = LoadBe16(udp + 2);
  return port == kUdpPortIke ||
         (port == kUdpPortEsp && bytes >= kUdpHeaderBytes + uint32_t{kNonEspMarkerBytes} &&
          LoadBe32(udp + kUdpHeaderBytes) == 0);
}

bool HasNoUdpChecksum(const uint8_t* udp, uint32_t bytes) {
  return bytes < kUdpHeaderBytes || LoadBe16(udp + 6) == 0;
}

}  // namespace

Verdict DecideIpv4(const uint8_t* ip, Listeners listeners) {
  if (IsIpv4Fragment(ip)) return {Service::kReassemble};
  const uint32_t header = Ipv4HeaderLength(ip), bytes = Ipv4TotalLength(ip) - header;
  switch (Ipv4Protocol(ip)) {
    case kProtocolIcmp:
      return DecideIcmpv4(ip + header, bytes, listeners);
    case kProtocolTcp:
      return DecideTcp(ip + header, bytes, listeners.bgp);
    case kProtocolUdp:
      if (bytes < kUdpHeaderBytes) return Refuse(DropReason::kLocalMalformed);
      if (listeners.ike && IsIke(ip + header, bytes)) return {Service::kPunt};
      return {Service::kUnreachable, DropReason::kPortUnreachable, kIcmpPortUnreachable};
  }
  return {Service::kUnreachable, DropReason::kProtocolUnreachable, kIcmpProtocolUnreachable};
}

Verdict DecideIpv6(const uint8_t* ip, Listeners listeners, bool reassembled) {
  const uint32_t ip_bytes = Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  const Ipv6Reception received = ReceiveIpv6(ip, ip_bytes);
  if (received.reason != DropReason::kNone)
    return {received.error.type == 0 ? Service::kDrop : Service::kUnreachable, received.reason,
            received.error, received.offset, received.pointer};
  if (received.fragment_at != 0) {
    // Nothing that we take from a group comes in fragments (RFC 6980 section 5).
    if (Ipv6Destination(ip)[0] == 0xff) return Refuse(DropReason::kMulticast);
    return reassembled ? Refuse(DropReason::kFragmentMalformed) : Verdict{Service::kReassemble};
  }
  const uint32_t bytes = ip_bytes - received.offset;
  Verdict verdict;
  if (received.protocol == kProtocolIcmpv6) {
    verdict = DecideIcmpv6(ip, received.offset, ip_bytes, listeners);
    if (reassembled && verdict.service == Service::kNeighborDiscovery)
      verdict = Refuse(DropReason::kLocalMalformed);  // RFC 6980 section 5
  } else if (Ipv6Destination(ip)[0] == 0xff) {
    verdict = Refuse(DropReason::kMulticast);
  } else if (received.protocol == kProtocolTcp) {
    verdict = DecideTcp(ip + received.offset, bytes, listeners.bgp);
  } else if (received.protocol == kProtocolUdp && HasNoUdpChecksum(ip + received.offset, bytes)) {
    // Of tunnels alone it may be zero (RFC 8200 section 8.1), and those do not come here.
    verdict = Refuse(DropReason::kLocalMalformed);
  } else if (received.protocol == kProtocolUdp && listeners.ike && IsIke(ip + received.offset, bytes)) {
    verdict = {Service::kPunt};
  } else if (received.protocol == kProtocolUdp) {
    verdict = {Service::kUnreachable, DropReason::kPortUnreachable, kIcmpv6PortUnreachable};
  } else {
    verdict = {Service::kUnreachable, DropReason::kProtocolUnreachable, kIcmpv6UnknownNextHeader};
  }
  verdict.offset = received.offset;
  verdict.pointer = received.next_header_at;
  return verdict;
}

}  // namespace local

namespace {

using local::Service;

constexpr const char* kNext[local::kEdgeCount] = {"ip4_forward", "ip6_forward",  "icmp_error", "punt", "drop",
                                                  "reassemble",  "tunnel_decap", "esp_decrypt"};

uint16_t NextIdentification(WorkerContext& worker) {
  return worker.next_identification = static_cast<uint16_t>(worker.next_identification + kIdentificationStep);
}

// Turns the request into the reply and routes it as our own packet.
void AnswerEcho(const NodeRun& run, rte_mbuf& mbuf, bool v4, const local::Verdict& verdict) {
  PacketMetadata& meta = MetaOf(mbuf);
  if (!run.worker.tables->icmp_budgets.TakeEchoReply(meta.vrf, forward::Now()))
    return run.Drop(local::kDrop, mbuf, DropReason::kEchoRateLimited);
  uint8_t* ip = DataOf(mbuf);
  const uint32_t ip_bytes = v4 ? Ipv4TotalLength(ip) : Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  uint8_t* reply = v4 ? AnswerIcmpv4Echo(ip, NextIdentification(run.worker))
                      : AnswerIcmpv6Echo(ip, ip + verdict.offset, ip_bytes);
  if (reply == nullptr) return run.Drop(local::kDrop, mbuf, DropReason::kLocalMalformed);
  const auto removed = static_cast<uint16_t>(reply - ip);
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off + removed);
  mbuf.data_len = static_cast<uint16_t>(ip_bytes - removed);
  mbuf.pkt_len = mbuf.data_len;
  // The answer to a request in fragments may leave in fragments.
  meta.flags = static_cast<uint8_t>(kPacketFromUs | (meta.flags & kPacketReassembled));
  meta.l2_bytes = 0;
  run.Send(v4 ? local::kIp4Forward : local::kIp6Forward, mbuf);
}

// A tunnel's packet with IPv4 options or extension headers, which nobody took for one so
// far. True: it goes to its tunnel without them.
bool IsForTunnel(const NodeRun& run, rte_mbuf& mbuf, bool v4) {
  uint8_t* const ip = DataOf(mbuf);
  const TransportBehind transport = v4 ? FindBehindIpv4Options(ip) : FindBehindIpv6Extensions(ip);
  const uint32_t bytes = v4 ? Ipv4TotalLength(ip) : Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes};
  if (transport.offset == 0) return false;
  const TunnelPayload payload = TunnelPayloadOf(*run.worker.tables, transport.protocol, ip + transport.offset,
                                                bytes - transport.offset);
  if (payload == TunnelPayload::kNone) return false;
  uint8_t* const plain = v4 ? DropIpv4Options(ip) : DropIpv6Extensions(ip, transport);
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off + (plain - ip));
  mbuf.data_len = static_cast<uint16_t>(bytes - static_cast<uint32_t>(plain - ip));
  mbuf.pkt_len = mbuf.data_len;
  // The received L2 header no longer lies in front of the data.
  MetaOf(mbuf).l2_bytes = 0;
  run.Send(payload == TunnelPayload::kEsp ? local::kEspDecrypt : local::kTunnelDecap, mbuf);
  return true;
}

void Deliver(const NodeRun& run, rte_mbuf& mbuf) {
  PacketMetadata& meta = MetaOf(mbuf);
  const uint8_t* ip = DataOf(mbuf);
  const bool v4 = ip[0] >> 4 == 4;
  // Our own packets to ourselves have no use: control does not speak to itself.
  if ((meta.flags & kPacketFromUs) != 0) return run.Drop(local::kDrop, mbuf, DropReason::kIcmpUnwanted);
  const Vrf* vrf = run.worker.tables->vrfs.Find(meta.vrf);
  const local::Listeners listeners{.bgp = vrf != nullptr && vrf->punt_bgp,
                                   .tunnels = meta.vrf == 0,
                                   .ike = vrf != nullptr && vrf->punt_ike};
  if (listeners.tunnels && IsForTunnel(run, mbuf, v4)) return;
  const bool reassembled = (meta.flags & kPacketReassembled) != 0;
  const local::Verdict verdict =
      v4 ? local::DecideIpv4(ip, listeners) : local::DecideIpv6(ip, listeners, reassembled);
  meta.family = v4 ? 4 : 6;
  meta.reason = verdict.reason;
  switch (verdict.service) {
    case Service::kEcho:
      return AnswerEcho(run, mbuf, v4, verdict);
    case Service::kPunt:
      meta.punt_class = PuntClass::kLocal;
      return run.Send(local::kPunt, mbuf);
    case Service::kNeighborDiscovery:
      meta.punt_class = PuntClass::kNeighborDiscovery;
      return run.Send(local::kPunt, mbuf);
    case Service::kPathMtu:
      meta.punt_class = PuntClass::kPathMtu;
      return run.Send(local::kPunt, mbuf);
    case Service::kUnreachable:
      meta.icmp_type = verdict.error.type;
      meta.icmp_code = verdict.error.code;
      meta.mtu = verdict.pointer;
      return run.Send(local::kIcmpError, mbuf);
    case Service::kReassemble:
      return run.Send(local::kReassemble, mbuf);
    case Service::kDrop:
      return run.Send(local::kDrop, mbuf);
  }
}

uint16_t DeliverAll(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) Deliver(run, *packets[i]);
  return count;
}

}  // namespace

const NodeSpec kLocalNode{"local", Counted<DeliverAll>, kNext};

}  // namespace sluice::dataplane
