// Tunnels as workers find them, and what their writer is refused.
#include "dataplane/tables/tunnel_table.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "dataplane/tables/fib/fake_reclaimer.h"
#include "dataplane/tables/tables.h"

namespace sluice::dataplane {
namespace {

using channel::RefusalReason;

net::Address Ip(const char* text) {
  return *net::Address::Parse(text);
}

struct Rig {
  Rig() {
    REQUIRE(tables.PutVrf({.id = 1}).ok());
    REQUIRE(tables.PutVrf({.id = 2}).ok());
  }
  fib::FakeReclaimer reclaimer;
  Tables tables{{.limits = {.vrfs = 4,
                            .interfaces = 8,
                            .addresses = 8,
                            .neighbors = 4,
                            .adjacencies = 8,
                            .next_hop_groups = 8,
                            .group_buckets = 256,
                            .policers = 4,
                            .ipv4_routes = 6,
                            .ipv4_routes_per_vrf = 4,
                            .ipv6_routes = 6,
                            .ipv6_routes_per_vrf = 4,
                            .fib_mib = 64,
                            .tunnel_terminations = 4},
                 .ports = 2},
                reclaimer};

  static Tunnel Gre(InterfaceId id, VrfId vrf, uint32_t key) {
    return {.id = id,
            .vrf = vrf,
            .flags = channel::kTunnelUp | channel::kTunnelKeyIn | channel::kTunnelKeyOut,
            .key_in = key,
            .key_out = key,
            .local = Ip("192.0.2.1"),
            .remote = Ip("192.0.2.2")};
  }
  static Tunnel Vxlan(InterfaceId id, VrfId vrf, uint32_t vni) {
    return {.id = id,
            .vrf = vrf,
            .kind = TunnelKind::kVxlan,
            .flags = channel::kTunnelUp,
            .key_in = vni,
            .key_out = vni,
            .udp_port = 4789,
            .local = Ip("192.0.2.1")};
  }
  WriteResult Put(const Tunnel& tunnel) {
    return tables.PutTunnel({.id = tunnel.id, .vrf = tunnel.vrf, .port = kNoPort}, tunnel);
  }
  InterfaceId Received(const Tunnel& tunnel, const char* remote) {
    return tables.tunnels.ipv4().Find(TerminationKey4::Of(tunnel.local.v4().value, Ip(remote).v4().value,
                                                          tunnel.ReceiveSelector(), tunnel.key_in));
  }
};

}  // namespace

TEST_CASE("GRE tunnels between the same end points are told apart by their key") {
  Rig rig;
  REQUIRE(rig.Put(Rig::Gre(1, 1, 7)).ok());
  REQUIRE(rig.Put(Rig::Gre(2, 2, 8)).ok());
  CHECK(rig.Received(Rig::Gre(0, 0, 7), "192.0.2.2") == 1);
  CHECK(rig.Received(Rig::Gre(0, 0, 8), "192.0.2.2") == 2);
  CHECK(rig.Received(Rig::Gre(0, 0, 9), "192.0.2.2") == kNoInterface);
  CHECK(rig.Received(Rig::Gre(0, 0, 7), "192.0.2.3") == kNoInterface);
  CHECK(rig.Put(Rig::Gre(3, 1, 8)).reason() == RefusalReason::kConflict);
  CHECK(rig.tables.tunnels.Find(3) == nullptr);

  // A change of key takes effect as a whole.
  REQUIRE(rig.Put(Rig::Gre(2, 2, 9)).ok());
  CHECK(rig.Received(Rig::Gre(0, 0, 8), "192.0.2.2") == kNoInterface);
  CHECK(rig.Received(Rig::Gre(0, 0, 9), "192.0.2.2") == 2);
  REQUIRE(rig.tables.RemoveTunnel(2).ok());
  CHECK(rig.Received(Rig::Gre(0, 0, 9), "192.0.2.2") == kNoInterface);
  CHECK(rig.tables.tunnels.terminations() == 1);
}

TEST_CASE("an overlay receives from its hosts only, each for as long as somebody names it") {
  Rig rig;
  const Tunnel overlay = Rig::Vxlan(1, 1, 5001);
  REQUIRE(rig.Put(overlay).ok());
  CHECK(rig.tables.tunnels.vxlan_ports().Contains(4789));
  CHECK(rig.Received(overlay, "192.0.2.9") == kNoInterface);
  REQUIRE(rig.tables.tunnels.AddHost(1, Ip("192.0.2.9")).ok());
  REQUIRE(rig.tables.tunnels.AddHost(1, Ip("192.0.2.9")).ok());
  CHECK(rig.Received(overlay, "192.0.2.9") == 1);
  CHECK(rig.tables.RemoveTunnel(1).reason() == RefusalReason::kInUse);
  CHECK(rig.Put(Rig::Vxlan(1, 1, 5002)).reason() == RefusalReason::kInUse);
  REQUIRE(rig.tables.tunnels.RemoveHost(1, Ip("192.0.2.9")).ok());
  CHECK(rig.Received(overlay, "192.0.2.9") == 1);
  REQUIRE(rig.tables.tunnels.RemoveHost(1, Ip("192.0.2.9")).ok());
  CHECK(rig.Received(overlay, "192.0.2.9") == kNoInterface);
  REQUIRE(rig.tables.RemoveTunnel(1).ok());
  CHECK_FALSE(rig.tables.tunnels.vxlan_ports().Contains(4789));
}

TEST_CASE("a tunnel and a subinterface never share a number, and both keep their VRF") {
  Rig rig;
  REQUIRE(rig.tables.PutInterface({.id = 1, .vrf = 1}).ok());
  CHECK(rig.Put(Rig::Gre(1, 1, 7)).reason() == RefusalReason::kConflict);
  REQUIRE(rig.Put(Rig::Gre(2, 2, 7)).ok());
  CHECK(rig.tables.PutInterface({.id = 2, .vrf = 1, .vlan = 5}).reason() == RefusalReason::kConflict);
  CHECK(rig.tables.RemoveVrf(2).reason() == RefusalReason::kInUse);
  CHECK(rig.tables.RemoveInterface(2).reason() == RefusalReason::kNotFound);
  Interface addressed = *rig.tables.interfaces.Find(2);
  addressed.addresses.push_back(*net::InterfaceAddress::Parse("10.255.0.1/30"));
  REQUIRE(rig.tables.PutInterface(addressed).ok());
  CHECK(rig.tables.interfaces.Find(2)->addresses.size() == 1);
  addressed.vrf = 1;
  CHECK(rig.tables.PutInterface(addressed).reason() == RefusalReason::kNotFound);
  REQUIRE(rig.tables.RemoveTunnel(2).ok());
  CHECK(rig.tables.RemoveVrf(2).ok());
  // The underlay is where tunnels end, not what they carry.
  CHECK(rig.Put(Rig::Gre(3, 0, 7)).reason() == RefusalReason::kNotFound);
}

TEST_CASE("a tunnel adjacency says where its packets go") {
  Rig rig;
  const Adjacency adjacency{.kind = AdjacencyKind::kTunnel,
                            .interface = 3,
                            .next_hop = Ip("192.0.2.9"),
                            .remote = 12,
                            .mtu = 1450,
                            .neighbor_mac = net::MacAddress{{2, 0, 0, 0, 0, 9}},
                            .live = true};
  REQUIRE(rig.tables.PutAdjacency(1, adjacency).ok());
  const AdjacencySnapshot snapshot = rig.tables.adjacencies.Load(1);
  CHECK(snapshot.kind() == AdjacencyKind::kTunnel);
  CHECK_FALSE(snapshot.plain());
  const TunnelHop hop = snapshot.Hop();
  CHECK(hop.mac[5] == 9);
  CHECK(__builtin_bswap32(hop.remote) == 0xc0000209);
  CHECK(hop.remote_id == 12);
}

TEST_CASE("a remote has one number as long as it is used, and its path MTU goes with it") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 100);
  RemoteTable remotes(2, retirement);
  const RemoteId first = *remotes.Acquire(Ip("192.0.2.9"));
  CHECK(*remotes.Acquire(Ip("192.0.2.9")) == first);
  const RemoteId second = *remotes.Acquire(Ip("2001:db8::9"));
  CHECK(second != first);
  CHECK_FALSE(remotes.Acquire(Ip("192.0.2.10")).has_value());
  CHECK(std::memcmp(remotes.Address(second), Ip("2001:db8::9").v6().bytes.data(), 16) == 0);
  remotes.SetPathMtu(first, 1400);
  remotes.Release(first);
  CHECK(remotes.PathMtu(first) == 1400);
  remotes.Release(first);
  CHECK(remotes.Find(Ip("192.0.2.9")) == kNoRemote);
  const RemoteId third = *remotes.Acquire(Ip("192.0.2.10"));
  CHECK(remotes.PathMtu(third) == 0);
}

}  // namespace sluice::dataplane
