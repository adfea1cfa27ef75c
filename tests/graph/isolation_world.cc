// Random tenants and random packets.
#include "tests/graph/isolation_world.h"

#include <algorithm>
#include <cstring>

#include "proto/net/byte_writer.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;

constexpr uint16_t kPorts = 2;
constexpr uint32_t kMagic = 0x51ce15a7;

net::MacAddress MacOf(uint8_t kind, uint16_t interface, uint8_t host) {
  return {{0x02, kind, static_cast<uint8_t>(interface >> 8), static_cast<uint8_t>(interface), 0, host}};
}

}  // namespace

IsolationWorld::IsolationWorld(uint64_t seed, GraphHarness& gateway, IsolationModel& model)
    : random_(seed), gateway_(gateway), model_(model) {
  for (uint16_t port = 0; port < kPorts; ++port) model_.port_macs.push_back(gateway_.port(port).mac());
  AddUnderlay();
  tenants_ = static_cast<uint16_t>(2 + Below(6));
  for (uint16_t vrf = 1; vrf <= tenants_; ++vrf) AddTenant(vrf);
}

void IsolationWorld::AddTenant(uint16_t vrf) {
  dataplane::Vrf tenant{.id = vrf};
  if (Chance(50)) {
    const net::Address router = Ip("10.255.0.1"), router6 = Ip("2001:db8:ffff::1");
    tenant.router_ipv4 = router.v4();
    tenant.router_ipv6 = router6.v6();
    model_.router_addresses[vrf] = {router, router6};
  }
  SLUICE_CHECK(gateway_.tables().PutVrf(tenant).ok());
  for (const net::Address& router : model_.router_addresses[vrf])
    SLUICE_CHECK(gateway_.tables().AddLocalAddress(vrf, router).ok());
  const uint32_t interfaces = 1 + Below(4);
  for (uint32_t i = 0; i < interfaces; ++i) AddInterface(vrf, next_interface_++, i);
  const uint32_t tunnels = Below(5);
  for (uint32_t i = 0; i < tunnels; ++i) AddTunnel(vrf, i);
  const uint32_t routes = 4 + Below(30);
  for (uint32_t i = 0; i < routes; ++i) AddRandomRoute(vrf);
}

void IsolationWorld::AddInterface(uint16_t vrf, uint16_t id, uint32_t subnet) {
  ModelInterface interface { .id = id, .vrf = vrf };
  interface.port = static_cast<uint16_t>(Below(kPorts));
  // The same VLAN ids occur on every port and belong to whoever comes first there.
  interface.vlan = static_cast<uint16_t>(10 + id);
  interface.mtu = static_cast<uint16_t>(1300 + 100 * Below(3));
  interface.up = Chance(92);
  interface.strict_urpf = Chance(20);
  std::vector<std::string> addresses;
  if (Chance(90)) addresses.push_back("10.0." + std::to_string(subnet) + ".1/24");
  if (Chance(80)) addresses.push_back("2001:db8:0:" + std::to_string(subnet) + "::1/64");
  Install(interface, addresses);
}

void IsolationWorld::Install(ModelInterface interface, const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses)
    interface.addresses.push_back(*net::InterfaceAddress::Parse(address));
  gateway_.AddInterface({.id = interface.id,
                         .vrf = interface.vrf,
                         .port = interface.port,
                         .vlan = interface.vlan,
                         .mtu = interface.mtu,
                         .up = interface.up,
                         .strict_urpf = interface.strict_urpf},
                        addresses);
  model_.interfaces[interface.id] = interface;
  AddConnected(interface);
  AddHops(interface);
}

void IsolationWorld::AddConnected(const ModelInterface& interface) {
  const uint32_t adjacency = next_adjacency_++, group = next_group_++;
  SLUICE_CHECK(gateway_.tables()
                   .PutAdjacency(adjacency, gateway_.OnInterface(AdjacencyKind::kGlean, interface.id))
                   .ok());
  const dataplane::GroupMember member{adjacency};
  SLUICE_CHECK(gateway_.tables().groups.Put(group, std::span(&member, 1)).ok());
  const ModelHop glean{.kind = ModelHop::kGlean, .interface = interface.id};
  for (const net::InterfaceAddress& own : interface.addresses) {
    SLUICE_CHECK(gateway_.tables().AddRoute(interface.vrf, own.Subnet(), group).ok());
    model_.routes.push_back({interface.vrf, own.Subnet(), group, {glean}});
    for (uint8_t host = 2; host < 5; ++host) {
      net::Address address = own.address;
      if (address.is_v4()) {
        address = net::Ipv4Address{address.v4().value + host};
      } else {
        address = net::Ipv6Address::FromHalves(address.v6().High(), address.v6().Low() + host);
      }
      const net::MacAddress mac = MacOf(1, interface.id, host);
      gateway_.AddNeighbor(interface.id, address.ToString(), mac);
      model_.neighbors[{interface.id, address}] = mac;
    }
  }
}

