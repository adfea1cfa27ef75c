// Totals outlive the dataplane that counted them, but not their owner.
#include "control/io/live_state.h"

#include <catch2/catch.hpp>
#include <vector>

#include "proto/channel/shared_memory.h"

namespace sluice::io {
namespace {

constexpr uint32_t kVrf = 1, kInterface = 10, kReason = 2;

channel::ChannelMemory Memory() {
  return *channel::ChannelMemory::Create({.counters = {.workers = 1,
                                                       .interfaces = 16,
                                                       .adjacencies = 1,
                                                       .vrfs = 4,
                                                       .drop_reasons = 4,
                                                       .policers = 16,
                                                       .nodes = 1}},
                                         1);
}

programming::TenantObjects Tenant(const char* name) {
  programming::TenantObjects tenant;
  tenant.vrf = {kVrf, name};
  tenant.interfaces.push_back({kInterface, kVrf, 5, name, "p1", 100});
  return tenant;
}

// A gateway with one tenant, whose dataplanes have counters that the test writes.
struct Gateway {
  Gateway() {
    memories.push_back(Memory());
    sender.PutTenant(Tenant("contoso"), 1);
  }

  void Attach(const char* instance) {
    dataplane::v1::AttachReply reply;
    reply.set_instance(instance);
    state.Attached(reply, nullptr);
    state.SetCounters(memories.back().counters());
  }
  // The dataplane dies and another comes, with `packets` counted already.
  void Restart(const char* instance, uint64_t packets) {
    memories.push_back(Memory());
    Received(packets);
    Attach(instance);
  }
  void Received(uint64_t packets) {
    const channel::ChannelMemory& memory = memories.back();
    memory.counter_layout().InterfaceRx(memory.counter_section(), 0)[kInterface].packets = packets;
  }
  void Dropped(uint64_t packets) {
    const channel::ChannelMemory& memory = memories.back();
    memory.counter_layout().Drops(memory.counter_section(), 0)[kVrf * 4 + kReason] = packets;
  }
  uint64_t inbound() const { return state.Counters(kInterface).inbound_packets; }
  void DeleteTenant() {
    sender.RemoveTenant(kVrf);
    state.Sample({});
  }

