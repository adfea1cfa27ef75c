// Rows overlay.replace_100k_*: every mapping of a virtual network with 100,000 hosts
// moves to another provider address and MAC while a worker forwards to them. Control's
// own sender and RIB on one thread, the update ring and the agent on another, the
// worker with its packets on a third. One JSON row per figure on standard output.
// Argument: --only GLOB.
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "control/io/channel_port.h"
#include "control/programming/sender.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/small_tables.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/metadata.h"
#include "proto/channel/channel_client.h"
#include "proto/net/check.h"
#include "proto/net/checksum.h"
#include "tests/bench/figures.h"
#include "tests/graph/eal_for_tests.h"
#include "tests/graph/harness.h"
#include "tests/lib/route_set.h"

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;
using dataplane::StoreBe16;
using dataplane::StoreBe32;

constexpr unsigned kHosts = 100'000;
constexpr unsigned kHypervisors = 1'000;
constexpr unsigned kRuns = 5;
constexpr size_t kPortion = 4096;  // in which the API states a replaced set to programming
constexpr uint32_t kVrf = 1, kUnderlay = 1, kSite = 10, kOverlay = 11;
constexpr uint16_t kSiteVlan = 100, kUnderlayVlan = 4000;
constexpr uint32_t kFirstHost = 0x0a100000;        // 10.16.0.0
constexpr uint32_t kFirstHypervisor = 0xc6120001;  // 198.18.0.1

dataplane::TableLimits Limits() {
  dataplane::TableLimits limits;
  limits.vrfs = 8;
  limits.interfaces = 64;
  limits.policers = 8;
  limits.neighbors = 1024;
  return limits;
}

// The n-th state of the virtual network: host i lies on another hypervisor in each.
uint32_t HypervisorOf(unsigned host, unsigned state) {
  return kFirstHypervisor + (host + state * 7) % kHypervisors;
}

std::vector<rib::RouteInput> Mappings(unsigned state) {
  std::vector<rib::RouteInput> mappings;
  for (unsigned host = 0; host < kHosts; ++host) {
    const auto byte = [&](unsigned shift) { return static_cast<uint8_t>(host >> shift); };
    const rib::NextHop hop{net::Ipv4Address{HypervisorOf(host, state)},
                           kOverlay,
                           1,
                           {{2, static_cast<uint8_t>(state), 0, byte(16), byte(8), byte(0)}}};
    mappings.push_back({kVrf,
                        net::Prefix(net::Ipv4Address{kFirstHost + host}, 32),
                        rib::Source::kVirtualNetwork,
                        rib::DefaultDistance(rib::Source::kVirtualNetwork),
                        1,
                        0,
                        {hop}});
  }
  return mappings;
}

programming::InterfaceObject Vlan(uint32_t id, uint32_t vrf, const char* port, uint16_t vlan,
                                  const char* address) {
  programming::InterfaceObject interface {
    .interface = id, .vrf = vrf, .name = port, .port = port, .vlan = vlan
  };
  interface.addresses.push_back(*net::InterfaceAddress::Parse(address));
  return interface;
}

programming::TenantObjects Underlay() {
  programming::TenantObjects underlay;
  underlay.vrf = {0, "underlay"};
  underlay.interfaces.push_back(Vlan(kUnderlay, 0, "p1", kUnderlayVlan, "192.0.2.1/24"));
  const net::Address router = *net::Address::Parse("192.0.2.254");
  underlay.neighbors.push_back({kUnderlay, 0, router, {{2, 0, 0, 0, 0, 9}}, "router"});
  underlay.routes.push_back({0,
                             *net::Prefix::Parse("192.0.2.0/24"),
                             rib::Source::kConnected,
                             0,
                             kUnderlay,
                             0,
                             {{std::nullopt, kUnderlay}}});
  underlay.routes.push_back(
      {0, *net::Prefix::Parse("198.18.0.0/15"), rib::Source::kStatic, 5, 0, 0, {{router, kUnderlay}}});
  return underlay;
}

