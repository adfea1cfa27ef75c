// Every metric that is shown is documented, and every documented one is shown.
#include "control/metrics/gateway_metrics.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "proto/channel/shared_memory.h"

namespace sluice::metrics {
namespace {

namespace v1 = dataplane::v1;

// One of everything.
class FullView : public api::DataplaneView {
 public:
  absl::StatusOr<v1::ListPortsReply> ListPorts() override {
    v1::ListPortsReply reply;
    reply.add_ports()->set_name("p1");
    return reply;
  }
  absl::StatusOr<v1::ListWorkersReply> ListWorkers() override { return v1::ListWorkersReply(); }
  absl::StatusOr<v1::ListTablesReply> ListTables() override {
    v1::ListTablesReply reply;
    reply.add_tables()->set_name("vrfs");
    reply.add_queues()->set_name("inject0");
    return reply;
  }
  absl::StatusOr<v1::GetSlowPathReply> GetSlowPath() override {
    v1::GetSlowPathReply reply;
    v1::PuntClassCounters& arp = *reply.add_classes();
    arp.set_name("arp");
    arp.set_accepted(3);
    arp.set_refused(2);
    reply.mutable_neighbors()->set_resolved(4);
    return reply;
  }
  absl::StatusOr<v1::ListDropReasonsReply> ListDropReasons() override {
    v1::ListDropReasonsReply reply;
    v1::DropReasonName& reason = *reply.add_reasons();
    reason.set_number(1);
    reason.set_name(reason_name);
    return reply;
  }
  std::string reason_name = "no_route";
  absl::StatusOr<std::vector<v1::Neighbor>> ListNeighbors(const v1::ListNeighborsRequest&) override {
    return std::vector<v1::Neighbor>();
  }
  absl::StatusOr<std::vector<v1::Adjacency>> ListAdjacencies(const v1::ListAdjacenciesRequest&) override {
    return std::vector<v1::Adjacency>();
  }
  absl::StatusOr<v1::LookupRouteReply> LookupRoute(const v1::LookupRouteRequest&) override {
    return v1::LookupRouteReply();
  }
  absl::Status Trace(const v1::TraceRequest&, Cancelled,
                     absl::FunctionRef<bool(const v1::TracedPacket&)>) override {
    return absl::OkStatus();
  }
  absl::Status Capture(const v1::CaptureRequest&, Cancelled,
                       absl::FunctionRef<bool(const v1::CapturedPacket&)>) override {
    return absl::OkStatus();
  }
};

std::set<std::string> Documented() {
  std::ifstream file(SLUICE_METRICS_DOC);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::set<std::string> names;
  const std::regex row("\\n\\| `(sluice_\\w+)` \\|");
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) names.insert((*at)[1]);
  return names;
}

// Of the first drop.
std::string ReasonShown(const std::vector<prometheus::MetricFamily>& families) {
  for (const prometheus::MetricFamily& family : families)
    if (family.name == "sluice_dropped_packets_total") return family.metric.at(0).label.at(1).value;
  return "";
}

void CheckValues(const prometheus::MetricFamily& family) {
  if (family.name == "sluice_punted_packets_total") {
    CHECK(family.metric.at(0).label.at(0).value == "arp");
    CHECK(family.metric.at(0).counter.value == 3);
  }
  if (family.name == "sluice_worker_stuck") {
    REQUIRE(family.metric.size() == 1);
    CHECK(family.metric.at(0).gauge.value == 1);
  }
  if (family.name == "sluice_build_info") CHECK(family.metric.at(0).label.at(0).value == "1.2.3");
  if (family.name == "sluice_connection_up") {
    REQUIRE(family.metric.size() == 2);
    CHECK(family.metric.at(0).gauge.value == 1);
    CHECK(family.metric.at(1).gauge.value == 0);
  }
  if (family.name == "sluice_neighbors") {
    REQUIRE(family.metric.size() == 2);
    CHECK(family.metric.at(1).label.at(0).value.empty());
    CHECK(family.metric.at(1).label.at(1).value == "failed");
  }
  if (family.name == "sluice_tunnel_up") CHECK(family.metric.at(0).gauge.value == 1);
  if (family.name == "sluice_tunnel_path_mtu_bytes") CHECK(family.metric.at(0).gauge.value == 1400);
  if (family.name == "sluice_tunnel_probes_sent_total") CHECK(family.metric.at(0).counter.value == 6);
  if (family.name == "sluice_tunnel_probes_answered_total") CHECK(family.metric.at(0).counter.value == 5);
  if (family.name == "sluice_tunnel_keepalives_returned_total") CHECK(family.metric.at(0).counter.value == 4);
  if (family.name == "sluice_tunnel_peer_silent") CHECK(family.metric.at(0).gauge.value == 1);
  if (family.name == "sluice_punted_refused_packets_total") CHECK(family.metric.at(0).counter.value == 2);
  if (family.name == "sluice_neighbor_events_total") {
    CHECK(family.metric.size() == 11);
    for (const auto& metric : family.metric)
      CHECK(metric.counter.value == (metric.label.at(0).value == "resolved" ? 4 : 0));
  }
  if (family.name != "sluice_dropped_packets_total") return;
  CHECK(family.metric.at(0).label.at(0).value == "contoso");
  CHECK(family.metric.at(0).label.at(1).value == "no_route");
  CHECK(family.metric.at(0).counter.value == 7);
}

// Of the tunnel with interface 10.
std::vector<v1::StateChange> OfTunnel() {
  std::vector<v1::StateChange> changes(2);
  v1::Adjacency& adjacency = *changes[0].mutable_adjacency();
  adjacency.set_id(3);
  adjacency.set_kind("tunnel");
  adjacency.set_interface(10);
  adjacency.set_live(true);
  adjacency.set_path_mtu(1400);
  changes[1].mutable_peer()->set_interface(10);
  changes[1].mutable_peer()->set_silent_since_ms(1);
  return changes;
}

TEST_CASE("what is shown is documented in docs/metrics.md and the other way round") {
  auto memory = channel::ChannelMemory::Create({.counters = {.workers = 1,
                                                             .interfaces = 16,
                                                             .adjacencies = 16,
                                                             .vrfs = 4,
                                                             .drop_reasons = 4,
                                                             .policers = 16,
                                                             .nodes = 1}},
                                               1);
  REQUIRE(memory.ok());
  memory->counter_layout().Drops(memory->counter_section(), 0)[1 * 4 + 1] = 7;

  programming::TenantObjects tenant;
  tenant.vrf = {1, "tenant contoso"};
  tenant.interfaces.push_back({10, 1, 5, "tenant contoso: connection paris", "p1", 100});
  tenant.interfaces.back().tunnel.emplace();
  memory->counter_layout().Probes(memory->counter_section(), 0)[10] = {6, 5, 4};
  tenant.routes.push_back(
      {1, *net::Prefix::Parse("15.0.0.0/24"), rib::Source::kConnected, 0, 5, 0, {{std::nullopt, 10}}});
  io::EventLoop loop;
  programming::Sender sender;
  io::LiveState state(sender);
  io::ProgrammingLoop programming(loop, sender, state);
  programming.PutTenant(tenant, 1);
  v1::AttachReply reply;
  reply.set_workers(1);
  state.Attached(reply, nullptr);
  state.SetCounters(memory->counters());
  v1::StateChange change;
  change.mutable_neighbor()->set_interface(10);
  change.mutable_neighbor()->set_vrf(1);
  change.mutable_neighbor()->set_address("15.0.0.1");
  change.mutable_neighbor()->set_state("reachable");
  state.Changed(change);
  v1::StateChange underlay;
  underlay.mutable_neighbor()->set_interface(11);
  underlay.mutable_neighbor()->set_address("192.0.2.1");
  underlay.mutable_neighbor()->set_state("failed");
  state.Changed(underlay);
  change.mutable_stuck_workers()->add_workers()->set_index(0);
  state.Changed(change);

  for (const v1::StateChange& each : OfTunnel()) state.Changed(each);

  FullView view;
  const GatewayMetrics metrics(
      {loop, sender, state, programming, view,
       [] {
         return std::vector<TenantNames>{
             {"contoso", 1, {{"paris", 10}}, {{"red", "web", 12}}, {{"paris", true}, {"rome", false}}}};
       },
       [] {
         return std::vector<UnderlayNames>{{"tor-a", 11, true}};
       },
       "1.2.3"});
  std::thread core([&] { loop.Run(); });
  const std::vector<prometheus::MetricFamily> families = metrics.Collect();
  // A dataplane of another version may call them otherwise.
  view.reason_name = "routeless";
  CHECK(ReasonShown(metrics.Collect()) == "no_route");
  loop.Post([&] {
    reply.set_instance("upgraded");
    state.Attached(reply, nullptr);
    state.SetCounters(memory->counters());
  });
  CHECK(ReasonShown(metrics.Collect()) == "routeless");
  loop.Stop();
  core.join();
  std::set<std::string> shown;
  for (const prometheus::MetricFamily& family : families) {
    shown.insert(family.name);
    CheckValues(family);
  }
  CHECK(shown == Documented());
}

}  // namespace
}  // namespace sluice::metrics
