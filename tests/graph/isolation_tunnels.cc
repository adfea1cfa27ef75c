// The model's tunnels: GRE (RFC 2784, 2890), NVGRE (RFC 7637) and VXLAN (RFC 7348)
// by the book, slowly.
#include <algorithm>

#include "proto/net/byte_reader.h"
#include "proto/net/byte_writer.h"
#include "proto/net/checksum.h"
#include "tests/graph/isolation_packet.h"

namespace sluice::testing {
namespace {

// A tunnel packet behind its outer IP header.
struct TunnelPayload {
  std::string unsound;  // the reason's name; empty: the rest holds
  ModelTunnel::Kind kind = ModelTunnel::kGre;
  std::optional<uint32_t> key;
  uint16_t udp_port = 0;
  uint16_t type = 0;  // of the payload, GRE's
  Bytes payload = {};
};

TunnelPayload ParseGre(std::span<const uint8_t> bytes) {
  net::ByteReader in(bytes);
  const uint16_t flags = in.U16(), type = in.U16();
  if (!in.ok()) return {.unsound = "tunnel_truncated"};
  // Routing, strict source route, recursion control, version.
  if ((flags & 0x4c07) != 0) return {.unsound = "tunnel_header"};
  if ((flags & 0x8000) != 0) in.U32();
  TunnelPayload out{.type = type};
  if ((flags & 0x2000) != 0) out.key = in.U32();
  if ((flags & 0x1000) != 0) in.U32();
  if (!in.ok()) return {.unsound = "tunnel_truncated"};
  if ((flags & 0x8000) != 0 && net::Checksum(bytes) != 0) return {.unsound = "tunnel_checksum"};
  const auto payload = in.Take(in.remaining());
  out.payload.assign(payload.begin(), payload.end());
  if (type != 0x6558) return out;
  if (!out.key || (flags & 0x9000) != 0) return {.unsound = "tunnel_header"};
  out.kind = ModelTunnel::kNvgre;
  out.key = *out.key >> 8;
  return out;
}

TunnelPayload ParseVxlan(std::span<const uint8_t> bytes, uint64_t addresses) {
  net::ByteReader in(bytes);
  in.U16();
  TunnelPayload out{.kind = ModelTunnel::kVxlan, .udp_port = in.U16()};
  const uint16_t length = in.U16(), checksum = in.U16();
  const uint8_t flags = in.U8();
  in.Take(3);
  out.key = in.U32() >> 8;
  if (!in.ok() || length < 16 || length > bytes.size()) return {.unsound = "tunnel_truncated"};
  if ((flags & 8) == 0) return {.unsound = "tunnel_header"};
  const uint64_t sum = net::ChecksumAdd(bytes.first(length), addresses + length + 17);
  if (checksum != 0 && net::ChecksumFinish(sum) != 0) return {.unsound = "tunnel_checksum"};
  const auto payload = in.Take(in.remaining());
  out.payload.assign(payload.begin(), payload.end());
  return out;
}

uint8_t TrafficClass(const Bytes& ip) {
  return ip[0] >> 4 == 4 ? ip[1] : static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4);
}

// `change` applied to the header, whose checksum is then computed from scratch. One that was
// wrong stays so.
template <class Change>
void Rewrite(Bytes& ip, Change change) {
  const bool v4 = ip[0] >> 4 == 4;
  const size_t header = std::min<size_t>(ip.size(), (ip[0] & 15u) * 4u);
  const bool sound = v4 && net::Checksum(std::span(ip).first(header)) == 0;
  change(ip);
  if (!sound) return;
  ip[10] = ip[11] = 0;
  const uint16_t sum = net::Checksum(std::span(ip).first(header));
  ip[10] = static_cast<uint8_t>(sum >> 8);
  ip[11] = static_cast<uint8_t>(sum);
}

void SetTrafficClass(Bytes& ip, uint8_t traffic_class) {
  Rewrite(ip, [&](Bytes& bytes) {
    if (bytes[0] >> 4 == 4) {
      bytes[1] = traffic_class;
    } else {
      bytes[0] = static_cast<uint8_t>((bytes[0] & 0xf0) | traffic_class >> 4);
      bytes[1] = static_cast<uint8_t>((bytes[1] & 0x0f) | traffic_class << 4);
    }
  });
}

// RFC 6040 figure 4; false: the packet must be dropped.
bool Decongest(Bytes& ip, uint8_t outer) {
  const uint8_t inner = TrafficClass(ip) & 3;
  uint8_t merged = inner;
  if (outer == 3) merged = 3;
  if (outer == 1 && inner == 2) merged = 1;
  if (inner == 0 && outer == 3) return false;
  SetTrafficClass(ip, static_cast<uint8_t>((TrafficClass(ip) & ~3) | merged));
  return true;
}

// The uniform models: the DSCP comes back inside, and no more hops than are left outside.
// Neighbor Discovery keeps its hops, whatever carries the link.
void ComeOut(Bytes& ip, const ModelTunnel& tunnel, uint8_t outer_class, uint8_t outer_hops) {
  if (tunnel.dscp_inward)
    SetTrafficClass(ip, static_cast<uint8_t>((outer_class & ~3) | (TrafficClass(ip) & 3)));
  const bool v4 = ip[0] >> 4 == 4;
  const bool discovery = !v4 && ip[6] == 58 && ip[7] == 255 && ip.size() > 40 && ip[40] > 132 && ip[40] < 138;
  if (tunnel.ttl != 0 || discovery) return;
  uint8_t& hops = ip[v4 ? 8 : 7];
  Rewrite(ip, [&](Bytes&) { hops = std::min(hops, outer_hops); });
}

uint64_t AddressSum(const net::Address& a) {
  net::ByteWriter out;
  if (a.is_v4()) {
    out.U32(a.v4().value);
  } else {
    out.Bytes(a.v6().bytes);
  }
  return net::ChecksumAdd(out.bytes());
}

Bytes WriteGre(const ModelTunnel& tunnel, const Bytes& inner, bool v4) {
  net::ByteWriter out;
  out.U16(static_cast<uint16_t>((tunnel.checksum ? 0x8000 : 0) | (tunnel.key_out ? 0x2000 : 0)));
  out.U16(v4 ? 0x0800 : 0x86dd);
  if (tunnel.checksum) out.U32(0);
  if (tunnel.key_out) out.U32(*tunnel.key_out);
  out.Bytes(inner);
  if (tunnel.checksum) out.PatchU16(4, net::Checksum(out.bytes()));
  return out.Release();
}

Bytes WriteOverlay(const ModelTunnel& tunnel, const net::MacAddress& to, const Bytes& inner, bool v4,
                   uint64_t addresses) {
  net::ByteWriter out;
  const bool vxlan = tunnel.kind == ModelTunnel::kVxlan;
  if (vxlan) {
    out.U16(49152).U16(tunnel.udp_port).U16(static_cast<uint16_t>(8 + 8 + 14 + inner.size())).U16(0);
    out.U32(0x08000000);
  } else {
    out.U16(0x2000).U16(0x6558);
  }
  out.U32(*tunnel.key_out << 8);
  out.Bytes(to.bytes).Bytes(tunnel.mac.bytes).U16(v4 ? 0x0800 : 0x86dd).Bytes(inner);
  if (vxlan && tunnel.checksum)
    out.PatchU16(6, net::ChecksumFinish(net::ChecksumAdd(out.bytes(), addresses + out.size() + 17)));
  return out.Release();
}

}  // namespace