programming::TenantObjects Tenant() {
  programming::TenantObjects tenant;
  tenant.vrf = {kVrf, "tenant t1"};
  tenant.interfaces.push_back(Vlan(kSite, kVrf, "p0", kSiteVlan, "10.1.0.1/24"));
  programming::InterfaceObject overlay{
      .interface = kOverlay, .vrf = kVrf, .name = "tenant t1: virtual network", .mtu = 1400};
  overlay.mac = {{2, 0, 0, 0, 0, 1}};
  overlay.tunnel = programming::TunnelEnds{.kind = channel::TunnelKind::kVxlan,
                                           .local = *net::Address::Parse("203.0.113.1"),
                                           .key_in = 5001,
                                           .key_out = 5001,
                                           .udp_port = 4789,
                                           .ttl = 64};
  tenant.interfaces.push_back(overlay);
  return tenant;
}

// A gateway between rings with a real channel: the harness has the worker.
class Gateway {
 public:
  Gateway() {
    testing::HarnessOptions options;
    options.mbufs = 4096;
    options.data_room = 2176;
    options.limits = Limits();
    options.qsbr = reclaimer_.qsbr();
    options.reclaimer = &reclaimer_;
    graph_ = std::make_unique<testing::GraphHarness>(options);
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    server_ = *channel::ChannelServer::Listen(path(), memory_, nullptr);
    std::vector<dataplane::PortState> ports(graph_->port_numbers());
    for (uint16_t port = 0; port < 2; ++port)
      ports[graph_->port(port).id()] = {.mac = graph_->port(port).mac(), .mtu = 9000, .carrier = true};
    writer_ = std::make_unique<dataplane::TableWriter>(graph_->tables(), std::move(ports), requests_);
    agent_ = std::make_unique<dataplane::Agent>(*writer_, *server_, inbox_, reclaimer_);
    agent_->Start();
  }
  ~Gateway() {
    agent_->Stop();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string path() const { return directory_ + "/channel"; }
  testing::GraphHarness& graph() { return *graph_; }
  // Far end of the host's way, host byte order, as a worker reads it.
  uint32_t FarEnd(unsigned host) const {
    const dataplane::Tables& tables = graph_->tables();
    const auto group = tables.groups.Load(tables.fib4.Lookup(kVrf, kFirstHost + host));
    return __builtin_bswap32(tables.adjacencies.Load(tables.groups.Choose(group, 0)).Hop().remote);
  }

 private:
  dataplane::QsbrReclaimer reclaimer_{1};
  channel::ChannelMemory memory_ = *channel::ChannelMemory::Create(channel::ChannelSizes{}, 1);
  std::unique_ptr<testing::GraphHarness> graph_;
  std::string directory_;
  dataplane::testing::RecordedRequests requests_;
  dataplane::AgentInbox inbox_;
  std::unique_ptr<channel::ChannelServer> server_;
  std::unique_ptr<dataplane::TableWriter> writer_;
  std::unique_ptr<dataplane::Agent> agent_;
};

// The worker under load, on a thread of its own: bursts to random hosts, and how many
// of the packets came out.
class Forwarding {
 public:
  explicit Forwarding(testing::GraphHarness& graph) : graph_(graph), thread_([this] { Run(); }) {}
  ~Forwarding() {
    stop_ = true;
    thread_.join();
  }
  uint64_t forwarded() const { return forwarded_; }
  uint64_t lost() const { return lost_; }

 private:
  static constexpr unsigned kBurst = 256;

  void WriteFrame(rte_mbuf& mbuf, uint32_t destination) const {
    uint8_t* frame = dataplane::DataOf(mbuf);
    std::memset(frame, 0, 64);
    std::memcpy(frame, graph_.port(0).mac().bytes.data(), 6);
    frame[6] = 2;
    StoreBe16(frame + 12, dataplane::kEtherType8021q);
    StoreBe16(frame + 14, kSiteVlan);
    StoreBe16(frame + 16, dataplane::kEtherTypeIpv4);
    uint8_t* ip = frame + dataplane::kTaggedL2Bytes;
    ip[0] = 0x45;
    StoreBe16(ip + 2, 46);
    ip[8] = 64;
    ip[9] = 17;
    StoreBe32(ip + 12, 0x0a010002);
    StoreBe32(ip + 16, destination);
    StoreBe16(ip + 10, net::Checksum(std::span(ip, 20)));
    mbuf.data_len = 64;
    mbuf.pkt_len = 64;
    mbuf.port = graph_.port(0).id();
  }

