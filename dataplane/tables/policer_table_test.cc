// Policers: the rate holds over all workers together, to the borrowed quantum.
#include "dataplane/tables/policer_table.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "dataplane/tables/fib/fake_reclaimer.h"

namespace sluice::dataplane {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr TableLimits kLimits{.policers = 8};

struct Rig {
  explicit Rig(WorkerIndex workers) : policers(kLimits, workers, kSecond, retirement) {}
  ~Rig() { retirement.ReleaseAll(); }
  fib::FakeReclaimer reclaimer;
  Retirement retirement{reclaimer, 64};
  PolicerTable policers;
};

TEST_CASE("a policer admits its burst and then its rate, over several workers") {
  const auto [workers, kbps, packet] = GENERATE(table<WorkerIndex, uint32_t, uint32_t>(
      {{1, 1000, 100}, {1, 1'000'000, 1500}, {2, 1'000'000, 64}, {4, 10'000'000, 1500}, {4, 100, 1500}}));
  Rig rig(workers);
  REQUIRE(rig.policers.Put(1, kbps, 0, 1500).ok());
  const double rate = kbps * 125.0;
  const double burst = std::max(rate / 20, 15'000.0);

  uint64_t now = 10 * kSecond, admitted = 0;
  const uint64_t begin = now;
  // Offered at four times the rate until two seconds have passed.
  const double seconds = 2.0;
  const auto step = static_cast<uint64_t>(packet / (4 * rate) * kSecond);
  for (uint64_t i = 0; now < begin + seconds * kSecond; ++i, now += step) {
    const auto worker = static_cast<WorkerIndex>(i % workers);
    if (rig.policers.Admit(worker, 1, packet, [&] { return now; })) admitted += packet;
  }
  const double expected = burst + rate * seconds;
  const double tolerance = workers * (rate / 10'000 + packet) + expected * 1e-4;
  CHECK(static_cast<double>(admitted) <= expected + tolerance);
  CHECK(static_cast<double>(admitted) >= expected - tolerance);
}

TEST_CASE("without a burst of its own a policer takes 50 ms of its rate, ten packets at least") {
  struct Row {
    uint32_t kbps, mtu;
    uint64_t burst;
  };
  const Row rows[] = {
      {8, 9000, 15'000},      {1000, 9000, 15'000},         {2400, 9000, 15'000},
      {10'000, 9000, 62'500}, {1'000'000, 9000, 6'250'000}, {100'000'000, 9000, 625'000'000},
      {8, 16'000, 16'000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.kbps, row.mtu);
    Rig rig(1);
    REQUIRE(rig.policers.Put(1, row.kbps, 0, row.mtu).ok());
    uint64_t admitted = 0;
    while (rig.policers.Admit(0, 1, 500, [] { return kSecond; })) admitted += 500;
    CHECK(admitted <= row.burst);
    CHECK(admitted + 500 >= row.burst);  // the last packet may be lost to rounding
  }
}

TEST_CASE("a policer that is not there admits everything, and one refuses what it cannot mean") {
  Rig rig(1);
  CHECK(rig.policers.Admit(0, 3, 1500, [] { return uint64_t{0}; }));
  CHECK(rig.policers.Put(1, 0, 0).reason() == channel::RefusalReason::kOutOfRange);
  CHECK(rig.policers.Put(1, 8, 10, 1500).reason() == channel::RefusalReason::kOutOfRange);
  CHECK(rig.policers.Put(9, 8, 0).limit() == channel::Limit::kPolicers);
  CHECK(rig.policers.Remove(1).reason() == channel::RefusalReason::kNotFound);
}

TEST_CASE("what was borrowed from a replaced policer is not spent on its successor") {
  Rig rig(1);
  REQUIRE(rig.policers.Put(1, 100'000'000, 0, 1500).ok());
  const auto at = [](uint64_t now) { return [now] { return now; }; };
  REQUIRE(rig.policers.Admit(0, 1, 100, at(kSecond)));
  REQUIRE(rig.policers.Put(1, 8, 1500, 1500).ok());
  CHECK(rig.policers.Admit(0, 1, 1500, at(kSecond)));
  CHECK_FALSE(rig.policers.Admit(0, 1, 1500, at(kSecond)));
}

TEST_CASE("workers that take at the same instant never overdraw a bucket") {
  RateBucket bucket;
  bucket.Configure(1.0, 1000, kSecond);
  std::atomic<uint64_t> taken{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back([&] {
      for (int n = 0; n < 5000; ++n) taken += bucket.Take(1, 5000 * kSecond);
    });
  for (std::thread& worker : workers) worker.join();
  CHECK(taken <= 1000);
  while (bucket.Take(1, 5000 * kSecond)) ++taken;
  CHECK(taken == 1000);
}

}  // namespace
}  // namespace sluice::dataplane
