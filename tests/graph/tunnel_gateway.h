// The tenant pair with an underlay and a tunnel: what tunnel tests use.
#pragma once

#include <string>

#include "proto/net/byte_writer.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/graph/tenant_pair.h"

namespace sluice::testing {

inline const net::MacAddress kUnderlayRouter = Mac("02:00:00:00:00:03");
inline const net::MacAddress kInnerGateway = Mac("02:00:5e:00:53:01");
inline const net::MacAddress kInnerHost = Mac("02:00:5e:00:53:99");

// Beside TenantPair: underlay interface 3 = port 1 VLAN 30, ours are 192.0.2.1 and
// 2001:db8:f::1; 198.51.100.0/24 and 2001:db8:e::/48 are behind kUnderlayRouter.
// Tunnels get 10.3.0.0/16 and 2001:db8:3::/48 of their VRF.
struct TunnelGateway : TenantPair {
  explicit TunnelGateway(const HarnessOptions& options = {}) : TenantPair(options) {
    AddInterface({.id = 3, .vrf = 0, .port = 1, .vlan = 30}, {"192.0.2.1/24", "2001:db8:f::1/64"});
    AddNextHop(30, 3, kUnderlayRouter);
    AddRoute(0, "198.51.100.0/24", 30);
    AddRoute(0, "2001:db8:e::/48", 30);
  }

  // A tunnel of `vrf` to `remote` (a host, of an overlay), by which the two
  // prefixes are reached; `id` is also the adjacency's and the group's.
  void AddTunnel(const dataplane::Tunnel& wanted, const std::string& remote, dataplane::InterfaceId id = 4,
                 dataplane::VrfId vrf = 1, dataplane::Interface interface = {}) {
    dataplane::Tunnel tunnel = wanted;
    if (tunnel.local == net::Address{}) tunnel.local = Ip(Ip(remote).is_v4() ? "192.0.2.1" : "2001:db8:f::1");
    tunnel.flags |= channel::kTunnelUp;
    tunnel.mac = kInnerGateway;
    if (!tunnel.is_overlay()) tunnel.remote = Ip(remote);
    interface.id = id;
    interface.vrf = vrf;
    interface.port = dataplane::kNoPort;
    SLUICE_CHECK(tables().PutTunnel(interface, tunnel).ok());
    if (tunnel.is_overlay()) SLUICE_CHECK(tables().tunnels.AddHost(id, Ip(remote)).ok());
    const dataplane::Adjacency adjacency{.kind = dataplane::AdjacencyKind::kTunnel,
                                         .interface = id,
                                         .next_hop = Ip(remote),
                                         .remote = *tables().tunnels.remotes.Acquire(Ip(remote)),
                                         .mtu = 1400,
                                         .policer_out = interface.policer_out,
                                         .neighbor_mac = kInnerHost,
                                         .live = true};
    SLUICE_CHECK(tables().PutAdjacency(id, adjacency).ok());
    const dataplane::GroupMember member{id};
    SLUICE_CHECK(tables().groups.Put(id, std::span(&member, 1)).ok());
    AddRoute(vrf, "10.3.0.0/16", id);
    AddRoute(vrf, "2001:db8:3::/48", id);
  }

  // A frame from the underlay's router.
  Packet FromUnderlay() { return Packet().Ethernet(port(1).mac(), kUnderlayRouter).Vlan(30); }
  Packet ToUnderlay() { return Packet().Ethernet(kUnderlayRouter, port(1).mac()).Vlan(30); }
};

// `inner` as the far end of the tunnel sends it, from GRE or UDP on. The outer packet's
// protocol is ProtocolOf().
inline Bytes PayloadOf(const dataplane::Tunnel& tunnel, bool inner4, const Bytes& inner) {
  net::ByteWriter out;
  const uint16_t type = inner4 ? 0x0800 : 0x86dd;
  const bool key = tunnel.Is(channel::kTunnelKeyIn), checksum = tunnel.Is(channel::kTunnelGreChecksum);
  switch (tunnel.kind) {
    case dataplane::TunnelKind::kGre:
      out.U16(static_cast<uint16_t>((key ? 0x2000 : 0) | (checksum ? 0x8000 : 0))).U16(type);
      if (checksum) out.U32(0);
      if (key) out.U32(tunnel.key_in);
      out.Bytes(inner);
      if (checksum) out.PatchU16(4, net::Checksum(out.bytes()));
      return out.Release();
    case dataplane::TunnelKind::kVxlan:
      out.U16(50000).U16(tunnel.udp_port).U16(static_cast<uint16_t>(16 + 14 + inner.size())).U16(0);
      out.U32(0x08000000);
      break;
    case dataplane::TunnelKind::kNvgre:
      out.U16(0x2000).U16(0x6558);
      break;
    case dataplane::TunnelKind::kEsp:
      SLUICE_CHECK(false);  // its packets are made by tests/lib/esp_oracle
  }
  out.U32(tunnel.key_in << 8).Bytes(kInnerGateway.bytes).Bytes(kInnerHost.bytes).U16(type).Bytes(inner);
  return out.Release();
}
inline uint8_t ProtocolOf(const dataplane::Tunnel& tunnel) {
  return tunnel.kind == dataplane::TunnelKind::kVxlan ? 17 : 47;
}

// Bytes one after the other.
inline Bytes operator+(Bytes front, const Bytes& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

}  // namespace sluice::testing
