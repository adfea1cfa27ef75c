// What an interface counts as received and as sent, and what it does not.
#include <catch2/catch.hpp>

#include "tests/graph/tenant_pair.h"

namespace sluice::testing {
namespace {

using dataplane::DropReason;

TEST_CASE("an interface counts as received the IP packets that are meant for us, also those dropped later") {
  TenantPair tenant;
  tenant.AddInterface({.id = 9, .vrf = 1, .port = 0, .vlan = 99, .up = false});
  struct Row {
    const char* what;
    Packet in;
    bool counts;
  };
  const net::MacAddress broadcast = Mac("ff:ff:ff:ff:ff:ff");
  const Row rows[] = {
      {"IPv4", tenant.In().Ipv4({}).Udp(1, 2), true},
      {"IPv6", tenant.In().Ipv6({}).Udp(1, 2), true},
      {"IPv6 to a group",
       Packet().Ethernet(Mac("33:33:00:00:00:05"), kHost).Vlan(10).Ipv6({.destination = "ff02::5"}).Udp(1, 2),
       true},
      {"a wrong checksum", tenant.In().Ipv4({.checksum = 0x1234}).Udp(1, 2), true},
      {"no route", tenant.In().Ipv4({.destination = "77.0.0.1"}).Udp(1, 2), true},
      {"another station's frame", Packet().Ethernet(kRouter, kHost).Vlan(10).Ipv4({}).Udp(1, 2), false},
      {"IPv4 in a broadcast frame", Packet().Ethernet(broadcast, kHost).Vlan(10).Ipv4({}).Udp(1, 2), false},
      {"ARP", Packet().Ethernet(broadcast, kHost).Vlan(10).EtherType(0x0806).Transport(0, Bytes(28)), false},
      {"an unknown EtherType", tenant.In().EtherType(0x88cc).Transport(0, Bytes(50)), false},
      {"an interface that is down", tenant.In(99).Ipv4({}).Udp(1, 2), false},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const auto before = tenant.counters().InterfaceRx(1);
    tenant.Push(0, row.in.frame());
    tenant.Settle();
    const auto after = tenant.counters().InterfaceRx(1);
    CHECK(after.packets == before.packets + row.counts);
    CHECK((after.bytes > before.bytes) == row.counts);
  }
  CHECK(tenant.counters().InterfaceRx(9).packets == 0);
}

TEST_CASE("what the port does not take is a drop and not sent") {
  // The rings hold 15 packets.
  TenantPair tenant({.ring_depth = 16}, 576);
  const auto sent = [&] { return tenant.counters().InterfaceTx(2); };
  const auto push = [&](const Packet& packet, int count) {
    for (int i = 0; i < count; ++i) tenant.Push(0, packet.frame());
    tenant.Settle();
  };
  SECTION("of ordinary packets") {
    push(tenant.In().Ipv4({}).Udp(1, 2, 72), 12);
    CHECK(sent().packets == 12);
    push(tenant.In().Ipv6({}).Udp(1, 2, 52), 12);
    CHECK(sent().packets == 15);
    CHECK(sent().bytes == 1500);
    CHECK(tenant.Drops(1, DropReason::kTransmitQueueFull) == 9);
  }
  SECTION("of fragments") {
    push(tenant.In().Ipv4({}).Udp(1, 2, 1472), 10);  // three each
    CHECK(sent().packets == 15);
    CHECK(tenant.Drops(1, DropReason::kTransmitQueueFull) == 15);
  }
  CHECK(tenant.counters().AdjacencyTx(1).packets == 15);
  CHECK(tenant.counters().AdjacencyTx(1).bytes == sent().bytes);
  CHECK(tenant.Sent(1).size() == 15);
  push(tenant.In().Ipv4({}).Udp(1, 2), 1);
  CHECK(sent().packets == 16);
}

TEST_CASE("frames of the slow path and packets it held count like what they are") {
  TenantPair tenant;
  dataplane::PacketMetadata meta{};
  meta.vrf = 1;
  meta.adjacency = 1;
  meta.egress_interface = 2;
  meta.egress_port = tenant.port(1).id();
  meta.inject_kind = dataplane::InjectKind::kRawL2;
  tenant.Inject(meta, tenant.Out().EtherType(0x0806).Transport(0, Bytes(28)).frame());
  tenant.Settle();
  CHECK(tenant.Sent(1).size() == 1);
  CHECK(tenant.counters().InterfaceTx(2).packets == 0);
  CHECK(tenant.counters().InterfaceTx(0).packets == 0);

  meta.inject_kind = dataplane::InjectKind::kAdjacency;
  const Bytes held = tenant.In().Ipv4({}).Udp(1, 2).ip();
  tenant.Inject(meta, held);
  tenant.Settle();
  CHECK(tenant.counters().InterfaceTx(2).packets == 1);
  CHECK(tenant.counters().InterfaceTx(2).bytes == held.size());
  CHECK(tenant.counters().AdjacencyTx(1).packets == 1);
}

}  // namespace
}  // namespace sluice::testing
