// Figures of the FIB: memory, updates under a reader, raw lookups. One JSON row
// per figure on standard output; the names of issue 2 where it names them.
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/tables/fib/fib.h"
#include "proto/net/check.h"
#include "tests/lib/route_set.h"
#include "tests/lib/thread_qsbr.h"

namespace sluice {
namespace {

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
using Clock = std::chrono::steady_clock;

constexpr double kMib = 1 << 20;
constexpr FibLimits kLimits{
    .routes_max = 20'000'000, .lookup_bytes_max = uint64_t{1} << 30, .rib_bytes_max = uint64_t{2} << 30};
constexpr unsigned kGroupCount = 64;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// `reference` is the bound, or the figure of a poptrie in its place.
void Row(const std::string& name, double value, const char* unit, double reference) {
  std::printf("{\"name\": \"%s\", \"value\": %.4g, \"unit\": \"%s\", \"reference\": %.4g, \"ratio\": %.3f}\n",
              name.c_str(), value, unit, reference, value / reference);
  std::fflush(stdout);
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
void LookupRows(const std::string& name, const Tables<Family, Prefix>& tables, double reference,
                double hot_reference) {
  Row("fib.lookup." + name, LookupCycles(tables, 1 << 20), "cycles", reference);
  Row("fib.lookup." + name + ".hot", LookupCycles(tables, 1024), "cycles", hot_reference);
}

template <class Family, class Prefix>
double RibBytesPerRoute(const Tables<Family, Prefix>& tables) {
  return static_cast<double>(tables.pool.rib_bytes()) / static_cast<double>(tables.pool.route_count());
}

// Withdraws and re-announces random routes, half of them with a new group, while
// a thread looks up; the best of many short windows.
template <class Family, class Prefix>
double UpdatesPerSecond(Tables<Family, Prefix>& tables) {
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
  Random random(4);
  Fib<Family>& fib = *tables.fibs[0];
  double best = 0;
  for (unsigned window = 0; window < 200; ++window) {
    constexpr unsigned kUpdates = 10'000;
    const auto start = Clock::now();
    for (unsigned i = 0; i < kUpdates; i += 2) {
      const Prefix& route = tables.routes[0][random.Below(tables.routes[0].size())];
      SLUICE_CHECK(fib.Remove(AddressOf(route), route.length).ok());
      SLUICE_CHECK(
          fib.Add(AddressOf(route), route.length, 1 + static_cast<NextHopGroupId>(i % kGroupCount)).ok());
    }
    best = std::max(best, kUpdates / SecondsSince(start));
  }
  stop = true;
  reader.join();
  return best;
}

// The slowest /8 (or /0) of the table: of several tries of each the best, as a
// virtual machine takes the processor away at times.
double WorstUpdateMs(Tables4& tables) {
  Fib<Ipv4>& fib = *tables.fibs[0];
  double worst = 0;
  for (uint32_t first = 0; first < 224; ++first) {
    const uint32_t address = first << 24;
    const uint8_t length = first == 0 ? 0 : 8;
    const NextHopGroupId present = fib.Find(address, length);
    double best = 1e9;
    for (unsigned i = 0; i < 3; ++i) {
      auto start = Clock::now();
      if (present != 0) SLUICE_CHECK(fib.Remove(address, length).ok());
      if (present == 0) SLUICE_CHECK(fib.Add(address, length, 1000).ok());
      const double there = SecondsSince(start);
      start = Clock::now();
      if (present != 0) SLUICE_CHECK(fib.Add(address, length, present).ok());
      if (present == 0) SLUICE_CHECK(fib.Remove(address, length).ok());
      best = std::min(best, std::max(there, SecondsSince(start)));
      tables.pool.Reclaim();
    }
    worst = std::max(worst, best);
  }
  return worst * 1e3;
}

void Internet4() {
  Tables4 tables(1, 1'000'000, 1, testing::InternetRoutes4);
  Row("fib.mib.v4.1x1m", static_cast<double>(tables.pool.lookup_bytes()) / kMib, "MiB", 16);
  Row("fib.rib_bytes_per_route", RibBytesPerRoute(tables), "B", 48);
  Row("fib.build_per_s.v4.1x1m", 1e6 / tables.build_seconds, "1/s", 5.2e6);
  LookupRows("v4.1x1m", tables, 34.4, 20.5);
  Row("fib.update_worst_ms", WorstUpdateMs(tables), "ms", 10);
  Row("fib.updates_per_s", UpdatesPerSecond(tables), "1/s", 500e3);
}

void Tenants4(unsigned vrf_count, double reference) {
  Tables4 tables(vrf_count, 10'000, 0, testing::TenantRoutes4);
  const std::string name = "v4." + std::to_string(vrf_count) + "x10k";
  Row("fib.mib." + name, static_cast<double>(tables.pool.lookup_bytes()) / kMib, "MiB", 0.256 * vrf_count);
  Row("fib.rib_bytes_per_route." + name, RibBytesPerRoute(tables), "B", 48);
  Row("fib.build_per_s." + name, 1e4 * vrf_count / tables.build_seconds, "1/s", 3.4e6);
  LookupRows(name, tables, reference, 25);
}

void Global6(unsigned route_count, const std::string& name, double mib, double reference, double hot) {
  Tables6 tables(1, route_count, 1, testing::GlobalRoutes6);
  Row("fib.mib." + name, static_cast<double>(tables.pool.lookup_bytes()) / kMib, "MiB", mib);
  Row("fib.rib_bytes_per_route." + name, RibBytesPerRoute(tables), "B", 48);
  Row("fib.build_per_s." + name, route_count / tables.build_seconds, "1/s", 1e6);
  LookupRows(name, tables, reference, hot);
  Row("fib.updates_per_s." + name, UpdatesPerSecond(tables), "1/s", 500e3);
}

void Run(const char* only) {
  const auto wanted = [&](const char* name) { return only == nullptr || std::strstr(name, only) != nullptr; };
  if (wanted("v4.1x1m")) Internet4();
  if (wanted("v4.1x10k")) Tenants4(1, 25);
  if (wanted("v4.100x10k")) Tenants4(100, 64);
  if (wanted("v4.1000x10k")) Tenants4(1000, 106);
  if (wanted("v6.1x10k")) Global6(10'000, "v6.1x10k", 0.8, 70, 56);
  if (wanted("v6.1x200k")) Global6(200'000, "v6.1x200k", 16, 104, 56);
  if (wanted("v6.1x1m")) Global6(1'000'000, "v6.1x1m", 80, 170, 56);
}

}  // namespace
}  // namespace sluice

// Argument: a part of a table's name (v4.1x1m, v4.100x10k, v6.1x200k, …) to run
// that one only.
int main(int argc, char** argv) {
  sluice::Run(argc > 1 ? argv[1] : nullptr);
}
