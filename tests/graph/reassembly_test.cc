// Fragments to us through the whole graph: tunnel packets and echo requests come out
// whole, over one worker and over several, and what does not is counted by name.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/graph/fragments.h"
#include "tests/graph/same_frame.h"
#include "tests/graph/tunnel_gateway.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;
using dataplane::Tunnel;
using dataplane::TunnelKind;

constexpr uint16_t kKeyed = channel::kTunnelKeyIn | channel::kTunnelKeyOut;
const Ipv4Fields kOuter{.source = "198.51.100.2", .destination = "192.0.2.1"};
const Ipv6Fields kOuter6{.source = "2001:db8:e::2", .destination = "2001:db8:f::1"};

Packet Inner(uint8_t ttl) {
  return Packet().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = ttl}).Udp(5, 6, 1400);
}

// The payloads of outer packets that carry Inner(64), by kind.
Bytes TunnelPayload(TunnelKind kind) {
  const Bytes frame = Packet()
                          .Ethernet(kInnerGateway, kInnerHost)
                          .Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1"})
                          .Udp(5, 6, 1400)
                          .frame();
  switch (kind) {
    case TunnelKind::kGre:
      return Bytes{0x20, 0, 8, 0, 0, 0, 0, 7} + Inner(64).ip();
    case TunnelKind::kNvgre:
      return Bytes{0x20, 0, 0x65, 0x58, 0, 0, 7, 0} + frame;
    case TunnelKind::kVxlan:
    case TunnelKind::kEsp:  // esp_test.cc
      break;
  }
  const auto length = static_cast<uint16_t>(frame.size() + 16);
  return Bytes{0xc3,
               0x50,
               0x12,
               0xb5,
               static_cast<uint8_t>(length >> 8),
               static_cast<uint8_t>(length),
               0,
               0,
               8,
               0,
               0,
               0,
               0,
               0,
               7,
               0} +
         frame;
}

Tunnel TunnelOf(TunnelKind kind) {
  if (kind == TunnelKind::kGre) return {.kind = kind, .flags = kKeyed, .ttl = 64, .key_in = 7, .key_out = 7};
  const uint16_t port = kind == TunnelKind::kVxlan ? 4789 : 0;
  return {.kind = kind, .ttl = 64, .key_in = 7, .key_out = 7, .udp_port = port};
}

// Nothing is left anywhere, and nothing was lost.
void CheckClean(GraphHarness& graph) {
  CHECK(graph.AllDrops().empty());
  CHECK(graph.mbufs_in_use() == 0);
  CHECK(graph.reassembly_mbufs_in_use() == 0);
  CHECK(graph.datagrams_held() == 0);
}

HarnessOptions WithLimits(auto change, uint16_t workers = 1) {
  HarnessOptions options{.workers = workers};
  change(options.limits);
  return options;
}

// Every datagram that is not complete is over by the next walk.
constexpr auto kAtOnce = [](dataplane::TableLimits& limits) { limits.reassembly_timeout_ms = 0; };

}  // namespace

TEST_CASE("a tunnel packet in fragments comes out whole, in whatever order and over whichever workers") {
  const TunnelKind kind = GENERATE(TunnelKind::kGre, TunnelKind::kNvgre, TunnelKind::kVxlan);
  const bool outer6 = GENERATE(false, true);
  const uint16_t workers = GENERATE(uint16_t{1}, uint16_t{2}, uint16_t{4});
  CAPTURE(static_cast<int>(kind), outer6, workers);
  TunnelGateway graph({.workers = workers});
  graph.AddTunnel(TunnelOf(kind), outer6 ? "2001:db8:e::2" : "198.51.100.2");
  const uint8_t protocol = kind == TunnelKind::kVxlan ? 17 : 47;
  const Bytes payload = TunnelPayload(kind);
  const Packet out =
      graph.Back().Ipv4({.source = "10.3.0.1", .destination = "10.1.0.1", .ttl = 63}).Udp(5, 6, 1400);
  size_t order[] = {0, 1, 2};
  uint16_t identification = 1;
  do {
    const auto pieces =
        outer6 ? Fragments6(graph.FromUnderlay(), kOuter6, ++identification, protocol, payload, 512)
               : Fragments4(graph.FromUnderlay(), kOuter, ++identification, protocol, payload, 512);
    REQUIRE(pieces.size() == 3);
    for (size_t i = 0; i < 3; ++i)
      graph.Push(1, pieces[order[i]].frame(), static_cast<uint16_t>(i % workers));
    graph.Settle();
    const auto sent = graph.Sent(0);
    for (const auto& [name, count] : graph.AllDrops()) UNSCOPED_INFO(name << " " << count);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], out.frame());
  } while (std::next_permutation(std::begin(order), std::end(order)));
  CheckClean(graph);
}

