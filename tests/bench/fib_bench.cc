// Figures of the FIB: memory, updates under a reader, raw lookups. One JSON row
// per figure on standard output. Argument: --only GLOB of row names.
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/tables/fib/fib.h"
#include "proto/net/check.h"
#include "tests/bench/figures.h"
#include "tests/lib/route_set.h"
#include "tests/lib/thread_qsbr.h"

namespace sluice {
namespace {

using bench::Clock;
using bench::SecondsSince;
using dataplane::Fib;
using dataplane::FibLimits;
using dataplane::FibPool;
using dataplane::FibViews;
using dataplane::Ipv6Key;
using dataplane::NextHopGroupId;
using dataplane::fib::Ipv4;
using dataplane::fib::Ipv6;
using testing::Ipv4Prefix;
using testing::Ipv6Prefix;
using testing::Random;
using testing::ThreadQsbr;

constexpr double kMib = 1 << 20;
constexpr FibLimits kLimits{
    .routes_max = 20'000'000, .lookup_bytes_max = uint64_t{1} << 30, .rib_bytes_max = uint64_t{2} << 30};
constexpr unsigned kGroupCount = 64;

const char* only = "*";

bool Wanted(const std::string& name) {
  return bench::Wanted(only, name.c_str());
}

// Measures and prints the row unless it is left out. `reference` is the agreed
// bound for memory and updates; for lookups and builds a plain poptrie's figure
// on this class of machine.
template <class Measure>
void Row(const std::string& name, const char* unit, double reference, Measure measure) {
  if (Wanted(name)) bench::PrintRow(name.c_str(), measure(), unit, reference);
}

uint32_t AddressOf(const Ipv4Prefix& prefix) {
  return prefix.address;
}
Ipv6Key AddressOf(const Ipv6Prefix& prefix) {
  return {prefix.high, prefix.low};
}
uint32_t Inside(const Ipv4Prefix& prefix, Random& random) {
  return AddressIn(prefix, random);
}
Ipv6Key Inside(const Ipv6Prefix& prefix, Random& random) {
  const auto [high, low] = AddressIn(prefix, random);
  return {high, low};
}

// Tables of many VRFs, and the routes they were filled with.
template <class Family, class Prefix>
struct Tables {
  using Draw = std::function<std::vector<Prefix>(uint64_t seed, unsigned count)>;

  Tables(unsigned vrf_count, unsigned route_count, unsigned reader_count, const Draw& draw)
      : qsbr(reader_count), pool(kLimits, qsbr), views(pool, vrf_count) {
    for (unsigned vrf = 0; vrf < vrf_count; ++vrf) {
      routes.push_back(draw(1 + vrf, route_count));
      fibs.push_back(std::make_unique<Fib<Family>>(pool, views, static_cast<uint16_t>(vrf), ~uint64_t{0}));
    }
    Random random(42);
    const auto start = Clock::now();
    for (unsigned vrf = 0; vrf < vrf_count; ++vrf) {
      for (const Prefix& route : routes[vrf]) {
        const auto group = static_cast<NextHopGroupId>(1 + random.Below(kGroupCount));
        SLUICE_CHECK(fibs[vrf]->Add(AddressOf(route), route.length, group).ok());
      }
    }
    build_seconds = SecondsSince(start);
    pool.Reclaim();
  }

