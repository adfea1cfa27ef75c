// What the gateway says itself: echo replies and errors, from which address, and
// when it must be silent.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;
using dataplane::DropReason;

// The first `count` bytes of what came in, as an error quotes them.
Bytes Quote(const Packet& packet, size_t count) {
  Bytes ip = packet.ip();
  if (ip.size() > count) ip.resize(count);
  return ip;
}

TEST_CASE("echo requests to our addresses are answered") {
  TenantPair tenant(AnyWorkers());
  SECTION("IPv4") {
    tenant.Push(
        0,
        tenant.In().Ipv4({.destination = "10.1.0.254", .ttl = 1}).Icmp(8, 0, 0x10002, Bytes(32, 9)).frame());
    tenant.Settle();
    const auto sent = tenant.Sent(0);
    REQUIRE(sent.size() == 1);
    const Fields got = Dissect(sent[0]);
    CheckSameFrame(
        sent[0], tenant.Back()
                     .Ipv4({.source = "10.1.0.254",
                            .destination = "10.1.0.1",
                            .identification = static_cast<uint16_t>(std::stoi(got.at("ip.identification")))})
                     .Icmp(0, 0, 0x10002, Bytes(32, 9))
                     .frame());
  }
  SECTION("the far interface's address, IPv6") {
    tenant.Push(0, tenant.In()
                       .Ipv6({.destination = "2001:db8:9::fe", .hop_limit = 1})
                       .Icmp(128, 0, 7, Bytes(16, 1))
                       .frame());
    tenant.Settle();
    const auto sent = tenant.Sent(0);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Back()
                                .Ipv6({.source = "2001:db8:9::fe", .destination = "2001:db8:1::1"})
                                .Icmp(129, 0, 7, Bytes(16, 1))
                                .frame());
  }
  SECTION("our link-local address, to a resolved neighbour on the link") {
    tenant.AddNeighbor(1, "fe80::1", kHost);
    tenant.Push(
        0,
        tenant.In().Ipv6({.source = "fe80::1", .destination = "fe80::fe"}).Icmp(128, 0, 7, Bytes(8)).frame());
    tenant.Settle();
    const auto sent = tenant.Sent(0);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Back()
                                .Ipv6({.source = "fe80::fe", .destination = "fe80::1"})
                                .Icmp(129, 0, 7, Bytes(8))
                                .frame());
  }
  CHECK(tenant.AllDrops().empty());
}

TEST_CASE("errors name the cause and come from the incoming interface's address") {
  TenantPair tenant(AnyWorkers());
  tenant.AddAdjacency(5, AdjacencyKind::kNeighbor, 2);
  auto dead = tenant.OnInterface(AdjacencyKind::kNeighbor, 2);
  dead.live = dead.resolvable = false;
  REQUIRE(tenant.tables().PutAdjacency(5, dead).ok());
  tenant.AddRoute(1, "10.5.0.0/16", 5);
  tenant.AddRoute(1, "2001:db8:5::/48", 5);
  const auto in = [&] { return tenant.In(); };
  struct Row {
    const char* what;
    Packet in;
    uint8_t type, code;
    DropReason reason;
  };
  const Row rows[] = {
      {"TTL", in().Ipv4({.ttl = 1}).Udp(1, 2), 11, 0, DropReason::kTtlExpired},
      {"TTL 0", in().Ipv4({.ttl = 0}).Udp(1, 2), 11, 0, DropReason::kTtlExpired},
      {"no route", in().Ipv4({.destination = "77.0.0.1"}).Udp(1, 2), 3, 0, DropReason::kNoRoute},
      {"dead next hop", in().Ipv4({.destination = "10.5.0.1"}).Udp(1, 2), 3, 1, DropReason::kNextHopDown},
      {"local port", in().Ipv4({.destination = "10.1.0.254"}).Udp(1, 2), 3, 3, DropReason::kPortUnreachable},
      {"local protocol", in().Ipv4({.destination = "10.1.0.254"}).Transport(99, Bytes(8)), 3, 2,
       DropReason::kProtocolUnreachable},
      {"the first fragment", in().Ipv4({.ttl = 1, .fragment = 0x2000}).Udp(1, 2), 11, 0,
       DropReason::kTtlExpired},
      {"a large packet is quoted in part", in().Ipv4({.ttl = 1}).Udp(1, 2, 1400), 11, 0,
       DropReason::kTtlExpired},
      {"hop limit", in().Ipv6({.hop_limit = 1}).Udp(1, 2), 3, 0, DropReason::kTtlExpired},
      {"no IPv6 route", in().Ipv6({.destination = "2001:db8:77::1"}).Udp(1, 2), 1, 0, DropReason::kNoRoute},
      {"dead IPv6 next hop", in().Ipv6({.destination = "2001:db8:5::1"}).Udp(1, 2), 1, 3,
       DropReason::kNextHopDown},
      {"local IPv6 port", in().Ipv6({.destination = "2001:db8:1::fe"}).Udp(1, 2), 1, 4,
       DropReason::kPortUnreachable},
      {"an echo request is no error", in().Ipv6({.hop_limit = 1}).Icmp(128, 0, 0, Bytes(8)), 3, 0,
       DropReason::kTtlExpired},
      {"a large IPv6 packet", in().Ipv6({.hop_limit = 1}).Udp(1, 2, 1400), 3, 0, DropReason::kTtlExpired},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const uint64_t before = tenant.Drops(1, row.reason);
    tenant.Push(0, row.in.frame());
    tenant.Settle();
    CHECK(tenant.Drops(1, row.reason) == before + 1);
    const auto sent = tenant.Sent(0);
    REQUIRE(sent.size() == 1);
    const Fields got = Dissect(sent[0]);
    const bool v4 = got.at("eth.type") == "0800";
    const auto id = v4 ? static_cast<uint16_t>(std::stoi(got.at("ip.identification"))) : uint16_t{0};
    CheckSameFrame(
        sent[0],
        v4 ? tenant.Back()
                 .Ipv4({.source = "10.1.0.254", .destination = "10.1.0.1", .tos = 0xc0, .identification = id})
                 .Icmp(row.type, row.code, 0, Quote(row.in, 548))
                 .frame()
           : tenant.Back()
                 .Ipv6({.source = "2001:db8:1::fe", .destination = "2001:db8:1::1"})
                 .Icmp(row.type, row.code, 0, Quote(row.in, 1232))
                 .frame());
  }
}