  void Run() {
    testing::Random random(7);
    dataplane::Worker& worker = graph_.worker(0);
    worker.Enter();
    rte_mbuf* mbufs[kBurst];
    auto* objects = reinterpret_cast<void**>(mbufs);
    while (!stop_) {
      SLUICE_CHECK(rte_pktmbuf_alloc_bulk(&graph_.pool(), mbufs, kBurst) == 0);
      for (rte_mbuf* mbuf : mbufs)
        WriteFrame(*mbuf, kFirstHost + static_cast<uint32_t>(random.Below(kHosts)));
      SLUICE_CHECK(rte_ring_enqueue_bulk(&graph_.port(0).arriving(0), objects, kBurst, nullptr) == kBurst);
      for (unsigned arrived = 0; arrived < kBurst;) arrived += worker.WalkOnce();
      const unsigned sent = rte_ring_dequeue_burst(&graph_.port(1).sent(0), objects, kBurst, nullptr);
      rte_pktmbuf_free_bulk(mbufs, sent);
      forwarded_ += sent;
      lost_ += kBurst - sent;
    }
    worker.Leave();
  }

  testing::GraphHarness& graph_;
  std::atomic<uint64_t> forwarded_{0}, lost_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Control's side, as its event loop drives it.
class Control {
 public:
  explicit Control(Gateway& gateway) : client_(*channel::ChannelClient::Connect(gateway.path(), 1, 5s)) {
    sender_.PutTenant(Underlay(), 1);
    sender_.PutTenant(Tenant(), 1);
    sender_.ChangeMappings(kVrf, 1, Mappings(0), {}, ++revision_, true);
    sender_.InitialStateComplete();
    programming::Attachment attachment;
    attachment.ports = {{"p0", gateway.graph().port(0).id()}, {"p1", gateway.graph().port(1).id()}};
    sender_.Attach(port_, attachment);
    Finish();
  }
  ~Control() { sender_.Detach(); }

  // From the change to its acknowledgement, the old hosts swept away.
  double ReplaceSeconds(const std::vector<rib::RouteInput>& mappings) {
    const auto start = Clock::now();
    ++revision_;
    const std::span all(mappings);
    for (size_t from = 0; from < all.size(); from += kPortion) {
      const auto portion = all.subspan(from, std::min(kPortion, all.size() - from));
      const bool complete = from + kPortion >= all.size();
      sender_.ChangeMappings(kVrf, 1, portion, {}, revision_, complete);
      if (complete) break;
      sender_.TakeAnswers();
      sender_.Pump();
    }
    Finish();
    return SecondsSince(start);
  }

 private:
  void Finish() {
    while (!sender_.synced() || sender_.in_flight() != 0 ||
           sender_.Progress(kVrf).acknowledged_revision < revision_)
      Turn();
    SLUICE_CHECK(sender_.refused_count() == 0);
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

  std::unique_ptr<channel::ChannelClient> client_;
  io::ChannelPort port_{*client_};
  programming::Sender sender_;
  uint64_t revision_ = 1;
};

void Run(const std::string& only) {
  if (!AnyWanted(only, {"overlay.replace_100k_s", "overlay.replace_100k_lost"})) return;
  testing::StartEal({.memory_mib = 128, .huge_pages = true});
  Gateway gateway;
  std::vector<double> seconds;
  uint64_t lost = 0;
  {
    Control control(gateway);
    const Forwarding forwarding(gateway.graph());
    for (unsigned run = 1; run <= kRuns; ++run) {
      const auto mappings = Mappings(run);
      const uint64_t before = forwarding.forwarded();
      seconds.push_back(control.ReplaceSeconds(mappings));
      SLUICE_CHECK(forwarding.forwarded() > before);
      for (unsigned host = 0; host < kHosts; host += 997)
        SLUICE_CHECK(gateway.FarEnd(host) == HypervisorOf(host, run));
    }
    lost = forwarding.lost();
  }
  for (const auto& [drop, count] : gateway.graph().AllDrops())
    std::fprintf(stderr, "%s: %llu\n", drop.c_str(), static_cast<unsigned long long>(count));
  PrintRow("overlay.replace_100k_s", Percentile(seconds, 0.5), "s");
  PrintRow("overlay.replace_100k_lost", static_cast<double>(lost), "packets");
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  const std::string only = argc == 3 && std::strcmp(argv[1], "--only") == 0 ? argv[2] : "*";
  spdlog::set_level(spdlog::level::warn);
  sluice::bench::Run(only);
  return 0;
}