  ThreadQsbr qsbr;
  FibPool<Family> pool;
  FibViews<Family> views;
  std::vector<std::vector<Prefix>> routes;
  std::vector<std::unique_ptr<Fib<Family>>> fibs;
  double build_seconds;
};

using Tables4 = Tables<Ipv4, Ipv4Prefix>;
using Tables6 = Tables<Ipv6, Ipv6Prefix>;

// TSC cycles per lookup, bursts of 32, best window; `spread` destinations drawn
// uniformly from the routes of random VRFs.
template <class Family, class Prefix>
double LookupCycles(const Tables<Family, Prefix>& tables, unsigned spread) {
  constexpr unsigned kBurst = 32, kWindow = 1 << 15, kWindows = 400;
  Random random(9);
  std::vector<uint16_t> vrfs(spread);
  std::vector<typename Family::Address> addresses(spread);
  for (unsigned i = 0; i < spread; ++i) {
    vrfs[i] = static_cast<uint16_t>(random.Below(tables.fibs.size()));
    const auto& routes = tables.routes[vrfs[i]];
    addresses[i] = Inside(routes[random.Below(routes.size())], random);
  }
  double best = 1e9;
  NextHopGroupId out[kBurst];
  uint64_t sum = 0;
  unsigned at = 0;
  for (unsigned window = 0; window < kWindows; ++window) {
    const uint64_t start = __rdtsc();
    for (unsigned done = 0; done < kWindow; done += kBurst, at = (at + kBurst) % spread) {
      tables.views.LookupBurst(&vrfs[at], &addresses[at], out, kBurst);
      sum += out[0];
    }
    best = std::min(best, static_cast<double>(__rdtsc() - start) / kWindow);
  }
  SLUICE_CHECK(sum > 0);
  return best;
}

template <class Family, class Prefix>
double RibBytesPerRoute(const Tables<Family, Prefix>& tables) {
  return static_cast<double>(tables.pool.rib_bytes()) / static_cast<double>(tables.pool.route_count());
}

// Withdraws and re-announces random routes, half of them with a new group, while
// a thread looks up, in many short windows.
struct UpdateRate {
  double median, best;
};

template <class Family, class Prefix>
UpdateRate UpdatesPerSecond(Tables<Family, Prefix>& tables) {
  std::atomic<bool> stop{false};
  tables.qsbr.Quiescent(0);
  std::thread reader([&] {
    Random random(3);
    uint16_t vrfs[32] = {};
    typename Family::Address addresses[32];
    NextHopGroupId out[32];
    while (!stop.load(std::memory_order_relaxed)) {
      for (auto& address : addresses)
        address = Inside(tables.routes[0][random.Below(tables.routes[0].size())], random);
      tables.views.LookupBurst(vrfs, addresses, out, 32);
      tables.qsbr.Quiescent(0);
    }
    tables.qsbr.Offline(0);
  });
  // Updates come out of a ring: drawing them is no part of the figure.
  Random random(4);
  std::vector<Prefix> drawn(1 << 18);
  for (Prefix& route : drawn) route = tables.routes[0][random.Below(tables.routes[0].size())];
  size_t at = 0;
  Fib<Family>& fib = *tables.fibs[0];
  std::vector<double> rates;
  for (unsigned window = 0; window < 500; ++window) {
    constexpr unsigned kUpdates = 4000;
    const auto start = Clock::now();
    for (unsigned i = 0; i < kUpdates; i += 2) {
      const Prefix& route = drawn[at++ % drawn.size()];
      SLUICE_CHECK(fib.Remove(AddressOf(route), route.length).ok());
      SLUICE_CHECK(
          fib.Add(AddressOf(route), route.length, 1 + static_cast<NextHopGroupId>(i % kGroupCount)).ok());
    }
    rates.push_back(kUpdates / SecondsSince(start));
  }
  stop = true;
  reader.join();
  return {bench::Percentile(rates, 0.5), *std::max_element(rates.begin(), rates.end())};
}

// What an update takes in general, and beside it without the moments that others took.
template <class Family, class Prefix>
void PrintUpdateRate(const std::string& name, Tables<Family, Prefix>& tables) {
  std::optional<UpdateRate> rate;
  const auto measured = [&] {
    if (!rate) rate = UpdatesPerSecond(tables);
    return *rate;
  };
  Row(name, "1/s", 500e3, [&] { return measured().median; });
  Row(name + ".best", "1/s", 500e3, [&] { return measured().best; });
}

// The slowest prefix of the length, or /0, to come or go: of three tries of each
// the best, as a virtual machine takes the processor away at times.
double WorstUpdateMs(Tables4& tables, uint8_t length) {
  Fib<Ipv4>& fib = *tables.fibs[0];
  const auto timed = [&](uint32_t address, uint8_t bits, NextHopGroupId group) {
    const auto start = Clock::now();
    const bool done = group == 0 ? fib.Remove(address, bits).ok() : fib.Add(address, bits, group).ok();
    SLUICE_CHECK(done);
    return SecondsSince(start);
  };
  double worst = 0;
  for (uint32_t number = 0; number <= 1u << length; ++number) {
    const bool is_default = number == 1u << length;
    const uint8_t bits = is_default ? 0 : length;
    const uint32_t address = is_default ? 0 : number << (32 - length);
    const NextHopGroupId present = fib.Find(address, bits);
    const NextHopGroupId other = present != 0 ? 0 : 1 + number % kGroupCount;
    double best = 1e9;
    for (unsigned i = 0; i < 3; ++i) {
      const double there = timed(address, bits, other);
      best = std::min(best, std::max(there, timed(address, bits, present)));
      tables.pool.Reclaim();
    }
    worst = std::max(worst, best);
  }
  return worst * 1e3;
}

// The rows every table has.
struct TableRows {
  std::string name;                             // "v4.1x1m"
  double mib, build_per_s, cycles, hot_cycles;  // references

