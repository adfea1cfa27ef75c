// Packets that are not forwarded: each row names the one counter that moves.
#include <catch2/catch.hpp>

#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;
using dataplane::DropReason;

// Rows that expect no ICMP error.
TEST_CASE("what cannot be forwarded is dropped under its own name") {
  TenantPair tenant(AnyWorkers());
  tenant.AddAdjacency(3, AdjacencyKind::kDrop);
  tenant.AddRoute(1, "10.66.0.0/16", 3);
  tenant.AddInterface({.id = 9, .vrf = 1, .port = 0, .vlan = 99, .up = false});
  const auto in = [&] { return tenant.In(); };
  struct Row {
    const char* what;
    Packet in;
    DropReason reason;
    uint16_t vrf = 1;
  };
  const Row rows[] = {
      {"an unknown VLAN", tenant.In(11).Ipv4({}).Udp(1, 2), DropReason::kUnknownVlan, 0},
      {"an interface that is down", tenant.In(99).Ipv4({}).Udp(1, 2), DropReason::kInterfaceDown},
      {"another station's frame", Packet().Ethernet(kRouter, kHost).Vlan(10).Ipv4({}).Udp(1, 2),
       DropReason::kNotOurMac},
      {"IPv4 in a broadcast frame",
       Packet().Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost).Vlan(10).Ipv4({}).Udp(1, 2),
       DropReason::kL2Multicast},
      {"unicast IPv6 in a broadcast frame",
       Packet().Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost).Vlan(10).Ipv6({}).Udp(1, 2),
       DropReason::kL2Multicast},
      {"unicast IPv6 in a multicast frame, without a hop left",
       Packet().Ethernet(Mac("33:33:00:00:00:01"), kHost).Vlan(10).Ipv6({.hop_limit = 1}).Udp(1, 2),
       DropReason::kL2Multicast},
      {"IPv6 to us in a broadcast frame",
       Packet()
           .Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost)
           .Vlan(10)
           .Ipv6({.destination = "2001:db8:1::fe"})
           .Udp(1, 2),
       DropReason::kL2Multicast},
      {"an unknown EtherType", in().EtherType(0x88cc).Transport(0, Bytes(50)), DropReason::kUnknownEtherType},
      {"a second tag", in().Vlan(5).Ipv4({}).Udp(1, 2), DropReason::kUnknownEtherType},
      {"a runt", in().Ipv4({}).Udp(1, 2).Cut(16), DropReason::kTruncated, 0},
      {"an IPv4 header cut short", in().Ipv4({}).Udp(1, 2).Cut(30), DropReason::kTruncated},
      {"version 6 as IPv4", in().Ipv4({.version_ihl = 0x65}).Udp(1, 2), DropReason::kIpVersion},
      {"IHL 4", in().Ipv4({.version_ihl = 0x44}).Udp(1, 2), DropReason::kIpHeaderLength},
      {"IHL beyond the packet", in().Ipv4({.version_ihl = 0x4f}).Udp(1, 2, 0), DropReason::kIpHeaderLength},
      {"total length beyond the frame", in().Ipv4({.total_length = 1000}).Udp(1, 2),
       DropReason::kIpTotalLength},
      {"total length below the header", in().Ipv4({.total_length = 19}).Udp(1, 2),
       DropReason::kIpTotalLength},
      {"a wrong checksum", in().Ipv4({.checksum = 0x1234}).Udp(1, 2), DropReason::kIpChecksum},
      {"source 0.0.0.0", in().Ipv4({.source = "0.0.0.0"}).Udp(1, 2), DropReason::kMartianSource},
      {"source 127.0.0.1", in().Ipv4({.source = "127.0.0.1"}).Udp(1, 2), DropReason::kMartianSource},
      {"source multicast", in().Ipv4({.source = "224.0.0.1"}).Udp(1, 2), DropReason::kMartianSource},
      {"source reserved", in().Ipv4({.source = "250.0.0.1"}).Udp(1, 2), DropReason::kMartianSource},
      {"destination loopback", in().Ipv4({.destination = "127.1.1.1"}).Udp(1, 2),
       DropReason::kMartianDestination},
      {"limited broadcast", in().Ipv4({.destination = "255.255.255.255"}).Udp(1, 2),
       DropReason::kMartianDestination},
      {"destination multicast", in().Ipv4({.destination = "239.1.1.1"}).Udp(1, 2), DropReason::kMulticast},
      {"IPv4 link-local", in().Ipv4({.destination = "169.254.1.1"}).Udp(1, 2), DropReason::kLinkLocal},
      {"our own source", in().Ipv4({.source = "10.1.0.254"}).Udp(1, 2), DropReason::kSpoofedOwnAddress},
      {"our own IPv6 source", in().Ipv6({.source = "2001:db8:9::fe"}).Udp(1, 2),
       DropReason::kSpoofedOwnAddress},
      {"a blackhole route", in().Ipv4({.destination = "10.66.1.1"}).Udp(1, 2), DropReason::kBlackhole},
      {"IPv6 version 5", in().Ipv6({.version = 5}).Udp(1, 2), DropReason::kIpVersion},
      {"IPv6 longer than its frame", in().Ipv6({.payload_length = 500}).Udp(1, 2),
       DropReason::kIpTotalLength},
      {"IPv6 source multicast", in().Ipv6({.source = "ff02::1"}).Udp(1, 2), DropReason::kMartianSource},
      {"IPv6 source unspecified", in().Ipv6({.source = "::"}).Udp(1, 2), DropReason::kMartianSource},
      {"IPv6 destination loopback", in().Ipv6({.destination = "::1"}).Udp(1, 2),
       DropReason::kMartianDestination},
      {"IPv4-mapped IPv6", in().Ipv6({.destination = "::ffff:10.2.0.1"}).Udp(1, 2),
       DropReason::kMartianDestination},
      {"IPv6 multicast", in().Ipv6({.destination = "ff02::5"}).Udp(1, 2), DropReason::kMulticast},
      {"another link's fe80", in().Ipv6({.destination = "fe80::77"}).Udp(1, 2), DropReason::kLinkLocal},
      {"a fragment for us that is no multiple of eight",
       in().Ipv4({.destination = "10.1.0.254", .fragment = 0x2000}).Udp(1, 2),
       DropReason::kFragmentMalformed},
      {"TCP to us", in().Ipv4({.destination = "10.1.0.254"}).Tcp(1, 22), DropReason::kTcpUnwanted},
      {"an echo reply to us", in().Ipv4({.destination = "10.1.0.254"}).Icmp(0, 0, 0, Bytes(8)),
       DropReason::kIcmpUnwanted},
  };
  std::map<std::string, uint64_t> expected;
  for (const Row& row : rows) {
    INFO(row.what);
    const uint64_t before = tenant.Drops(row.vrf, row.reason);
    tenant.Push(0, row.in.frame());
    tenant.Settle();
    CHECK(tenant.Drops(row.vrf, row.reason) == before + 1);
    CHECK(tenant.Sent(0).empty());
    CHECK(tenant.Sent(1).empty());
    ++expected["vrf " + std::to_string(row.vrf) + " " + dataplane::NameOf(row.reason).name];
  }
  CHECK(tenant.AllDrops() == expected);
}

