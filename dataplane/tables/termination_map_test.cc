// The termination map against std::map, and under readers.
#include "dataplane/tables/termination_map.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/tables/fib/fake_reclaimer.h"
#include "tests/lib/thread_qsbr.h"

namespace sluice::dataplane {
namespace {

constexpr TunnelSelector kKeyed{TunnelKind::kGre, true, 0};

TerminationKey4 Key4(uint32_t number) {
  return TerminationKey4::Of(0x0a000001, 0x0a000100 + number % 97, kKeyed, number);
}

}  // namespace

TEST_CASE("a tunnel is told apart by each of address, kind, key and port") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 100);
  TerminationMap4 map(100, retirement);
  const std::vector<TerminationKey4> keys = {
      TerminationKey4::Of(1, 2, kKeyed, 7),
      TerminationKey4::Of(1, 2, kKeyed, 8),
      TerminationKey4::Of(2, 1, kKeyed, 7),
      TerminationKey4::Of(1, 3, kKeyed, 7),
      TerminationKey4::Of(1, 2, {TunnelKind::kGre, true, 0}, 0),
      TerminationKey4::Of(1, 2, {TunnelKind::kGre, false, 0}, 0),
      TerminationKey4::Of(1, 2, {TunnelKind::kNvgre, true, 0}, 7),
      TerminationKey4::Of(1, 2, {TunnelKind::kVxlan, true, 4789}, 7),
      TerminationKey4::Of(1, 2, {TunnelKind::kVxlan, true, 8472}, 7),
  };
  for (size_t i = 0; i < keys.size(); ++i) REQUIRE(map.Add(keys[i], static_cast<InterfaceId>(i + 1)).ok());
  for (size_t i = 0; i < keys.size(); ++i) CHECK(map.Find(keys[i]) == i + 1);
  CHECK(map.Add(keys[0], 1).ok());
  CHECK(map.Add(keys[0], 2).reason() == channel::RefusalReason::kConflict);
  REQUIRE(map.Remove(keys[0]).ok());
  CHECK(map.Find(keys[0]) == kNoInterface);
  CHECK(map.Remove(keys[0]).reason() == channel::RefusalReason::kNotFound);
  CHECK(map.used() == keys.size() - 1);
}

TEST_CASE("the termination map does as std::map does while it grows and shrinks") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 100);
  TerminationMap6 map(20'000, retirement);
  std::map<uint32_t, InterfaceId> model;
  std::mt19937 random(11);
  const auto key = [](uint32_t number) {
    return TerminationKey6::Of(net::Ipv6Address::FromHalves(1, 2),
                               net::Ipv6Address::FromHalves(3, number / 2), {TunnelKind::kVxlan, true, 4789},
                               number % 2);
  };
  for (int step = 0; step < 60'000; ++step) {
    const uint32_t number = random() % 16'000;
    if (random() % 3 != 0) {
      const auto interface = static_cast<InterfaceId>(1 + random() % 1000);
      // A second interface may not have it; the same one may state it again.
      const InterfaceId holder = model.try_emplace(number, interface).first->second;
      REQUIRE(map.Add(key(number), interface).ok() == (holder == interface));
    } else {
      REQUIRE(map.Remove(key(number)).ok() == (model.erase(number) == 1));
    }
  }
  REQUIRE(map.used() == model.size());
  for (uint32_t number = 0; number < 16'000; ++number) {
    const auto expected = model.find(number);
    REQUIRE(map.Find(key(number)) == (expected == model.end() ? kNoInterface : expected->second));
  }
  retirement.ReleaseAll();
}

TEST_CASE("the termination map refuses what is above its limit and names it") {
  fib::FakeReclaimer reclaimer;
  Retirement retirement(reclaimer, 100);
  TerminationMap4 map(3, retirement);
  for (uint32_t i = 0; i < 3; ++i) REQUIRE(map.Add(Key4(i), 1).ok());
  const WriteResult refused = map.Add(Key4(3), 1);
  CHECK(refused.reason() == channel::RefusalReason::kLimit);
  CHECK(refused.limit() == channel::Limit::kTunnelTerminations);
  CHECK(refused.value() == 3);
}

TEST_CASE("readers find every tunnel that stays, and never another one's, while others come and go") {
  constexpr uint32_t kStaying = 500;
  testing::ThreadQsbr reclaimer(1);
  Retirement retirement(reclaimer, 100'000);
  TerminationMap4 map(100'000, retirement);
  const auto owner = [](uint32_t number) { return static_cast<InterfaceId>(1 + number % 60'000); };
  for (uint32_t i = 0; i < kStaying; ++i) REQUIRE(map.Add(Key4(i), owner(i)).ok());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0};
  std::thread reader([&] {
    uint32_t number = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      reclaimer.Quiescent(0);
      for (int i = 0; i < 256; ++i) {
        number = (number * 1103515245 + 12345) % 8000;
        const InterfaceId found = map.Find(Key4(number));
        const bool right = found == owner(number) || (number >= kStaying && found == kNoInterface);
        if (!right) wrong.fetch_add(1);
      }
    }
    reclaimer.Offline(0);
  });
  std::mt19937 random(5);
  for (int step = 0; step < 200'000; ++step) {
    const uint32_t number = kStaying + random() % 7500;
    if (random() % 2 == 0) {
      REQUIRE(map.Add(Key4(number), owner(number)).ok());
    } else {
      (void)map.Remove(Key4(number));
    }
    if (step % 1000 == 0) retirement.Reclaim();
  }
  stop = true;
  reader.join();
  CHECK(wrong == 0);
  retirement.ReleaseAll();
}

}  // namespace sluice::dataplane
