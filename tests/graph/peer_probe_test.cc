// Probes of far ends from end to end: the slow path asks, the packet leaves through the
// graph, the answer comes back into it, and routes follow. And the far ends' own keepalives.
#include <catch2/catch.hpp>

#include "dataplane/agent/adjacency_resolver.h"
#include "dataplane/slowpath/slow_path.h"
#include "tests/graph/eal_for_tests.h"
#include "tests/graph/same_frame.h"
#include "tests/graph/slow_path_rig.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: the tests speak of nothing else
using namespace std::chrono_literals;

constexpr uint32_t kAdjacency = 40, kSecond = 41;
constexpr TunnelProbe kProbe{channel::ProbeKind::kKeepalive, 3, 2};
constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;

struct Requests final : NeighborRequests {
  void Push(const InterfaceChange&) override {}
  void Push(const NextHopWatch&) override {}
  void Push(const StaticNeighbor&) override {}
  void Push(const PeerWatch&) override {}
};

// The inbox of an agent that acts at once.
struct PromptAgent final : NeighborSink {
  bool Push(const NeighborUpdate&) override { return true; }
  bool Push(const DuplicateAddressReport&) override { return true; }
  bool Push(const PortLinkChange&) override { return true; }
  bool Push(const PathMtuReport&) override { return true; }
  bool Push(const PeerReport& report) override {
    resolver->OnPeer(report, now);
    return true;
  }
  AdjacencyResolver* resolver = nullptr;
  Instant now{1h};
};

// The tunnel gateway with a slow path and what of the agent looks after tunnels. GRE 4, that
// receives key 7 and sends key 9, and GRE 5 with key 8 both ways lead to 198.51.100.2, or
// over IPv6 to 2001:db8:e::2; 4 has a probe. Group 4 is over both.
struct ProbeGateway : TunnelGateway {
  explicit ProbeGateway(bool over_ipv6 = false)
      : outer6(over_ipv6),
        pool(CreatePool("probe_slow", 256, 0, 10240)),
        memory(*channel::ChannelMemory::Create({}, 1)),
        control(memory),
        qsbr(OneReader(), std::free),
        resolver(tables(), {}, requests, counter_origin) {
    agent.resolver = &resolver;
    AddTunnel(
        {.kind = TunnelKind::kGre, .flags = kKeyed, .ttl = 64, .key_in = 7, .key_out = 9, .probe = kProbe},
        far_end());
    AddTunnel({.kind = TunnelKind::kGre, .flags = kKeyed, .ttl = 64, .key_in = 8, .key_out = 8}, far_end(),
              5);
    const auto through = [&](AdjacencyId id, InterfaceId tunnel) {
      const Adjacency wanted{.kind = AdjacencyKind::kTunnel, .interface = tunnel};
      SLUICE_CHECK(resolver.Put(id, wanted, agent.now).ok());
    };
    through(kAdjacency, 4);
    through(kSecond, 5);
    const GroupMember members[] = {{kAdjacency}, {kSecond}};
    SLUICE_CHECK(tables().groups.Put(4, members).ok());
    AddRoute(1, "10.3.0.0/16", 4);
    AddRoute(1, "2001:db8:3::/48", 4);
    SlowPathOptions options;
    options.workers.push_back({punt_rings(0), inject_ring(0)});
    options.pool = pool;
    options.counters = slow_path_counters();
    options.counted = counters();
    slow_path = std::make_unique<SlowPath>(options, tables(), *qsbr, 0, mailbox, agent, control);
  }
  ~ProbeGateway() {
    slow_path.reset();
    rte_mempool_free(pool);
  }
  const char* far_end() const { return outer6 ? "2001:db8:e::2" : "198.51.100.2"; }
  uint32_t ip_bytes() const { return outer6 ? 40 : 20; }

  // From the far end, whose address may be pretended, to us.
  void Arrive(const Bytes& gre, const char* source = nullptr) {
    Packet packet = FromUnderlay();
    if (outer6) {
      packet.Ipv6({.source = source != nullptr ? source : far_end(), .destination = "2001:db8:f::1"});
    } else {
      packet.Ipv4({.source = source != nullptr ? source : far_end(), .destination = "192.0.2.1"});
    }
    Push(1, packet.Transport(47, gre).frame());
    Settle();
  }
  // Time passes in steps of 10 ms; the far end, while it lives, takes packets of key 9 out
  // of their tunnel and sends what is inside as a router does.
  void Pass(Duration time) {
    for (const Instant end = agent.now + time; agent.now < end;) {
      agent.now += 10ms;
      slow_path->Turn(agent.now);
      Settle();
      for (const Bytes& frame : Sent(1)) {
        const size_t inner = 18 + ip_bytes() + 8;
        probes.push_back(frame);
        if (!alive) continue;
        const Bytes head = FromUnderlay().EtherType(outer6 ? 0x86dd : 0x0800).frame();
        Push(1, Bytes(head.begin(), head.begin() + 18) +
                    Bytes(frame.begin() + static_cast<long>(inner), frame.end()));
        Settle();
      }
    }
  }
  void Watch() { mailbox.Push(PeerWatch{4, std::chrono::seconds(kProbe.interval_s), kProbe.misses}); }
  // How many of these flows of the tenant pass each tunnel, by the key that is sent.
  std::map<std::string, unsigned> Spread() {
    std::map<std::string, unsigned> keys;
    for (uint16_t port = 1; port <= 40; ++port) {
      Push(0, In().Ipv4({.destination = "10.3.0.1"}).Udp(port, 2).frame());
      Settle();
      for (const Bytes& frame : Sent(1)) ++keys[DissectTunnel(frame).at("tunnel.key")];
    }
    return keys;
  }
  channel::ProbeCounters Counted(InterfaceId tunnel = 4) { return counters().Probes(tunnel); }