TEST_CASE("workers on threads of their own hand fragments to one another") {
  const uint16_t workers = GENERATE(uint16_t{2}, uint16_t{4});
  TunnelGateway graph({.workers = workers});
  graph.AddTunnel(TunnelOf(TunnelKind::kGre), "198.51.100.2");
  graph.StartWorkers();
  size_t sent = 0;
  for (uint16_t round = 0; round < 20; ++round) {
    for (uint16_t i = 0; i < 8; ++i) {
      const auto pieces = Fragments4(graph.FromUnderlay(), kOuter, static_cast<uint16_t>(round * 8 + i), 47,
                                     TunnelPayload(TunnelKind::kGre), 512);
      for (size_t piece = 0; piece < pieces.size(); ++piece)
        graph.Push(1, pieces[piece].frame(), static_cast<uint16_t>((i + piece) % workers));
    }
    graph.Settle();
    sent += graph.Sent(0).size();
  }
  graph.StopWorkers();
  CHECK(sent == 160);
  CheckClean(graph);
}

TEST_CASE("an echo request of 3000 bytes in fragments is answered, in fragments that fit the link") {
  const uint16_t workers = GENERATE(uint16_t{1}, uint16_t{2});
  const bool v6 = GENERATE(false, true);
  CAPTURE(workers, v6);
  TenantPair tenant({.workers = workers});
  Bytes body(2972);
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<uint8_t>(i * 7);
  const Packet link = Packet().Ethernet(tenant.port(1).mac(), kRouter).Vlan(20);
  const Ipv4Fields from4{.source = "10.2.0.1", .destination = "10.9.0.254"},
      to4{.source = "10.9.0.254", .destination = "10.2.0.1"};
  const Ipv6Fields from6{.source = "2001:db8:2::1", .destination = "2001:db8:9::fe"},
      to6{.source = "2001:db8:9::fe", .destination = "2001:db8:2::1"};
  const auto pieces =
      v6 ? Fragments6(link, from6, 77, 58, TransportOf6(Packet().Ipv6(from6).Icmp(128, 0, 9, body)), 1448)
         : Fragments4(link, from4, 77, 1, TransportOf4(Packet().Ipv4(from4).Icmp(8, 0, 9, body)), 1480);
  REQUIRE(pieces.size() == 3);
  for (size_t i = 0; i < 3; ++i) tenant.Push(1, pieces[2 - i].frame(), static_cast<uint16_t>(i % workers));
  tenant.Settle();
  const auto sent = tenant.Sent(1);
  REQUIRE(sent.size() == 3);
  Bytes reply;
  for (const Bytes& frame : sent) {
    CHECK(frame.size() <= 18 + 1500);
    const Fields fields = Dissect(frame);
    CHECK(fields.at("ip.source") == (v6 ? to6.source : to4.source));
    CHECK(fields.at("ip.destination") == (v6 ? to6.destination : to4.destination));
    // Each where the one before ended.
    const auto field = static_cast<uint16_t>(v6 ? frame[60] << 8 | frame[61] : frame[24] << 8 | frame[25]);
    CHECK((v6 ? field & 0xfff8u : (field & 0x1fffu) * 8) == reply.size());
    const bool last = &frame == &sent.back();
    CHECK(((field & (v6 ? 1 : 0x2000)) == 0) == last);
    reply.insert(reply.end(), frame.begin() + (v6 ? 66 : 38), frame.end());
  }
  CHECK(reply == (v6 ? TransportOf6(Packet().Ipv6(to6).Icmp(129, 0, 9, body))
                     : TransportOf4(Packet().Ipv4(to4).Icmp(0, 0, 9, body))));
  CheckClean(tenant);
}

