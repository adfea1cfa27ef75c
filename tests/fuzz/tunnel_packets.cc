// Any bytes in tunnels, through the whole graph: nothing may crash or leak a buffer, and
// what comes out of a tenant's tunnel stays the tenant's, on a VLAN or in a tunnel.
//
// The input is a list of packets: a byte that says whose tunnel it is, of which kind, and
// how much of the packet is given, the length in two bytes, the rest.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include "proto/net/byte_writer.h"
#include "tests/fuzz/two_tenants.h"

namespace {

using namespace sluice;           // NOLINT: a program of its own
using namespace sluice::testing;  // NOLINT: likewise
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr size_t kPacketsMax = 64;
constexpr uint16_t kUnderlayVlan = 30;
constexpr const char *kLocal4 = "192.0.2.1", *kLocal6 = "2001:db8:f::1";
constexpr const char *kRemote4 = "198.51.100.2", *kRemote6 = "2001:db8:e::2";
const net::MacAddress kInnerGateway = Mac("02:00:5e:00:53:01"), kInnerHost = Mac("02:00:5e:00:53:99");

// Both tenants have a tunnel of each kind to the same far ends, over IPv4 and IPv6: keys,
// VNIs and VSIDs are 1 of the first tenant, 2 of the second.
class TunnelTenants : public TwoTenants {
 public:
  TunnelTenants() {
    AddInterface({.id = 10, .vrf = 0, .port = 1, .vlan = kUnderlayVlan},
                 {"192.0.2.1/24", "2001:db8:f::1/64"});
    AddNextHop(10, 10, kRouter);
    AddRoute(0, "198.51.100.0/24", 10);
    AddRoute(0, "2001:db8:e::/48", 10);
    dataplane::InterfaceId id = 11;
    for (uint32_t key = 1; key <= 2; ++key)
      for (const bool v4 : {true, false})
        for (const TunnelKind kind : {TunnelKind::kGre, TunnelKind::kVxlan, TunnelKind::kNvgre})
          AddTunnel(id++, kind, v4, key);
  }

