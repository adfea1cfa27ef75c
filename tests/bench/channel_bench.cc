// How fast control fills a real dataplane through the channel, and how long an
// urgent change waits meanwhile. Prints JSON rows.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "control/io/dataplane_link.h"
#include "control/io/event_loop.h"
#include "control/io/live_state.h"
#include "control/io/programming_loop.h"
#include "proto/net/check.h"
#include "tests/bench/dataplane_process.h"
#include "tests/bench/figures.h"

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kRoutes = 1'000'000;
constexpr uint32_t kChunk = 1024;

net::Prefix PrefixOf(uint32_t index) {
  // Spread over 1.0.0.0 and up, /24 mostly, as an Internet table is.
  return net::Prefix(net::Ipv4Address{(1u << 24) + (index << 8)}, 24);
}

programming::TenantObjects Tenant(uint32_t vrf, uint16_t vlan, const std::string& next_hop) {
  programming::TenantObjects tenant;
  tenant.vrf = {vrf, "tenant t" + std::to_string(vrf)};
  programming::InterfaceObject interface { vrf, vrf, vrf, tenant.vrf.name + ": connection c", "p1", vlan };
  interface.addresses.push_back(*net::InterfaceAddress::Parse("200.0.0.5/24"));
  tenant.interfaces.push_back(interface);
  tenant.routes.push_back(
      {vrf, *net::Prefix::Parse("200.0.0.0/24"), rib::Source::kConnected, 0, vrf, 0, {{std::nullopt, vrf}}});
  tenant.routes.push_back({vrf,
                           *net::Prefix::Parse("201.0.0.0/24"),
                           rib::Source::kStatic,
                           5,
                           vrf,
                           1,
                           {{*net::Address::Parse(next_hop)}}});
  return tenant;
}

// Control's southbound half in this process.
struct Control {
  explicit Control(const std::string& directory)
      : link(directory + "/dataplane.sock", "", 7, loop, programming) {
    programming.SetLink(link);
    programming.SetObserver([this] { TellWaiter(); }, [this](std::span<const uint32_t>) { TellWaiter(); });
    core = std::thread([this] { loop.Run(); });
    link.Start();
  }
  ~Control() {
    loop.Stop();
    core.join();
  }
  template <typename Work>
  auto OnCore(Work work) {
    return *api::RunOnCore(loop, std::move(work));
  }
  void Put(const programming::TenantObjects& tenant, uint64_t revision) {
    OnCore([&] {
      programming.PutTenant(tenant, revision);
      return true;
    });
  }
  bool Confirmed(uint32_t vrf) const {
    return sender.attached() && sender.synced() && sender.unanswered(vrf) == 0;
  }
  // When everything of the tenant was confirmed, as the core thread saw it.
  Clock::time_point Await(uint32_t vrf) {
    std::promise<Clock::time_point> confirmed;
    std::future<Clock::time_point> result = confirmed.get_future();
    OnCore([&] {
      waiter = {vrf, std::move(confirmed)};
      TellWaiter();
      return true;
    });
    // The end of the synchronisation, too, may be what was missing, and nobody is told of it.
    const Clock::time_point deadline = Clock::now() + 120s;
    while (result.wait_for(20ms) != std::future_status::ready) {
      SLUICE_CHECK(Clock::now() < deadline);
      OnCore([&] {
        TellWaiter();
        return true;
      });
    }
    return result.get();
  }
  // Core thread.
  void TellWaiter() {
    if (!waiter || !Confirmed(waiter->first)) return;
    waiter->second.set_value(Clock::now());
    waiter.reset();
  }

  io::EventLoop loop;
  programming::Sender sender;
  io::LiveState state{sender};
  io::ProgrammingLoop programming{loop, sender, state};
  io::DataplaneLink link;
  uint32_t routes_stated = 0;                                                  // core thread
  std::optional<std::pair<uint32_t, std::promise<Clock::time_point>>> waiter;  // core thread
  std::thread core;
};

// The tenant's whole set, in pieces as the store gives it. Each piece posts the
// next, so that other work of the core thread gets its turn.
void PutRoutes(Control& control, uint32_t vrf, uint32_t first) {
  control.loop.Post([&control, vrf, first] {
    const net::Address via = *net::Address::Parse("200.0.0.1");
    std::vector<rib::RouteInput> routes;
    const uint32_t end = std::min(first + kChunk, kRoutes);
    routes.reserve(end - first);
    for (uint32_t i = first; i < end; ++i) {
      routes.push_back({vrf, PrefixOf(i), rib::Source::kStatic, 5, 0, 1, {{via}}});
    }
    control.programming.ChangeStaticSet(vrf, routes, {}, 2, end == kRoutes);
    control.routes_stated = end;
    if (end < kRoutes) PutRoutes(control, vrf, end);
  });
}

int Run(const std::string& program) {
  // Rows have standard output to themselves.
  spdlog::set_level(spdlog::level::off);
  const ScratchDirectory directory;
  Process dataplane(DataplaneCommand(program, directory.path()));
  Control control(directory.path());
  control.Put(Tenant(1, 100, "200.0.0.1"), 1);
  control.Put(Tenant(2, 200, "200.0.0.1"), 1);
  control.OnCore([&] {
    control.programming.InitialStateComplete();
    return true;
  });
  control.Await(1);
  control.Await(2);

  const Clock::time_point start = Clock::now();
  PutRoutes(control, 1, 0);
  std::vector<double> urgent_ms;
  uint64_t revision = 2;
  const auto done = [&] {
    return control.OnCore([&] { return control.routes_stated == kRoutes && control.Confirmed(1); });
  };
  while (!done()) {
    const Clock::time_point asked = Clock::now();
    control.Put(Tenant(2, 200, revision % 2 == 0 ? "200.0.0.2" : "200.0.0.1"), revision);
    ++revision;
    const Clock::time_point confirmed = control.Await(2);
    urgent_ms.push_back(std::chrono::duration<double, std::milli>(confirmed - asked).count());
    std::this_thread::sleep_until(asked + 5ms);
  }
  PrintRow("channel.routes_1m_s", SecondsSince(start), "s");
  PrintRow("channel.urgent_ms.p99", Percentile(urgent_ms, 0.99), "ms");
  PrintRow("channel.urgent_ms.p50", Percentile(urgent_ms, 0.5), "ms");
  SLUICE_CHECK(control.OnCore([&] { return control.sender.refused_count(); }) == 0);
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  std::string program;
  std::string only = "*";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--dataplane") program = argv[i + 1];
    if (std::string(argv[i]) == "--only") only = argv[i + 1];
  }
  if (!sluice::bench::AnyWanted(only,
                                {"channel.routes_1m_s", "channel.urgent_ms.p99", "channel.urgent_ms.p50"}))
    return 0;
  if (program.empty()) {
    std::fprintf(stderr, "channel_bench: --dataplane PROGRAM is needed\n");
    return 2;
  }
  return sluice::bench::Run(program);
}
