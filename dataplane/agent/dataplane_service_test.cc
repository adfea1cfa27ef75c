// The gRPC service over its socket, around a running agent without ports and workers.
#include "dataplane/agent/dataplane_service.h"

#include <sys/stat.h>

#include "dataplane/agent/dataplane_server.h"
#include "dataplane/agent/running_agent.h"

namespace sluice::dataplane {
namespace {

using namespace testing;

struct Served {
  Served() : running(directory.File("channel")) {
    running.writer().resolver().SetObserver(&feed);
    running.agent().SetDuplicateAddressObserver([this](const auto& report) { feed.OnDuplicate(report); });
    running.agent().Start();
    auto started =
        DataplaneServer::Start(directory.File("grpc"), {.agent = running.agent(),
                                                        .tables = running.tables(),
                                                        .reclaimer = running.reclaimer(),
                                                        .memory = running.memory(),
                                                        .feed = feed,
                                                        .slow_path =
                                                            [] {
                                                              v1::GetSlowPathReply reply;
                                                              reply.set_punted(5);
                                                              return reply;
                                                            },
                                                        .queues =
                                                            [] {
                                                              std::vector<v1::TableFill> fills(1);
                                                              fills[0].set_name("inject0");
                                                              fills[0].set_used(3);
                                                              fills[0].set_limit(8);
                                                              return fills;
                                                            },
                                                        .steering = steering,
                                                        .ports = {},
                                                        .workers = {},
                                                        .worker_cores = {7},
                                                        .channel_socket = directory.File("channel"),
                                                        .version = "test"});
    REQUIRE(started.ok());
    server = *std::move(started);
    stub = v1::Dataplane::NewStub(
        grpc::CreateChannel("unix:" + directory.File("grpc"), grpc::InsecureChannelCredentials()));
  }

  v1::LookupRouteReply Lookup(const std::string& address) {
    grpc::ClientContext context;
    v1::LookupRouteRequest request;
    request.set_vrf(1);
    request.set_address(address);
    v1::LookupRouteReply reply;
    CHECK(stub->LookupRoute(&context, request, &reply).ok());
    return reply;
  }
  void Learn(const char* address, NeighborState state, const char* mac) {
    CHECK(running.inbox().Push(NeighborUpdate{.interface = 1,
                                              .address = *net::Address::Parse(address),
                                              .state = state,
                                              .mac = net::MacAddress::Parse(mac)}));
  }

