// The random gateway's tunnels, whose ends, keys and inner addresses overlap, and
// packets as their far ends, or somebody who pretends to be one, would send them.
#include <algorithm>

#include "proto/net/byte_writer.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/graph/isolation_world.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;
using Kind = ModelTunnel::Kind;

constexpr uint16_t kUnderlayMtu = 9000;
// Above all that the world sends, so that no datagram becomes several drops.
constexpr uint16_t kNeverFragments = 1600;

uint64_t SumOf(const net::Address& a) {
  net::ByteWriter out;
  if (a.is_v4()) {
    out.U32(a.v4().value);
  } else {
    out.Bytes(a.v6().bytes);
  }
  return net::ChecksumAdd(out.bytes());
}

// Far ends 1 to 6 are reached; those from 7 on perhaps.
net::Address FarEnd(bool v4, uint32_t number) {
  if (number > 6) return Ip((v4 ? "203.0.113." : "2001:db8:c::") + std::to_string(number));
  return Ip((v4 ? "198.51.100." : "2001:db8:e::") + std::to_string(number));
}

uint16_t FlagsOf(const ModelInterface& interface) {
  const ModelTunnel& tunnel = *interface.tunnel;
  uint16_t flags = 0;
  if (interface.up) flags |= channel::kTunnelUp;
  if (interface.strict_urpf) flags |= channel::kTunnelStrictUrpf;
  if (tunnel.kind == ModelTunnel::kGre && tunnel.key_in) flags |= channel::kTunnelKeyIn;
  if (tunnel.kind == ModelTunnel::kGre && tunnel.key_out) flags |= channel::kTunnelKeyOut;
  if (tunnel.checksum)
    flags |= tunnel.kind == ModelTunnel::kGre ? channel::kTunnelGreChecksum : channel::kTunnelUdpChecksum;
  if (tunnel.df == ModelTunnel::kCopy) flags |= channel::kTunnelDfCopy;
  if (tunnel.df == ModelTunnel::kClear) flags |= channel::kTunnelDfClear;
  if (tunnel.dscp) flags |= channel::kTunnelPipe;
  if (tunnel.dscp_inward) flags |= channel::kTunnelDscpInward;
  return flags;
}

dataplane::TunnelKind KindOf(Kind kind) {
  switch (kind) {
    case ModelTunnel::kGre:
      return dataplane::TunnelKind::kGre;
    case ModelTunnel::kVxlan:
      return dataplane::TunnelKind::kVxlan;
    case ModelTunnel::kNvgre:
      break;
  }
  return dataplane::TunnelKind::kNvgre;
}

}  // namespace

void IsolationWorld::AddUnderlay() {
  for (uint16_t port = 0; port < 2; ++port) {
    ModelInterface interface { .id = next_interface_++, .vrf = 0, .port = port };
    interface.vlan = port == 0 ? uint16_t{0} : static_cast<uint16_t>(10 + interface.id);
    interface.mtu = kUnderlayMtu;
    const std::string net = std::to_string(2 + port);
    Install(interface, {"192.0." + net + ".1/24", "2001:db8:f:" + net + "::1/64"});
  }
  const auto is_live = [](const auto& hop) { return hop.second.state == ModelHop::kLive; };
  while (std::none_of(hops_.begin(), hops_.end(), is_live)) AddHops(model_.interfaces.begin()->second);
  for (const char* address : {"198.18.0.1", "2001:db8:d::1"}) {
    SLUICE_CHECK(gateway_.tables().AddLocalAddress(0, Ip(address)).ok());
    model_.tunnel_ends.insert(Ip(address));
  }
  const auto route = [&](const char* prefix, uint32_t hops, bool live) {
    ModelRoute added{0, *net::Prefix::Parse(prefix), next_group_++, {}};
    std::vector<dataplane::GroupMember> members;
    for (const auto& [adjacency, hop] : hops_) {
      if (model_.interfaces.at(hop.interface).vrf != 0 || members.size() == hops) continue;
      if ((hop.state == ModelHop::kLive) != live) continue;
      members.push_back({adjacency});
      added.hops.push_back(hop);
    }
    if (members.empty()) return;
    SLUICE_CHECK(gateway_.tables().groups.Put(added.group, members).ok());
    SLUICE_CHECK(gateway_.tables().AddRoute(0, added.prefix, added.group).ok());
    model_.routes.push_back(added);
  };
  const uint32_t ways = 1 + Below(3);
  route("198.51.100.0/24", ways, true);
  route("2001:db8:e::/48", ways, true);
  route("203.0.113.0/29", 1, true);
  route("203.0.113.8/31", 1, false);
  route("2001:db8:c::8/127", 1, false);
}