TEST_CASE("an atomic fragment is a packet by itself, to us and of a tunnel") {
  TunnelGateway graph;
  graph.AddTunnel(TunnelOf(TunnelKind::kGre), "2001:db8:e::2");
  const auto atomic = Fragments6(graph.FromUnderlay(), kOuter6, 5, 47, TunnelPayload(TunnelKind::kGre), 4000);
  REQUIRE(atomic.size() == 1);
  graph.Push(1, atomic[0].frame());
  graph.Settle();
  CHECK(graph.Sent(0).size() == 1);

  // With fragments of the same identification about (RFC 6946 section 4).
  const Ipv6Fields to_us{.source = "2001:db8:1::1", .destination = "2001:db8:1::fe"};
  const Bytes echo = TransportOf6(Packet().Ipv6(to_us).Icmp(128, 0, 1, Bytes(56)));
  graph.Push(0, Fragments6(graph.In(), to_us, 5, 58, Bytes(64), 32)[0].frame());
  graph.Push(0, Fragments6(graph.In(), to_us, 5, 58, echo, 4000)[0].frame());
  graph.Settle();
  const auto sent = graph.Sent(0);
  REQUIRE(sent.size() == 1);
  CHECK(Dissect(sent[0]).at("icmp.type") == "129");
  CHECK(graph.AllDrops().empty());
  CHECK(graph.datagrams_held() == 1);
}

TEST_CASE("a datagram whose rest does not come is counted and freed, and its sender told") {
  TunnelGateway graph(WithLimits(kAtOnce));
  const Ipv4Fields to_us{.source = "10.1.0.1", .destination = "10.1.0.254"};
  const Ipv6Fields to_us6{.source = "2001:db8:1::1", .destination = "2001:db8:1::fe"};
  const auto pieces4 = Fragments4(graph.In(), to_us, 9, 17, Bytes(96, 3), 32);
  const auto pieces6 = Fragments6(graph.In(), to_us6, 9, 17, Bytes(96, 3), 32);
  const struct {
    const char* what;
    std::vector<Packet> pieces;
    const char* type;     // null: nothing is sent
    const Packet* first;  // which is quoted as it came
  } rows[] = {
      {"the first of IPv4", {pieces4[0]}, "11", &pieces4[0]},
      {"the first two", {pieces4[0], pieces4[1]}, "11", &pieces4[0]},
      {"the first came late", {pieces4[1], pieces4[0]}, "11", &pieces4[0]},
      {"the others of IPv4", {pieces4[1], pieces4[2]}, nullptr, nullptr},
      {"the first of IPv6", {pieces6[0]}, "3", &pieces6[0]},
      {"the others of IPv6", {pieces6[1], pieces6[2]}, nullptr, nullptr},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const uint64_t before = graph.Drops(1, DropReason::kReassemblyTimeout);
    for (const Packet& piece : row.pieces) graph.Push(0, piece.frame());
    graph.Settle();
    CHECK(graph.Drops(1, DropReason::kReassemblyTimeout) == before + row.pieces.size());
    const auto sent = graph.Sent(0);
    CHECK(sent.size() == (row.type != nullptr));
    if (row.type == nullptr || sent.size() != 1) continue;
    const Fields fields = Dissect(sent[0]);
    CHECK(fields.at("icmp.type") == row.type);
    CHECK(fields.at("icmp.code") == "1");
    const Bytes quoted = row.first->ip();
    CHECK(std::search(sent[0].begin(), sent[0].end(), quoted.begin(), quoted.end()) != sent[0].end());
  }
  CHECK(graph.datagrams_held() == 0);
  CHECK(graph.mbufs_in_use() == 0);
  CHECK(graph.reassembly_mbufs_in_use() == 0);
}