  TemporaryDirectory directory;
  StateFeed feed;
  FlowSteering steering{{}};
  RunningAgent running;
  std::unique_ptr<DataplaneServer> server;
  std::unique_ptr<v1::Dataplane::Stub> stub;
};

TEST_CASE("attach says who is there, what fits and where the channel is; other versions are refused") {
  Served served;
  struct stat status {};
  REQUIRE(stat(served.directory.File("grpc").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  v1::AttachRequest request;
  v1::AttachReply reply;
  request.set_record_version(channel::kRecordVersion);
  {
    grpc::ClientContext context;
    REQUIRE(served.stub->Attach(&context, request, &reply).ok());
  }
  CHECK(reply.instance() == "0000000000000001");
  CHECK(reply.channel_socket() == served.directory.File("channel"));
  CHECK(reply.limits(0).name() == "vrfs");
  CHECK(reply.limits(0).limit() == 16);
  request.set_record_version(channel::kRecordVersion + 1);
  grpc::ClientContext context;
  CHECK(served.stub->Attach(&context, request, &reply).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_CASE("the slow path's counters are told as they are") {
  Served served;
  grpc::ClientContext context;
  v1::GetSlowPathReply reply;
  REQUIRE(served.stub->GetSlowPath(&context, {}, &reply).ok());
  CHECK(reply.punted() == 5);
}

TEST_CASE("tables are listed by their limits, and queues beside them") {
  Served served;
  grpc::ClientContext context;
  v1::ListTablesReply reply;
  REQUIRE(served.stub->ListTables(&context, {}, &reply).ok());
  CHECK(reply.tables(0).name() == "vrfs");
  REQUIRE(reply.queues_size() == 1);
  CHECK(reply.queues(0).name() == "inject0");
  CHECK(reply.queues(0).limit() == 8);
}

TEST_CASE("a lookup is answered by the live tables, in words") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  control.Send(AdjacencyIs(2, channel::AdjacencyKind::kGlean, 1));
  control.Send(GroupOf(2, {2}));
  control.Send(RouteTo(1, "10.0.0.0/24", 2));
  control.Send(AdjacencyIs(3, channel::AdjacencyKind::kDrop));
  control.Send(GroupOf(3, {3}));
  control.Send(RouteTo(1, "10.66.0.0/16", 3));
  control.Flush();
  CHECK(control.Refusals().empty());

  CHECK(served.Lookup("192.0.2.1").verdict() == "no route to 192.0.2.1: dropped");
  CHECK_FALSE(served.Lookup("192.0.2.1").found());
  CHECK(served.Lookup("10.66.0.1").verdict() == "the route says to drop");
  CHECK(served.Lookup("10.0.0.1").verdict() == "an address of ours: answered here or given to control");
  const auto unresolved = served.Lookup("10.1.2.3");
  CHECK(unresolved.prefix() == "10.1.0.0/16");
  CHECK(unresolved.adjacency().down_reason() == "neighbour is not resolved yet");
  CHECK(unresolved.verdict() ==
        "next hop 10.0.0.2 on interface 1 is not resolved: held while the dataplane asks for it");

  served.Learn("10.0.0.2", NeighborState::kReachable, "02:00:00:00:00:aa");
  served.Learn("10.0.0.7", NeighborState::kReachable, "02:00:00:00:00:bb");
  CHECK(Eventually([&] { return served.Lookup("10.0.0.7").adjacency().mac() == "02:00:00:00:00:bb"; }));
  CHECK(served.Lookup("10.0.0.7").verdict() ==
        "sent to 10.0.0.7 (02:00:00:00:00:bb) on interface 1, port 0, VLAN 100, MTU 1500");
  CHECK(served.Lookup("10.1.2.3").verdict() ==
        "sent to 10.0.0.2 (02:00:00:00:00:aa) on interface 1, port 0, VLAN 100, MTU 1500");
  CHECK(served.running.inbox().Push(
      PortLinkChange{.port = 0, .up = false, .at = std::chrono::steady_clock::now()}));
  CHECK(Eventually([&] {
    return served.Lookup("10.1.2.3").verdict() == "next hop 10.0.0.2 is down, port has no carrier: dropped";
  }));
}

// Of the tenant, or of all.
std::vector<v1::Tunnel> TunnelsOf(Served& served, std::optional<uint32_t> vrf) {
  grpc::ClientContext context;
  v1::ListTunnelsRequest request;
  if (vrf) request.set_vrf(*vrf);
  const auto stream = served.stub->ListTunnels(&context, request);
  std::vector<v1::Tunnel> tunnels;
  for (v1::Tunnel tunnel; stream->Read(&tunnel);) tunnels.push_back(tunnel);
  CHECK(stream->Finish().ok());
  return tunnels;
}

TEST_CASE("tunnels are listed with their ends and keys, and a lookup says that it leads through one") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  for (Record& record : std::vector<Record>{
           InterfaceIs(10, 0, 300), AddressIs(10, "203.0.113.1/24"), AdjacencyTo(10, 10, "203.0.113.2"),
           GroupOf(10, {10}), RouteTo(0, "198.51.100.0/25", 10), GreIs(4, 1, "192.0.2.1", "198.51.100.2"),
           OverlayIs(5, 1, "192.0.2.1", 5000), AdjacencyThrough(20, 4),
           AdjacencyThrough(21, 5, "198.51.100.7"), AdjacencyThrough(22, 5, "198.51.100.200"),
           GroupOf(20, {20}), GroupOf(21, {21}), GroupOf(22, {22}), RouteTo(1, "10.20.0.0/16", 20),
           RouteTo(1, "10.21.0.1/32", 21), RouteTo(1, "10.22.0.1/32", 22)})
    control.Send(record);
  control.Flush();
  CHECK(control.Refusals().empty());

  CHECK(TunnelsOf(served, 0).empty());
  const auto tunnels = TunnelsOf(served, 1);
  REQUIRE(tunnels.size() == 2);
  CHECK(tunnels[0].ShortDebugString() ==
        "interface: 4 vrf: 1 connection: 1 kind: \"gre\" local: \"192.0.2.1\" remote: \"198.51.100.2\" "
        "key_in: 7 key_out: 7 mtu: 1400 up: true ttl: 64");
  CHECK(tunnels[1].ShortDebugString() ==
        "interface: 5 vrf: 1 kind: \"vxlan\" local: \"192.0.2.1\" key_in: 5000 key_out: 5000 "
        "udp_port: 4789 mac: \"02:00:5e:00:53:01\" mtu: 1400 up: true hosts: 2");

  CHECK(served.Lookup("10.20.0.1").verdict() ==
        "sent through GRE key 7 on interface 4 to 198.51.100.2, MTU 1400");
  const auto host = served.Lookup("10.21.0.1");
  CHECK(host.verdict() ==
        "sent through VXLAN 5000 on interface 5 to 198.51.100.7 for 02:00:5e:00:53:99, MTU 1400");
  CHECK(host.adjacency().kind() == "tunnel");
  CHECK(host.adjacency().next_hop() == "198.51.100.7");
  const auto lost = served.Lookup("10.22.0.1");
  CHECK(lost.adjacency().down_reason() == "no route to 198.51.100.200");
  CHECK(lost.verdict() == "next hop 198.51.100.200 is down, no route to 198.51.100.200: dropped");
}

TEST_CASE("a bad lookup is refused naming the field, an unknown VRF by its number") {
  Served served;
  struct Row {
    const char* what;
    v1::LookupRouteRequest request;
    grpc::StatusCode code;
  };
  v1::LookupRouteRequest no_address, other_family, no_vrf;
  no_address.set_address("10.0.0");
  other_family.set_address("10.0.0.1");
  other_family.set_source("2001:db8::1");
  no_vrf.set_vrf(9);
  no_vrf.set_address("10.0.0.1");
  const Row rows[] = {{"address", no_address, grpc::StatusCode::INVALID_ARGUMENT},
                      {"source", other_family, grpc::StatusCode::INVALID_ARGUMENT},
                      {"vrf 9", no_vrf, grpc::StatusCode::NOT_FOUND}};
  for (const Row& row : rows) {
    grpc::ClientContext context;
    v1::LookupRouteReply reply;
    const grpc::Status status = served.stub->LookupRoute(&context, row.request, &reply);
    CHECK(status.error_code() == row.code);
    CHECK(status.error_message().find(row.what) != std::string::npos);
  }
}

TEST_CASE("a dump of routes comes in order and whole, however many pieces it takes") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  for (uint32_t i = 0; i < 3000; ++i)
    control.Send(RouteTo(1, net::Ipv4Address{0x64000000 + i * 256}.ToString() + "/24", 1));
  control.Flush();
  grpc::ClientContext context;
  v1::ListRoutesRequest request;
  request.set_vrf(1);
  request.set_family(4);
  const auto stream = served.stub->ListRoutes(&context, request);
  v1::Route route;
  std::vector<std::string> prefixes;
  while (stream->Read(&route)) prefixes.push_back(route.prefix());
  CHECK(stream->Finish().ok());
  REQUIRE(prefixes.size() == 3002);
  CHECK(prefixes.front() == "10.0.0.1/32");
  CHECK(prefixes[1] == "10.1.0.0/16");
  CHECK(prefixes.back() == "100.11.183.0/24");
}

TEST_CASE("a watcher gets the present state, then what changes") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  control.Flush();
  grpc::ClientContext context;
  const auto stream = served.stub->WatchState(&context, {});
  v1::StateChange change;
  unsigned adjacencies = 0;
  while (stream->Read(&change) && !change.snapshot_complete()) adjacencies += change.has_adjacency() ? 1 : 0;
  CHECK(adjacencies == 2);  // control's and the local one
  served.Learn("10.0.0.2", NeighborState::kReachable, "02:00:00:00:00:aa");
  bool live = false, reachable = false;
  while (!(live && reachable) && stream->Read(&change)) {
    live |= change.has_adjacency() && change.adjacency().id() == 1 && change.adjacency().live();
    reachable |= change.has_neighbor() && change.neighbor().state() == "reachable";
  }
  CHECK((live && reachable));
  CHECK(served.running.inbox().Push(
      DuplicateAddressReport{.interface = 1,
                             .address = *net::Address::Parse("10.0.0.1"),
                             .other = *net::MacAddress::Parse("02:00:00:00:00:ee")}));
  while (stream->Read(&change) && !change.has_duplicate_address()) {
  }
  CHECK(change.duplicate_address().mac() == "02:00:00:00:00:ee");
  context.TryCancel();
  (void)stream->Finish();
}

TEST_CASE("a watcher hears what the way to a far end lets pass") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  for (Record& record : std::vector<Record>{GreIs(4, 1, "192.0.2.1", "198.51.100.2"), AdjacencyThrough(20, 4),
                                            GroupOf(20, {20}), RouteTo(1, "10.20.0.0/16", 20)})
    control.Send(record);
  control.Flush();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = served.stub->WatchState(&context, {});
  v1::StateChange change;
  while (stream->Read(&change) && !change.snapshot_complete()) CHECK(change.adjacency().path_mtu() == 0);
  const auto unix_ms = [] {
    return std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
  };
  const int64_t before = unix_ms();
  CHECK(served.running.inbox().Push(PathMtuReport{.local = *net::Address::Parse("192.0.2.1"),
                                                  .remote = *net::Address::Parse("198.51.100.2"),
                                                  .has_key = true,
                                                  .key = 7,
                                                  .path_mtu = 1300}));
  while (stream->Read(&change) && change.adjacency().id() != 20) {
  }
  CHECK(change.adjacency().path_mtu() == 1300);
  // Of two clocks.
  CHECK(change.adjacency().path_mtu_learned_ms() >= before - 100);
  CHECK(change.adjacency().path_mtu_learned_ms() <= unix_ms() + 100);
  context.TryCancel();
  (void)stream->Finish();
}

TEST_CASE("a watcher hears that a far end is silent, also one that comes later, and that it answers") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  Record gre = WithProbe(GreIs(4, 1, "192.0.2.1", "198.51.100.2"), 2, 3);
  control.Send(gre);
  control.Flush();
  const auto applied = [&] {
    bool there = false;
    served.running.agent().Run(
        [&](TableWriter& writer) { there = writer.tables().tunnels.Find(4) != nullptr; });
    return there;
  };
  REQUIRE(Eventually(applied));
  CHECK(served.running.inbox().Push(PeerReport{4, true, MonotonicNow() - std::chrono::seconds(60)}));
  const auto shown = [&] {
    grpc::ClientContext context;
    const auto stream = served.stub->ListTunnels(&context, {});
    v1::Tunnel tunnel, got;
    while (stream->Read(&got)) tunnel = got;
    CHECK(stream->Finish().ok());
    return tunnel.probe();
  };
  CHECK(Eventually([&] { return shown().silent(); }));
  CHECK(shown().kind() == "keepalive");
  CHECK(shown().interval_s() == 2);
  CHECK(shown().misses() == 3);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = served.stub->WatchState(&context, {});
  const auto next = [&] {
    v1::StateChange change;
    while (stream->Read(&change) && !change.has_peer()) {
    }
    CHECK(change.peer().interface() == 4);
    return change.peer();
  };
  const auto age = std::chrono::milliseconds(next().silent_since_ms()) -
                   std::chrono::system_clock::now().time_since_epoch();
  CHECK(age <= -std::chrono::milliseconds(59900));  // of two clocks
  CHECK(age >= -std::chrono::seconds(80));
  CHECK(served.running.inbox().Push(PeerReport{4, false, MonotonicNow()}));
  CHECK_FALSE(next().has_silent_since_ms());
  CHECK_FALSE(shown().silent());
  context.TryCancel();
  (void)stream->Finish();
}