TEST_CASE("extension headers of a packet to us are obeyed: ignored, dropped, or a parameter problem") {
  TenantPair tenant;
  struct Row {
    const char* what;
    uint8_t type;  // of the first header
    Bytes headers;
    uint8_t code;  // of the parameter problem
    uint32_t pointer;
    DropReason reason;
  };
  constexpr uint8_t kSilent = 255;
  const Row rows[] = {
      {"no next header", 60, {59, 0, 1, 4, 0, 0, 0, 0}, kSilent, 0, DropReason::kProtocolUnreachable},
      {"an option to discard by", 60, {17, 0, 0x7e, 4, 0, 0, 0, 0}, kSilent, 0, DropReason::kLocalMalformed},
      {"an option to report", 60, {17, 0, 0xbe, 4, 0, 0, 0, 0}, 2, 42, DropReason::kLocalMalformed},
      {"hop by hop, an option to report",
       0,
       {17, 0, 0xfe, 4, 0, 0, 0, 0},
       2,
       42,
       DropReason::kLocalMalformed},
      {"a routing header with segments left",
       43,
       {17, 0, 4, 1, 0, 0, 0, 0},
       0,
       42,
       DropReason::kLocalMalformed},
      {"a protocol behind options", 60, {99, 0, 1, 4, 0, 0, 0, 0}, 1, 40, DropReason::kProtocolUnreachable},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const Packet in =
        tenant.In()
            .Ipv6({.destination = "2001:db8:1::fe", .extension_type = row.type, .extensions = row.headers})
            .Transport(row.headers[0], Bytes(16, 7));
    const uint64_t before = tenant.Drops(1, row.reason);
    tenant.Push(0, in.frame());
    tenant.Settle();
    CHECK(tenant.Drops(1, row.reason) == before + 1);
    const auto sent = tenant.Sent(0);
    REQUIRE(sent.size() == (row.code == kSilent ? 0 : 1));
    if (sent.empty()) continue;
    CheckSameFrame(sent[0], tenant.Back()
                                .Ipv6({.source = "2001:db8:1::fe", .destination = "2001:db8:1::1"})
                                .Icmp(4, row.code, row.pointer, Quote(in, 1232))
                                .frame());
  }
}

TEST_CASE("UDP to us that is shorter than its header is no reason to answer") {
  TenantPair tenant;
  tenant.Push(0, tenant.In().Ipv6({.destination = "2001:db8:1::fe"}).Transport(17, Bytes(7)).frame());
  tenant.Push(0, tenant.In().Ipv4({.destination = "10.1.0.254"}).Transport(17, Bytes(7)).frame());
  tenant.Settle();
  CHECK(tenant.Drops(1, DropReason::kLocalMalformed) == 2);
  CHECK(tenant.Sent(0).empty());
}