void IsolationWorld::AddTunnel(uint16_t vrf, uint32_t subnet) {
  const bool v4 = Chance(60), reached = Chance(85);
  ModelInterface interface { .id = next_interface_, .vrf = vrf, .port = dataplane::kNoPort };
  interface.mtu = reached ? static_cast<uint16_t>(1300 + 100 * Below(3)) : kNeverFragments;
  interface.up = Chance(92);
  interface.strict_urpf = Chance(20);
  ModelTunnel& tunnel = interface.tunnel.emplace();
  tunnel.kind = static_cast<Kind>(Below(3));
  tunnel.local =
      Ip(v4 ? (Chance(50) ? "192.0.2.1" : "198.18.0.1") : (Chance(50) ? "2001:db8:f:2::1" : "2001:db8:d::1"));
  const auto far_end = [&] { return FarEnd(v4, reached ? 1 + Below(6) : 7 + Below(4)); };
  tunnel.remotes.insert(far_end());
  if (tunnel.kind == ModelTunnel::kGre) {
    // Few ends and keys, so that tenants differ in one of them only.
    if (Chance(75)) tunnel.key_in = Below(4) == 0 ? 0xffffffff : Below(4);
    if (Chance(75)) tunnel.key_out = Below(4);
    tunnel.checksum = Chance(25);
  } else {
    tunnel.key_in = tunnel.key_out = Below(3) == 0 ? 0xffffff : 5000 + Below(4);
    tunnel.mac = Mac("02:00:5e:00:53:01");
    while (reached && Chance(60)) tunnel.remotes.insert(far_end());
    if (tunnel.kind == ModelTunnel::kVxlan) tunnel.udp_port = Chance(80) ? 4789 : 8472;
    if (tunnel.kind == ModelTunnel::kVxlan && !v4) tunnel.checksum = Chance(50);
  }
  tunnel.ttl = Chance(50) ? 0 : 64;
  if (Chance(50)) tunnel.dscp = static_cast<uint8_t>(Below(64));
  tunnel.dscp_inward = !tunnel.dscp && Chance(50);
  tunnel.df = static_cast<ModelTunnel::Df>(v4 ? Below(3) : 0);
  for (const net::Address& remote : tunnel.remotes)
    if (model_.TunnelOf(tunnel.kind, tunnel.local, remote, tunnel.key_in, tunnel.udp_port) != nullptr) return;
  ++next_interface_;
  const std::string number = std::to_string(10 + subnet);
  if (Chance(70)) interface.addresses.push_back(*net::InterfaceAddress::Parse("10.0." + number + ".1/24"));
  if (Chance(70))
    interface.addresses.push_back(*net::InterfaceAddress::Parse("2001:db8:0:" + number + "::1/64"));
  AddTunnelHops(interface);
}

