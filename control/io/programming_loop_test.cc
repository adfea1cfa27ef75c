// Control's io against a fake dataplane over the real channel and gRPC: any start
// order, death and return of the dataplane.
#include "control/io/programming_loop.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "control/io/dataplane_calls.h"
#include "control/io/programming_answers.h"
#include "tests/lib/fake_dataplane.h"

namespace sluice::io {
namespace {

using namespace std::chrono_literals;

programming::TenantObjects Tenant() {
  programming::TenantObjects tenant;
  tenant.vrf = {1, "tenant contoso"};
  programming::InterfaceObject interface { 10, 1, 5, "tenant contoso: connection paris", "p1", 100 };
  interface.addresses.push_back(*net::InterfaceAddress::Parse("15.0.0.5/24"));
  tenant.interfaces.push_back(interface);
  tenant.routes.push_back(
      {1, *net::Prefix::Parse("15.0.0.0/24"), rib::Source::kConnected, 0, 5, 0, {{std::nullopt, 10}}});
  tenant.routes.push_back({1,
                           *net::Prefix::Parse("18.0.0.0/24"),
                           rib::Source::kStatic,
                           5,
                           5,
                           1,
                           {{*net::Address::Parse("15.0.0.1")}}});
  return tenant;
}

// A gateway without API and store, its core thread included.
struct Gateway {
  template <typename Work>
  std::invoke_result_t<Work&> OnCore(Work work) {
    if constexpr (std::is_void_v<decltype(work())>) {
      api::RunOnCore(loop, [&] {
        work();
        return true;
      });
    } else {
      return *api::RunOnCore(loop, work);
    }
  }
  explicit Gateway(const std::string& directory)
      : link(directory + "/dataplane.sock", "", 0x1234, loop, programming) {
    programming.SetLink(link);
    core = std::thread([this] { loop.Run(); });
    OnCore([this] {
      programming.PutTenant(Tenant(), 3);
      programming.InitialStateComplete();
    });
    link.Start();
  }
  ~Gateway() {
    loop.Stop();
    core.join();
  }
  // Until it is so; gives up after long.
  bool Becomes(const std::function<bool()>& so) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (OnCore(so)) return true;
    }
    return false;
  }

  EventLoop loop;
  programming::Sender sender;
  LiveState state{sender};
  ProgrammingLoop programming{loop, sender, state};
  ProgrammingAnswers answers{sender};
  DataplaneLink link;
  DataplaneCalls calls{link};
  std::thread core;
};

struct Directory {
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-io-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST_CASE("the gateway finds a dataplane that comes later, programs it, and does so again after its death") {
  const Directory directory;
  Gateway gateway(directory.path);
  CHECK_FALSE(gateway.OnCore([&] { return gateway.state.Ports().has_value(); }));
  CHECK(absl::IsUnavailable(gateway.calls.ListPorts().status()));

  auto first = std::make_unique<testing::FakeDataplane>(directory.path, 1);
  REQUIRE(gateway.Becomes([&] { return gateway.answers.Tenant(1).acknowledged_revision == 3; }));
  CHECK(first->With([](testing::FakeAgent& agent) { return agent.routes.size(); }) == 2);
  CHECK(gateway.Becomes([&] {
    return gateway.state.Liveness(10, *net::Address::Parse("15.0.0.1")) == api::NeighborLiveness::kReachable;
  }));
  CHECK(gateway.calls.ListPorts().ok());
  CHECK(gateway.OnCore([&] { return gateway.state.Ports()->at(0).link_up; }));
  // Counters are seen in the dataplane's memory and go on after its death.
  const auto count = [](testing::FakeDataplane& dataplane, uint64_t packets) {
    dataplane.memory().counter_layout().InterfaceRx(dataplane.memory().counter_section(), 0)[10].packets =
        packets;
  };
  count(*first, 70);
  CHECK(gateway.OnCore([&] { return gateway.state.Counters(10).inbound_packets; }) == 70);

  first.reset();
  REQUIRE(gateway.Becomes([&] { return !gateway.state.attached(); }));
  CHECK(gateway.answers.RouteCounts(1).at(0).programmed == 0);
  testing::FakeDataplane second(directory.path, 2);
  REQUIRE(gateway.Becomes([&] { return gateway.sender.synced(); }));
  CHECK(second.With([](testing::FakeAgent& agent) { return agent.routes.size(); }) == 2);
  count(second, 5);
  CHECK(gateway.OnCore([&] { return gateway.state.Counters(10).inbound_packets; }) == 75);
}

TEST_CASE("a second gateway takes over the running dataplane and keeps its routes") {
  const Directory directory;
  testing::FakeDataplane dataplane(directory.path, 1);
  {
    Gateway gateway(directory.path);
    REQUIRE(gateway.Becomes([&] { return gateway.sender.synced(); }));
  }
  CHECK(dataplane.With([](testing::FakeAgent& agent) { return agent.routes.size(); }) == 2);
  Gateway gateway(directory.path);
  REQUIRE(gateway.Becomes([&] { return gateway.sender.synced(); }));
  CHECK(dataplane.With([](testing::FakeAgent& agent) { return agent.routes.size(); }) == 2);
  CHECK(gateway.OnCore([&] { return gateway.sender.refused_count(); }) == 0);
}

TEST_CASE("a watcher gets changes after its position, a page lists all paths") {
  programming::Sender sender;
  ProgrammingAnswers answers(sender);
  sender.PutTenant(Tenant(), 1);
  const api::RouteChanges start = answers.RoutesChangedAfter(1, 0, 10);
  CHECK(start.too_old);
  const api::RoutePage page = answers.Routes(1, net::Family::kIpv4, net::Prefix(), 10);
  REQUIRE(page.routes.size() == 2);
  CHECK_FALSE(page.next.has_value());
  CHECK(page.routes[1].next_hops[0].interface == 10);

  programming::TenantObjects changed = Tenant();
  changed.routes.pop_back();
  sender.PutTenant(changed, 2);
  const api::RouteChanges changes = answers.RoutesChangedAfter(1, start.revision, 10);
  REQUIRE(changes.routes.size() == 1);
  CHECK(changes.routes[0].withdrawn);
  CHECK(changes.routes[0].prefix.ToString() == "18.0.0.0/24");
  CHECK_FALSE(changes.more);
}

}  // namespace
}  // namespace sluice::io
