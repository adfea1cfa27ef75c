// What the slow path does not use, keep or deliver is counted for its tenant: no
// packet ends there in silence.
#include <catch2/catch.hpp>

#include "dataplane/slowpath/arp_packet.h"
#include "tests/graph/slow_path_rig.h"

namespace sluice::testing {
namespace {

using namespace dataplane;  // NOLINT: the tests speak of nothing else
using Drops = std::map<std::string, uint64_t>;
using std::chrono::milliseconds;

const net::MacAddress kHost = Mac("02:00:00:00:00:01");

Bytes ArpFrame(ArpOperation operation, const char* sender, const char* target) {
  const ArpPacket packet{operation, kHost, Ip(sender).v4(), {}, Ip(target).v4()};
  return Packet()
      .Ethernet(Mac("ff:ff:ff:ff:ff:ff"), kHost)
      .Vlan(10)
      .EtherType(0x0806)
      .Transport(0, BuildArp(packet))
      .frame();
}
Bytes Question(const char* target = "10.1.0.254") {
  return ArpFrame(ArpOperation::kRequest, "10.1.0.9", target);
}
Bytes Answer() {
  return ArpFrame(ArpOperation::kReply, "10.1.0.9", "10.1.0.254");
}
Bytes SomeIp() {
  return Packet().Ipv4({}).Udp(1, 2).ip();
}

TEST_CASE("ARP and ND of which nothing comes are drops of their tenant, by reason") {
  SlowPathRigOptions options;
  options.neighbors.requests_per_second = 2;
  SlowPathRig rig(options);
  SECTION("malformed, short or with nonsense") {
    rig.Punt(PuntClass::kArp, Bytes(7));
    rig.Punt(PuntClass::kArp,
             Packet().Ethernet(kHost, kHost).EtherType(0x0806).Transport(0, Bytes(28)).frame());
    rig.Punt(PuntClass::kNeighborDiscovery, Packet().Ipv6({.hop_limit = 255}).Icmp(135, 0, 0, Bytes(3)).ip());
    CHECK(rig.Drops() == Drops{{"vrf 1 neighbor_malformed", 3}});
  }
  SECTION("about others, and unasked") {
    rig.Punt(PuntClass::kArp, Question("10.1.0.77"));
    rig.Punt(PuntClass::kArp, Answer());
    CHECK(rig.Drops() == Drops{{"vrf 1 neighbor_not_for_us", 1}, {"vrf 1 neighbor_unasked", 1}});
  }
  SECTION("above the interface's rate") {
    for (int i = 0; i < 5; ++i) rig.Punt(PuntClass::kArp, Question());
    CHECK(rig.TakeInjected().size() == 2);
    CHECK(rig.Drops() == Drops{{"vrf 1 neighbor_rate_limited", 3}});
  }
  CHECK(rig.buffers_in_use() == rig.TakeInjected().size());
}

TEST_CASE("an answer that has no buffer, or that no worker takes, is a drop of its tenant") {
  SlowPathRig rig({.buffers = 256, .ring_slots = 4, .neighbors = {}});
  SECTION("no worker takes it") {
    const uint64_t before = rig.slow_path().relay_counters().inject_ring_full;
    for (int i = 0; i < 6; ++i) rig.Punt(PuntClass::kArp, Question());
    CHECK(rig.slow_path().relay_counters().inject_ring_full == before + 2);
    CHECK(rig.TakeInjected().size() == 4);
    CHECK(rig.Drops() == Drops{{"vrf 1 inject_queue_full", 2}});
  }
  SECTION("no buffer") {
    rig.TakeAllBuffers();
    rig.Punt(PuntClass::kArp, Question());
    rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
    rig.AttachControl();
    rig.ControlInjects({.version = 1, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 46},
                       SomeIp());
    rig.Turn();
    CHECK(rig.TakeInjected().empty());
    CHECK(rig.Drops() == Drops{{"vrf 1 slow_path_no_buffer", 3}});
    CHECK(rig.slow_path().relay_counters().no_buffer == 3);
  }
}

TEST_CASE("packets for control that it does not get are drops of their tenant") {
  SlowPathRig rig;
  rig.Punt(PuntClass::kLocal, SomeIp());
  CHECK(rig.Drops() == Drops{{"vrf 1 control_absent", 1}});
  rig.AttachControl();
  rig.Punt(PuntClass::kLocal, SomeIp());
  CHECK(rig.Drops() == Drops{{"vrf 1 control_absent", 1}});
  // Control does not read.
  Drops drops;
  for (int i = 0; i < 2000 && drops.count("vrf 1 punt_queue_full") == 0; ++i) {
    rig.now += milliseconds(10);
    rig.Punt(PuntClass::kLocal, Bytes(1400, 0x45));
    drops = rig.Drops();
  }
  CHECK(drops["vrf 1 punt_queue_full"] == 1);
}

TEST_CASE("what control injects and nobody can send is a drop of the VRF it names") {
  SlowPathRig rig;
  rig.AttachControl();
  const Bytes packet = SomeIp();
  const auto size = static_cast<uint32_t>(packet.size());
  rig.ControlInjects({.version = 1, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = size},
                     packet);
  rig.ControlInjects({.version = 9, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = size},
                     packet);
  rig.ControlInjects(
      {.version = 1, .inject_class = 1, .flags = 0, .vrf = 70000, .reserved = 0, .bytes = size}, packet);
  rig.ControlInjects({.version = 1, .inject_class = 1, .flags = 0, .vrf = 1, .reserved = 0, .bytes = 5000},
                     Bytes(5000));
  rig.Turn();
  CHECK(rig.TakeInjected().size() == 1);
  CHECK(rig.Drops() == Drops{{"vrf 1 inject_invalid", 1}, {"vrf 0 inject_invalid", 1}, {"vrf 1 too_big", 1}});
}

TEST_CASE("what control sends has a budget for each class and tenant") {
  SlowPathRig rig;
  rig.AttachControl();
  const Bytes packet = SomeIp();
  const auto inject = [&](channel::InjectClass inject_class, uint32_t vrf) {
    rig.ControlInjects({.version = 1,
                        .inject_class = static_cast<uint8_t>(inject_class),
                        .flags = 0,
                        .vrf = vrf,
                        .reserved = 0,
                        .bytes = static_cast<uint32_t>(packet.size())},
                       packet);
    rig.Turn();
  };
  for (int i = 0; i < 150; ++i) inject(channel::InjectClass::kLocal, 1);
  CHECK(rig.TakeInjected().size() == 100);
  inject(channel::InjectClass::kBgp, 1);
  inject(channel::InjectClass::kLocal, 2);
  CHECK(rig.TakeInjected().size() == 2);
  CHECK(rig.Drops() == Drops{{"vrf 1 inject_rate_limited", 50}});
  rig.now += milliseconds(10);
  for (int i = 0; i < 10; ++i) inject(channel::InjectClass::kLocal, 1);
  CHECK(rig.TakeInjected().size() == 5);
}

TEST_CASE("packets that wait for the agent to publish their neighbour have the tenant's cap and an end") {
  SlowPathRigOptions options;
  options.neighbors.held_per_tenant = 8;
  SlowPathRig rig(options);
  rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
  rig.Punt(PuntClass::kArp, Answer());
  for (int i = 0; i < 20; ++i) rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
  CHECK(rig.Drops() == Drops{{"vrf 1 hold_queue_full", 13}});
  rig.TakeInjected();
  CHECK(rig.buffers_in_use() == 8);
  SECTION("the agent never does") {
    rig.Pass(milliseconds(201));
    CHECK(rig.Drops() == Drops{{"vrf 1 hold_queue_full", 13}, {"vrf 1 neighbor_unresolved", 8}});
    CHECK(rig.buffers_in_use() == 0);
  }
  SECTION("the agent does, and they leave in their order") {
    REQUIRE(rig.tables().neighbors.Put(NeighborKey::Of(1, Ip("10.1.0.9")), 5).ok());
    rig.Turn();
    const auto sent = rig.TakeInjected();
    REQUIRE(sent.size() == 8);
    CHECK(sent[0].meta.inject_kind == InjectKind::kAdjacency);
    CHECK(sent[0].meta.adjacency == 5);
  }
}

TEST_CASE("held packets leave a quarter of the buffers to ARP, ND and control") {
  SlowPathRigOptions options;
  options.neighbors.held_per_neighbor = options.neighbors.held_per_tenant = 10'000;
  SlowPathRig rig(options);
  rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
  rig.TakeInjected();  // who has it
  for (int i = 0; i < 249; ++i) rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
  rig.TakeInjected();
  CHECK(rig.buffers_in_use() == 192);
  CHECK(rig.Drops() == Drops{{"vrf 1 hold_queue_full", 58}});
  rig.Punt(PuntClass::kArp, Question());
  CHECK(rig.TakeInjected().size() == 1);
}

TEST_CASE("packets that wait for a neighbour and for its publication have one cap") {
  SlowPathRigOptions options;
  options.neighbors.held_per_tenant = 4;
  SlowPathRig rig(options);
  rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
  rig.Punt(PuntClass::kArp, Answer());  // published by nobody
  for (int i = 0; i < 3; ++i) rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9");
  for (const char* host : {"10.1.0.20", "10.1.0.21", "10.1.0.22", "10.1.0.23"})
    rig.Punt(PuntClass::kUnresolved, SomeIp(), host);
  rig.TakeInjected();
  CHECK(rig.buffers_in_use() == 4);
  CHECK(rig.Drops() == Drops{{"vrf 1 hold_queue_full", 4}});
}

TEST_CASE("where buffers are short the tenant that holds most gives way, not the one that holds little") {
  SlowPathRigOptions options;
  options.neighbors.held_per_tenant = 10'000;
  SlowPathRig rig(options);
  rig.AddTenant(2);
  rig.AddTenant(3);
  rig.TakeInjected();
  // Two tenants scan until nothing is left to hold with.
  for (int i = 0; i < 200; ++i) {
    const std::string host = "10.1.0." + std::to_string(i + 1);
    rig.Punt(PuntClass::kUnresolved, SomeIp(), host, 1);
    rig.Punt(PuntClass::kUnresolved, SomeIp(), host, 2);
    rig.TakeInjected();
  }
  REQUIRE(rig.buffers_in_use() == 192);
  rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9", 3);
  rig.TakeInjected();
  CHECK(rig.Drops().count("vrf 3 hold_queue_full") == 0);
  CHECK(rig.Drops().count("vrf 3 slow_path_no_buffer") == 0);
  rig.Punt(PuntClass::kArp, Answer(), "", 3);
  REQUIRE(rig.tables().neighbors.Put(NeighborKey::Of(3, Ip("10.1.0.9")), 5).ok());
  rig.Turn();
  const auto sent = rig.TakeInjected();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].meta.inject_kind == InjectKind::kAdjacency);
  CHECK(sent[0].meta.vrf == 3);
  // Neither scanner lost much more than the other.
  const uint64_t first = rig.Drops()["vrf 1 hold_queue_full"], second = rig.Drops()["vrf 2 hold_queue_full"];
  CHECK(std::max(first, second) - std::min(first, second) < 5);
}

