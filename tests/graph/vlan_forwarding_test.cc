// Packets from VLAN to VLAN through the whole graph: packet in, packet out.
#include <catch2/catch.hpp>

#include "tests/graph/same_frame.h"
#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

TEST_CASE("a packet is forwarded from VLAN to VLAN within its tenant") {
  TenantPair tenant(AnyWorkers());
  const auto in = [&] { return tenant.In(); };
  struct Row {
    const char* what;
    Packet in, out;
  };
  const Row rows[] = {
      {"IPv4", in().Ipv4({}).Udp(1, 2), tenant.Out().Ipv4({.ttl = 63}).Udp(1, 2)},
      {"IPv6", in().Ipv6({}).Udp(1, 2), tenant.Out().Ipv6({.hop_limit = 63}).Udp(1, 2)},
      {"TTL 2", in().Ipv4({.ttl = 2}).Tcp(1, 2), tenant.Out().Ipv4({.ttl = 1}).Tcp(1, 2)},
      {"a checksum that wraps", in().Ipv4({.ttl = 255, .identification = 0xffff}).Udp(1, 2),
       tenant.Out().Ipv4({.ttl = 254, .identification = 0xffff}).Udp(1, 2)},
      {"DSCP and flags are kept", in().Ipv4({.tos = 0xb8, .fragment = 0x4000}).Udp(1, 2),
       tenant.Out().Ipv4({.ttl = 63, .tos = 0xb8, .fragment = 0x4000}).Udp(1, 2)},
      {"a later fragment", in().Ipv4({.fragment = 0x2010}).Transport(17, Bytes(64, 7)),
       tenant.Out().Ipv4({.ttl = 63, .fragment = 0x2010}).Transport(17, Bytes(64, 7))},
      {"IPv4 options", in().Ipv4({.options = {1, 1, 1, 0}}).Udp(1, 2),
       tenant.Out().Ipv4({.ttl = 63, .options = {1, 1, 1, 0}}).Udp(1, 2)},
      {"an IPv6 extension header",
       in().Ipv6({.extension_type = 0, .extensions = {17, 0, 1, 4, 0, 0, 0, 0}}).Udp(1, 2),
       tenant.Out()
           .Ipv6({.hop_limit = 63, .extension_type = 0, .extensions = {17, 0, 1, 4, 0, 0, 0, 0}})
           .Udp(1, 2)},
      {"padding is cut off", in().Ipv4({}).Udp(1, 2, 0).Pad(64), tenant.Out().Ipv4({.ttl = 63}).Udp(1, 2, 0)},
      {"an 802.1ad tag", Packet().Ethernet(tenant.port(0).mac(), kHost).Vlan(10, 0x88a8).Ipv4({}).Udp(1, 2),
       tenant.Out().Ipv4({.ttl = 63}).Udp(1, 2)},
      {"priority bits in the tag", tenant.In(10 | 5 << 13).Ipv4({}).Udp(1, 2),
       tenant.Out().Ipv4({.ttl = 63}).Udp(1, 2)},
      {"9000 bytes", in().Ipv4({.destination = "10.1.0.7"}).Udp(1, 2, 8972),
       tenant.Back().Ipv4({.destination = "10.1.0.7", .ttl = 63}).Udp(1, 2, 8972)},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const bool back = row.in.frame().size() > 8000;
    tenant.Push(0, row.in.frame());
    tenant.Settle();
    const auto sent = tenant.Sent(back ? 0 : 1);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], row.out.frame());
  }
  CHECK(tenant.AllDrops().empty());
}

