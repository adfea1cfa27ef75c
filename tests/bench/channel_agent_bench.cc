// The agent's share of what channel_bench measures of whole processes (control's
// own sender on one thread, the agent on another, no worker beside them), and the
// failover of a next hop in front of 100,000 routes. One JSON row per figure on
// standard output. Argument: --only GLOB.
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/io/channel_port.h"
#include "control/programming/sender.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/small_tables.h"
#include "proto/channel/channel_client.h"
#include "proto/net/check.h"
#include "tests/bench/figures.h"
#include "tests/lib/route_set.h"

namespace sluice {
namespace {

using bench::Clock;
using bench::MsSince;
using bench::Percentile;
using namespace std::chrono_literals;

constexpr unsigned kRoutes = 1'000'000;
constexpr unsigned kFailoverRoutes = 100'000;
constexpr uint32_t kBulkVrf = 1;
constexpr uint32_t kUrgentVrf = 2;

// The dataplane without packets: tables of full size behind a real channel.
class BenchDataplane {
 public:
  BenchDataplane()
      : memory_(*channel::ChannelMemory::Create(channel::ChannelSizes{}, 1)),
        tables_(Options(), reclaimer_),
        writer_(tables_, Ports(), requests_) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    auto server = channel::ChannelServer::Listen(path(), memory_, nullptr);
    SLUICE_CHECK(server.ok());
    server_ = *std::move(server);
    agent_ = std::make_unique<dataplane::Agent>(writer_, *server_, inbox_, reclaimer_);
    agent_->Start();
  }
  ~BenchDataplane() {
    agent_->Stop();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string path() const { return directory_ + "/channel"; }
  const dataplane::Tables& tables() const { return tables_; }
  dataplane::AgentInbox& inbox() { return inbox_; }
  dataplane::QsbrReclaimer& reclaimer() { return reclaimer_; }

 private:
  static dataplane::TablesOptions Options() {
    dataplane::TablesOptions options;
    options.ports = 2;
    return options;
  }
  static std::vector<dataplane::PortState> Ports() {
    std::vector<dataplane::PortState> ports = dataplane::testing::TwoPorts();
    return ports;
  }

  std::string directory_;
  dataplane::QsbrReclaimer reclaimer_{1};
  channel::ChannelMemory memory_;
  dataplane::Tables tables_;
  dataplane::testing::RecordedRequests requests_;
  dataplane::TableWriter writer_;
  dataplane::AgentInbox inbox_;
  std::unique_ptr<channel::ChannelServer> server_;
  std::unique_ptr<dataplane::Agent> agent_;
};

// Control's side, as its event loop drives it.
class BenchControl {
 public:
  programming::Sender& sender() { return sender_; }

  void Attach(const BenchDataplane& dataplane) {
    auto client = channel::ChannelClient::Connect(dataplane.path(), 1, 5s);
    SLUICE_CHECK(client.ok());
    client_ = *std::move(client);
    port_ = std::make_unique<io::ChannelPort>(*client_);
    programming::Attachment attachment;
    attachment.ports = {{"p0", 0}, {"p1", 1}};
    sender_.Attach(*port_, attachment);
  }
  void Detach() {
    sender_.Detach();
    port_.reset();
    client_.reset();
  }

  // One turn of the event loop; sleeps when there is nothing to do.
  void Turn() {
    const bool answers = sender_.TakeAnswers();
    const bool more = sender_.Pump();
    if (answers || more || !client_->PrepareToSleep(sender_.wake_sequence())) return;
    pollfd wait{client_->poll_fd(), POLLIN, 0};
    (void)poll(&wait, 1, 100);
    SLUICE_CHECK(client_->Service().ok());
  }
  bool Idle() const { return sender_.synced() && sender_.in_flight() == 0; }