void IsolationWorld::AddTunnelHops(const ModelInterface& interface) {
  const ModelTunnel& tunnel = *interface.tunnel;
  dataplane::Tables& tables = gateway_.tables();
  dataplane::Tunnel described;
  described.kind = KindOf(tunnel.kind);
  described.flags = FlagsOf(interface);
  described.ttl = tunnel.ttl;
  described.dscp = tunnel.dscp.value_or(0);
  described.key_in = tunnel.key_in.value_or(0);
  described.key_out = tunnel.key_out.value_or(0);
  described.udp_port = tunnel.udp_port;
  described.local = tunnel.local;
  described.mac = tunnel.mac;
  if (!described.is_overlay()) described.remote = *tunnel.remotes.begin();
  dataplane::Interface own{.id = interface.id, .vrf = interface.vrf, .port = dataplane::kNoPort};
  own.mtu = interface.mtu;
  own.up = interface.up;
  own.strict_urpf = interface.strict_urpf;
  own.addresses = interface.addresses;
  SLUICE_CHECK(tables.PutTunnel(own, described).ok());
  for (const net::InterfaceAddress& address : interface.addresses)
    SLUICE_CHECK(tables.AddLocalAddress(interface.vrf, address.address).ok());
  model_.interfaces[interface.id] = interface;
  for (const net::Address& remote : tunnel.remotes) {
    ModelHop hop{.kind = ModelHop::kNeighbor, .interface = interface.id};
    if (!interface.up) hop.state = ModelHop::kDown;
    hop.far_end = remote;
    dataplane::Adjacency adjacency{.kind = AdjacencyKind::kTunnel, .interface = interface.id};
    adjacency.next_hop = remote;
    adjacency.remote = *tables.tunnels.remotes.Acquire(remote);
    adjacency.mtu = interface.mtu;
    adjacency.live = interface.up;
    if (described.is_overlay()) {
      SLUICE_CHECK(tables.tunnels.AddHost(interface.id, remote).ok());
      hop.mac = {{0x02, 5, 0, static_cast<uint8_t>(interface.id), 0, static_cast<uint8_t>(Below(256))}};
      adjacency.neighbor_mac = hop.mac;
    }
    const uint32_t id = next_adjacency_++;
    SLUICE_CHECK(tables.PutAdjacency(id, adjacency).ok());
    hops_[id] = hop;
  }
}

const ModelInterface& IsolationWorld::RandomPlace() {
  std::vector<const ModelInterface*> places;
  for (const auto& [id, interface] : model_.interfaces)
    if (!interface.tunnel) places.push_back(&interface);
  return *places[Below(static_cast<uint32_t>(places.size()))];
}

const ModelInterface* IsolationWorld::RandomTunnel() {
  std::vector<const ModelInterface*> tunnels;
  for (const auto& [id, interface] : model_.interfaces)
    if (interface.tunnel) tunnels.push_back(&interface);
  return tunnels.empty() ? nullptr : tunnels[Below(static_cast<uint32_t>(tunnels.size()))];
}

Bytes IsolationWorld::TunnelPacket(const ModelInterface* tunnel, uint32_t id, bool& outer_v4) {
  const bool v4 = Chance(60);
  if (tunnel == nullptr) return RandomIp(1, id, outer_v4, false);
  return Wrapped(*tunnel, RandomIp(tunnel->vrf, id, v4, false), v4, false, outer_v4);
}

namespace {

// What the far end sends, and what is wrong with it: one bit of `spoiled` for each.
struct Sending {
  std::optional<uint32_t> key;
  uint16_t type = 0x0800;
  net::MacAddress to, from;
  bool checksum = false, sequence = false;
  enum Fault { kNone, kVersion, kRouting, kFlag, kChecksum, kCut, kFaults } fault = kNone;
};

Bytes GreBytes(const Sending& sending, const Bytes& payload, bool frame) {
  net::ByteWriter out;
  uint16_t flags = sending.checksum ? 0x8000 : 0;
  if (sending.key) flags |= 0x2000;
  if (sending.sequence) flags |= 0x1000;
  if (sending.fault == Sending::kVersion) flags |= 1;
  if (sending.fault == Sending::kRouting) flags |= 0x4000;
  if (sending.fault == Sending::kFlag) flags |= 0x00f8;  // reserved, to be ignored
  out.U16(flags).U16(frame ? 0x6558 : sending.type);
  if (sending.checksum) out.U32(0);
  if (sending.key) out.U32(frame ? *sending.key << 8 | 0x5a : *sending.key);
  if (sending.sequence) out.U32(77);
  out.Bytes(payload);
  if (sending.checksum) out.PatchU16(4, net::Checksum(out.bytes()));
  return out.Release();
}

Bytes VxlanBytes(const Sending& sending, uint16_t port, const Bytes& payload, uint64_t addresses) {
  net::ByteWriter out;
  out.U16(54321).U16(port).U16(static_cast<uint16_t>(16 + payload.size())).U16(0);
  out.U32(sending.fault == Sending::kVersion ? 0x00000000
          : sending.fault == Sending::kFlag  ? 0xffffffff
                                             : 0x08000000);
  out.U32(sending.key.value_or(0) << 8 | (sending.fault == Sending::kFlag ? 0xff : 0));
  out.Bytes(payload);
  if (sending.checksum)
    out.PatchU16(6, net::ChecksumFinish(net::ChecksumAdd(out.bytes(), addresses + out.size() + 17)));
  return out.Release();
}

}  // namespace