void IsolationWorld::AddHops(const ModelInterface& interface) {
  for (uint8_t i = 0; i < 3; ++i) {
    const uint32_t adjacency = next_adjacency_++;
    ModelHop hop{.kind = ModelHop::kNeighbor, .interface = interface.id, .mac = MacOf(2, interface.id, i)};
    hop.state = Chance(80) ? ModelHop::kLive : Chance(50) ? ModelHop::kUnresolved : ModelHop::kDown;
    if (!interface.up) hop.state = ModelHop::kDown;
    dataplane::Adjacency described = gateway_.OnInterface(AdjacencyKind::kNeighbor, interface.id);
    if (hop.state == ModelHop::kLive) described.neighbor_mac = hop.mac;
    described.live = hop.state == ModelHop::kLive;
    described.resolvable = hop.state != ModelHop::kDown;
    described.next_hop = Ip("10.0.0.77");
    SLUICE_CHECK(gateway_.tables().PutAdjacency(adjacency, described).ok());
    hops_[adjacency] = hop;
  }
}

ModelHop IsolationWorld::RandomHop(uint16_t vrf, std::optional<uint16_t> like_of, uint32_t& adjacency) {
  std::vector<uint32_t> candidates;
  for (const auto& [id, hop] : hops_) {
    const ModelInterface& interface = model_.interfaces.at(hop.interface);
    if (interface.vrf != vrf) continue;
    // Members of a group differ in nothing but where they send, see the model.
    if (like_of) {
      const ModelInterface& like = model_.interfaces.at(*like_of);
      if (interface.mtu != like.mtu || hop.state == ModelHop::kUnresolved) continue;
      if ((interface.tunnel || like.tunnel) && interface.id != like.id) continue;
    }
    candidates.push_back(id);
  }
  adjacency = candidates.empty() ? 0 : candidates[Below(static_cast<uint32_t>(candidates.size()))];
  return adjacency == 0 ? ModelHop{} : hops_[adjacency];
}

net::Address IsolationWorld::RandomAddress(bool v4) {
  if (v4) {
    // Few values per octet, so that routes nest and tenants overlap.
    return net::Ipv4Address{0x0a000000 | Below(8) << 16 | Below(4) << 8 |
                            (Chance(50) ? Below(8) : Below(256))};
  }
  return net::Ipv6Address::FromHalves(0x20010db8'00000000 | uint64_t{Below(4)} << 16 | Below(4),
                                      Chance(50) ? Below(8) : random_());
}

void IsolationWorld::AddRandomRoute(uint16_t vrf) {
  const bool v4 = Chance(60);
  constexpr uint8_t kLengths4[] = {0, 8, 13, 14, 15, 16, 20, 22, 24, 27, 30, 31, 32};
  constexpr uint8_t kLengths6[] = {0, 32, 45, 46, 47, 48, 62, 63, 64, 65, 96, 125, 127, 128};
  const uint8_t length = v4 ? kLengths4[Below(std::size(kLengths4))] : kLengths6[Below(std::size(kLengths6))];
  const net::Prefix prefix(RandomAddress(v4), length);
  if (prefix.is_host() && model_.IsOurs(vrf, prefix.address())) return;
  const auto same = [&](const ModelRoute& route) { return route.vrf == vrf && route.prefix == prefix; };
  const auto old = std::find_if(model_.routes.begin(), model_.routes.end(), same);
  if (old != model_.routes.end() && old->hops.front().kind == ModelHop::kGlean) return;
  ModelRoute route{vrf, prefix, next_group_++, {}};
  std::vector<dataplane::GroupMember> members;
  if (Chance(8)) {
    const uint32_t adjacency = next_adjacency_++;
    SLUICE_CHECK(
        gateway_.tables().PutAdjacency(adjacency, {.kind = AdjacencyKind::kDrop, .live = true}).ok());
    route.hops.push_back({.kind = ModelHop::kBlackhole});
    members.push_back({adjacency});
  } else {
    const uint32_t wanted = Chance(75) ? 1 : 2 + Below(3);
    for (uint32_t i = 0; i < wanted; ++i) {
      const bool many = wanted > 1;
      const auto like =
          many && !route.hops.empty() ? std::optional(route.hops.front().interface) : std::nullopt;
      uint32_t adjacency = 0;
      const ModelHop hop = RandomHop(vrf, like, adjacency);
      const bool unfit = adjacency == 0 || (many && hop.state == ModelHop::kUnresolved);
      const bool twice = std::any_of(members.begin(), members.end(),
                                     [&](const auto& member) { return member.adjacency == adjacency; });
      if (unfit || twice) continue;
      route.hops.push_back(hop);
      members.push_back({adjacency, static_cast<uint16_t>(1 + Below(4))});
    }
  }
  if (members.empty()) return;
  SLUICE_CHECK(gateway_.tables().groups.Put(route.group, members).ok());
  SLUICE_CHECK(gateway_.tables().AddRoute(vrf, prefix, route.group).ok());
  if (old != model_.routes.end()) model_.routes.erase(old);
  model_.routes.push_back(route);
}