TEST_CASE("every truncation of a packet is dropped or forwarded whole") {
  TenantPair tenant(AnyWorkers());
  for (const Bytes& whole :
       {tenant.In().Ipv4({.options = {1, 1, 1, 0}}).Udp(1, 2).frame(),
        tenant.In().Ipv6({.extension_type = 0, .extensions = {17, 0, 1, 4, 0, 0, 0, 0}}).Udp(1, 2).frame()}) {
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      tenant.Push(0, Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes)));
      tenant.Settle();
      CHECK(tenant.Sent(1).empty());
    }
    tenant.Push(0, whole);
    tenant.Settle();
    CHECK(tenant.Sent(1).size() == 1);
  }
}

TEST_CASE("a frame that ends within its tag is a runt, whatever its buffer held before") {
  TenantPair tenant(AnyWorkers());
  const Packet whole[] = {tenant.In().Ipv4({}).Udp(1, 2), tenant.In().Ipv6({}).Udp(1, 2)};
  for (Packet packet : whole)
    for (const size_t bytes : {14, 15, 16, 17}) {
      tenant.Push(0, packet.frame());
      tenant.Settle();
      CHECK(tenant.Sent(1).size() == 1);
      // The pool hands out the same buffer again.
      tenant.Push(0, Packet(packet).Cut(bytes).frame());
      tenant.Settle();
      CHECK(tenant.Sent(1).empty());
    }
  CHECK(tenant.Drops(0, DropReason::kTruncated) == 8);
}

TEST_CASE("strict reverse path lets in what would go back the same way") {
  TenantPair tenant(AnyWorkers());
  REQUIRE(tenant.tables()
              .PutInterface({.id = 3, .vrf = 1, .port = tenant.port(0).id(), .vlan = 30, .strict_urpf = true})
              .ok());
  tenant.AddNextHop(4, 3, kHost);
  tenant.AddRoute(1, "10.3.0.0/16", 4);
  const auto from = [&](const char* source) {
    return tenant.In(30).Ipv4({.source = source}).Udp(1, 2).frame();
  };
  tenant.Push(0, from("10.3.0.1"));
  tenant.Push(0, from("10.1.0.1"));  // lives on another interface
  tenant.Push(0, from("77.0.0.1"));  // no route at all
  tenant.Settle();
  CHECK(tenant.Sent(1).size() == 1);
  CHECK(tenant.Drops(1, DropReason::kUrpf) == 2);
}

TEST_CASE("policers hold both directions to their rate") {
  TenantPair tenant(AnyWorkers());
  REQUIRE(tenant.tables().policers.Put(1, 8, 1500, 1500).ok());
  SECTION("in") {
    REQUIRE(tenant.tables()
                .PutInterface({.id = 1, .vrf = 1, .port = tenant.port(0).id(), .vlan = 10, .policer_in = 1})
                .ok());
  }
  SECTION("out") {
    auto adjacency = tenant.OnInterface(AdjacencyKind::kNeighbor, 2);
    adjacency.neighbor_mac = kRouter;
    adjacency.policer_out = 1;
    REQUIRE(tenant.tables().PutAdjacency(1, adjacency).ok());
  }
  // A burst of 1500 bytes lets three packets of 500 pass.
  for (int i = 0; i < 10; ++i) tenant.Push(0, tenant.In().Ipv4({}).Udp(1, 2, 472).frame());
  tenant.Settle();
  CHECK(tenant.Sent(1).size() == 3);
  CHECK(tenant.Drops(1, DropReason::kPolicedIn) + tenant.Drops(1, DropReason::kPolicedOut) == 7);
  CHECK(tenant.counters().PolicerDropped(1).packets == 7);
  CHECK(tenant.counters().PolicerDropped(1).bytes == 7 * 500);
}

}  // namespace
}  // namespace sluice::testing