TEST_CASE("untagged interfaces forward in both directions") {
  GraphHarness graph(AnyWorkers());
  graph.AddVrf(1);
  graph.AddInterface({.id = 1, .vrf = 1, .port = 0, .vlan = 0}, {"10.1.0.254/24"});
  graph.AddInterface({.id = 2, .vrf = 1, .port = 1, .vlan = 20}, {"10.9.0.254/24"});
  graph.AddNextHop(1, 2, kRouter);
  graph.AddNextHop(2, 1, kHost);
  graph.AddRoute(1, "10.2.0.0/16", 1);
  graph.AddRoute(1, "10.1.0.0/16", 2);
  graph.Push(0, Packet().Ethernet(graph.port(0).mac(), kHost).Ipv4({}).Udp(1, 2).frame());
  graph.Push(1, Packet()
                    .Ethernet(graph.port(1).mac(), kRouter)
                    .Vlan(20)
                    .Ipv4({.source = "10.2.0.1", .destination = "10.1.0.1"})
                    .Udp(2, 1)
                    .frame());
  graph.Settle();
  const auto forth = graph.Sent(1), back = graph.Sent(0);
  REQUIRE(forth.size() == 1);
  REQUIRE(back.size() == 1);
  CheckSameFrame(
      forth[0], Packet().Ethernet(kRouter, graph.port(1).mac()).Vlan(20).Ipv4({.ttl = 63}).Udp(1, 2).frame());
  CheckSameFrame(back[0], Packet()
                              .Ethernet(kHost, graph.port(0).mac())
                              .Ipv4({.source = "10.2.0.1", .destination = "10.1.0.1", .ttl = 63})
                              .Udp(2, 1)
                              .frame());
}

TEST_CASE("tenants with the same addresses do not meet") {
  GraphHarness graph(AnyWorkers());
  for (dataplane::VrfId vrf : {1, 2}) {
    graph.AddVrf(vrf);
    const auto in = static_cast<uint16_t>(2 * vrf - 1), out = static_cast<uint16_t>(2 * vrf);
    graph.AddInterface({.id = in, .vrf = vrf, .port = 0, .vlan = static_cast<uint16_t>(10 + vrf)},
                       {"10.1.0.254/24"});
    graph.AddInterface({.id = out, .vrf = vrf, .port = 1, .vlan = static_cast<uint16_t>(20 + vrf)},
                       {"10.9.0.254/24"});
    graph.AddNextHop(vrf, out, {{2, 0, 0, 0, 0, static_cast<uint8_t>(vrf)}});
    graph.AddRoute(vrf, "10.2.0.0/16", vrf);
  }
  for (uint16_t vrf : {1, 2}) {
    graph.Push(0, Packet()
                      .Ethernet(graph.port(0).mac(), kHost)
                      .Vlan(static_cast<uint16_t>(10 + vrf))
                      .Ipv4({})
                      .Udp(1, 2)
                      .frame());
    graph.Settle();
    const auto sent = graph.Sent(1);
    REQUIRE(sent.size() == 1);
    CHECK(Dissect(sent[0]).at("vlan.id") == std::to_string(20 + vrf));
  }
}

TEST_CASE("counters add up over a mixed burst") {
  TenantPair tenant(AnyWorkers());
  for (int i = 0; i < 100; ++i) {
    tenant.Push(0, tenant.In().Ipv4({}).Udp(1, 2).frame());
    tenant.Push(0, tenant.In().Ipv6({}).Udp(1, 2).frame());
    tenant.Push(0, tenant.In(11).Ipv4({}).Udp(1, 2).frame());
  }
  tenant.Settle();
  CHECK(tenant.Sent(1).size() == 200);
  CHECK(tenant.Drops(0, dataplane::DropReason::kUnknownVlan) == 100);
  CHECK(tenant.counters().InterfaceRx(1).packets == 200);
  CHECK(tenant.counters().InterfaceTx(2).packets == 200);
  CHECK(tenant.counters().InterfaceTx(2).bytes == 100 * (46 + 66));
  CHECK(tenant.counters().AdjacencyTx(1).packets == 200);
}

TEST_CASE("several workers forward side by side and nothing is lost") {
  const auto workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
  TenantPair tenant({.workers = workers});
  tenant.StartWorkers();
  size_t sent = 0;
  for (int round = 0; round < 20; ++round) {
    for (uint16_t queue = 0; queue < workers; ++queue)
      for (int i = 0; i < 50; ++i)
        tenant.Push(0, tenant.In().Ipv4({}).Udp(static_cast<uint16_t>(i), 2).frame(), queue);
    tenant.Settle();
    sent += tenant.Sent(1).size();
  }
  tenant.StopWorkers();
  CHECK(sent == 1000u * workers);
  CHECK(tenant.AllDrops().empty());
  CHECK(tenant.counters().InterfaceRx(1).packets == 1000u * workers);
}

}  // namespace
}  // namespace sluice::testing