Bytes IsolationWorld::Wrapped(const ModelInterface& in, const Bytes& ip, bool v4, bool spoil,
                              bool& outer_v4) {
  const ModelTunnel& tunnel = *in.tunnel;
  const bool overlay = tunnel.kind != ModelTunnel::kGre;
  const bool v4_outside = outer_v4 = tunnel.local.is_v4();
  auto at = tunnel.remotes.begin();
  std::advance(at, Below(static_cast<uint32_t>(tunnel.remotes.size())));
  net::Address from = *at, to = tunnel.local;
  Sending sending{
      .key = tunnel.key_in, .type = static_cast<uint16_t>(v4 ? 0x0800 : 0x86dd), .to = tunnel.mac};
  sending.from = {{0x02, 5, 0, 0, 0, 1}};
  sending.checksum = Chance(15) && tunnel.kind != ModelTunnel::kNvgre;
  sending.sequence = Chance(10) && tunnel.kind == ModelTunnel::kGre;
  const bool good = !spoil || Chance(70);
  if (!good) {
    // Each is often another tenant's, or nobody's.
    if (Chance(25))
      sending.key = Chance(30) ? std::nullopt : std::optional(Chance(50) ? Below(4) : 5000 + Below(4));
    if (Chance(25)) from = FarEnd(v4_outside, 1 + Below(10));
    if (Chance(10)) to = Ip(v4_outside ? "192.0.3.1" : "2001:db8:f:3::1");
    if (Chance(10)) sending.to = Chance(50) ? Mac("ff:ff:ff:ff:ff:ff") : Mac("02:00:00:00:99:99");
    if (Chance(10)) sending.type = Chance(50) ? 0x0806 : 0x8847;
    // What is punted must be known again.
    if (sending.type != 0x0806 && Chance(30))
      sending.fault = static_cast<Sending::Fault>(Below(Sending::kFaults));
  }
  Bytes payload = ip;
  if (overlay) {
    net::ByteWriter frame;
    frame.Bytes(sending.to.bytes).Bytes(sending.from.bytes).U16(sending.type).Bytes(ip);
    payload = frame.Release();
  }
  if (tunnel.kind == ModelTunnel::kVxlan) {
    payload = VxlanBytes(sending, tunnel.udp_port, payload, SumOf(from) + SumOf(to));
  } else {
    payload = GreBytes(sending, payload, overlay);
  }
  if (sending.fault == Sending::kChecksum) payload.back() ^= 1;
  // Not within the ports, by which the underlay knows a tunnel packet.
  if (sending.fault == Sending::kCut) payload.resize(8 + Below(static_cast<uint32_t>(payload.size() - 8)));
  Packet outer;
  const uint8_t traffic_class = static_cast<uint8_t>(Below(64) << 2 | (Chance(70) ? 0 : Below(4)));
  const auto hops = static_cast<uint8_t>(Chance(90) ? 1 + Below(255) : Below(3));
  if (v4_outside) {
    outer.Ipv4({.source = from.ToString(),
                .destination = to.ToString(),
                .ttl = hops,
                .tos = traffic_class,
                .fragment = Chance(50) ? uint16_t{0x4000} : uint16_t{0}});
  } else {
    outer.Ipv6({.source = from.ToString(),
                .destination = to.ToString(),
                .hop_limit = hops,
                .flow_label = uint32_t{traffic_class} << 20});
  }
  return outer.Transport(tunnel.kind == ModelTunnel::kVxlan ? 17 : 47, payload).ip();
}

}  // namespace sluice::testing