TEST_CASE("what is wrong with fragments to us has a name, and leaves nothing behind") {
  TunnelGateway graph(WithLimits([](dataplane::TableLimits& limits) {
    limits.reassembly_fragments_per_datagram = 2;
    limits.reassembly_datagram_bytes = 1500;
    limits.reassembly_timeout_ms = 0;
  }));
  const Ipv4Fields to_us{.source = "10.1.0.1", .destination = "10.1.0.254"};
  const Ipv6Fields to_us6{.source = "2001:db8:1::1", .destination = "2001:db8:1::fe"};
  const auto at = [&](uint16_t field, size_t bytes, uint8_t fill = 0) {
    Ipv4Fields fields = to_us;
    fields.fragment = field;
    return graph.In().Ipv4(fields).Transport(17, Bytes(bytes, fill));
  };
  const auto solicitation = Fragments6(
      graph.In(), {.source = "2001:db8:1::1", .destination = "2001:db8:1::fe", .hop_limit = 255}, 1, 58,
      TransportOf6(Packet()
                       .Ipv6({.source = "2001:db8:1::1", .destination = "2001:db8:1::fe"})
                       .Icmp(135, 0, 0, Bytes(16))),
      4000);
  const Bytes nested = Bytes{17, 0, 0, 1, 0, 0, 0, 9} + Bytes(64);
  const struct {
    const char* what;
    std::vector<Packet> pieces;
    DropReason reason;
    uint64_t drops;
  } rows[] = {
      {"an overlap", {at(0x2000, 32), at(0x2002, 32)}, DropReason::kFragmentOverlap, 2},
      {"and what comes of it later",
       {at(0x2000, 32), at(0x2002, 32), at(0x0008, 8)},
       DropReason::kFragmentOverlap,
       3},
      {"other bytes in the same place", {at(0x2000, 32), at(0x2000, 32, 1)}, DropReason::kFragmentOverlap, 2},
      {"a duplicate", {at(0x2000, 32), at(0x2000, 32)}, DropReason::kFragmentDuplicate, 1},
      {"too many", {at(0x2000, 8), at(0x2001, 8), at(0x2002, 8)}, DropReason::kReassemblyFragments, 3},
      {"beyond the limit", {at(0x20b9, 8)}, DropReason::kFragmentTooLong, 1},
      {"the ping of death", {at(0x1fff, 400)}, DropReason::kFragmentTooLong, 1},
      {"neighbour discovery in an atomic fragment", {solicitation[0]}, DropReason::kLocalMalformed, 1},
      {"a fragment header in an atomic fragment",
       {Fragments6(graph.In(), to_us6, 1, 44, nested, 4000)[0]},
       DropReason::kFragmentMalformed,
       1},
      {"a fragment to a group",
       {Fragments6(graph.In(), {.source = "2001:db8:1::1", .destination = "ff02::1"}, 1, 58, Bytes(64),
                   32)[0]},
       DropReason::kMulticast,
       1},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const uint64_t before = graph.Drops(1, row.reason);
    for (const Packet& piece : row.pieces) graph.Push(0, piece.frame());
    graph.Settle();
    CHECK(graph.Drops(1, row.reason) == before + row.drops);
    CHECK(graph.datagrams_held() == 0);
    CHECK(graph.mbufs_in_use() == 0);
    graph.Sent(0);
    CHECK(graph.reassembly_mbufs_in_use() == 0);
  }
}

