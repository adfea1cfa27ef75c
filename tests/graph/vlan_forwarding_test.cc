// Packets from VLAN to VLAN through the whole graph: packet in, packet out, and
// the drop counter when nothing comes out.
#include <catch2/catch.hpp>

#include "tests/graph/harness.h"
#include "tests/graph/same_frame.h"

namespace sluice::testing {
namespace {

using dataplane::AdjacencyKind;
using dataplane::DropReason;

const net::MacAddress kHost = Mac("02:00:00:00:00:01"), kRouter = Mac("02:00:00:00:00:02");

// Tenant 1: interface 1 = port 0 VLAN 10, interface 2 = port 1 VLAN 20, and a
// route to 10.2/16 and 2001:db8:2::/48 behind kRouter on interface 2.
struct Tenant : GraphHarness {
  explicit Tenant(const HarnessOptions& options = {}) : GraphHarness(options) {
    AddVrf(1);
    AddInterface({.id = 1, .vrf = 1, .port = 0, .vlan = 10}, {"10.1.0.254/24", "2001:db8:1::fe/64"});
    AddInterface({.id = 2, .vrf = 1, .port = 1, .vlan = 20}, {"10.9.0.254/24", "2001:db8:9::fe/64"});
    AddNextHop(1, 2, kRouter);
    AddRoute(1, "10.2.0.0/16", 1);
    AddRoute(1, "2001:db8:2::/48", 1);
  }
  Packet In(uint16_t vlan = 10) { return Packet().Ethernet(port(0).mac(), kHost).Vlan(vlan); }
  Packet Out(uint16_t vlan = 20) { return Packet().Ethernet(kRouter, port(1).mac()).Vlan(vlan); }
};

TEST_CASE("a packet is forwarded from VLAN to VLAN within its tenant") {
  Tenant tenant;
  SECTION("IPv4") {
    tenant.Push(0, tenant.In().Ipv4({}).Udp(1, 2).frame());
    tenant.Settle();
    const auto sent = tenant.Sent(1);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Out().Ipv4({.ttl = 63}).Udp(1, 2).frame());
  }
  SECTION("IPv6") {
    tenant.Push(0, tenant.In().Ipv6({}).Udp(1, 2).frame());
    tenant.Settle();
    const auto sent = tenant.Sent(1);
    REQUIRE(sent.size() == 1);
    CheckSameFrame(sent[0], tenant.Out().Ipv6({.hop_limit = 63}).Udp(1, 2).frame());
  }
  CHECK(tenant.AllDrops().empty());
  CHECK(tenant.counters().InterfaceRx(1).packets == 1);
  CHECK(tenant.counters().InterfaceTx(2).packets == 1);
  CHECK(tenant.counters().AdjacencyTx(1).packets == 1);
}

}  // namespace
}  // namespace sluice::testing
