// Readers beside a running writer: every lookup gets the answer from before or
// after the update under way. Meant for the thread sanitizer too.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "dataplane/tables/fib/fib.h"
#include "tests/lib/route_set.h"
#include "tests/lib/thread_qsbr.h"

namespace sluice::dataplane {
namespace {

using testing::Random;
using testing::ThreadQsbr;

constexpr unsigned kReaders = 2;
constexpr unsigned kProbes = 512;

constexpr FibLimits kLimits{.routes_max = 200'000, .lookup_bytes_max = 64 << 20, .rib_bytes_max = 64 << 20};

uint32_t Inside(const testing::Ipv4Prefix& prefix, Random& random) {
  return AddressIn(prefix, random);
}
Ipv6Key Inside(const testing::Ipv6Prefix& prefix, Random& random) {
  const auto [high, low] = AddressIn(prefix, random);
  return {high, low};
}
uint32_t AddressOf(const testing::Ipv4Prefix& prefix) {
  return prefix.address;
}
Ipv6Key AddressOf(const testing::Ipv6Prefix& prefix) {
  return {prefix.high, prefix.low};
}

// What probes may be answered: the writer enters the answer after the coming
// update beside the present one, publishes, and then forgets the old one. The
// version is odd while the answers are being entered; a reader that saw it odd, or
// change, does not judge.
struct Expectation {
  std::atomic<uint64_t> version{0};
  std::atomic<NextHopGroupId> before{0};
  std::atomic<NextHopGroupId> after{0};
};

template <class Family, class Prefix>
class Race {
 public:
  using Address = typename Family::Address;

  // `scalar`: the lookup of processors without AVX-512.
  Race(uint64_t seed, std::vector<Prefix> routes, bool scalar = false)
      : random_(seed),
        scalar_(scalar),
        routes_(std::move(routes)),
        pool_(kLimits, qsbr_),
        views_(pool_, 2),
        fib_(pool_, views_, 1, 200'000) {
    for (Address& probe : probes_) probe = Inside(routes_[random_.Below(routes_.size())], random_);
  }

  // Returns how many lookups were judged; `wrong` counts bad answers.
  uint64_t Run(unsigned updates) {
    std::vector<std::thread> readers;
    for (unsigned i = 0; i < kReaders; ++i) readers.emplace_back([this, i] { Read(i); });
    for (unsigned i = 0; i < updates; ++i) Update();
    // On a busy machine the readers may not have had their turn yet.
    while (judged_.load() < 10'000) Update();
    stop_ = true;
    for (std::thread& reader : readers) reader.join();
    pool_.Reclaim();
    return judged_;
  }

  std::atomic<uint64_t> wrong{0};
  uint64_t waiting_blocks() const { return pool_.waiting_blocks(); }

 private:
  // The longest match of each probe once `route` has come or gone, from the
  // updater's record; the expectation of readers covers both.
  void Update() {
    const Prefix& route = routes_[random_.Below(routes_.size())];
    const Address address = AddressOf(route);
    const bool present = fib_.Find(address, route.length) != 0;
    const auto group = static_cast<NextHopGroupId>(1 + random_.Below(1000));
    for (unsigned i = 0; i < kProbes; ++i) {
      if (Family::Masked(probes_[i], route.length) != address) continue;
      const auto match = fib_.LongestMatch(probes_[i]);
      const NextHopGroupId before = match ? match->group : 0;
      NextHopGroupId after = before;
      if (!match || match->length <= route.length)
        after = present ? NextBest(probes_[i], route.length) : group;
      Enter(expectations_[i], before, after);
      touched_.push_back(i);
    }
    REQUIRE((present ? fib_.Remove(address, route.length) : fib_.Add(address, route.length, group)).ok());
    for (const unsigned i : touched_)
      Enter(expectations_[i], expectations_[i].after.load(), expectations_[i].after.load());
    touched_.clear();
  }

  static void Enter(Expectation& expectation, NextHopGroupId before, NextHopGroupId after) {
    expectation.version.fetch_add(1);
    expectation.before.store(before);
    expectation.after.store(after);
    expectation.version.fetch_add(1);
  }

  NextHopGroupId NextBest(const Address& probe, unsigned length) const {
    while (length-- > 1) {
      const NextHopGroupId group = fib_.Find(Family::Masked(probe, length), static_cast<uint8_t>(length));
      if (group != 0) return group;
    }
    return 0;
  }

  void Read(unsigned reader) {
    constexpr unsigned kBurst = 32;
    Random random(reader + 100);
    while (!stop_.load(std::memory_order_relaxed)) {
      qsbr_.Quiescent(reader);
      uint16_t vrfs[kBurst];
      Address addresses[kBurst];
      NextHopGroupId out[kBurst], before[kBurst], after[kBurst];
      uint64_t versions[kBurst];
      unsigned probes[kBurst];
      for (unsigned i = 0; i < kBurst; ++i) {
        probes[i] = static_cast<unsigned>(random.Below(kProbes));
        vrfs[i] = 1;
        addresses[i] = probes_[probes[i]];
        const Expectation& expectation = expectations_[probes[i]];
        versions[i] = expectation.version.load();
        before[i] = expectation.before.load();
        after[i] = expectation.after.load();
      }
      if (scalar_) {
        views_.LookupBurstScalar(vrfs, addresses, out, kBurst);
      } else {
        views_.LookupBurst(vrfs, addresses, out, kBurst);
      }
      for (unsigned i = 0; i < kBurst; ++i) {
        if (versions[i] % 2 != 0 || expectations_[probes[i]].version.load() != versions[i]) continue;
        judged_.fetch_add(1, std::memory_order_relaxed);
        if (out[i] != before[i] && out[i] != after[i]) wrong.fetch_add(1);
      }
    }
    qsbr_.Offline(reader);
  }

  Random random_;
  const bool scalar_;
  std::vector<Prefix> routes_;
  ThreadQsbr qsbr_{kReaders};
  FibPool<Family> pool_;
  FibViews<Family> views_;
  Fib<Family> fib_;
  Address probes_[kProbes];
  Expectation expectations_[kProbes];
  std::vector<unsigned> touched_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> judged_{0};
};

// Short prefixes over the ordinary ones, so that updates rebuild large parts.
template <class Prefix>
std::vector<Prefix> WithCovers(std::vector<Prefix> routes, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    Prefix cover = routes[i];
    cover.length = static_cast<uint8_t>(1 + i % 20);
    if constexpr (requires { cover.high; }) {
      const auto masked = fib::Ipv6::Masked({cover.high, cover.low}, cover.length);
      cover.high = masked.high;
      cover.low = masked.low;
    } else {
      cover.address = fib::Ipv4::Masked(cover.address, cover.length);
    }
    routes.push_back(cover);
  }
  return routes;
}

TEST_CASE("a lookup during updates gets the answer before or after, never another") {
  SECTION("IPv4, a tenant's table whose root table grows and shrinks") {
    Race<fib::Ipv4, testing::Ipv4Prefix> race(1, WithCovers(testing::TenantRoutes4(1, 480), 40));
    CHECK(race.Run(20'000) >= 10'000);
    CHECK(race.wrong == 0);
    CHECK(race.waiting_blocks() == 0);
  }
  SECTION("IPv4, one packet at a time") {
    Race<fib::Ipv4, testing::Ipv4Prefix> race(4, WithCovers(testing::TenantRoutes4(4, 480), 40), true);
    CHECK(race.Run(20'000) >= 10'000);
    CHECK(race.wrong == 0);
  }
  SECTION("IPv4, Internet-like") {
    Race<fib::Ipv4, testing::Ipv4Prefix> race(2, WithCovers(testing::InternetRoutes4(2, 20'000), 500));
    CHECK(race.Run(40'000) >= 10'000);
    CHECK(race.wrong == 0);
  }
  SECTION("IPv6") {
    Race<fib::Ipv6, testing::Ipv6Prefix> race(3, WithCovers(testing::GlobalRoutes6(3, 2100), 200));
    CHECK(race.Run(20'000) >= 10'000);
    CHECK(race.wrong == 0);
  }
}

}  // namespace
}  // namespace sluice::dataplane
