// A TableWriter over real tables with two ports and no readers, for tests.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <string_view>
#include <vector>

#include "dataplane/agent/record_fixture.h"
#include "dataplane/agent/small_tables.h"
#include "dataplane/agent/table_writer.h"
#include "dataplane/tables/counters.h"
#include "dataplane/tables/fib/fake_reclaimer.h"

namespace sluice::dataplane::testing {

struct Writer {
  explicit Writer(const TablesOptions& options = SmallTables()) : tables(options, reclaimer) { Attach(1); }

  void Attach(uint32_t new_epoch) {
    epoch = new_epoch;
    writer.OnAttach(epoch, now);
  }
  // Control died and came back.
  void Reattach() {
    writer.OnDetach();
    Attach(epoch + 1);
  }

  MaybeRefusal Apply(Record record) { return writer.Apply(record.Epoch(epoch).bytes(), now); }
  void Take(Record record) {
    const auto refusal = Apply(std::move(record));
    if (refusal) FAIL("refused: reason " << refusal->reason << " at " << refusal->field_offset);
  }
  channel::RefusalReason Reason(Record record) {
    const auto refusal = Apply(std::move(record));
    REQUIRE(refusal.has_value());
    return static_cast<channel::RefusalReason>(refusal->reason);
  }
  void SweepAll() {
    while (writer.Sweep()) {
    }
  }
  void Pass(std::chrono::milliseconds time) {
    now += time;
    writer.OnTime(now);
    SweepAll();
  }
  void Learn(InterfaceId interface, std::string_view address, std::string_view mac) {
    writer.resolver().OnNeighbor({.interface = interface,
                                  .address = *net::Address::Parse(address),
                                  .state = NeighborState::kReachable,
                                  .mac = net::MacAddress::Parse(mac)},
                                 now);
  }
  void Lose(InterfaceId interface, std::string_view address) {
    writer.resolver().OnNeighbor(
        {.interface = interface, .address = *net::Address::Parse(address), .state = NeighborState::kFailed},
        now);
  }
  // VRF 1 with interface 1 (VLAN 100, 10.0.0.1/24) and interface 2 (VLAN 101,
  // 10.0.1.1/24), a next hop on each (adjacencies 1 and 2), groups 1 and 2 with one
  // of them and group 3 with both, and a route to each group.
  void StateTenant() {
    Take(BeginSync());
    Take(VrfIs(1, "10.9.9.9"));
    Take(InterfaceIs(1, 1, 100));
    Take(InterfaceIs(2, 1, 101));
    Take(AddressIs(1, "10.0.0.1/24"));
    Take(AddressIs(2, "10.0.1.1/24"));
    Take(AdjacencyTo(1, 1, "10.0.0.2"));
    Take(AdjacencyTo(2, 2, "10.0.1.2"));
    Take(GroupOf(1, {1}));
    Take(GroupOf(2, {2}));
    Take(GroupOf(3, {1, 2}));
    Take(RouteTo(1, "10.1.0.0/16", 1));
    Take(RouteTo(1, "10.2.0.0/16", 2));
    Take(RouteTo(1, "10.3.0.0/16", 3));
  }
  GroupId Lookup(VrfId vrf, std::string_view address) const {
    return tables.fib4.Lookup(vrf, net::Ipv4Address::Parse(address)->value);
  }
  // What one of the workers writes.
  CounterBlock Worker(WorkerIndex worker) { return CounterBlock::Of(layout, section.data(), worker); }
  // The adjacency that a flow takes.
  AdjacencyId Choose(VrfId vrf, std::string_view address, uint32_t hash) const {
    return tables.groups.Choose(tables.groups.Load(Lookup(vrf, address)), hash);
  }

  fib::FakeReclaimer reclaimer;
  Tables tables;
  RecordedRequests requests;
  const channel::CounterLayout layout{SmallCounters()};
  std::vector<std::byte> section = std::vector<std::byte>(layout.total_bytes());
  const channel::CounterReader counters{layout, section.data()};
  TableWriter writer{tables, TwoPorts(), requests, {layout, section.data(), kAgentBlock}};
  Instant now = Instant{} + std::chrono::hours(1);
  uint32_t epoch = 0;
};

}  // namespace sluice::dataplane::testing