const ModelInterface* IsolationModel::TunnelOf(ModelTunnel::Kind kind, const net::Address& local,
                                               const net::Address& remote, std::optional<uint32_t> key,
                                               uint16_t udp_port) const {
  for (const auto& [id, interface] : interfaces) {
    if (!interface.tunnel) continue;
    const ModelTunnel& tunnel = *interface.tunnel;
    if (tunnel.kind == kind && tunnel.local == local && tunnel.remotes.contains(remote) &&
        tunnel.key_in == key && tunnel.udp_port == udp_port)
      return &interface;
  }
  return nullptr;
}

bool IsolationModel::Decapsulate(const Ip& outer, Fate& fate) const {
  auto drop = [&](const std::string& reason) { return fate.drops.emplace_back(fate.vrf, reason), true; };
  // Options are for the packet's destination to look behind.
  const bool options = outer.v4 && outer.header != 20;
  if (!Unsound(outer).empty() || (options && !IsOurs(0, outer.destination))) return false;
  const std::span<const uint8_t> payload(outer.transport(), outer.transport_bytes());
  TunnelPayload tunnel;
  if (outer.protocol == 47) {
    tunnel = ParseGre(payload);
  } else {
    if (outer.protocol != 17 || payload.size() < 8) return false;
    const auto port = static_cast<uint16_t>(payload[2] << 8 | payload[3]);
    bool known = false;
    for (const auto& [id, interface] : interfaces)
      known |= interface.tunnel && interface.tunnel->kind == ModelTunnel::kVxlan &&
               interface.tunnel->udp_port == port;
    if (!known) return false;
    tunnel = ParseVxlan(payload, AddressSum(outer.source) + AddressSum(outer.destination));
  }
  const bool ours = IsOurs(0, outer.destination);
  if (!tunnel.unsound.empty()) return ours && drop(tunnel.unsound);
  const ModelInterface* in =
      TunnelOf(tunnel.kind, outer.destination, outer.source, tunnel.key, tunnel.udp_port);
  if (in == nullptr) {
    // Of a network, but none of its hosts: that tenant's matter.
    for (const auto& [id, interface] : interfaces) {
      if (tunnel.kind == ModelTunnel::kGre || !interface.tunnel || interface.tunnel->kind != tunnel.kind)
        continue;
      const ModelTunnel& network = *interface.tunnel;
      if (network.local != outer.destination || network.key_in != tunnel.key ||
          network.udp_port != tunnel.udp_port)
        continue;
      fate.vrf = interface.vrf;
      return drop("tunnel_not_a_host");
    }
    return ours && drop("tunnel_unknown");
  }

  fate.vrf = in->vrf;
  if (!in->up) return drop("interface_down");
  Bytes packet = tunnel.payload;
  uint16_t type = tunnel.type;
  bool to_group = false;
  if (tunnel.kind != ModelTunnel::kGre) {
    if (packet.size() < 14) return drop("tunnel_truncated");
    net::MacAddress to;
    std::copy_n(packet.begin(), 6, to.bytes.begin());
    to_group = to.IsMulticast();
    if (!to_group && to != in->tunnel->mac) return drop("tunnel_inner_mac");
    type = static_cast<uint16_t>(packet[12] << 8 | packet[13]);
    packet.erase(packet.begin(), packet.begin() + 14);
    if (type == 0x0806) {
      fate.punted = true;
      fate.punt_vrf = in->vrf;
      return true;
    }
  }
  if (type != 0x0800 && type != 0x86dd) return drop("unknown_ether_type");
  const bool v4 = type == 0x0800;
  if (packet.size() < (v4 ? 20 : 40)) return drop("truncated");
  if (to_group && (v4 || packet[24] != 0xff)) return drop("l2_multicast");
  if (!Decongest(packet, TrafficClass(outer.bytes) & 3)) return drop("tunnel_ecn");
  if (packet[0] >> 4 == (v4 ? 4 : 6)) ComeOut(packet, *in->tunnel, TrafficClass(outer.bytes), outer.hops);
  Admit(*in, Ip::Of(packet, v4), fate);
  return true;
}

