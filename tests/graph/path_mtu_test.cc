// Path MTU discovery by tunnels from end to end: what a router of the underlay says enters
// the graph, passes the slow path and the agent, and inner senders are told.
#include <catch2/catch.hpp>

#include "dataplane/agent/path_mtus.h"
#include "dataplane/slowpath/slow_path.h"
#include "tests/graph/eal_for_tests.h"
#include "tests/graph/slow_path_rig.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: the tests speak of nothing else

constexpr uint32_t kKey = 1001;
constexpr uint32_t kAdjacency = 40;

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
  bool Push(const PeerReport&) override { return true; }
  bool Push(const PathMtuReport& report) override {
    path_mtus->Learn(report, now);
    return true;
  }
  PathMtus* path_mtus = nullptr;
  Instant now{std::chrono::hours(1)};
};

// The tunnel gateway with a slow path and what of the agent looks after tunnels. GRE 4
// with kKey and MTU 1400 leads to 198.51.100.2, or over IPv6 to 2001:db8:e::2.
struct PathMtuGateway : TunnelGateway {
  explicit PathMtuGateway(bool over_ipv6)
      : outer6(over_ipv6),
        pool(CreatePool("path_mtu_slow", 256, 0, 10240)),
        memory(*channel::ChannelMemory::Create({}, 1)),
        control(memory),
        qsbr(OneReader(), std::free),
        resolver(tables(), {}, requests, counter_origin),
        path_mtus(tables(), resolver) {
    agent.path_mtus = &path_mtus;
    AddTunnel({.kind = TunnelKind::kGre,
               .flags = channel::kTunnelKeyIn | channel::kTunnelKeyOut,
               .ttl = 64,
               .key_in = kKey,
               .key_out = kKey},
              far_end(), 4, 1, {.mtu = 1400});
    SLUICE_CHECK(resolver.Put(kAdjacency, {.kind = AdjacencyKind::kTunnel, .interface = 4}, agent.now).ok());
    const GroupMember member{kAdjacency};
    SLUICE_CHECK(tables().groups.Put(4, std::span(&member, 1)).ok());
    SlowPathOptions options;
    options.workers.push_back({punt_rings(0), inject_ring(0)});
    options.pool = pool;
    options.counters = slow_path_counters();
    slow_path = std::make_unique<SlowPath>(options, tables(), *qsbr, 0, mailbox, agent, control);
  }
  ~PathMtuGateway() {
    slow_path.reset();
    rte_mempool_free(pool);
  }
  const char* far_end() const { return outer6 ? "2001:db8:e::2" : "198.51.100.2"; }
  uint16_t overhead() const { return outer6 ? 48 : 28; }

  // An inner packet of so many bytes; what comes of it.
  void Send(bool v4, uint16_t ip_bytes, uint16_t fragment = 0x4000) {
    Packet packet = In();
    if (v4) {
      packet.Ipv4({.destination = "10.3.0.1", .fragment = fragment}).Udp(1, 2, ip_bytes - 28u);
    } else {
      packet.Ipv6({.destination = "2001:db8:3::1"}).Udp(1, 2, ip_bytes - 48u);
    }
    Push(0, packet.frame());
    Settle();
    into = Sent(1);
    back = Sent(0);
  }
  // A router of the underlay says that `frame` was too large.
  void Refuse(const Bytes& frame, uint16_t mtu) {
    Packet error = FromUnderlay();
    const Bytes quote(frame.begin() + 18, frame.begin() + 18 + (outer6 ? 48 : 28));
    if (outer6) {
      error.Ipv6({.source = "2001:db8:ffff::1", .destination = "2001:db8:f::1"}).Icmp(2, 0, mtu, quote);
    } else {
      error.Ipv4({.source = "203.0.113.1", .destination = "192.0.2.1"}).Icmp(3, 4, mtu, quote);
    }
    Push(1, error.frame());
    Settle();
    slow_path->Turn(agent.now);
    Settle();
  }

