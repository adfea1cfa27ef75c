// Invariant 1 for ESP: an SA belongs to one tenant's connection, and its packets enter that VRF
// only. Random tenants with equal addresses inside, random SAs, and packets sealed with the
// right keys and with everybody else's, while SAs are rekeyed and slots move.
// SLUICE_ISOLATION_SEEDS sets how many gateways are tried; a failure names its seed.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>

#include "dataplane/packet/esp.h"
#include "tests/graph/tunnel_gateway.h"
#include "tests/lib/esp_oracle.h"

namespace sluice::testing {
namespace {

using dataplane::EspDirection;
using dataplane::EspSuite;
using dataplane::SaDescription;
using dataplane::SaId;

// One connection of a tenant, with an SA each way under numbers of its own.
struct Connection {
  uint16_t vrf, tunnel, site;  // behind it is 10.site.0.0/16
  bool outer4;
  std::optional<EspOracle> out = {}, in = {};
  SaId out_id = 0, in_id = 0;
  uint32_t out_spi = 0, in_spi = 0;
  uint64_t next_in = 1;
};

class EspWorld {
 public:
  EspWorld(uint64_t seed, GraphHarness& graph) : random_(seed), graph_(graph) {
    graph_.AddInterface({.id = 1, .vrf = 0, .port = 1, .vlan = 30}, {"192.0.2.1/24", "2001:db8:f::1/64"});
    graph_.AddNextHop(1, 1, kUnderlayRouter);
    graph_.AddRoute(0, "198.51.100.0/24", 1);
    graph_.AddRoute(0, "2001:db8:e::/48", 1);
    const auto tenants = static_cast<uint16_t>(2 + Below(4));
    for (uint16_t vrf = 1; vrf <= tenants; ++vrf) AddTenant(vrf);
  }

  // A packet of a tenant's host, marked with `id`. Returns the VRF.
  uint16_t PushFromHost(uint32_t id) {
    const Connection& of = connections_[Below(connections_.size())];
    Packet packet;
    packet.Ethernet(graph_.port(0).mac(), kUnderlayRouter).Vlan(static_cast<uint16_t>(100 + of.vrf));
    packet.Ipv4({.source = "10.1.0.1", .destination = "10." + std::to_string(of.site) + ".0.1"})
        .Transport(17, Marked(id));
    graph_.Push(0, packet.frame(), Queue());
    return of.vrf;
  }

  // A packet from the underlay: with probability, sealed with another's keys, or to another's
  // SPI. Returns the VRF it must enter, or 0.
  uint16_t PushFromFar(uint32_t id) {
    Connection& to = connections_[Below(connections_.size())];
    const Connection& by = Chance(30) ? connections_[Below(connections_.size())] : to;
    const bool right = SameKeys(*by.in, *to.in);
    const Bytes ip =
        Packet().Ipv4({.source = "10.9.0.1", .destination = "10.1.0.1"}).Transport(17, Marked(id)).ip();
    const uint64_t sequence = right ? to.next_in++ : to.next_in;
    const EspSuite& suite = by.in->suite;
    Bytes plaintext = ip;
    const size_t pad = (0 - (ip.size() + 2)) % suite.alignment;
    for (size_t i = 1; i <= pad; ++i) plaintext.push_back(static_cast<uint8_t>(i));
    plaintext.push_back(static_cast<uint8_t>(pad));
    plaintext.push_back(4);
    const Bytes esp = by.in->Seal(to.in_spi, sequence, by.in->Iv(sequence), plaintext);
    Packet packet;
    packet.Ethernet(graph_.port(1).mac(), kUnderlayRouter).Vlan(30);
    if (to.outer4) {
      packet.Ipv4({.source = "198.51.100.2", .destination = "192.0.2.1"});
    } else {
      packet.Ipv6({.source = "2001:db8:e::2", .destination = "2001:db8:f::1"});
    }
    graph_.Push(1, packet.Transport(50, esp).frame(), Queue());
    return right ? to.vrf : 0;
  }