void IsolationWorld::RemoveRandomRoute() {
  const auto index = static_cast<long>(Below(static_cast<uint32_t>(model_.routes.size())));
  const ModelRoute route = model_.routes[static_cast<size_t>(index)];
  if (route.hops.front().kind == ModelHop::kGlean) return;
  // Without a way to the far end, each fragment of a datagram would be a drop.
  if (route.vrf == 0) return;
  SLUICE_CHECK(gateway_.tables().RemoveRoute(route.vrf, route.prefix).ok());
  SLUICE_CHECK(gateway_.tables().groups.Remove(route.group).ok());
  model_.routes.erase(model_.routes.begin() + index);
}

void IsolationWorld::Change() {
  if (!model_.routes.empty() && Chance(50)) RemoveRandomRoute();
  if (Chance(70)) AddRandomRoute(static_cast<uint16_t>(1 + Below(tenants_)));
  gateway_.tables().Reclaim();
}

net::Address IsolationWorld::OddAddress(bool v4) {
  constexpr const char* kOdd4[] = {"127.0.0.1", "0.0.0.5",     "224.0.0.5",  "255.255.255.255",
                                   "240.0.0.1", "169.254.1.1", "10.0.0.255", "10.0.1.0"};
  constexpr const char* kOdd6[] = {"::1", "::", "ff02::5", "ff0e::1", "::ffff:10.0.0.1", "fe80::77"};
  return Ip(v4 ? kOdd4[Below(std::size(kOdd4))] : kOdd6[Below(std::size(kOdd6))]);
}

// An address that means something in the tenant, or to another one, or to nobody.
net::Address IsolationWorld::Endpoint(uint16_t vrf, bool v4) {
  if (Chance(4)) return OddAddress(v4);
  if (Chance(15)) {
    const std::string subnet = std::to_string(Below(4)), host = std::to_string(1 + Below(6));
    return Ip(v4 ? "10.0." + subnet + "." + host : "2001:db8:0:" + subnet + "::" + host);
  }
  if (Chance(4)) return Ip(v4 ? "10.255.0.1" : "2001:db8:ffff::1");
  std::vector<const ModelRoute*> own;
  for (const ModelRoute& route : model_.routes)
    if (route.vrf == vrf && route.prefix.address().is_v4() == v4 && route.prefix.length() != 0)
      own.push_back(&route);
  if (own.empty() || Chance(25)) return RandomAddress(v4);
  const net::Address base = own[Below(static_cast<uint32_t>(own.size()))]->prefix.address();
  if (v4) return net::Ipv4Address{base.v4().value | (Chance(50) ? 0 : Below(4))};
  return net::Ipv6Address::FromHalves(base.v6().High(), base.v6().Low() | (Chance(50) ? 0 : Below(4)));
}

Bytes IsolationWorld::RandomTransport(uint32_t id, uint8_t protocol, bool large) {
  const uint32_t marks = large && protocol == 17 && Chance(15) ? 150 + Below(40) : 2 + Below(8);
  net::ByteWriter out;
  if (protocol == 17) out.U16(1024 + Below(64)).U16(4000).U16(static_cast<uint16_t>(8 + 8 * marks)).U16(0);
  if (protocol == 6) out.U16(1024 + Below(64)).U16(80).U32(1).U32(1).U16(0x5010).U16(8).U32(0).U32(0);
  for (uint32_t i = 0; i < marks; ++i) out.U32(kMagic).U32(id);
  return out.Release();
}

// Spoils the header, sometimes with a checksum that covers it up.
void IsolationWorld::Mangle(Bytes& ip, bool v4) {
  switch (Below(4)) {
    case 0:
      ip[0] = static_cast<uint8_t>((v4 ? 0x65 : 0x45) + (v4 ? 0 : 0x10 * Below(2)));
      break;
    case 1:
      ip[v4 ? 2 : 4] = static_cast<uint8_t>(ip[v4 ? 2 : 4] + 0x40);
      break;
    case 2:
      if (v4) ip[0] = static_cast<uint8_t>(0x40 | Below(16));
      break;
    case 3:
      ip[v4 ? 10 : 6] ^= 1;
      return;
  }
  if (!v4) return;
  ip[10] = ip[11] = 0;
  const size_t header = std::min<size_t>(ip.size(), (ip[0] & 15u) * 4u);
  const uint16_t sum = net::Checksum(std::span(ip).first(header));
  ip[10] = static_cast<uint8_t>(sum >> 8);
  ip[11] = static_cast<uint8_t>(sum);
}