  programming::Sender sender;
  LiveState state{sender};
  std::vector<channel::ChannelMemory> memories;  // the dead ones stay mapped
};

TEST_CASE("totals go on over the dataplane's restart and are told while there is none") {
  Gateway gateway;
  gateway.Attach("first");
  gateway.Received(70);
  gateway.Dropped(3);
  CHECK(gateway.inbound() == 70);
  gateway.state.Detached();
  CHECK(gateway.inbound() == 70);
  REQUIRE(gateway.state.Drops().size() == 1);
  CHECK(gateway.state.Drops()[0].packets == 3);
  gateway.state.Sample({});
  gateway.Restart("second", 5);
  CHECK(gateway.inbound() == 75);
  CHECK(gateway.state.Drops().empty());
  gateway.Restart("third", 1);
  CHECK(gateway.inbound() == 76);
}

TEST_CASE("an attachment to the same dataplane doubles nothing") {
  Gateway gateway;
  gateway.Attach("first");
  gateway.Received(70);
  gateway.Restart("second", 5);
  gateway.state.Detached();
  gateway.Received(6);
  gateway.Attach("second");
  CHECK(gateway.inbound() == 76);
}

TEST_CASE("a tunnel's path is what its adjacency said last, and gone with it") {
  Gateway gateway;
  gateway.Attach("first");
  const auto tell = [&](uint32_t id, const std::string& kind, bool live, const std::string& why) {
    dataplane::v1::StateChange change;
    auto& adjacency = *change.mutable_adjacency();
    adjacency.set_id(id);
    adjacency.set_kind(kind);
    adjacency.set_interface(kind == "removed" ? 0 : 7);
    adjacency.set_next_hop("198.51.100.2");
    adjacency.set_live(live);
    adjacency.set_down_reason(why);
    gateway.state.Changed(change);
  };
  CHECK(gateway.state.TunnelPaths(7).empty());
  tell(3, "tunnel", true, "");
  CHECK((gateway.state.TunnelPaths(7) == std::vector<api::TunnelPath>{{"198.51.100.2", true, ""}}));
  tell(3, "tunnel", false, "no route to 198.51.100.2");
  CHECK((gateway.state.TunnelPaths(7) ==
         std::vector<api::TunnelPath>{{"198.51.100.2", false, "no route to 198.51.100.2"}}));
  tell(4, "neighbor", true, "");
  CHECK(gateway.state.TunnelPaths(7).size() == 1);
  CHECK(gateway.state.TunnelPaths(8).empty());
  SECTION("the adjacency goes") {
    tell(3, "removed", false, "");
  }
  SECTION("its number becomes a neighbour's") {
    tell(3, "neighbor", true, "");
  }
  SECTION("the dataplane goes") {
    gateway.state.Detached();
  }
  SECTION("a new snapshot begins") {
    gateway.state.SnapshotBegins();
  }
  CHECK(gateway.state.TunnelPaths(7).empty());
}

TEST_CASE("a silent far end is known until it answers, or nobody can say") {
  Gateway gateway;
  gateway.Attach("first");
  dataplane::v1::StateChange change;
  change.mutable_peer()->set_interface(7);
  change.mutable_peer()->set_silent_since_ms(1234);
  gateway.state.Changed(change);
  CHECK(gateway.state.SilentSince(7) == 1'234'000);
  CHECK_FALSE(gateway.state.SilentSince(8));
  SECTION("it answers") {
    change.mutable_peer()->clear_silent_since_ms();
    gateway.state.Changed(change);
  }
  SECTION("a new snapshot begins") {
    gateway.state.SnapshotBegins();
  }
  SECTION("the dataplane is gone") {
    gateway.state.Detached();
  }
  CHECK_FALSE(gateway.state.SilentSince(7));
}

TEST_CASE("what a tunnel's probes count goes on over the dataplane's restart") {
  Gateway gateway;
  programming::TenantObjects tenant = Tenant("contoso");
  tenant.interfaces[0].tunnel.emplace();
  gateway.sender.PutTenant(tenant, 2);
  const auto count = [&](uint64_t sent) {
    const channel::ChannelMemory& memory = gateway.memories.back();
    memory.counter_layout().Probes(memory.counter_section(), 0)[kInterface] = {sent, sent - 1, 3};
  };
  gateway.Attach("first");
  count(10);
  gateway.Restart("second", 0);
  count(5);
  const api::InterfaceCounters counters = gateway.state.Counters(kInterface);
  CHECK(counters.probes_sent == 15);
  CHECK(counters.probes_answered == 13);
  CHECK(counters.keepalives_returned == 6);
}

TEST_CASE("the narrowest path of a tunnel is known, until it is as wide as the others") {
  Gateway gateway;
  const auto tell = [&](uint32_t id, uint32_t path_mtu) {
    dataplane::v1::StateChange change;
    auto& adjacency = *change.mutable_adjacency();
    adjacency.set_id(id);
    adjacency.set_kind("tunnel");
    adjacency.set_interface(7);
    adjacency.set_next_hop("198.51.100." + std::to_string(id));
    adjacency.set_live(true);
    adjacency.set_path_mtu(path_mtu);
    adjacency.set_path_mtu_learned_ms(path_mtu == 0 ? 0 : 1234);
    gateway.state.Changed(change);
  };
  tell(3, 1400);
  tell(4, 1300);
  tell(5, 0);
  CHECK(gateway.state.Reach(7).narrow == 2);
  CHECK(gateway.state.Reach(7).narrowest == api::TunnelPath{"198.51.100.4", true, "", 1300, 1'234'000});
  tell(4, 0);
  CHECK(gateway.state.Reach(7).narrow == 1);
  CHECK(gateway.state.Reach(7).narrowest.far_end == "198.51.100.3");
  tell(3, 0);
  CHECK(gateway.state.Reach(7).narrow == 0);
}

TEST_CASE("a deleted connection leaves nothing to the next one with its number") {
  Gateway gateway;
  gateway.Attach("first");
  gateway.Received(70);
  gateway.Dropped(3);
  SECTION("deleted after the dataplane's restart") {
    gateway.Restart("second", 5);
    gateway.DeleteTenant();
    gateway.Received(0);
  }
  SECTION("deleted before the restart and made after it") {
    gateway.DeleteTenant();
    gateway.Restart("second", 0);
  }
  SECTION("deleted and made while there is no dataplane") {
    gateway.state.Detached();
    gateway.DeleteTenant();
    gateway.sender.PutTenant(Tenant("fabrikam"), 1);
    CHECK(gateway.inbound() == 0);
    CHECK(gateway.state.Drops().empty());
    gateway.Restart("second", 0);
  }
  SECTION("made while there is no dataplane, deleted before") {
    gateway.DeleteTenant();
    gateway.state.Detached();
    gateway.sender.PutTenant(Tenant("fabrikam"), 1);
    CHECK(gateway.inbound() == 0);
    gateway.Restart("second", 0);
  }
  gateway.sender.PutTenant(Tenant("fabrikam"), 2);
  CHECK(gateway.inbound() == 0);
  gateway.Received(2);
  CHECK(gateway.inbound() == 2);
}

}  // namespace
}  // namespace sluice::io