  // The connection whose SA made an ESP packet of ours, and the mark in what it carries.
  const Connection* Open(const Bytes& frame, uint32_t* id) {
    const size_t header = frame[18] >> 4 == 4 ? 38 : 58;
    Bytes esp(frame.begin() + static_cast<std::ptrdiff_t>(header), frame.end());
    const uint32_t spi = dataplane::LoadBe32(esp.data()), low = dataplane::LoadBe32(esp.data() + 4);
    for (const Connection& each : connections_) {
      if (each.out_spi != spi) continue;
      dataplane::EspKeys keys;
      const auto transform =
          *dataplane::ExpandEspKeys(library_.library(), each.out->suite, EspDirection::kInbound,
                                    each.out->esn, each.out->material(), keys);
      dataplane::EspRequest request{&transform, esp.data(), low, static_cast<uint32_t>(esp.size())};
      library_.Open(std::span(&request, 1));
      if (!request.authentic) return nullptr;
      *id = MarkOf(Bytes(esp.begin() + 8 + each.out->suite.iv_bytes, esp.end()));
      return &each;
    }
    return nullptr;
  }

  // Rekeys a connection, or moves a slot.
  void Change() {
    dataplane::Tables& tables = graph_.tables();
    if (Chance(50)) {
      const auto slot = static_cast<uint8_t>(Below(8));
      (void)tables.slots.Move(slot, static_cast<dataplane::WorkerIndex>(Below(graph_.workers())));
      while (tables.slots.OwnerOf(slot).moving()) tables.Reclaim();
      return;
    }
    Connection& of = connections_[Below(connections_.size())];
    const SaId out_before = of.out_id, in_before = of.in_id;
    Install(of);
    REQUIRE(tables.sas.Remove(out_before).ok());
    REQUIRE(tables.sas.Remove(in_before).ok());
  }

  uint32_t Below(size_t bound) { return static_cast<uint32_t>(random_() % bound); }
  static uint32_t MarkOf(const Bytes& ip) { return ip.size() < 40 ? 0 : dataplane::LoadBe32(ip.data() + 28); }

 private:
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  uint16_t Queue() { return static_cast<uint16_t>(Below(graph_.workers())); }

  // UDP with the mark as payload.
  static Bytes Marked(uint32_t id) {
    Bytes bytes{0, 5, 0, 6, 0, 20, 0, 0};
    for (int i = 0; i < 3; ++i)
      for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(id >> shift));
    return bytes;
  }

  void AddTenant(uint16_t vrf) {
    graph_.AddVrf(vrf);
    const auto interface = static_cast<uint16_t>(10 + vrf);
    graph_.AddInterface({.id = interface, .vrf = vrf, .port = 0, .vlan = static_cast<uint16_t>(100 + vrf)},
                        {"10.1.255.254/24"});
    graph_.AddNextHop(interface, interface, kUnderlayRouter);
    graph_.AddRoute(vrf, "10.1.0.0/16", interface);
    const auto sites = static_cast<uint16_t>(1 + Below(3));
    for (uint16_t site = 50; site < 50 + sites; ++site) AddConnection(vrf, site);
  }

  void AddConnection(uint16_t vrf, uint16_t site) {
    const auto tunnel = static_cast<uint16_t>(50 + connections_.size());
    const bool outer4 = Chance(60);
    const net::Address local = Ip(outer4 ? "192.0.2.1" : "2001:db8:f::1"),
                       remote = Ip(outer4 ? "198.51.100.2" : "2001:db8:e::2");
    dataplane::Tables& tables = graph_.tables();
    REQUIRE(tables
                .PutTunnel({.id = tunnel, .vrf = vrf, .port = dataplane::kNoPort},
                           {.kind = dataplane::TunnelKind::kEsp,
                            .flags = channel::kTunnelUp,
                            .ttl = 64,
                            .local = local,
                            .remote = remote})
                .ok());
    connections_.push_back({vrf, tunnel, site, outer4});
    Install(connections_.back());
    REQUIRE(tables
                .PutAdjacency(tunnel, {.kind = dataplane::AdjacencyKind::kTunnel,
                                       .interface = tunnel,
                                       .next_hop = remote,
                                       .remote = *tables.tunnels.remotes.Acquire(remote),
                                       .mtu = 1400,
                                       .live = true})
                .ok());
    const dataplane::GroupMember member{tunnel};
    REQUIRE(tables.groups.Put(tunnel, std::span(&member, 1)).ok());
    graph_.AddRoute(vrf, "10." + std::to_string(site) + ".0.0/16", tunnel);
  }

