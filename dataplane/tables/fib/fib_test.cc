// The FIB's contract: longest match, limits, atomic refusal; a random
// differential test against a naive longest-prefix match.
#include "dataplane/tables/fib/fib.h"

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/tables/fib/fake_reclaimer.h"
#include "dataplane/tables/fib/lookup_avx512.h"
#include "tests/lib/route_set.h"

namespace sluice::dataplane {
namespace {

using fib::FakeReclaimer;
using testing::Random;

constexpr uint32_t Ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr FibLimits kSmall{.routes_max = 1'000'000, .lookup_bytes_max = 64 << 20, .rib_bytes_max = 64 << 20};

template <class Family>
struct Table {
  explicit Table(const FibLimits& limits = kSmall, uint64_t routes_max = 1'000'000)
      : pool(limits, reclaimer), views(pool, 4), fib(pool, views, 1, routes_max) {}

  FakeReclaimer reclaimer;
  FibPool<Family> pool;
  FibViews<Family> views;
  Fib<Family> fib;
};

// The naive table: every prefix, longest first.
template <class Family>
class NaiveTable {
 public:
  using Address = typename Family::Address;

  void Add(Address address, uint8_t length, NextHopGroupId group) { routes_[length][address] = group; }
  void Remove(Address address, uint8_t length) { routes_[length].erase(address); }
  NextHopGroupId Lookup(Address address) const {
    for (unsigned length = Family::kBits + 1; length-- > 0;) {
      const auto found = routes_[length].find(Family::Masked(address, length));
      if (found != routes_[length].end()) return found->second;
    }
    return 0;
  }
  size_t size() const {
    size_t sum = 0;
    for (const auto& of_length : routes_) sum += of_length.size();
    return sum;
  }