  const bool outer6;
  rte_mempool* pool;
  channel::ChannelMemory memory;
  channel::PacketPort control;
  std::unique_ptr<rte_rcu_qsbr, void (*)(void*)> qsbr;
  Requests requests;
  channel::CounterOrigin counter_origin;
  AdjacencyResolver resolver;
  PathMtus path_mtus;
  NeighborMailbox mailbox;
  PromptAgent agent;
  std::unique_ptr<SlowPath> slow_path;
  std::vector<Bytes> into, back;
};

TEST_CASE("inner senders learn what a router of the underlay lets pass") {
  PathMtuGateway graph(GENERATE(false, true));
  graph.Send(true, 1400);
  REQUIRE(graph.into.size() == 1);
  CHECK(graph.back.empty());
  graph.Refuse(graph.into[0], 1380);
  CHECK(graph.path_mtus.counters().learned == 1);
  const int inner = 1380 - graph.overhead();

  for (const bool v4 : {true, false}) {
    CAPTURE(v4);
    graph.Send(v4, static_cast<uint16_t>(inner + 1));
    CHECK(graph.into.empty());
    REQUIRE(graph.back.size() == 1);
    const Fields error = Dissect(graph.back[0]);
    CHECK(error.at("icmp.type") == (v4 ? "3" : "2"));
    CHECK(error.at("icmp.mtu") == std::to_string(inner));
    CHECK(error.at("icmp.checksum") == "good");
    CHECK(error.at("ip.destination") == (v4 ? "10.1.0.1" : "2001:db8:1::1"));
    graph.Send(v4, static_cast<uint16_t>(inner));
    REQUIRE(graph.into.size() == 1);
    CHECK(DissectTunnel(graph.into[0]).at("outer.ip.length") == "1380");
  }
  // What may be cut, is, before it enters the tunnel.
  graph.Send(true, 1400, 0);
  REQUIRE(graph.into.size() == 2);
  for (const Bytes& frame : graph.into) {
    const Fields fields = DissectTunnel(frame);
    CHECK(!fields.contains("malformed"));
    CHECK(std::stoi(fields.at("outer.ip.length")) <= 1380);
  }
  CHECK(graph.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 too_big", 2}});

  // Ten minutes later larger packets are tried again.
  graph.path_mtus.Forget(graph.agent.now + kPathMtuAge);
  graph.Send(true, 1400);
  CHECK(graph.into.size() == 1);
  CHECK(graph.mbufs_in_use() == 0);
}

TEST_CASE("what a router did not say changes nothing") {
  const bool outer6 = GENERATE(false, true);
  PathMtuGateway graph(outer6);
  graph.Send(true, 1400);
  REQUIRE(graph.into.size() == 1);
  const Bytes sent = graph.into[0];
  const size_t ip = 18, gre = ip + (outer6 ? 40 : 20);
  struct Row {
    const char* what;
    size_t at;  // in the quoted frame
    uint8_t flip;
    uint16_t mtu;
    const char* drop;  // empty: the agent refuses it
  };
  const Row rows[] = {
      {"a wrong key", gre + 7, 1, 1380, ""},
      {"another far end", gre - 1, 1, 1380, ""},
      {"a source that is not ours", ip + (outer6 ? 8 + 15 : 12 + 3), 1, 1380, "vrf 0 icmp_unwanted"},
      {"too small", gre, 0, static_cast<uint16_t>(outer6 ? 1279 : 575), ""},
      {"larger than the packet", gre, 0, 9000, "vrf 0 local_malformed"},
  };
  for (Row row : rows) {
    INFO(row.what);
    // Addresses and the key lie in different places.
    if (std::string(row.what) == "another far end") row.at = ip + (outer6 ? 24 + 15 : 16 + 3);
    Bytes quoted = sent;
    quoted[row.at] ^= row.flip;
    const auto before = graph.AllDrops();
    graph.Refuse(quoted, row.mtu);
    auto expected = before;
    if (*row.drop != 0) ++expected[row.drop];
    CHECK(graph.AllDrops() == expected);
    graph.Send(true, 1400);
    CHECK(graph.into.size() == 1);
  }
  const PathMtuCounters& counted = graph.path_mtus.counters();
  CHECK(counted.learned == 0);
  CHECK(counted.unknown_tunnel == 1);
  CHECK(counted.unknown_remote == 1);
  CHECK(counted.too_small == 1);
}

TEST_CASE("path MTU messages are punted in a class of their own, in the underlay only") {
  TunnelGateway graph;
  struct Row {
    const char* what;
    Bytes frame;
    std::optional<PuntClass> punt_class;
    VrfId vrf;
  };
  const Bytes quote4 = Packet().Ipv4({.source = "192.0.2.1"}).Transport(47, Bytes(8)).ip();
  const Bytes tcp4 = Packet().Ipv4({.source = "192.0.2.1"}).Tcp(1, 179).ip();
  const Bytes quote6 = Packet().Ipv6({.source = "2001:db8:f::1"}).Transport(47, Bytes(8)).ip();
  const Bytes tcp6 = Packet().Ipv6({.source = "2001:db8:f::1"}).Tcp(1, 179).ip();
  const auto under4 = [&](uint8_t code, const Bytes& quote) {
    return graph.FromUnderlay().Ipv4({.destination = "192.0.2.1"}).Icmp(3, code, 1400, quote).frame();
  };
  const auto under6 = [&](uint8_t type, const Bytes& quote) {
    return graph.FromUnderlay().Ipv6({.destination = "2001:db8:f::1"}).Icmp(type, 0, 1400, quote).frame();
  };
  const Row rows[] = {
      {"fragmentation needed", under4(4, quote4), PuntClass::kPathMtu, 0},
      {"packet too big", under6(2, quote6), PuntClass::kPathMtu, 0},
      {"fragmentation needed, cut short", under4(4, {}), PuntClass::kPathMtu, 0},
      {"host unreachable", under4(1, quote4), std::nullopt, 0},
      {"time exceeded", under6(3, quote6), std::nullopt, 0},
      {"about TCP", under4(4, tcp4), std::nullopt, 0},
      {"about TCP over IPv6", under6(2, tcp6), std::nullopt, 0},
      {"of a tenant", graph.In().Ipv4({.destination = "10.1.0.254"}).Icmp(3, 4, 1400, quote4).frame(),
       std::nullopt, 1},
      {"of a tenant over IPv6",
       graph.In().Ipv6({.destination = "2001:db8:1::fe"}).Icmp(2, 0, 1400, quote6).frame(), std::nullopt, 1},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const uint64_t before = graph.Drops(row.vrf, DropReason::kIcmpUnwanted);
    graph.Push(row.vrf == 0 ? 1 : 0, row.frame);
    graph.Settle();
    const auto punted = graph.TakePunted();
    CHECK(punted.size() == (row.punt_class ? 1 : 0));
    if (!punted.empty()) CHECK(punted[0].meta.punt_class == *row.punt_class);
    CHECK(graph.Drops(row.vrf, DropReason::kIcmpUnwanted) == before + (row.punt_class ? 0 : 1));
  }
  CHECK(graph.tables().punt_budgets.taken(BudgetClass::kPathMtu) == 3);
  CHECK(graph.tables().punt_budgets.taken(BudgetClass::kIcmpError) == 0);
}

TEST_CASE("a report that the agent has no room for is a counted drop") {
  SlowPathRig rig;
  const Bytes quote = Packet()
                          .Ipv4({.source = "192.0.2.1", .destination = "198.51.100.2", .fragment = 0x4000})
                          .Transport(47, Bytes(1400))
                          .ip();
  const Bytes packet = Packet()
                           .Ipv4({.source = "203.0.113.1", .destination = "192.0.2.1"})
                           .Icmp(3, 4, 1400, Bytes(quote.begin(), quote.begin() + 28))
                           .ip();
  rig.Punt(PuntClass::kPathMtu, packet);
  CHECK(rig.TakePathMtus().size() == 1);
  CHECK(rig.Drops().empty());
  rig.FillAgent();
  rig.Punt(PuntClass::kPathMtu, packet);
  CHECK(rig.TakePathMtus().empty());
  CHECK(rig.Drops() == std::map<std::string, uint64_t>{{"vrf 1 punt_queue_full", 1}});
}

}  // namespace
}  // namespace sluice::testing