  bool AnyWanted(std::initializer_list<const char*> more = {}) const {
    for (const char* row : {"mib.", "rib_bytes_per_route.", "build_per_s.", "lookup."})
      if (Wanted("fib." + (row + name))) return true;
    for (const char* row : more)
      if (Wanted(row)) return true;
    return Wanted("fib.lookup." + name + ".hot") || Wanted("fib.updates_per_s." + name) ||
           Wanted("fib.updates_per_s." + name + ".best");
  }
};

template <class Family, class Prefix>
void Print(const TableRows& rows, const Tables<Family, Prefix>& tables) {
  const auto routes = static_cast<double>(tables.pool.route_count());
  Row("fib.mib." + rows.name, "MiB", rows.mib,
      [&] { return static_cast<double>(tables.pool.lookup_bytes()) / kMib; });
  Row("fib.rib_bytes_per_route." + rows.name, "B", 48, [&] { return RibBytesPerRoute(tables); });
  Row("fib.build_per_s." + rows.name, "1/s", rows.build_per_s, [&] { return routes / tables.build_seconds; });
  Row("fib.lookup." + rows.name, "cycles", rows.cycles, [&] { return LookupCycles(tables, 1 << 20); });
  Row("fib.lookup." + rows.name + ".hot", "cycles", rows.hot_cycles,
      [&] { return LookupCycles(tables, 1024); });
}

void Internet4() {
  const TableRows rows{"v4.1x1m", 16, 5.2e6, 34.4, 20.5};
  if (!rows.AnyWanted({"fib.rib_bytes_per_route", "fib.update_worst_ms", "fib.update_widest_ms",
                       "fib.updates_per_s", "fib.updates_per_s.best"}))
    return;
  Tables4 tables(1, 1'000'000, 1, testing::InternetRoutes4);
  Print(rows, tables);
  Row("fib.rib_bytes_per_route", "B", 48, [&] { return RibBytesPerRoute(tables); });
  Row("fib.update_worst_ms", "ms", 10, [&] { return WorstUpdateMs(tables, 8); });
  Row("fib.update_widest_ms", "ms", 100, [&] { return WorstUpdateMs(tables, 1); });
  PrintUpdateRate("fib.updates_per_s", tables);
}

void Tenants4(unsigned vrf_count, double cycles) {
  const TableRows rows{"v4." + std::to_string(vrf_count) + "x10k", 0.256 * vrf_count, 3.4e6, cycles, 25};
  if (!rows.AnyWanted()) return;
  Print(rows, Tables4(vrf_count, 10'000, 0, testing::TenantRoutes4));
}

void Global6(const TableRows& rows, unsigned route_count) {
  if (!rows.AnyWanted()) return;
  Tables6 tables(1, route_count, 1, testing::GlobalRoutes6);
  Print(rows, tables);
  PrintUpdateRate("fib.updates_per_s." + rows.name, tables);
}

void Run() {
  Internet4();
  Tenants4(1, 25);
  Tenants4(100, 64);
  Tenants4(1000, 106);
  Global6({"v6.1x10k", 0.8, 1e6, 70, 56}, 10'000);
  Global6({"v6.1x200k", 16, 1e6, 104, 56}, 200'000);
  Global6({"v6.1x1m", 80, 1e6, 170, 56}, 1'000'000);
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--only") == 0) sluice::only = argv[i + 1];
  sluice::Run();
}