 private:
  void AddTunnel(dataplane::InterfaceId id, TunnelKind kind, bool v4, uint32_t key) {
    const auto vrf = static_cast<dataplane::VrfId>(key);
    Tunnel tunnel{.kind = kind, .key_in = key, .key_out = key};
    tunnel.flags = channel::kTunnelUp | channel::kTunnelClampMss;
    if (kind == TunnelKind::kGre) tunnel.flags |= channel::kTunnelKeyIn | channel::kTunnelKeyOut;
    if (kind == TunnelKind::kVxlan) tunnel.udp_port = 4789;
    if (kind == TunnelKind::kVxlan && !v4) tunnel.flags |= channel::kTunnelUdpChecksum;
    tunnel.local = Ip(v4 ? kLocal4 : kLocal6);
    const net::Address remote = Ip(v4 ? kRemote4 : kRemote6);
    if (kind == TunnelKind::kGre) tunnel.remote = remote;
    // The far ends of the first tenant are asked for signs of life, and may answer.
    if (kind == TunnelKind::kGre && key == 1) tunnel.probe = {channel::ProbeKind::kKeepalive, 3, 10};
    tunnel.mac = kInnerGateway;
    dataplane::Interface interface { .id = id, .vrf = vrf, .port = dataplane::kNoPort };
    interface.mtu = 1400;
    SLUICE_CHECK(tables().PutTunnel(interface, tunnel).ok());
    if (tunnel.is_overlay()) SLUICE_CHECK(tables().tunnels.AddHost(id, remote).ok());
    dataplane::Adjacency adjacency{
        .kind = dataplane::AdjacencyKind::kTunnel, .interface = id, .next_hop = remote};
    adjacency.remote = *tables().tunnels.remotes.Acquire(remote);
    adjacency.mtu = 1400;
    adjacency.neighbor_mac = kInnerHost;
    adjacency.live = true;
    SLUICE_CHECK(tables().PutAdjacency(id, adjacency).ok());
    const dataplane::GroupMember member{id};
    SLUICE_CHECK(tables().groups.Put(id, std::span(&member, 1)).ok());
    const std::string net = std::to_string(id);
    AddRoute(vrf, "10." + net + ".0.0/16", id);
    AddRoute(vrf, "2001:db8:" + net + "::/48", id);
  }
};

enum Given : uint8_t { kOuterPayload, kInnerIpv4, kInnerIpv6, kWholePacket };

Bytes TunnelPayload(TunnelKind kind, uint32_t key, bool inner4, const Bytes& inner) {
  net::ByteWriter out;
  const uint16_t type = inner4 ? 0x0800 : 0x86dd;
  if (kind == TunnelKind::kGre) {
    out.U16(0x2000).U16(type).U32(key).Bytes(inner);
    return out.Release();
  }
  if (kind == TunnelKind::kVxlan) {
    out.U16(50000).U16(4789).U16(static_cast<uint16_t>(30 + inner.size())).U16(0).U32(0x08000000);
  } else {
    out.U16(0x2000).U16(0x6558);
  }
  out.U32(key << 8).Bytes(kInnerGateway.bytes).Bytes(kInnerHost.bytes).U16(type).Bytes(inner);
  return out.Release();
}

Bytes PacketOf(uint8_t how, const Bytes& bytes, std::set<uint16_t>& tenants) {
  const bool v4 = (how & 1) == 0;
  const auto kind = static_cast<TunnelKind>(1 + (how >> 1 & 3) % 3);
  const uint32_t key = 1 + (how >> 3 & 1);
  const auto given = static_cast<Given>(how >> 4 & 3);
  const uint8_t protocol = kind == TunnelKind::kVxlan ? 17 : 47;
  Packet outer;
  if (v4) {
    outer.Ipv4({.source = kRemote4, .destination = kLocal4, .tos = static_cast<uint8_t>(how >> 6)});
  } else {
    outer.Ipv6({.source = kRemote6, .destination = kLocal6});
  }
  if (given == kInnerIpv4 || given == kInnerIpv6) {
    tenants.insert(static_cast<uint16_t>(key - 1));
    Bytes inner = bytes;
    Repair(inner, given == kInnerIpv4 ? kIpv4Packet : kIpv6Packet);
    return outer.Transport(protocol, TunnelPayload(kind, key, given == kInnerIpv4, inner)).ip();
  }
  tenants = {0, 1};  // whoever the bytes speak to
  if (given == kOuterPayload) return outer.Transport(protocol, bytes).ip();
  Bytes whole = bytes;
  Repair(whole, v4 ? kIpv4Packet : kIpv6Packet);
  return whole;
}

void CheckTunnelSent(const Bytes& frame, const std::set<uint16_t>& tenants, bool given_whole) {
  Fields fields = DissectTunnel(frame);
  if (fields.contains("malformed")) {
    // The underlay's own: an answer, or what it passes on.
    SLUICE_CHECK(given_whole);
    return;
  }
  // Tunnels between others are passed on as they came.
  const std::string source = fields["outer.ip.source"];
  if (given_whole && source != kLocal4 && source != kLocal6) return;
  if (fields["inner.eth.type"] == "0000") {
    // The far end's own keepalive goes back to it, with whatever key it gave it.
    SLUICE_CHECK(fields["outer.ip.destination"] == kRemote4 || fields["outer.ip.destination"] == kRemote6);
    SLUICE_CHECK(fields["tunnel.checksum"] != "bad");
    return;
  }
  SLUICE_CHECK(fields["tunnel.checksum"] != "bad");
  const std::string key = fields["tunnel.key"];
  SLUICE_CHECK((key == "1" && tenants.contains(0)) || (key == "2" && tenants.contains(1)));
  if (fields["outer.eth.type"] == "0800") SLUICE_CHECK(fields["outer.ip.checksum"] == "good");
  if (fields["inner.eth.type"] == "0800") SLUICE_CHECK(fields["inner.ip.checksum"] == "good");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static TunnelTenants graph;
  const uint8_t* const end = data + size;
  for (size_t packets = 0; packets < kPacketsMax && end - data >= 3; ++packets) {
    const uint8_t how = data[0];
    const auto length = std::min<ptrdiff_t>((data[1] << 8 | data[2]) & 0x7ff, end - data - 3);
    std::set<uint16_t> tenants;
    const Bytes ip = PacketOf(how, Bytes(data + 3, data + 3 + length), tenants);
    data += 3 + length;
    net::ByteWriter frame;
    frame.Bytes(graph.port(1).mac().bytes).Bytes(kRouter.bytes).U16(0x8100).U16(kUnderlayVlan);
    frame.U16((how & 1) == 0 ? 0x0800 : 0x86dd).Bytes(ip);
    graph.Push(1, frame.bytes());
    graph.Settle();
    const bool whole = (how >> 4 & 3) == kWholePacket || (how >> 4 & 3) == kOuterPayload;
    for (uint16_t port = 0; port < 2; ++port)
      for (const Bytes& sent : graph.Sent(port)) {
        if (OuterVlan(sent) == kUnderlayVlan) {
          CheckTunnelSent(sent, tenants, whole);
        } else {
          CheckSent(sent, tenants);
        }
      }
  }
  graph.TakePunted();
  SLUICE_CHECK(graph.mbufs_in_use() == 0);
  return 0;
}
