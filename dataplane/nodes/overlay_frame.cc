// VXLAN (RFC 7348 section 5) and NVGRE (RFC 7637 section 3.2) around one frame. The
// tunnel's prebuilt header is taken up to the inner Ethernet header.
#include "dataplane/nodes/overlay_frame.h"

#include <cstring>

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tunnel_header.h"

namespace sluice::dataplane {
namespace {

// Where the tunnel leaves the TTL to inner packets, a frame has none.
constexpr uint8_t kDefaultTtl = 64;
// Any of the dynamic ports: there is no flow to tell apart.
constexpr uint16_t kSourcePort = 49152;

// Only to a host whose frames are taken as this tunnel's.
bool IsHostOf(const Tables& tables, const Tunnel& tunnel, const uint8_t* provider) {
  const TunnelSelector selector = tunnel.ReceiveSelector();
  if (tunnel.outer_ipv4) {
    const auto key =
        TerminationKey4::Of(tunnel.local.v4().value, LoadBe32(provider), selector, tunnel.key_in);
    return tables.tunnels.ipv4().Find(key) == tunnel.id;
  }
  const auto key =
      TerminationKey6::Of(tunnel.local.v6(), net::Ipv6Address::FromBytes(provider), selector, tunnel.key_in);
  return tables.tunnels.ipv6().Find(key) == tunnel.id;
}

void FinishOuterIpv4(const Tunnel& tunnel, const uint8_t* provider, uint16_t bytes, uint8_t* ip) {
  ip[1] = static_cast<uint8_t>(tunnel.dscp << 2);
  StoreBe16(ip + 2, bytes);
  StoreBe16(ip + 6, kIpv4DontFragment);  // smaller than any MTU; needs no identification
  ip[8] = tunnel.ttl != 0 ? tunnel.ttl : kDefaultTtl;
  std::memcpy(ip + 16, provider, 4);
  StoreBe16(ip + 10, 0);
  StoreBe16(ip + 10, net::Checksum(std::span<const uint8_t>(ip, kIpv4HeaderBytes)));
}

void FinishOuterIpv6(const Tunnel& tunnel, const uint8_t* provider, uint16_t bytes, uint8_t* ip) {
  StoreBe32(ip, uint32_t{6} << 28 | uint32_t{tunnel.dscp} << 22);
  StoreBe16(ip + 4, static_cast<uint16_t>(bytes - kIpv6HeaderBytes));
  ip[7] = tunnel.ttl != 0 ? tunnel.ttl : kDefaultTtl;
  std::memcpy(ip + 24, provider, 16);
}

// `udp` is the whole payload of the outer packet.
void FinishUdp(const Tunnel& tunnel, const uint8_t* ip, std::span<uint8_t> udp) {
  StoreBe16(udp.data(), kSourcePort);
  StoreBe16(udp.data() + 4, static_cast<uint16_t>(udp.size()));
  if (!tunnel.outer_ipv4 && tunnel.Is(channel::kTunnelUdpChecksum)) StoreUdpChecksum(ip, udp);
}

}  // namespace

DropReason WrapOverlayFrame(const Tables& tables, rte_mbuf& mbuf) {
  const PacketMetadata& meta = MetaOf(mbuf);
  const bool sound = meta.egress_interface < tables.interfaces.size() && mbuf.data_len >= kEthernetBytes &&
                     rte_pktmbuf_headroom(&mbuf) >= Tunnel::kHeaderRoom;
  const Tunnel* tunnel = sound ? tables.tunnels.Find(meta.egress_interface) : nullptr;
  // The tunnel may be another tenant's, or gone, since the question came.
  if (tunnel == nullptr || !tunnel->is_overlay() || tunnel->vrf != meta.vrf ||
      !IsHostOf(tables, *tunnel, meta.next_hop))
    return DropReason::kInjectInvalid;
  if (!tunnel->up()) return DropReason::kInterfaceDown;
  const auto header = static_cast<uint16_t>(tunnel->header_bytes - kEthernetBytes);
  const auto bytes = static_cast<uint16_t>(mbuf.data_len + header);
  auto* ip = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(&mbuf, header));
  std::memcpy(ip, tunnel->Header(), header);
  unsigned ip_header = kIpv6HeaderBytes;
  if (tunnel->outer_ipv4) {
    ip_header = kIpv4HeaderBytes;
    FinishOuterIpv4(*tunnel, meta.next_hop, bytes, ip);
  } else {
    FinishOuterIpv6(*tunnel, meta.next_hop, bytes, ip);
  }
  if (tunnel->kind == TunnelKind::kVxlan)
    FinishUdp(*tunnel, ip, std::span(ip + ip_header, bytes - ip_header));
  return DropReason::kNone;
}

}  // namespace sluice::dataplane
