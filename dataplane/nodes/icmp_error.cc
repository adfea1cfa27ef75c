// Builds ICMP errors in the refused packet's own buffer.
#include "dataplane/nodes/icmp_error.h"

#include "dataplane/nodes/forward.h"
#include "dataplane/packet/icmp.h"

namespace sluice::dataplane {
namespace icmp_error {

std::optional<net::Address> SourceOf(const Tables& tables, VrfId vrf, InterfaceId interface,
                                     const net::Address& sender) {
  const Interface* incoming = interface == kNoInterface ? nullptr : tables.interfaces.Find(interface);
  if (incoming != nullptr)
    if (const auto address = incoming->SourceToward(sender)) return address;
  const Vrf* tenant = tables.vrfs.Find(vrf);
  if (tenant == nullptr) return std::nullopt;
  if (sender.is_v4())
    return tenant->router_ipv4 ? std::optional<net::Address>(*tenant->router_ipv4) : std::nullopt;
  return tenant->router_ipv6 ? std::optional<net::Address>(*tenant->router_ipv6) : std::nullopt;
}

}  // namespace icmp_error

namespace {

constexpr const char* kNext[icmp_error::kEdgeCount] = {"ip4_forward", "ip6_forward", "drop"};

// The way back may lead into a tunnel: leaves as much in front of the error as its headers
// and those of L2 take. What came untagged has too little for an ICMPv6 error and a VXLAN
// over IPv6.
void MakeRoom(rte_mbuf& mbuf, uint16_t quoted, uint16_t headers) {
  constexpr unsigned kInFront = Tunnel::kHeaderRoom + kTaggedL2Bytes;
  const unsigned begin = headers + kInFront;
  if (mbuf.data_off >= begin || begin + quoted > mbuf.buf_len) return;
  std::memmove(static_cast<uint8_t*>(mbuf.buf_addr) + begin, DataOf(mbuf), quoted);
  mbuf.data_off = static_cast<uint16_t>(begin);
}

// Trims the packet to what is quoted, and grows it by the headers written before it.
void Reshape(rte_mbuf& mbuf, uint16_t quoted, uint16_t headers) {
  mbuf.data_off = static_cast<uint16_t>(mbuf.data_off - headers);
  mbuf.data_len = static_cast<uint16_t>(quoted + headers);
  mbuf.pkt_len = mbuf.data_len;
}

void WriteIpv4(WorkerContext& worker, rte_mbuf& mbuf, uint32_t source) {
  const PacketMetadata& meta = MetaOf(mbuf);
  const uint16_t quoted =
      std::min<uint16_t>(Ipv4TotalLength(DataOf(mbuf)), kIcmpv4ErrorBytesMax - kIcmpv4ErrorHeaders);
  MakeRoom(mbuf, quoted, kIcmpv4ErrorHeaders);
  worker.next_identification = static_cast<uint16_t>(worker.next_identification + kIdentificationStep);
  // RFC 1191 section 4: the MTU lies in the low half; the other errors leave it zero.
  const bool reports_mtu = meta.icmp_type == 3 && meta.icmp_code == 4;
  WriteIcmpv4Error({.kind = {meta.icmp_type, meta.icmp_code},
                    .rest = reports_mtu ? meta.mtu : 0u,
                    .source = source,
                    .identification = worker.next_identification},
                   DataOf(mbuf), quoted);
  Reshape(mbuf, quoted, kIcmpv4ErrorHeaders);
}

void WriteIpv6(rte_mbuf& mbuf, const net::Ipv6Address& source) {
  const PacketMetadata& meta = MetaOf(mbuf);
  const auto ip_bytes = static_cast<uint16_t>(Ipv6PayloadLength(DataOf(mbuf)) + kIpv6HeaderBytes);
  const uint16_t quoted = std::min<uint16_t>(ip_bytes, kIcmpv6ErrorBytesMax - kIcmpv6ErrorHeaders);
  MakeRoom(mbuf, quoted, kIcmpv6ErrorHeaders);
  // Packet too big reports the MTU, parameter problem the octet it is about.
  const bool reports = meta.icmp_type == 2 || meta.icmp_type == 4;
  WriteIcmpv6Error({.kind = {meta.icmp_type, meta.icmp_code},
                    .rest = reports ? meta.mtu : 0u,
                    .source = source.bytes.data()},
                   DataOf(mbuf), quoted);
  Reshape(mbuf, quoted, kIcmpv6ErrorHeaders);
}

void Answer(const NodeRun& run, rte_mbuf& mbuf) {
  PacketMetadata& meta = MetaOf(mbuf);
  Tables& tables = *run.worker.tables;
  const uint8_t* ip = DataOf(mbuf);
  const bool v4 = ip[0] >> 4 == 4;
  // The packet is lost for its own reason; an error that is not sent counts beside it.
  run.worker.counters.Drop(meta.vrf, meta.reason);
  if (__builtin_expect(run.worker.tracing, 0)) run.worker.observation->Dropped(mbuf);

  const bool may_answer = v4 ? MayCauseIcmpv4Error(ip, Ipv4TotalLength(ip))
                             : MayCauseIcmpv6Error(ip, Ipv6PayloadLength(ip) + uint32_t{kIpv6HeaderBytes});
  if (!may_answer) return run.Drop(icmp_error::kDrop, mbuf, DropReason::kIcmpErrorForbidden);
  const net::Address sender = v4 ? net::Address(net::Ipv4Address{Ipv4Source(ip)})
                                 : net::Address(net::Ipv6Address::FromBytes(Ipv6Source(ip)));
  const auto source = icmp_error::SourceOf(tables, meta.vrf, meta.interface, sender);
  if (!source) return run.Drop(icmp_error::kDrop, mbuf, DropReason::kIcmpErrorNoSource);
  if (!tables.icmp_budgets.TakeError(meta.vrf, forward::Now()))
    return run.Drop(icmp_error::kDrop, mbuf, DropReason::kIcmpErrorRateLimited);

  if (v4) {
    WriteIpv4(run.worker, mbuf, source->v4().value);
  } else {
    WriteIpv6(mbuf, source->v6());
  }
  meta.flags = kPacketFromUs;
  meta.l2_bytes = 0;  // the quoted frame's L2 header is overwritten
  run.Send(v4 ? icmp_error::kIp4Forward : icmp_error::kIp6Forward, mbuf);
}

uint16_t AnswerAll(const NodeRun& run, rte_mbuf** packets, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) Answer(run, *packets[i]);
  return count;
}

}  // namespace

const NodeSpec kIcmpErrorNode{"icmp_error", Counted<AnswerAll>, kNext};

}  // namespace sluice::dataplane