 private:
  std::array<std::map<Address, NextHopGroupId>, Family::kBits + 1> routes_;
};

TEST_CASE("a route's tag is kept beside its group and comes back in dumps") {
  Table<fib::Ipv4> table;
  const auto tag_of = [&](uint32_t address, uint8_t length) {
    return table.fib.FindValue(address, length).tag;
  };
  for (const uint8_t length : {0, 8, 32}) {
    REQUIRE(table.fib.Add(length == 0 ? 0 : Ip(10, 0, 0, 0), length, kNextHopGroupIdMax, 200).ok());
    CHECK(tag_of(length == 0 ? 0 : Ip(10, 0, 0, 0), length) == 200);
  }
  REQUIRE(table.fib.Add(Ip(10, 0, 0, 0), 8, kNextHopGroupIdMax, 7).ok());
  CHECK(tag_of(Ip(10, 0, 0, 0), 8) == 7);
  CHECK(tag_of(Ip(10, 0, 0, 0), 32) == 200);
  CHECK(table.fib.Find(Ip(10, 0, 0, 0), 8) == kNextHopGroupIdMax);
  CHECK(table.fib.route_count() == 3);
  unsigned visited = 0;
  table.fib.Visit([&](const Route4& route) {
    ++visited;
    return route.tag == (route.length == 8 ? 7 : 200) && route.group == kNextHopGroupIdMax;
  });
  CHECK(visited == 3);
}

TEST_CASE("the longest matching prefix wins") {
  Table<fib::Ipv4> table;
  struct Row {
    uint32_t address;
    uint8_t length;
    NextHopGroupId group;
  };
  const Row routes[] = {
      {0, 0, 1},
      {Ip(10, 0, 0, 0), 8, 2},
      {Ip(10, 1, 0, 0), 16, 3},
      {Ip(10, 1, 2, 0), 24, 4},
      {Ip(10, 1, 2, 3), 32, 5},
      {Ip(10, 1, 2, 128), 25, 6},
      {Ip(128, 0, 0, 0), 1, 7},
      {Ip(255, 255, 255, 255), 32, 8},
      {Ip(10, 1, 2, 2), 31, 9},
  };
  for (const Row& row : routes) REQUIRE(table.fib.Add(row.address, row.length, row.group).ok());

  const std::pair<uint32_t, NextHopGroupId> rows[] = {
      {Ip(0, 0, 0, 0), 1},         {Ip(9, 255, 255, 255), 1},   {Ip(10, 0, 0, 0), 2}, {Ip(10, 255, 0, 1), 2},
      {Ip(10, 1, 0, 1), 3},        {Ip(10, 1, 2, 1), 4},        {Ip(10, 1, 2, 2), 9}, {Ip(10, 1, 2, 3), 5},
      {Ip(10, 1, 2, 128), 6},      {Ip(10, 1, 2, 255), 6},      {Ip(10, 1, 3, 0), 3}, {Ip(128, 0, 0, 0), 7},
      {Ip(255, 255, 255, 254), 7}, {Ip(255, 255, 255, 255), 8},
  };
  for (const auto& [address, group] : rows) {
    CAPTURE(address);
    CHECK(Fib4::Lookup(table.views, 1, address) == group);
    CHECK(table.fib.LongestMatch(address)->group == group);
    CHECK(Fib4::Lookup(table.views, 2, address) == 0);
  }
  CHECK((*table.fib.LongestMatch(Ip(10, 1, 2, 200)) == Route4{Ip(10, 1, 2, 128), 25, 6}));
  CHECK((*table.fib.LongestMatch(Ip(1, 1, 1, 1)) == Route4{0, 0, 1}));
}

TEST_CASE("IPv6 prefixes of every length match, down to the host") {
  Table<fib::Ipv6> table;
  const Ipv6Key host{0x20010db800000000, 0x0123456789abcdef};
  for (unsigned length = 0; length <= 128; ++length)
    REQUIRE(table.fib.Add(fib::Ipv6::Masked(host, length), static_cast<uint8_t>(length), 1000 + length).ok());

  CHECK(Fib6::Lookup(table.views, 1, host) == 1128);
  for (unsigned bit = 0; bit < 128; ++bit) {
    // Differs first at `bit`: the prefix of exactly that length still matches.
    Ipv6Key other = host;
    (bit < 64 ? other.high : other.low) ^= uint64_t{1} << (63 - bit % 64);
    CHECK(Fib6::Lookup(table.views, 1, other) == 1000 + bit);
    CHECK(table.fib.LongestMatch(other)->length == bit);
  }
  for (unsigned length = 128; length > 0; --length) {
    REQUIRE(table.fib.Remove(fib::Ipv6::Masked(host, length), static_cast<uint8_t>(length)).ok());
    CHECK(Fib6::Lookup(table.views, 1, host) == 999 + length);
  }
}

TEST_CASE("what is no route is refused and named") {
  Table<fib::Ipv4> table;
  CHECK(table.fib.Add(Ip(10, 0, 0, 1), 24, 1).code() == absl::StatusCode::kInvalidArgument);
  CHECK(table.fib.Add(0, 33, 1).code() == absl::StatusCode::kInvalidArgument);
  CHECK(table.fib.Add(0, 0, 0).code() == absl::StatusCode::kInvalidArgument);
  CHECK(table.fib.Add(0, 8, uint32_t{1} << 31).code() == absl::StatusCode::kInvalidArgument);
  CHECK(table.fib.Remove(Ip(10, 0, 0, 0), 8).code() == absl::StatusCode::kNotFound);
  CHECK(table.fib.Remove(0, 0).code() == absl::StatusCode::kNotFound);
  CHECK(table.fib.route_count() == 0);
  CHECK(table.fib.Find(Ip(10, 0, 0, 1), 24) == 0);
}

TEST_CASE("a table at its limit refuses the next route by the limit's name and keeps the rest") {
  struct Row {
    const char* what;
    FibLimits limits;
    uint64_t routes_max;
    const char* name;
  };
  const Row rows[] = {
      {"VRF", kSmall, 100, "vrf.ipv4.routes_max"},
      {"pool", {100, 64 << 20, 64 << 20}, 1000, "fib.ipv4.routes_max"},
      {"lookup memory", {1'000'000, 256 << 10, 64 << 20}, 1'000'000, "fib.ipv4.lookup_bytes_max"},
      {"RIB memory", {1'000'000, 64 << 20, 256 << 10}, 1'000'000, "fib.ipv4.rib_bytes_max"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      Table<fib::Ipv4> table(row.limits, row.routes_max);
      const auto routes = testing::InternetRoutes4(7, 200'000);
      NaiveTable<fib::Ipv4> naive;
      unsigned refused = 0;
      for (const auto& route : routes) {
        const auto group = static_cast<NextHopGroupId>(1 + naive.size() % 50);
        const absl::Status added = table.fib.Add(route.address, route.length, group);
        if (added.ok()) {
          naive.Add(route.address, route.length, group);
          continue;
        }
        CHECK(added.code() == absl::StatusCode::kResourceExhausted);
        REQUIRE(std::string(added.message()).find(row.name) != std::string::npos);
        CHECK(table.fib.Find(route.address, route.length) == 0);
        if (++refused == 200) break;
      }
      REQUIRE(refused == 200);
      CHECK(table.fib.route_count() == naive.size());
      Random random(3);
      for (int i = 0; i < 20'000; ++i) {
        const uint32_t address = AddressIn(routes[random.Below(routes.size())], random);
        REQUIRE(Fib4::Lookup(table.views, 1, address) == naive.Lookup(address));
      }
    }
  }
}

TEST_CASE("blocks that readers hold count against the limit until they are let go") {
  Table<fib::Ipv4> table({1'000'000, 256 << 10, 64 << 20});
  table.reclaimer.hold = true;
  absl::Status added;
  unsigned done = 0;
  for (; added.ok() && done < 1'000'000; ++done)
    added = table.fib.Add((done * 2654435761u) & 0xffffff00, 24, 1 + done % 7);
  REQUIRE(added.code() == absl::StatusCode::kResourceExhausted);
  CHECK(std::string(added.message()).find("wait for readers") != std::string::npos);
  CHECK(table.pool.waiting_blocks() > 100);
  table.reclaimer.hold = false;
  CHECK(table.fib.Add(((done - 1) * 2654435761u) & 0xffffff00, 24, 1).ok());
  table.pool.Reclaim();
  CHECK(table.pool.waiting_blocks() == 0);
}

TEST_CASE("with lookup memory full every route still takes another tag, or what it was again") {
  Table<fib::Ipv4> table({1'000'000, 256 << 10, 64 << 20});
  table.reclaimer.hold = true;
  std::vector<Route4> routes;
  for (unsigned i = 0; i < 1000; ++i) {
    routes.push_back({0x64000000 + i * 256, 24, 1 + i % 7, 1});
    REQUIRE(table.fib.Add(routes.back().address, 24, routes.back().group, 1).ok());
  }
  for (unsigned i = 0; table.fib.Add((i * 2654435761u) & 0xffffff00, 24, 1 + i % 7, 1).ok(); ++i)
    routes.push_back({(i * 2654435761u) & 0xffffff00, 24, 1 + i % 7, 1});
  REQUIRE(routes.size() > 1000);
  for (const Route4& route : routes) REQUIRE(table.fib.Add(route.address, route.length, route.group, 2).ok());
  for (size_t i = 0; i < routes.size(); i += 100) {
    REQUIRE(table.fib.Replace(routes[i].address, 24, 99, 3).ok());
    CHECK(Fib4::Lookup(table.views, 1, routes[i].address | 1) == 99);
  }
  CHECK(table.fib.Replace(1, 32, 99, 3).code() == absl::StatusCode::kNotFound);
  CHECK(table.fib.FindValue(routes[1].address, 24).tag == 2);
}

TEST_CASE("a dump visits every route once in order and resumes where it stopped") {
  Table<fib::Ipv4> table;
  REQUIRE(table.fib.Add(0, 0, 1).ok());
  for (const auto& route : testing::TenantRoutes4(1, 3000))
    REQUIRE(table.fib.Add(route.address, route.length, 2).ok());

  std::vector<Route4> all;
  table.fib.Visit([&](const Route4& route) {
    all.push_back(route);
    return true;
  });
  REQUIRE(all.size() == table.fib.route_count());
  for (size_t i = 1; i < all.size(); ++i)
    REQUIRE(std::pair(all[i - 1].address, all[i - 1].length) < std::pair(all[i].address, all[i].length));

  for (size_t from = 0; from < all.size(); from += 97) {
    std::vector<Route4> page;
    table.fib.VisitFrom(all[from].address, all[from].length, [&](const Route4& route) {
      page.push_back(route);
      return page.size() < 5;
    });
    REQUIRE(page.size() == std::min<size_t>(5, all.size() - from));
    for (size_t i = 0; i < page.size(); ++i) REQUIRE(page[i] == all[from + i]);
  }
}

// Short prefixes and few next hops are as likely as long ones, so that covering,
// merging and splitting of runs are hit all the time.
uint32_t RandomAddress(fib::Ipv4, Random& random) {
  const auto any = static_cast<uint32_t>(random.Next());
  return random.Below(4) == 0 ? any : (any & 0x0001f0f3) | Ip(10, 64, 0, 0);
}
Ipv6Key RandomAddress(fib::Ipv6, Random& random) {
  const Ipv6Key any{random.Next(), random.Next()};
  if (random.Below(4) == 0) return any;
  return {(any.high & 0x00000003000f0300) | 0x20010db800000000, any.low & 0xc000000000000307};
}

// The two ways to look a burst up; where there is no AVX-512 they are one.
enum class By { kScalar, kVector };

template <class Family>
void LookupBurst(By by, const FibViews<Family>& views, const uint16_t vrfs[],
                 const typename Family::Address addresses[], NextHopGroupId out[], unsigned count) {
  if (by == By::kScalar) return views.LookupBurstScalar(vrfs, addresses, out, count);
  views.LookupBurst(vrfs, addresses, out, count);
}

template <class Family>
void CheckAgainstNaive(By by, unsigned steps, unsigned fill) {
  const uint64_t seed = fill;
  CAPTURE(seed);
  Random random(seed);
  Table<Family> table;
  NaiveTable<Family> naive;
  std::vector<std::pair<typename Family::Address, uint8_t>> present;
  for (unsigned step = 0; step < steps; ++step) {
    if (!present.empty() && random.Below(2 * fill) < present.size()) {
      const size_t at = random.Below(present.size());
      const auto [address, length] = present[at];
      REQUIRE(table.fib.Remove(address, length).ok());
      naive.Remove(address, length);
      present[at] = present.back();
      present.pop_back();
    } else {
      const auto length = static_cast<uint8_t>(random.Below(Family::kBits + 1));
      const auto address = Family::Masked(RandomAddress(Family{}, random), length);
      const auto group = static_cast<NextHopGroupId>(1 + random.Below(3));
      if (table.fib.Find(address, length) == 0) present.push_back({address, length});
      REQUIRE(table.fib.Add(address, length, group).ok());
      naive.Add(address, length, group);
    }
    REQUIRE(table.fib.route_count() == naive.size());
    std::array<uint16_t, 41> vrfs;
    std::array<typename Family::Address, 41> addresses;
    std::array<NextHopGroupId, 41> out;
    for (size_t i = 0; i < vrfs.size(); ++i) {
      vrfs[i] = i % 5 == 0 ? 3 : 1;
      addresses[i] = RandomAddress(Family{}, random);
      if (i % 2 == 0 && !present.empty()) addresses[i] = present[random.Below(present.size())].first;
    }
    LookupBurst(by, table.views, vrfs.data(), addresses.data(), out.data(), vrfs.size());
    for (size_t i = 0; i < vrfs.size(); ++i) {
      const NextHopGroupId want = vrfs[i] == 3 ? 0 : naive.Lookup(addresses[i]);
      REQUIRE(out[i] == want);
      REQUIRE(Fib<Family>::Lookup(table.views, vrfs[i], addresses[i]) == want);
      if (vrfs[i] == 1) {
        const auto match = table.fib.LongestMatch(addresses[i]);
        REQUIRE((match ? match->group : 0) == want);
      }
    }
  }
  for (const auto& [address, length] : present) REQUIRE(table.fib.Remove(address, length).ok());
  CHECK(table.fib.route_count() == 0);
  table.pool.Reclaim();
  CHECK(table.pool.lookup_block_bytes() <= 64);
}

TEST_CASE("random updates give the answers of a naive longest-prefix match, one packet at a time") {
  for (const unsigned fill : {20u, 300u, 3000u}) {
    DYNAMIC_SECTION("IPv4, about " << fill << " routes") {
      CheckAgainstNaive<fib::Ipv4>(By::kScalar, 6 * fill + 2000, fill);
    }
    DYNAMIC_SECTION("IPv6, about " << fill << " routes") {
      CheckAgainstNaive<fib::Ipv6>(By::kScalar, 4 * fill + 2000, fill);
    }
  }
}

TEST_CASE("random updates give the answers of a naive longest-prefix match, eight packets at a time") {
  if (!fib::HasVectorLookup()) {
    WARN("not tested: the processor has no AVX-512, or the thread sanitizer is on");
    return;
  }
  for (const unsigned fill : {20u, 300u, 3000u}) {
    DYNAMIC_SECTION("IPv4, about " << fill << " routes") {
      CheckAgainstNaive<fib::Ipv4>(By::kVector, 6 * fill + 2000, fill);
    }
  }
}

TEST_CASE("bursts of every length get their answers and nothing beyond them is written, either way") {
  Table<fib::Ipv4> table;
  for (const testing::Ipv4Prefix& route : testing::InternetRoutes4(3, 5000))
    REQUIRE(table.fib.Add(route.address, route.length, 1 + route.address % 9).ok());
  constexpr unsigned kRoom = 71;
  Random random(4);
  for (const By by : {By::kScalar, By::kVector}) {
    for (unsigned count = 0; count < kRoom; ++count) {
      std::array<uint16_t, kRoom> vrfs;
      std::array<uint32_t, kRoom> addresses;
      std::array<NextHopGroupId, kRoom> out;
      for (unsigned i = 0; i < kRoom; ++i) {
        vrfs[i] = i % 7 == 6 ? 2 : 1;
        addresses[i] = static_cast<uint32_t>(random.Next());
      }
      out.fill(0xdead);
      LookupBurst(by, table.views, vrfs.data(), addresses.data(), out.data(), count);
      for (unsigned i = 0; i < kRoom; ++i)
        REQUIRE(out[i] == (i < count ? table.views.Lookup(vrfs[i], addresses[i]) : 0xdead));
    }
  }
}

uint32_t AddressOf(const testing::Ipv4Prefix& prefix) {
  return prefix.address;
}
Ipv6Key AddressOf(const testing::Ipv6Prefix& prefix) {
  return {prefix.high, prefix.low};
}
uint32_t Inside(const testing::Ipv4Prefix& prefix, Random& random) {
  return AddressIn(prefix, random);
}
Ipv6Key Inside(const testing::Ipv6Prefix& prefix, Random& random) {
  const auto [high, low] = AddressIn(prefix, random);
  return {high, low};
}

template <class Family, class Prefix>
class GrowingTable {
 public:
  explicit GrowingTable(std::vector<Prefix> routes) : routes_(std::move(routes)) {}

  void Fill() {
    NextHopGroupId group = 0;
    for (const Prefix& route : routes_) {
      group = group % 9 + 1;
      Add(AddressOf(route), route.length, group);
      if (table_.fib.route_count() % 8192 == 0) Check();
    }
    CHECK(table_.fib.root_bits() == 18);
  }

  // Short prefixes come and go above the root table's depth.
  void CoverAndUncover() {
    for (uint8_t length = 1; length <= 17; ++length) {
      for (int i = 0; i < 8; ++i) {
        const auto address = Family::Masked(AddressOf(routes_[random_.Below(routes_.size())]), length);
        const bool present = table_.fib.Find(address, length) != 0;
        Add(address, length, 77);
        Check();
        if (!present) Remove(address, length);
      }
    }
    Check();
  }

  void Drain() {
    for (const Prefix& route : routes_) {
      Remove(AddressOf(route), route.length);
      if (table_.fib.route_count() % 8192 == 0) Check();
    }
    CHECK(table_.fib.root_bits() == 0);
    CHECK(table_.fib.route_count() == 0);
  }

 private:
  using Address = typename Family::Address;

  void Add(const Address& address, uint8_t length, NextHopGroupId group) {
    REQUIRE(table_.fib.Add(address, length, group).ok());
    naive_.Add(address, length, group);
  }
  void Remove(const Address& address, uint8_t length) {
    REQUIRE(table_.fib.Remove(address, length).ok());
    naive_.Remove(address, length);
  }
  void Check() {
    for (int i = 0; i < 2000; ++i) {
      const Address address = Inside(routes_[random_.Below(routes_.size())], random_);
      REQUIRE(Fib<Family>::Lookup(table_.views, 1, address) == naive_.Lookup(address));
    }
  }

  std::vector<Prefix> routes_;
  Table<Family> table_;
  NaiveTable<Family> naive_;
  Random random_{5};
};

TEST_CASE("a table keeps its answers while its root table grows and shrinks") {
  SECTION("IPv4") {
    GrowingTable<fib::Ipv4, testing::Ipv4Prefix> table(testing::InternetRoutes4(11, 70'000));
    table.Fill();
    table.CoverAndUncover();
    table.Drain();
  }
  SECTION("IPv6") {
    GrowingTable<fib::Ipv6, testing::Ipv6Prefix> table(testing::GlobalRoutes6(12, 70'000));
    table.Fill();
    table.CoverAndUncover();
    table.Drain();
  }
}

TEST_CASE("tenants with the same addresses have root tables that differ in colour, not in answers") {
  FakeReclaimer reclaimer;
  FibPool4 pool(kSmall, reclaimer);
  Fib4Views views(pool, 4);
  std::vector<std::unique_ptr<Fib4>> fibs;
  std::vector<uint16_t> vrfs;
  std::vector<uint32_t> addresses;
  std::vector<NextHopGroupId> expected, answers;
  for (uint16_t vrf = 0; vrf < 4; ++vrf) fibs.push_back(std::make_unique<Fib4>(pool, views, vrf, 1000));
  for (uint32_t i = 0; i < 300; ++i) {
    for (uint16_t vrf = 0; vrf < 4; ++vrf) {
      // Subnets, and one prefix above the root table's depth.
      const uint32_t address = i == 0 ? Ip(64, 0, 0, 0) : Ip(10 + i % 7, i % 250, i / 250, 0);
      REQUIRE(fibs[vrf]->Add(address, i == 0 ? 3 : 24, 1000 * vrf + i + 1).ok());
      vrfs.push_back(vrf);
      addresses.push_back(address | 77);
      expected.push_back(1000 * vrf + i + 1);
    }
  }
  answers.resize(expected.size());
  Fib4::LookupBurst(views, vrfs.data(), addresses.data(), answers.data(),
                    static_cast<unsigned>(answers.size()));
  CHECK(answers == expected);
  CHECK(Fib4::Lookup(views, 2, Ip(95, 1, 2, 3)) == 2001);
  std::set<uint32_t> lines;  // of 64 bytes, in the tables
  for (const auto& fib : fibs) {
    CHECK(fib->root_bits() == 12);
    lines.insert(fib->root_colour() / 16);
  }
  CHECK(lines.size() == 4);
}

TEST_CASE("memory stays bounded when tables of different shapes come and go") {
  Table<fib::Ipv4> table;
  const auto internet = testing::InternetRoutes4(21, 30'000);
  auto tenant = testing::TenantRoutes4(22, 30'000);
  // Out of the way of the other table's prefixes.
  for (auto& route : tenant) route.address |= 0xf0000000;
  const auto fill = [&](const auto& routes) {
    for (const auto& route : routes)
      REQUIRE(table.fib.Add(route.address, route.length, 1 + route.address % 40).ok());
  };
  const auto drain = [&](const auto& routes) {
    for (const auto& route : routes) REQUIRE(table.fib.Remove(route.address, route.length).ok());
  };
  fill(internet);
  const uint64_t fresh_bytes = table.pool.lookup_bytes();
  const uint64_t fresh_rib_bytes = table.pool.rib_bytes();
  Random random(23);
  for (int round = 0; round < 8; ++round) {
    // Readers lag in every other round.
    table.reclaimer.hold = round % 2 == 1;
    fill(tenant);
    for (int i = 0; i < 50'000; ++i) {
      const auto& route = internet[random.Below(internet.size())];
      REQUIRE(table.fib.Remove(route.address, route.length).ok());
      REQUIRE(table.fib.Add(route.address, route.length, 1 + static_cast<uint32_t>(i) % 40).ok());
      table.reclaimer.hold = table.reclaimer.hold && i < 5000;
    }
    drain(tenant);
    table.pool.Reclaim();
    CHECK(table.pool.waiting_blocks() == 0);
  }
  CHECK(table.pool.lookup_bytes() < 2 * fresh_bytes);
  CHECK(table.pool.rib_bytes() < 2 * fresh_rib_bytes);
  CHECK(table.pool.lookup_touched_bytes() < 8 * fresh_bytes);
  drain(internet);
  table.pool.Reclaim();
  CHECK(table.pool.lookup_block_bytes() <= 16);
  CHECK(table.pool.lookup_bytes() <= 2 * fib::BlockArena::kSpanBytes);
}

TEST_CASE("a table of a few routes is one bucket and a larger one is not") {
  Table<fib::Ipv4> table;
  for (uint32_t i = 0; i < 4; ++i) REQUIRE(table.fib.Add(Ip(10, 0, i, 0), 24, i + 1).ok());
  table.pool.Reclaim();
  const uint64_t bucket_bytes = table.pool.lookup_block_bytes();
  CHECK(bucket_bytes <= 64);
  unsigned visited = 0;
  table.fib.Visit([&](const Route4& route) { return route.group == ++visited; });
  CHECK(visited == 4);
  CHECK(table.fib.LongestMatch(Ip(10, 0, 3, 9))->group == 4);
  CHECK(table.fib.LongestMatch(Ip(10, 1, 3, 9)) == std::nullopt);
  REQUIRE(table.fib.Add(Ip(10, 0, 4, 0), 24, 5).ok());
  for (uint32_t i = 0; i < 5; ++i) CHECK(Fib4::Lookup(table.views, 1, Ip(10, 0, i, 1)) == i + 1);
  REQUIRE(table.fib.Remove(Ip(10, 0, 4, 0), 24).ok());
  REQUIRE(table.fib.Remove(Ip(10, 0, 3, 0), 24).ok());
  REQUIRE(table.fib.Remove(Ip(10, 0, 2, 0), 24).ok());
  table.pool.Reclaim();
  CHECK(table.pool.lookup_block_bytes() <= bucket_bytes);
}

TEST_CASE("hosts beside each other take less memory than a bucket for each four, whoever comes and goes") {
  Table<fib::Ipv4> table;
  constexpr uint32_t kHosts = 128;
  for (uint32_t i = 0; i < kHosts; ++i) REQUIRE(table.fib.Add(Ip(10, 3, 0, i), 32, i + 1).ok());
  table.pool.Reclaim();
  const uint64_t full_bytes = table.pool.lookup_block_bytes();
  CHECK(full_bytes <= kHosts / 4 * 24 + 400);
  const auto check = [&](uint32_t step) {
    for (uint32_t i = 0; i < kHosts; ++i) {
      const NextHopGroupId expected = i % 4 < step ? 0 : i + 1;
      REQUIRE(Fib4::Lookup(table.views, 1, Ip(10, 3, 0, i)) == expected);
      REQUIRE(table.fib.Find(Ip(10, 3, 0, i), 32) == expected);
    }
  };
  for (uint32_t step = 0; step < 4; ++step) {
    check(step);
    for (uint32_t i = step; i < kHosts; i += 4) REQUIRE(table.fib.Remove(Ip(10, 3, 0, i), 32).ok());
  }
  check(4);
  for (uint32_t i = 0; i < kHosts; ++i) REQUIRE(table.fib.Add(Ip(10, 3, 0, i), 32, i + 1).ok());
  check(0);
  table.pool.Reclaim();
  CHECK(table.pool.lookup_block_bytes() == full_bytes);
}

TEST_CASE("a root table that finds no room leaves the table as it was") {
  // The limit is in reach just when the root table would be made.
  for (const uint64_t kib : {64u, 72u, 80u, 88u, 96u, 112u, 128u}) {
    DYNAMIC_SECTION(kib << " KiB") {
      Table<fib::Ipv4> table({1'000'000, kib << 10, 64 << 20});
      NaiveTable<fib::Ipv4> naive;
      const auto routes = testing::TenantRoutes4(41, 4000);
      for (const auto& route : routes) {
        const NextHopGroupId group = 1 + route.address % 9;
        if (table.fib.Add(route.address, route.length, group).ok())
          naive.Add(route.address, route.length, group);
      }
      CHECK(table.fib.route_count() == naive.size());
      Random random(42);
      for (int i = 0; i < 10'000; ++i) {
        const uint32_t address = AddressIn(routes[random.Below(routes.size())], random);
        REQUIRE(Fib4::Lookup(table.views, 1, address) == naive.Lookup(address));
      }
    }
  }
}

TEST_CASE("a cleared table gives everything back and can be filled again") {
  Table<fib::Ipv6> table;
  for (int round = 0; round < 3; ++round) {
    for (const auto& route : testing::GlobalRoutes6(31, 5000))
      REQUIRE(table.fib.Add({route.high, route.low}, route.length, 7).ok());
    CHECK(table.fib.route_count() == 5000);
    CHECK(table.pool.route_count() == 5000);
    table.fib.Clear();
    CHECK(table.fib.route_count() == 0);
    CHECK(Fib6::Lookup(table.views, 1, {0x2001000000000000, 0}) == 0);
    table.pool.Reclaim();
    CHECK(table.pool.lookup_block_bytes() == 8);
  }
}

}  // namespace
}  // namespace sluice::dataplane