 private:
  programming::Sender sender_;
  std::unique_ptr<channel::ChannelClient> client_;
  std::unique_ptr<io::ChannelPort> port_;
};

net::Prefix PrefixOf(const testing::Ipv4Prefix& prefix) {
  return net::Prefix(net::Ipv4Address{prefix.address}, prefix.length);
}

// One interface on each of two ports, a next hop on each.
programming::TenantObjects Tenant(uint32_t vrf, bool up) {
  programming::TenantObjects tenant;
  tenant.vrf = {vrf, "tenant t" + std::to_string(vrf)};
  for (uint32_t i = 0; i < 2; ++i) {
    const uint32_t id = vrf * 10 + i;
    const std::string subnet = "15." + std::to_string(i) + ".0.";
    programming::InterfaceObject interface;
    interface.interface = id;
    interface.vrf = vrf;
    interface.name = tenant.vrf.name + ": connection c" + std::to_string(i);
    interface.port = i == 0 ? "p0" : "p1";
    interface.vlan = static_cast<uint16_t>(100 * vrf + i);
    interface.up = up;
    interface.addresses.push_back(*net::InterfaceAddress::Parse(subnet + "5/24"));
    tenant.interfaces.push_back(interface);
    tenant.neighbors.push_back(
        {id, vrf, *net::Address::Parse(subnet + "1"), {{2, 0, 0, 0, 0, 9}}, "neighbour"});
    tenant.routes.push_back(
        {vrf, *net::Prefix::Parse(subnet + "0/24"), rib::Source::kConnected, 0, id, 0, {{std::nullopt, id}}});
  }
  return tenant;
}

// Static routes of the bulk tenant through both next hops.
std::vector<rib::RouteInput> Routes(unsigned count) {
  std::vector<rib::RouteInput> routes;
  for (const testing::Ipv4Prefix& prefix : testing::InternetRoutes4(1, count)) {
    rib::RouteInput route{kBulkVrf, PrefixOf(prefix), rib::Source::kStatic, 5, 0, 0, {}};
    route.next_hops.push_back({net::Address::Parse("15.0.0.1"), 0, 1});
    route.next_hops.push_back({net::Address::Parse("15.1.0.1"), 0, 1});
    routes.push_back(route);
  }
  return routes;
}

// A control that wants `routes` and has compiled them.
std::unique_ptr<BenchControl> Compiled(const std::vector<rib::RouteInput>& routes) {
  auto control = std::make_unique<BenchControl>();
  control->sender().PutTenant(Tenant(kBulkVrf, true), 1);
  control->sender().PutTenant(Tenant(kUrgentVrf, true), 1);
  control->sender().ChangeStaticRoutes(kBulkVrf, routes, {}, 2, true);
  control->sender().InitialStateComplete();
  return control;
}

double LoadSeconds(BenchControl& control, const BenchDataplane& dataplane) {
  const auto start = Clock::now();
  control.Attach(dataplane);
  while (!control.Idle()) control.Turn();
  const double seconds = MsSince(start) / 1000;
  SLUICE_CHECK(control.sender().refused_count() == 0);
  return seconds;
}

double RoutesSeconds() {
  const auto control = Compiled(Routes(kRoutes));
  std::vector<double> seconds;
  for (int run = 0; run < 3; ++run) {
    const BenchDataplane dataplane;
    seconds.push_back(LoadSeconds(*control, dataplane));
    SLUICE_CHECK(dataplane.tables().fib4_pool.route_count() >= kRoutes);
    control->Detach();
  }
  return Percentile(seconds, 0.5);
}

// Another tenant's interfaces go down and up while the routes flow: from the
// change in control to its acknowledgement.
std::vector<double> UrgentMs(BenchControl& control, const BenchDataplane& dataplane) {
  std::vector<double> waits;
  control.Attach(dataplane);
  uint64_t revision = 1;
  Clock::time_point asked;
  bool waiting = false;
  while (!control.Idle()) {
    if (!waiting && (revision == 1 || Clock::now() - asked > 3ms) && control.sender().in_flight() > 0) {
      asked = Clock::now();
      ++revision;
      control.sender().PutTenant(Tenant(kUrgentVrf, revision % 2 == 1), revision);
      waiting = true;
    }
    control.Turn();
    if (!waiting || control.sender().Progress(kUrgentVrf).acknowledged_revision < revision) continue;
    waits.push_back(MsSince(asked));
    waiting = false;
  }
  return waits;
}

double UrgentP99() {
  const auto routes = Routes(kRoutes);
  std::vector<double> waits;
  for (int run = 0; run < 2; ++run) {
    const BenchDataplane dataplane;
    const auto control = Compiled(routes);
    const auto some = UrgentMs(*control, dataplane);
    waits.insert(waits.end(), some.begin(), some.end());
  }
  return Percentile(waits, 0.99);
}

// A port loses its carrier: from the report to the moment at which no flow of a
// route meets the dead next hop any more, as a worker sees it.
double FailoverMs() {
  const auto routes = Routes(kFailoverRoutes);
  const auto control = Compiled(routes);
  BenchDataplane dataplane;
  LoadSeconds(*control, dataplane);
  const dataplane::Tables& tables = dataplane.tables();
  const auto moved = [&](bool both) {
    const uint32_t address = routes[kFailoverRoutes / 2].prefix.address().v4().value;
    const auto group = tables.groups.Load(tables.fib4.Lookup(kBulkVrf, address));
    unsigned on_dead = 0;
    for (uint32_t hash = 0; hash < 32; ++hash)
      on_dead += tables.adjacencies.Load(tables.groups.Choose(group, hash)).port() == 0 ? 1 : 0;
    return both ? on_dead > 8 : on_dead == 0;
  };
  std::vector<double> waits;
  for (int run = 0; run < 200; ++run) {
    const bool up = run % 2 == 1;
    // Let the agent fall asleep, as it is when links fail.
    std::this_thread::sleep_for(2ms);
    const auto event = Clock::now();
    SLUICE_CHECK(dataplane.inbox().Push(dataplane::PortLinkChange{.port = 0, .up = up, .at = event}));
    while (!moved(up)) std::this_thread::yield();
    if (!up) waits.push_back(MsSince(event));
  }
  return Percentile(waits, 0.99);
}

const char* only = "*";

template <class Measure>
void Row(const char* name, const char* unit, double reference, Measure measure) {
  if (bench::Wanted(only, name)) bench::PrintRow(name, measure(), unit, reference);
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  using namespace sluice;
  if (argc == 3 && std::strcmp(argv[1], "--only") == 0) {
    only = argv[2];
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: channel_agent_bench [--only GLOB]\n");
    return 2;
  }
  spdlog::set_level(spdlog::level::warn);
  // References: the bounds agreed for this class of machine.
  Row("channel.agent.routes_1m_s", "s", 4, RoutesSeconds);
  Row("channel.agent.urgent_ms.p99", "ms", 10, UrgentP99);
  Row("nexthop.failover_ms", "ms", 50, FailoverMs);
  return 0;
}