Bytes IsolationWorld::RandomIp(uint16_t vrf, uint32_t id, bool v4, bool large) {
  const net::Address source = Endpoint(vrf, v4), destination = Endpoint(vrf, v4);
  Packet packet;
  constexpr uint8_t kHops[] = {0, 1, 2, 64, 255};
  const uint8_t hops = Chance(85) ? 64 : kHops[Below(5)];
  if (v4) {
    constexpr uint16_t kFragments[] = {0x2000, 0x2005, 0x0007};
    // Reassembly of the underlay's own traffic is a test of its own.
    const bool fragment = vrf != 0 && Chance(5);
    packet.Ipv4({.source = source.ToString(),
                 .destination = destination.ToString(),
                 .ttl = hops,
                 .tos = static_cast<uint8_t>(Below(256)),
                 .identification = static_cast<uint16_t>(id),
                 .fragment = fragment     ? kFragments[Below(3)]
                             : Chance(50) ? uint16_t{0x4000}
                                          : uint16_t{0}});
  } else {
    packet.Ipv6({.source = source.ToString(),
                 .destination = destination.ToString(),
                 .hop_limit = hops,
                 .flow_label = Below(256) << 20 | Below(0x100000)});
  }
  if (Chance(20)) {
    const uint8_t types4[] = {8, 8, 0, 3, 13}, types6[] = {128, 128, 129, 1, 200};
    packet.Icmp(v4 ? types4[Below(5)] : types6[Below(5)], 0, id, RandomTransport(id, 0, false));
  } else {
    constexpr uint8_t kProtocols[] = {17, 17, 17, 6, 47};
    const uint8_t protocol = kProtocols[Below(5)];
    packet.Transport(protocol, RandomTransport(id, protocol, large));
  }
  return packet.ip();
}

IsolationWorld::Arrival IsolationWorld::RandomPacket(uint32_t id) {
  auto at = model_.interfaces.begin();
  std::advance(at, Below(static_cast<uint32_t>(model_.interfaces.size())));
  const ModelInterface& in = at->second;
  const bool nested = Chance(6);
  bool v4 = nested || Chance(60);
  Bytes ip = nested ? TunnelPacket(RandomTunnel(), id, v4) : RandomIp(in.vrf, id, v4, true);
  if (Chance(5)) Mangle(ip, v4);
  if (!in.tunnel) return Framed(in, ip, v4, false);

  ip = Wrapped(in, ip, v4, true, v4);
  const bool marked = IdOf(ip).has_value();  // not cut so short that nobody knows it again
  if (marked && Chance(3)) Mangle(ip, v4);
  std::vector<const ModelInterface*> ways;
  for (const auto& [unused, interface] : model_.interfaces)
    if (interface.vrf == 0) ways.push_back(&interface);
  // Once in a while as a packet of some tenant's, where it must not be taken for one of a tunnel.
  return Framed(!marked || Chance(95) ? *ways[Below(static_cast<uint32_t>(ways.size()))] : RandomPlace(), ip,
                v4, !marked);
}

IsolationWorld::Arrival IsolationWorld::Framed(const ModelInterface& in, const Bytes& ip, bool v4,
                                               bool exactly) {
  const uint16_t port = exactly || Chance(95) ? in.port : static_cast<uint16_t>(Below(kPorts));
  net::MacAddress to = model_.port_macs[port];
  if (Chance(3)) to = Chance(50) ? MacOf(3, 0, 9) : Mac("ff:ff:ff:ff:ff:ff");
  net::ByteWriter frame;
  frame.Bytes(to.bytes).Bytes(MacOf(4, in.id, 1).bytes);
  const uint16_t vlan = exactly || Chance(96) ? in.vlan : static_cast<uint16_t>(10 + Below(40));
  if (vlan != 0 && (exactly || Chance(98)))
    frame.U16(Chance(90) ? 0x8100 : 0x88a8).U16(static_cast<uint16_t>(Below(8) << 13 | vlan));
  frame.U16(v4 ? 0x0800 : 0x86dd).Bytes(ip);
  if (Chance(10)) frame.Bytes(Bytes(1 + Below(20)));
  return {port, frame.Release()};
}

std::optional<uint32_t> IsolationWorld::IdOf(const Bytes& bytes) {
  for (size_t i = 0; i + 8 <= bytes.size(); ++i) {
    const auto word = [&](size_t at) {
      return static_cast<uint32_t>(bytes[at]) << 24 | static_cast<uint32_t>(bytes[at + 1]) << 16 |
             static_cast<uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
    };
    if (word(i) == kMagic) return word(i + 4);
  }
  return std::nullopt;
}

}  // namespace sluice::testing