TEST_CASE("an IPv6 fragment of a wrong length is told to its sender") {
  TunnelGateway graph;
  Packet odd = graph.In();
  odd.Ipv6({.source = "2001:db8:1::1",
            .destination = "2001:db8:1::fe",
            .extension_type = 44,
            .extensions = {17, 0, 0, 1, 0, 0, 0, 1}});
  graph.Push(0, odd.Transport(17, Bytes(60)).frame());
  graph.Settle();
  const auto sent = graph.Sent(0);
  REQUIRE(sent.size() == 1);
  CHECK(Dissect(sent[0]).at("icmp.type") == "4");
  CHECK(Dissect(sent[0]).at("icmp.code") == "0");
  CHECK(graph.Drops(1, DropReason::kFragmentMalformed) == 1);
}

TEST_CASE("a source, a tenant and all together have limits, and pay for them themselves") {
  TunnelGateway graph(WithLimits([](dataplane::TableLimits& limits) {
    limits.reassembly_datagrams = 24;
    limits.reassembly_datagrams_per_tenant = 16;
    limits.reassembly_datagrams_per_source = 8;
  }));
  graph.AddTunnel(TunnelOf(TunnelKind::kGre), "198.51.100.2");
  const auto tunnel = Fragments4(graph.FromUnderlay(), kOuter, 1, 47, TunnelPayload(TunnelKind::kGre), 1000);
  const auto flood = [&](const std::string& source, unsigned count) {
    const Ipv4Fields to_us{.source = source, .destination = "10.1.0.254"};
    for (unsigned i = 0; i < count; ++i) {
      graph.Push(0, Fragments4(graph.In(), to_us, static_cast<uint16_t>(i), 17, Bytes(64), 32)[0].frame());
      graph.Settle();
    }
  };
  const Ipv4Fields honest{.source = "10.1.0.200", .destination = "10.1.0.254"};
  const Bytes echo = TransportOf4(Packet().Ipv4(honest).Icmp(8, 0, 1, Bytes(56)));
  const auto request = Fragments4(graph.In(), honest, 1, 1, echo, 32);

  graph.Push(1, tunnel[0].frame());
  graph.Push(0, request[0].frame());
  flood("10.1.0.1", 100);
  CHECK(graph.Drops(1, DropReason::kReassemblyPerSource) == 92);
  CHECK(graph.datagrams_held() == 10);
  // One source has not kept another from being answered.
  graph.Push(0, request[1].frame());
  graph.Settle();
  CHECK(graph.Sent(0).size() == 1);

  for (unsigned source = 2; source < 30; ++source) flood("10.1.0." + std::to_string(source), 2);
  CHECK(graph.Drops(1, DropReason::kReassemblyPerTenant) == 48);
  CHECK(graph.datagrams_held() == 17);
  // One tenant has not kept the tunnels from theirs.
  graph.Push(1, tunnel[1].frame());
  graph.Settle();
  CHECK(graph.Sent(0).size() == 1);
  CHECK(graph.Drops(0, DropReason::kReassemblyPerTenant) == 0);
  CHECK(graph.mbufs_in_use() == 0);
  CHECK(graph.reassembly_mbufs_in_use() == graph.datagrams_held());
}

TEST_CASE("without a buffer left, a fragment is dropped by name") {
  HarnessOptions options;
  options.reassembly_mbufs = 4;
  TenantPair tenant(options);
  const Ipv4Fields to_us{.source = "10.1.0.1", .destination = "10.1.0.254"};
  for (uint16_t i = 0; i < 6; ++i)
    tenant.Push(0, Fragments4(tenant.In(), to_us, i, 17, Bytes(64), 32)[0].frame());
  tenant.Settle();
  CHECK(tenant.Drops(1, DropReason::kReassemblyNoBuffer) == 2);
}