  const bool outer6;
  bool alive = true;
  std::vector<Bytes> probes;
  rte_mempool* pool;
  channel::ChannelMemory memory;
  channel::PacketPort control;
  std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr;
  Requests requests;
  channel::CounterOrigin counter_origin;
  AdjacencyResolver resolver;
  NeighborMailbox mailbox;
  PromptAgent agent;
  std::unique_ptr<SlowPath> slow_path;
};

TEST_CASE("a far end that stops answering is taken out of its groups, and is back with the first answer") {
  ProbeGateway graph(GENERATE(false, true));
  graph.Watch();
  graph.Pass(20s);
  REQUIRE(graph.probes.size() >= 9);
  const Fields probe = DissectTunnel(graph.probes[0]);
  CHECK(probe.at("tunnel.key") == "9");
  CHECK(probe.at("inner.ip.source") == graph.far_end());
  CHECK(graph.Counted().sent == graph.probes.size());
  CHECK(graph.Counted().answered == graph.probes.size());
  CHECK(graph.Spread().size() == 2);

  graph.alive = false;
  graph.Pass(5s);
  CHECK(graph.resolver.LivenessOf(kAdjacency).cause == DownCause::kNone);
  graph.Pass(4s);
  CHECK(graph.resolver.LivenessOf(kAdjacency).cause == DownCause::kPeerSilent);
  CHECK(graph.resolver.LivenessOf(kSecond).cause == DownCause::kNone);
  CHECK(Describe(DownCause::kPeerSilent, Ip(graph.far_end())) ==
        std::string(graph.far_end()) + " leaves probes unanswered");
  // As for a dead neighbour: all flows take what is left.
  CHECK(graph.Spread() == std::map<std::string, unsigned>{{"8", 40}});
  const auto answered = graph.Counted().answered;
  CHECK(graph.Counted().sent > answered + 3);

  graph.alive = true;
  graph.Pass(2s);
  CHECK(graph.resolver.LivenessOf(kAdjacency).cause == DownCause::kNone);
  CHECK(graph.Spread().size() == 2);
  CHECK(graph.AllDrops().empty());
  // Neither probes nor answers are traffic of the connection.
  CHECK(graph.counters().InterfaceRx(4).packets == 0);
  CHECK(rte_mempool_in_use_count(graph.pool) == 0);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("an answer counts with the tunnel's own far end and key, empty, and where there is a probe") {
  const bool outer6 = GENERATE(false, true);
  ProbeGateway graph(outer6);
  const Bytes key7 = {0x20, 0, 0, 0, 0, 0, 0, 7};
  const struct {
    const char* what;
    Bytes gre;
    const char* source;
    uint64_t counted;
    const char* drop;  // nullptr: none
  } rows[] = {
      {"an answer", key7, nullptr, 1, nullptr},
      {"with a sequence number", {0x30, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1}, nullptr, 1, nullptr},
      {"with a checksum", {0xa0, 0, 0, 0, 0x5f, 0xf8, 0, 0, 0, 0, 0, 7}, nullptr, 1, nullptr},
      {"with a wrong checksum",
       {0xa0, 0, 0, 0, 0x5f, 0xf9, 0, 0, 0, 0, 0, 7},
       nullptr,
       0,
       "vrf 0 tunnel_checksum"},
      {"the key that is sent", {0x20, 0, 0, 0, 0, 0, 0, 9}, nullptr, 0, "vrf 0 tunnel_unknown"},
      {"without a key", {0, 0, 0, 0}, nullptr, 0, "vrf 0 tunnel_unknown"},
      {"from another", key7, outer6 ? "2001:db8:e::3" : "198.51.100.3", 0, "vrf 0 tunnel_unknown"},
      {"with something in it", key7 + Bytes{1}, nullptr, 0, "vrf 1 unknown_ether_type"},
      {"of a tunnel without a probe", {0x20, 0, 0, 0, 0, 0, 0, 8}, nullptr, 0, "vrf 1 unknown_ether_type"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what, outer6);
    const uint64_t before = graph.Counted().answered;
    auto drops = graph.AllDrops();
    graph.Arrive(row.gre, row.source);
    CHECK(graph.Counted().answered - before == row.counted);
    CHECK(graph.Counted(5).answered == 0);
    if (row.drop != nullptr) ++drops[row.drop];
    CHECK(graph.AllDrops() == drops);
    CHECK(graph.Sent(0).empty());
    CHECK(graph.Sent(1).empty());
    CHECK(graph.mbufs_in_use() == 0);
  }
}

TEST_CASE("a tunnel that is down is not asked, and takes no answers") {
  ProbeGateway graph;
  Tunnel tunnel = *graph.tables().tunnels.Find(4);
  tunnel.flags &= static_cast<uint16_t>(~channel::kTunnelUp);
  REQUIRE(graph.tables().PutTunnel(*graph.tables().interfaces.Find(4), tunnel).ok());
  graph.Watch();
  graph.Pass(10s);
  CHECK(graph.probes.empty());
  CHECK(graph.Counted().sent == 0);
  CHECK(graph.resolver.LivenessOf(kAdjacency).cause != DownCause::kPeerSilent);
  graph.Arrive({0x20, 0, 0, 0, 0, 0, 0, 7});
  CHECK(graph.Counted().answered == 0);
  CHECK(graph.Drops(1, DropReason::kInterfaceDown) == 1);
}

TEST_CASE("the far end's keepalives go back whatever fields they have, counted and within the rate") {
  ProbeGateway graph(GENERATE(false, true));
  const bool outer6 = graph.outer6;
  const Bytes outer = {
      0x20, 0, static_cast<uint8_t>(outer6 ? 0x86 : 8), static_cast<uint8_t>(outer6 ? 0xdd : 0), 0, 0, 0, 7};
  const auto inside = [&](const Bytes& gre) {
    if (outer6)
      return Packet()
          .Ipv6({.source = "2001:db8:f::1", .destination = "2001:db8:e::2", .hop_limit = 255})
          .Transport(47, gre)
          .ip();
    return Packet()
        .Ipv4({.source = "192.0.2.1", .destination = "198.51.100.2", .ttl = 255})
        .Transport(47, gre)
        .ip();
  };
  const struct {
    const char* what;
    Bytes gre;
    bool back;
  } rows[] = {
      {"plain", {0, 0, 0, 0}, true},
      {"with a key", {0x20, 0, 0, 0, 0, 0, 0, 9}, true},
      {"with a sequence number", {0x10, 0, 0, 0, 0, 0, 0, 1}, true},
      {"with a checksum", {0x80, 0, 0, 0, 0x7f, 0xff, 0, 0}, true},
      {"with all", {0xb0, 0, 0, 0, 0x4f, 0xf5, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1}, true},
      {"with a wrong checksum", {0x80, 0, 0, 0, 0x7f, 0xfe, 0, 0}, false},
      {"with a payload", {0x10, 0, 0, 0, 0, 0, 0, 1, 0}, false},
      {"with routing", {0x40, 0, 0, 0, 0, 0, 0, 0}, false},
      {"cut in the key", {0x20, 0, 0, 0, 0, 0}, false},
  };
  uint64_t returned = 0;
  for (const auto& row : rows) {
    CAPTURE(row.what, outer6);
    graph.Arrive(outer + inside(row.gre));
    const auto sent = graph.Sent(1);
    returned += row.back ? 1 : 0;
    CHECK(graph.Counted().returned == returned);
    REQUIRE(sent.size() == (row.back ? 1u : 0u));
    if (row.back) CHECK(Bytes(sent[0].begin() + 18, sent[0].end()) == inside(row.gre));
  }
  CHECK(graph.counters().InterfaceRx(4).packets == std::size(rows));

  // A burst of 1500 bytes of the connection's bandwidth.
  const size_t size = inside(rows[0].gre).size();
  REQUIRE(graph.tables().policers.Put(1, 8, 1500, 1500).ok());
  Interface interface = *graph.tables().interfaces.Find(4);
  interface.policer_in = 1;
  REQUIRE(graph.tables().PutTunnel(interface, *graph.tables().tunnels.Find(4)).ok());
  size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    graph.Arrive(outer + inside(rows[0].gre));
    sent += graph.Sent(1).size();
  }
  CHECK(sent == 1500 / size);
  CHECK(graph.Counted().returned == returned + sent);
  CHECK(graph.counters().PolicerDropped(1).packets == 100 - sent);
  CHECK(graph.Drops(1, DropReason::kPolicedIn) == 100 - sent);
}

}  // namespace
}  // namespace sluice::testing