void IsolationModel::Encapsulate(const ModelInterface& out, const ModelHop& hop, const Bytes& inner, bool v4,
                                 uint16_t fragment_mtu, Fate& fate) const {
  const ModelTunnel& tunnel = *out.tunnel;
  const uint64_t addresses = AddressSum(tunnel.local) + AddressSum(hop.far_end);
  const Bytes payload = tunnel.kind == ModelTunnel::kGre
                            ? WriteGre(tunnel, inner, v4)
                            : WriteOverlay(tunnel, hop.mac, inner, v4, addresses);
  const uint8_t protocol = tunnel.kind == ModelTunnel::kVxlan ? 17 : 47;
  const uint8_t hops = tunnel.ttl != 0 ? tunnel.ttl : v4 ? inner[8] : inner[7];
  uint8_t traffic_class = TrafficClass(inner);
  if (tunnel.dscp) traffic_class = static_cast<uint8_t>(*tunnel.dscp << 2 | (traffic_class & 3));
  Packet packet;
  if (tunnel.local.is_v4()) {
    const bool inner_df = !v4 || (inner[6] & 0x40) != 0;
    const bool df = tunnel.df == ModelTunnel::kSet || (tunnel.df == ModelTunnel::kCopy && inner_df);
    packet.Ipv4({.source = tunnel.local.ToString(),
                 .destination = hop.far_end.ToString(),
                 .ttl = hops,
                 .tos = traffic_class,
                 .fragment = static_cast<uint16_t>(df ? 0x4000 : 0)});
  } else {
    packet.Ipv6({.source = tunnel.local.ToString(),
                 .destination = hop.far_end.ToString(),
                 .hop_limit = hops,
                 .flow_label = uint32_t{traffic_class} << 20});
  }
  packet.Transport(protocol, payload);
  const size_t before = fate.alternatives.size();
  // What waits in the underlay is still the tenant's.
  const bool waits_already = fate.punted;
  const ModelInterface underlay;
  Route(underlay, Ip::Of(packet.ip(), tunnel.local.is_v4()), true, fate);
  if (fate.punted && !waits_already) fate.punt_vrf = out.vrf;
  for (size_t i = before; i < fate.alternatives.size(); ++i) {
    Fate::Frame& frame = fate.alternatives[i];
    frame.tunnel = true;
    frame.fields = DissectTunnel(frame.bytes);
    frame.fragment_mtu = fragment_mtu;
  }
}

}  // namespace sluice::testing