TEST_CASE("no error about what must not be answered") {
  TenantPair tenant(AnyWorkers());
  const auto in = [&] { return tenant.In(); };
  const Packet silent[] = {
      in().Ipv4({.ttl = 1}).Icmp(3, 1, 0, Bytes(28)),
      in().Ipv4({.ttl = 1}).Icmp(11, 0, 0, Bytes(28)),
      in().Ipv4({.ttl = 1, .fragment = 0x0010}).Transport(17, Bytes(32)),
      in().Ipv6({.hop_limit = 1}).Icmp(1, 0, 0, Bytes(48)),
      in().Ipv6({.hop_limit = 1}).Icmp(137, 0, 0, Bytes(48)),
      in().Ipv6({.hop_limit = 1, .extension_type = 44, .extensions = {17, 0, 0, 8, 0, 0, 0, 1}}).Udp(1, 2),
  };
  for (const Packet& packet : silent) tenant.Push(0, packet.frame());
  tenant.Settle();
  CHECK(tenant.Sent(0).empty());
  CHECK(tenant.Drops(1, DropReason::kTtlExpired) == std::size(silent));
  CHECK(tenant.Drops(1, DropReason::kIcmpErrorForbidden) == std::size(silent));
}

TEST_CASE("no error about a directed broadcast, whatever else is wrong with it") {
  TenantPair tenant(AnyWorkers());
  tenant.AddAdjacency(6, dataplane::AdjacencyKind::kGlean, 2);
  tenant.AddRoute(1, "10.9.0.0/24", 6);
  uint64_t dropped = 1;
  const auto push = [&](const Packet& packet) {
    tenant.Push(0, packet.frame());
    tenant.Settle();
  };
  SECTION("its hops") {
    push(tenant.In().Ipv4({.destination = "10.9.0.255", .ttl = 1}).Udp(1, 2));
  }
  SECTION("the first address of the subnet") {
    push(tenant.In().Ipv4({.destination = "10.9.0.0", .ttl = 1}).Udp(1, 2));
  }
  SECTION("its size") {
    push(tenant.In().Ipv4({.destination = "10.9.0.255", .fragment = 0x4000}).Udp(1, 2, 2000));
  }
  SECTION("its link") {
    auto down = tenant.OnInterface(dataplane::AdjacencyKind::kGlean, 2);
    down.live = down.resolvable = false;
    REQUIRE(tenant.tables().PutAdjacency(6, down).ok());
    push(tenant.In().Ipv4({.destination = "10.9.0.255"}).Udp(1, 2));
  }
  SECTION("somebody who claims it") {
    tenant.AddNeighbor(2, "10.9.0.255", kRouter);
    push(tenant.In().Ipv4({.destination = "10.9.0.255"}).Udp(1, 2));
    push(tenant.In().Ipv4({.destination = "10.9.0.255", .ttl = 1}).Udp(1, 2));
    dropped = 2;
  }
  CHECK(tenant.AllDrops() == std::map<std::string, uint64_t>{{"vrf 1 martian_destination", dropped}});
  CHECK(tenant.Sent(0).empty());
  CHECK(tenant.Sent(1).empty());
  CHECK(tenant.TakePunted().empty());
}

TEST_CASE("without an address on the interface the tenant's router address speaks, else nobody") {
  TenantPair tenant(AnyWorkers());
  REQUIRE(tenant.tables().PutInterface({.id = 3, .vrf = 1, .port = tenant.port(0).id(), .vlan = 30}).ok());
  const Bytes expiring = tenant.In(30).Ipv4({.ttl = 1}).Udp(1, 2).frame();
  tenant.Push(0, expiring);
  tenant.Settle();
  CHECK(tenant.Sent(0).empty());
  CHECK(tenant.Drops(1, DropReason::kIcmpErrorNoSource) == 1);

  REQUIRE(tenant.tables().PutVrf({.id = 1, .router_ipv4 = Ip("192.0.2.1").v4()}).ok());
  tenant.Push(0, expiring);
  tenant.Settle();
  const auto sent = tenant.Sent(0);
  REQUIRE(sent.size() == 1);
  CHECK(Dissect(sent[0]).at("ip.source") == "192.0.2.1");
}

TEST_CASE("errors and echo replies stop at the tenant's rate") {
  TenantPair tenant({.icmp = {.errors_per_second = 1, .echo_replies_per_second = 1}});
  for (int i = 0; i < 20; ++i) {
    tenant.Push(0, tenant.In().Ipv4({.ttl = 1}).Udp(1, 2).frame());
    tenant.Push(0, tenant.In().Ipv4({.destination = "10.1.0.254"}).Icmp(8, 0, 0, Bytes(8)).frame());
  }
  tenant.Settle();
  CHECK(tenant.Sent(0).size() == 20);
  CHECK(tenant.Drops(1, DropReason::kIcmpErrorRateLimited) == 10);
  CHECK(tenant.Drops(1, DropReason::kEchoRateLimited) == 10);
}

}  // namespace
}  // namespace sluice::testing