  // Few, so that tenants have equal ones now and then: only the SPI tells them apart.
  EspOracle SomeKeys() {
    const auto suites = dataplane::EspSuites();
    return EspOracle::WithSomeKeys(suites[Below(suites.size())], static_cast<uint8_t>(Below(3)), Chance(50));
  }
  static bool SameKeys(const EspOracle& a, const EspOracle& b) {
    return a.suite.id == b.suite.id && a.esn == b.esn && a.encryption == b.encryption &&
           a.integrity == b.integrity;
  }

  void Install(Connection& of) {
    of.out.emplace(SomeKeys());
    of.in.emplace(SomeKeys());
    of.next_in = 1;
    of.out_id = next_sa_++;
    of.in_id = next_sa_++;
    of.out_spi = 0x10000 + next_sa_;
    of.in_spi = 0x01000000 | Below(8) << 16 | next_sa_;
    SaDescription sa{.id = of.out_id,
                     .tunnel = of.tunnel,
                     .spi = of.out_spi,
                     .suite = of.out->suite.id,
                     .esn = of.out->esn,
                     .slot = static_cast<uint8_t>(Below(8))};
    const dataplane::Tunnel& tunnel = *graph_.tables().tunnels.Find(of.tunnel);
    sa.endpoints = {tunnel.local, tunnel.remote};
    dataplane::SaTable& sas = graph_.tables().sas;
    REQUIRE(sas.Put(sa, library_.library(), of.out->material()).ok());
    sa.id = of.in_id;
    sa.direction = EspDirection::kInbound;
    sa.spi = of.in_spi;
    sa.suite = of.in->suite.id;
    sa.esn = of.in->esn;
    sa.slot = 0;
    sa.window = 1024;
    REQUIRE(sas.Put(sa, library_.library(), of.in->material()).ok());
    REQUIRE(sas.PutPolicies(of.tunnel, std::vector<dataplane::OutboundPolicy>{{{}, of.out_id}}).ok());
  }

  std::mt19937_64 random_;
  GraphHarness& graph_;
  dataplane::EspCrypto library_ = *dataplane::EspCrypto::Create();
  std::vector<Connection> connections_;
  SaId next_sa_ = 1;
};

void RunSeed(uint64_t seed, uint16_t workers) {
  INFO("repeat with SLUICE_ISOLATION_SEED=" << seed);
  GraphHarness graph({.workers = workers});
  EspWorld world(seed, graph);
  if (workers > 1) graph.StartWorkers();
  uint32_t next_id = 1;
  for (int burst = 0; burst < 20; ++burst) {
    std::map<uint32_t, uint16_t> from_host, from_far;
    for (int i = 0; i < 24; ++i) {
      const uint32_t id = next_id++;
      if (world.Below(2) == 0) {
        from_host[id] = world.PushFromHost(id);
      } else if (const uint16_t vrf = world.PushFromFar(id); vrf != 0) {
        from_far[id] = vrf;
      }
    }
    graph.Settle();
    for (const Bytes& frame : graph.Sent(1)) {
      uint32_t id = 0;
      const Connection* by = world.Open(frame, &id);
      REQUIRE(by != nullptr);
      REQUIRE(from_host.contains(id));
      CHECK(by->vrf == from_host[id]);
      from_host.erase(id);
    }
    for (const Bytes& frame : graph.Sent(0)) {
      const uint32_t id = EspWorld::MarkOf(Bytes(frame.begin() + 18, frame.end()));
      REQUIRE(from_far.contains(id));
      CHECK(Dissect(frame).at("vlan.id") == std::to_string(100 + from_far[id]));
      from_far.erase(id);
    }
    CHECK(from_host.empty());
    CHECK(from_far.empty());
    for (uint32_t i = world.Below(4); i > 0; --i) world.Change();
  }
  graph.StopWorkers();
}

TEST_CASE("a packet of an SA enters the tenant of its connection only, and leaves through that tenant's") {
  const char* many = std::getenv("SLUICE_ISOLATION_SEEDS");
  const uint64_t count = many != nullptr ? std::strtoull(many, nullptr, 10) : 6;
  for (const uint16_t workers : {1, 2, 4}) {
    if (const char* one = std::getenv("SLUICE_ISOLATION_SEED")) {
      RunSeed(std::strtoull(one, nullptr, 10), workers);
      continue;
    }
    for (uint64_t seed = 1; seed <= count; ++seed) RunSeed(seed * 1000 + workers, workers);
  }
}

}  // namespace
}  // namespace sluice::testing
