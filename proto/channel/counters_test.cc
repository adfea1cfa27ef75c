// Numbers that begin anew read zero, and never less, while workers count on.
#include "proto/channel/counters.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace sluice::channel {
namespace {

constexpr CounterGeometry kGeometry{
    .workers = 3, .interfaces = 4, .adjacencies = 4, .vrfs = 2, .drop_reasons = 8, .policers = 4};
constexpr uint32_t kAgent = 2;

struct Counted {
  const CounterLayout layout{kGeometry};
  std::vector<std::byte> section = std::vector<std::byte>(layout.total_bytes());
  const CounterReader reader{layout, section.data()};
  const CounterOrigin origin{layout, section.data(), kAgent};
};

TEST_CASE("a number that begins anew reads zero, its neighbours what they had") {
  Counted counted;
  for (const uint32_t worker : {0u, 1u}) {
    for (const uint32_t id : {1u, 2u}) {
      counted.layout.InterfaceRx(counted.section.data(), worker)[id] = {5, 500};
      counted.layout.InterfaceTx(counted.section.data(), worker)[id] = {6, 600};
      counted.layout.AdjacencyTx(counted.section.data(), worker)[id] = {7, 700};
      counted.layout.PolicerDropped(counted.section.data(), worker)[id] = {8, 800};
    }
    for (uint32_t row = 0; row < 2 * kGeometry.drop_reasons; ++row)
      counted.layout.Drops(counted.section.data(), worker)[row] = 9;
  }
  // Again and again: what was subtracted before is not counted.
  for (int i = 0; i < 3; ++i) {
    counted.origin.RestartInterface(1);
    counted.origin.RestartAdjacency(1);
    counted.origin.RestartPolicer(1);
    counted.origin.RestartDrops(1);
  }
  const CounterReader& reader = counted.reader;
  CHECK(reader.InterfaceRx(1).packets + reader.InterfaceRx(1).bytes == 0);
  CHECK(reader.InterfaceTx(1).packets + reader.InterfaceTx(1).bytes == 0);
  CHECK(reader.AdjacencyTx(1).packets + reader.AdjacencyTx(1).bytes == 0);
  CHECK(reader.PolicerDropped(1).packets + reader.PolicerDropped(1).bytes == 0);
  for (uint32_t reason = 0; reason < kGeometry.drop_reasons; ++reason) {
    CHECK(reader.Drops(1, reason) == 0);
    CHECK(reader.Drops(0, reason) == 18);
  }
  CHECK(reader.InterfaceRx(2).packets == 10);
  CHECK(reader.InterfaceTx(2).bytes == 1200);
  CHECK(reader.AdjacencyTx(2).packets == 14);
  CHECK(reader.PolicerDropped(2).bytes == 1600);

  ++counted.layout.InterfaceRx(counted.section.data(), 1)[1].packets;
  CHECK(reader.InterfaceRx(1).packets == 1);
}

TEST_CASE("numbers beyond the geometry, and no counters at all, are left alone") {
  Counted counted;
  counted.origin.RestartInterface(kGeometry.interfaces);
  counted.origin.RestartAdjacency(kGeometry.adjacencies);
  counted.origin.RestartPolicer(kGeometry.policers);
  counted.origin.RestartDrops(kGeometry.vrfs);
  CHECK(counted.section == std::vector<std::byte>(counted.layout.total_bytes()));
  CounterOrigin().RestartInterface(0);
}

TEST_CASE("no packet is lost, doubled or negative when a number begins anew under a counting worker") {
  Counted counted;
  constexpr uint64_t kPackets = 200'000;
  uint64_t& packets = counted.layout.InterfaceRx(counted.section.data(), 0)[1].packets;
  std::atomic<bool> done{false};
  std::thread worker([&] {
    for (uint64_t i = 1; i <= kPackets; ++i) __atomic_store_n(&packets, i, __ATOMIC_RELAXED);
    done.store(true);
  });
  std::atomic<uint64_t> highest{0};
  std::thread reader([&] {
    while (!done.load()) highest = std::max(highest.load(), counted.reader.InterfaceRx(1).packets);
  });
  while (!done.load()) counted.origin.RestartInterface(1);
  worker.join();
  reader.join();
  CHECK(highest.load() <= kPackets);
  counted.origin.RestartInterface(1);
  CHECK(counted.reader.InterfaceRx(1).packets == 0);
  packets += 3;
  CHECK(counted.reader.InterfaceRx(1).packets == 3);
}

}  // namespace
}  // namespace sluice::channel