TEST_CASE("a flood that another worker does not take leaves room in its ring for others") {
  TenantPair tenant({.workers = 2});
  const auto push = [&](const std::string& source, uint16_t identification) {
    const Ipv4Fields to_us{.source = source, .destination = "10.1.0.254"};
    const auto pieces = Fragments4(tenant.In(), to_us, identification, 17, Bytes(64), 32);
    tenant.Push(0, pieces[0].frame(), 0);
  };
  const auto walk_first_worker = [&] {
    tenant.worker(0).Enter();
    while (tenant.worker(0).WalkOnce() != 0) continue;
    tenant.worker(0).Leave();
  };
  for (uint16_t i = 0; i < 500; ++i) push("10.1.0.1", i);
  walk_first_worker();
  // About half of them are the other worker's; its ring has 128 slots, of which a source gets 32.
  const uint64_t lost = tenant.Drops(1, DropReason::kFragmentQueueFull);
  CHECK(lost > 100);
  for (uint16_t i = 0; i < 20; ++i) push("10.1.0.2", i);
  walk_first_worker();
  CHECK(tenant.Drops(1, DropReason::kFragmentQueueFull) == lost);
  tenant.Settle();
  push("10.1.0.1", 1000);
  tenant.Settle();
  CHECK(tenant.Drops(1, DropReason::kFragmentQueueFull) == lost);
  CHECK(tenant.mbufs_in_use() == 0);
}

TEST_CASE(
    "fragments of two tenants with the same addresses never meet, nor do those of a number used again") {
  TenantPair tenant;
  const auto add_second = [&] {
    tenant.AddVrf(2);
    tenant.AddInterface({.id = 6, .vrf = 2, .port = 0, .vlan = 12}, {"10.1.0.254/24"});
    tenant.AddNextHop(6, 6, kHost);
    tenant.AddRoute(2, "10.1.0.0/16", 6);
  };
  add_second();
  const Ipv4Fields to_us{.source = "10.1.0.1", .destination = "10.1.0.254"};
  const Bytes echo = TransportOf4(Packet().Ipv4(to_us).Icmp(8, 0, 1, Bytes(56)));
  const auto of_first = Fragments4(tenant.In(), to_us, 1, 1, echo, 32);
  const auto of_second = Fragments4(tenant.In(12), to_us, 1, 1, echo, 32);
  tenant.Push(0, of_second[0].frame());
  tenant.Push(0, of_first[1].frame());
  tenant.Settle();
  CHECK(tenant.Sent(0).empty());
  CHECK(tenant.datagrams_held() == 2);

  auto& tables = tenant.tables();
  REQUIRE(tables.RemoveRoute(2, *net::Prefix::Parse("10.1.0.0/16")).ok());
  REQUIRE(tables.RemoveLocalAddress(2, Ip("10.1.0.254")).ok());
  REQUIRE(tables.groups.Remove(6).ok());
  REQUIRE(tables.RemoveAdjacency(6).ok());
  REQUIRE(tables.RemoveInterface(6).ok());
  REQUIRE(tables.RemoveVrf(2).ok());
  add_second();
  tenant.Push(0, of_second[1].frame());
  tenant.Settle();
  CHECK(tenant.Sent(0).empty());
  CHECK(tenant.datagrams_held() == 3);
  tenant.Push(0, of_second[0].frame());
  tenant.Settle();
  CHECK(tenant.Sent(0).size() == 1);
}

TEST_CASE("fragments of the underlay that are not for us go their way, be they of a tunnel packet") {
  TunnelGateway graph;
  graph.AddInterface({.id = 9, .vrf = 0, .port = 0, .vlan = 40}, {"203.0.113.1/24"});
  graph.AddNextHop(9, 9, kHost);
  graph.AddRoute(0, "203.0.113.0/24", 9);
  const auto pieces =
      Fragments4(graph.FromUnderlay(), {.source = "198.51.100.2", .destination = "203.0.113.9"}, 3, 47,
                 TunnelPayload(TunnelKind::kGre), 512);
  for (const Packet& piece : pieces) graph.Push(1, piece.frame());
  graph.Settle();
  CHECK(graph.Sent(0).size() == 3);
  CheckClean(graph);
}

}  // namespace sluice::testing