TEST_CASE("tunnel packets that wait for one far end have the caps of their tenants, and are their drops") {
  SlowPathRigOptions options;
  options.neighbors.held_per_tenant = 8;
  SlowPathRig rig(options);
  rig.AddTenant(3);  // its link stands for the underlay's
  rig.TakeInjected();
  rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9", 3, 1);
  for (int i = 0; i < 100; ++i) {
    rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0.9", 3, 2);
    rig.Punt(PuntClass::kUnresolved, SomeIp(), "10.1.0." + std::to_string(20 + i), 3, 2);
    rig.TakeInjected();
  }
  CHECK(rig.Drops() == Drops{{"vrf 2 hold_queue_full", 192}});
  CHECK(rig.buffers_in_use() == 9);
  SECTION("the far end answers") {
    rig.Punt(PuntClass::kArp, Answer(), "", 3);
    REQUIRE(rig.tables().neighbors.Put(NeighborKey::Of(3, Ip("10.1.0.9")), 5).ok());
    rig.Turn();
    std::map<VrfId, unsigned> sent;
    for (const Punted& packet : rig.TakeInjected())
      sent[packet.meta.vrf] += packet.meta.inject_kind == InjectKind::kAdjacency;
    CHECK(sent[1] == 1);
    CHECK(sent[3] == 0);
  }
  SECTION("it does not") {
    for (int i = 0; i < 100; ++i) rig.Pass(milliseconds(100));
    std::map<VrfId, unsigned> refused;
    for (const Punted& packet : rig.TakeInjected())
      refused[packet.meta.vrf] += packet.meta.inject_kind == InjectKind::kUnreachable;
    CHECK(refused[1] == 1);
    CHECK(refused[2] == 8);
    CHECK(rig.buffers_in_use() == 0);
  }
}

}  // namespace
}  // namespace sluice::testing