TEST_CASE("a watcher hears of a worker that gets stuck, and that it goes on") {
  Served served;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = served.stub->WatchState(&context, {});
  v1::StateChange change;
  rte_rcu_qsbr_thread_online(served.running.reclaimer().qsbr(), 0);
  bool stuck = false;
  while (!stuck && stream->Read(&change)) stuck = change.stuck_workers().workers_size() == 1;
  REQUIRE(stuck);
  CHECK(change.stuck_workers().workers(0).index() == 0);
  CHECK(change.stuck_workers().workers(0).core() == 7);
  rte_rcu_qsbr_thread_offline(served.running.reclaimer().qsbr(), 0);
  while (stuck && stream->Read(&change))
    stuck = !(change.has_stuck_workers() && change.stuck_workers().workers().empty());
  CHECK_FALSE(stuck);
  context.TryCancel();
  (void)stream->Finish();
}

TEST_CASE("neighbours and adjacencies are listed by VRF") {
  Served served;
  Control control(served.directory.File("channel"));
  control.StateTenant();
  control.Flush();
  served.Learn("10.0.0.2", NeighborState::kStale, "02:00:00:00:00:aa");
  CHECK(Eventually([&] { return served.Lookup("10.1.2.3").adjacency().live(); }));
  const auto count = [&](uint32_t vrf) {
    v1::ListNeighborsRequest request;
    request.set_vrf(vrf);
    grpc::ClientContext context;
    const auto stream = served.stub->ListNeighbors(&context, request);
    v1::Neighbor neighbor;
    unsigned neighbors = 0;
    while (stream->Read(&neighbor)) {
      CHECK(neighbor.state() == "stale");
      ++neighbors;
    }
    CHECK(stream->Finish().ok());
    return neighbors;
  };
  CHECK(count(1) == 1);
  CHECK(count(0) == 0);
}

}  // namespace
}  // namespace sluice::dataplane
