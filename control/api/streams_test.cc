// Streams of the northbound API: static routes, watch, lookups and packets.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "control/api/api_rig.h"
#include "control/api/static_route_writes.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

grpc::Status Update(Rig& rig, const v1::UpdateStaticRoutesRequest& request, v1::StaticRoutesResult& result) {
  v1::RouteService::Stub stub(rig.channel());
  grpc::ClientContext context;
  const auto writer = stub.UpdateStaticRoutes(&context, &result);
  writer->Write(request);
  writer->WritesDone();
  return writer->Finish();
}

TEST_CASE("a static set is replaced as a whole, by version") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  v1::StaticRoutesResult result;
  REQUIRE(rig.Replace("contoso", 5, 100, &result).ok());
  CHECK(result.added() == 100);
  CHECK(rig.sink().routes.size() == 100);

  REQUIRE(rig.Replace("contoso", 6, 40, &result).ok());
  CHECK(result.removed() == 60);
  CHECK(rig.sink().routes.size() == 40);
  CHECK(rig.sink().changes == 160);
  CHECK(rig.Get("contoso").status().static_routes_version() == 6);

  SECTION("an older version is refused, the same with equal content is no change") {
    CHECK(rig.Replace("contoso", 5, 1).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    CHECK(rig.Replace("contoso", 6, 41).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    REQUIRE(rig.Replace("contoso", 6, 40, &result).ok());
    CHECK(result.added() + result.changed() + result.removed() == 0);
    CHECK(rig.sink().changes == 160);
  }
  SECTION("PutTenant leaves it alone, and warns when it loses its next hop") {
    v1::WriteOptions overwrite;
    overwrite.set_overwrite(true);
    REQUIRE(rig.Put("contoso", "", written, "", overwrite).ok());
    CHECK(rig.Get("contoso").status().static_routes() == 40);
    CHECK(HasCondition(rig.Get("contoso"), "StaticRoutesReachable", v1::CONDITION_STATUS_FALSE));
    REQUIRE(rig.Put("contoso", std::string(kLa) + "static_routes_version: 7", written, "", overwrite).ok());
    CHECK_FALSE(HasCondition(rig.Get("contoso"), "StaticRoutesReachable", v1::CONDITION_STATUS_FALSE));
    CHECK(HasCondition(rig.Get("contoso"), "StaticRoutesCurrent", v1::CONDITION_STATUS_FALSE));
  }
  SECTION("single routes are put and removed") {
    v1::UpdateStaticRoutesRequest request;
    request.mutable_header()->set_tenant("contoso");
    request.mutable_header()->set_base_version(6);
    auto& route = *request.add_put();
    route.set_prefix("99.0.0.0/8");
    route.add_next_hops()->set_address("15.0.0.1");
    request.add_remove("16.0.0.0/24");
    request.add_remove("16.99.0.0/24");
    REQUIRE(Update(rig, request, result).ok());
    CHECK(result.version() == 7);
    CHECK(result.added() == 1);
    CHECK(result.removed() == 1);
    CHECK(rig.sink().routes.size() == 40);
    CHECK(Update(rig, request, result).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    rig.Restart();
    CHECK(rig.sink().routes.contains(*net::Prefix::Parse("99.0.0.0/8")));
    CHECK_FALSE(rig.sink().routes.contains(*net::Prefix::Parse("16.0.0.0/24")));
  }
}

TEST_CASE("a wrong route refuses the whole replace, and says where it is") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", std::string(kLa) + "quotas { static_routes: 3 }", written).ok());
  v1::StaticRoutesResult result;
  v1::RouteService::Stub stub(rig.channel());
  const auto replace = [&](const char* prefix, const char* hop, uint64_t expected) {
    grpc::ClientContext context;
    const auto writer = stub.ReplaceStaticRoutes(&context, &result);
    v1::ReplaceStaticRoutesRequest message;
    message.mutable_header()->set_tenant("contoso");
    message.mutable_header()->set_expected_routes(expected);
    for (const char* each : {"9.0.0.0/8", prefix}) {
      auto& route = *message.add_routes();
      route.set_prefix(each);
      route.add_next_hops()->set_address(hop);
    }
    writer->Write(message);
    writer->WritesDone();
    return writer->Finish();
  };
  CHECK_THAT(replace("10.0.0.1/8", "15.0.0.1", 2).error_message(),
             Catch::Contains("routes[1].prefix") && Catch::Contains("accepted: 10.0.0.0/8"));
  CHECK_THAT(replace("10.0.0.0/8", "16.0.0.1", 2).error_message(), Catch::Contains("on no connected prefix"));
  CHECK_THAT(replace("9.0.0.0/8", "15.0.0.1", 2).error_message(), Catch::Contains("there twice"));
  CHECK_THAT(replace("10.0.0.0/8", "15.0.0.1", 3).error_message(),
             Catch::Contains("carried 2 routes, 3 were announced"));
  CHECK(rig.Get("contoso").status().static_routes() == 0);
  const grpc::Status full = rig.Replace("contoso", 1, 4);
  CHECK(full.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK_THAT(full.error_message(), Catch::Contains("limit static-routes-per-tenant is 3"));
  CHECK(replace("10.0.0.0/8", "15.0.0.1", 2).ok());
}

TEST_CASE("routes that were streamed for a tenant are not another's that took its name meanwhile") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  rig.OnCore([](DesiredState& state) {
    StaticRouteWrites writes(state);
    v1::StaticRoutesHeader header;
    header.set_tenant("contoso");
    const auto terms = writes.Begin(header, true, "local");
    REQUIRE(terms.ok());
    const auto set = writes.CreateSet(*terms);
    REQUIRE(set.ok());
    tenant::StaticRouteSet routes;

    v1::DeleteTenantRequest gone;
    gone.set_tenant("contoso");
    REQUIRE(TenantWrites(state).Delete(gone, "local").ok());
    CHECK(writes.CommitReplace(header, *terms, *set, routes, "local").status().code() ==
          absl::StatusCode::kNotFound);
    v1::PutTenantRequest again;
    again.mutable_tenant()->set_name("contoso");
    REQUIRE(TenantWrites(state).Put(again, "local").ok());
    const absl::Status replaced = writes.CommitReplace(header, *terms, *set, routes, "local").status();
    CHECK(replaced.code() == absl::StatusCode::kAborted);
    CHECK_THAT(std::string(replaced.message()), Catch::Contains("tenants/contoso was deleted meanwhile"));
    CHECK(writes.Update(header, *terms, {}, {}, "local").status().code() == absl::StatusCode::kAborted);
    CHECK(state.Find("contoso")->row.static_version == 0);
    return true;
  });
}

TEST_CASE("routes are refused when the tenant got another manager while they were streamed") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  rig.OnCore([](DesiredState& state) {
    StaticRouteWrites writes(state);
    v1::StaticRoutesHeader header;
    header.set_tenant("contoso");
    const auto terms = writes.Begin(header, false, "local");
    REQUIRE(terms.ok());
    state.Find("contoso")->row.manager = "controller";
    const absl::Status refused = writes.Update(header, *terms, {}, {}, "local").status();
    CHECK(refused.code() == absl::StatusCode::kPermissionDenied);
    header.set_break_glass(true);
    CHECK(writes.Update(header, *terms, {}, {}, "local").ok());
    return true;
  });
}

// Reads events up to one that `until` accepts.
template <typename Until>
std::vector<v1::WatchEvent> ReadUntil(grpc::ClientReader<v1::WatchEvent>& reader, Until until) {
  std::vector<v1::WatchEvent> events;
  v1::WatchEvent event;
  while (reader.Read(&event)) {
    events.push_back(event);
    if (until(event)) break;
  }
  return events;
}

TEST_CASE("a watch starts with a snapshot, tells changes, and resumes by its token") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  v1::WatchService::Stub stub(rig.channel());
  v1::WatchRequest request;
  request.add_kinds(v1::WATCH_KIND_TENANTS);
  std::string token;
  {
    grpc::ClientContext context;
    const auto reader = stub.Watch(&context, request);
    const auto snapshot = ReadUntil(*reader, [](const auto& event) { return event.has_snapshot_end(); });
    REQUIRE(snapshot.size() == 3);
    CHECK(snapshot[0].has_snapshot_start());
    CHECK(snapshot[1].tenant().tenant().name() == "contoso");
    token = snapshot[2].resume_token();
    CHECK_FALSE(token.empty());
    REQUIRE(rig.Put("fabrikam", "", written).ok());
    const auto change = ReadUntil(*reader, [](const auto& event) { return event.has_tenant(); });
    CHECK(change.back().tenant().tenant().name() == "fabrikam");
    context.TryCancel();
  }
  v1::DeleteTenantRequest remove;
  remove.set_tenant("contoso");
  v1::DeleteTenantResponse removed;
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
  {
    request.set_resume_token(token);
    grpc::ClientContext context;
    const auto reader = stub.Watch(&context, request);
    const auto events =
        ReadUntil(*reader, [](const auto& event) { return event.tenant().kind() == v1::CHANGE_KIND_ABSENT; });
    CHECK(events.front().tenant().tenant().name() == "fabrikam");
    CHECK(events.back().tenant().tenant().name() == "contoso");
    context.TryCancel();
  }
  {
    // A token of another instance means a new snapshot.
    request.set_resume_token("other/7");
    grpc::ClientContext context;
    const auto reader = stub.Watch(&context, request);
    CHECK(ReadUntil(*reader, [](const auto&) { return true; }).front().has_snapshot_start());
    context.TryCancel();
  }
}

RibRoute Route(const char* prefix, uint64_t revision) {
  RibRoute route;
  route.prefix = *net::Prefix::Parse(prefix);
  route.best = true;
  route.revision = revision;
  rib::NextHop hop;
  hop.address = *net::Address::Parse("15.0.0.1");
  hop.interface = 1;
  route.next_hops.push_back(hop);
  return route;
}

TEST_CASE("watched routes come as snapshot and changes, and Synced only after convergence") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  rig.programming().routes = {Route("15.0.0.0/24", 1), Route("18.0.0.0/24", 2)};
  rig.programming().revision = 2;
  v1::WatchService::Stub stub(rig.channel());
  v1::WatchRequest request;
  request.add_kinds(v1::WATCH_KIND_ROUTES);
  grpc::ClientContext context;
  const auto reader = stub.Watch(&context, request);
  const auto snapshot = ReadUntil(*reader, [](const auto& event) { return event.has_snapshot_end(); });
  REQUIRE(snapshot.size() == 4);
  CHECK(snapshot[2].route().route().prefix() == "18.0.0.0/24");
  CHECK(snapshot[2].route().route().resolved().connection() == "la");

  rig.OnCore([&](DesiredState&) {
    RibRoute gone = Route("18.0.0.0/24", 3);
    gone.withdrawn = true;
    rig.programming().changes = {gone};
    rig.programming().revision = 3;
    rig.programming().synced = true;
    return true;
  });
  const auto changes = ReadUntil(*reader, [](const auto& event) { return event.has_route(); });
  CHECK(changes.back().route().kind() == v1::CHANGE_KIND_ABSENT);
  const auto synced = ReadUntil(*reader, [](const auto& event) { return event.has_synced(); });
  CHECK(synced.back().synced().tenant() == "contoso");

  // A watcher that fell behind gets a snapshot again, because withdrawals may have passed it by.
  rig.OnCore([&](DesiredState&) { return rig.programming().forgotten = true; });
  const auto again = ReadUntil(*reader, [](const auto& event) { return event.has_snapshot_end(); });
  CHECK(
      std::any_of(again.begin(), again.end(), [](const auto& event) { return event.has_snapshot_start(); }));
  context.TryCancel();
}

TEST_CASE("a watch of a kind that there is not is refused, not silent") {
  Rig rig;
  v1::WatchService::Stub stub(rig.channel());
  const auto watch = [&](int kind) {
    v1::WatchRequest request;
    request.add_kinds(v1::WATCH_KIND_TENANTS);
    request.add_kinds(static_cast<v1::WatchKind>(kind));
    grpc::ClientContext context;
    const auto reader = stub.Watch(&context, request);
    v1::WatchEvent event;
    CHECK_FALSE(reader->Read(&event));
    return reader->Finish();
  };
  CHECK(watch(99).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK_THAT(watch(99).error_message(), Catch::Contains("kinds[1]: 99 is no kind"));
  CHECK(watch(0).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(watch(v1::WATCH_KIND_PEERS).error_code() == grpc::StatusCode::UNIMPLEMENTED);
}

TEST_CASE("routes are listed with filters and explained") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  rig.programming().routes = {Route("15.0.0.0/24", 1), Route("18.0.0.0/24", 2), Route("18.0.1.0/24", 3)};
  rig.programming().routes[1].programmed = true;
  v1::RouteService::Stub stub(rig.channel());
  const auto list = [&](const v1::ListRoutesRequest& request) {
    grpc::ClientContext context;
    const auto reader = stub.ListRoutes(&context, request);
    std::vector<std::string> prefixes;
    for (v1::ListRoutesResponse page; reader->Read(&page);)
      for (const auto& route : page.routes()) prefixes.push_back(route.prefix());
    CHECK(reader->Finish().ok());
    return prefixes;
  };
  v1::ListRoutesRequest request;
  request.set_tenant("contoso");
  CHECK(list(request).size() == 3);
  request.set_within("18.0.0.0/8");
  CHECK((list(request) == std::vector<std::string>{"18.0.0.0/24", "18.0.1.0/24"}));
  request.set_view(v1::ROUTE_VIEW_PROGRAMMED);
  CHECK((list(request) == std::vector<std::string>{"18.0.0.0/24"}));

  v1::ExplainRouteRequest explain;
  explain.set_tenant("contoso");
  explain.set_destination("18.0.1.9");
  v1::ExplainRouteResponse explained;
  REQUIRE(rig.Call(&v1::RouteService::Stub::ExplainRoute, explain, &explained).ok());
  REQUIRE(explained.candidates_size() == 1);
  CHECK(explained.candidates(0).route().prefix() == "18.0.1.0/24");
}

TEST_CASE("a lookup asks the live tables and answers with names") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  auto& adjacency = rig.view().adjacencies.emplace_back();
  adjacency.set_id(9);
  adjacency.set_kind("neighbor");
  adjacency.set_interface(1);
  adjacency.set_next_hop("15.0.0.1");
  adjacency.set_mac("02:00:00:00:00:01");
  rig.view().lookup.set_found(true);
  rig.view().lookup.set_prefix("18.0.0.0/24");
  auto& member = *rig.view().lookup.add_members();
  member.set_adjacency(9);
  member.set_weight(1);
  member.set_live(true);
  v1::LookupRouteRequest request;
  request.set_tenant("contoso");
  request.set_address("18.0.0.9");
  v1::LookupRouteResponse response;
  REQUIRE(rig.Call(&v1::RouteService::Stub::LookupRoute, request, &response).ok());
  CHECK(response.verdict() == "forward");
  REQUIRE(response.next_hops_size() == 1);
  CHECK(response.next_hops(0).connection() == "la");
  CHECK(response.next_hops(0).vlan() == 100);
  CHECK(response.next_hops(0).chosen());
  CHECK(rig.view().asked.vrf() == 1);
}

TEST_CASE("drops, captures and the doctor speak of tenants and connections") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  rig.Acknowledge();
  auto& reason = *rig.view().reasons.add_reasons();
  reason.set_number(4);
  reason.set_name("no_route");
  rig.OnCore([&](DesiredState&) {
    rig.dataplane().drops = {{0, 4, 1}, {1, 4, 7}, {1, 5, 0}};
    rig.dataplane().liveness[*net::Address::Parse("15.0.0.1")] = NeighborLiveness::kFailed;
    return true;
  });
  v1::ListDropsResponse drops;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::ListDrops, v1::ListDropsRequest(), &drops).ok());
  REQUIRE(drops.drops_size() == 2);
  CHECK(drops.drops(0).tenant() == "contoso");
  CHECK(drops.drops(0).reason() == "no_route");

  rig.view().capture.resize(3);
  rig.view().capture[0].set_interface(1);
  rig.view().capture[0].set_vrf(1);
  rig.view().capture[1].set_interface(1);
  v1::CaptureRequest request;
  request.mutable_filter()->set_tenant("contoso");
  request.mutable_filter()->set_connection("la");
  request.mutable_filter()->set_drop_reason("no_route");
  request.set_count(2);
  v1::DiagnosticsService::Stub stub(rig.channel());
  grpc::ClientContext context;
  const auto reader = stub.Capture(&context, request);
  std::vector<v1::CapturedPacket> packets;
  for (v1::CapturedPacket packet; reader->Read(&packet);) packets.push_back(packet);
  CHECK(reader->Finish().ok());
  REQUIRE(packets.size() == 2);
  CHECK(packets[0].connection() == "la");
  // Frames that leave by the connection count, too, so the dataplane is asked for the tenant's.
  CHECK(rig.view().captured.filter().vrf() == 1);
  CHECK_FALSE(rig.view().captured.filter().has_interface());
  CHECK(rig.view().captured.filter().drop_reason() == 4);

  v1::DoctorResponse doctor;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &doctor).ok());
  CHECK(doctor.findings(0).verdict() == v1::DoctorFinding::VERDICT_WARNING);
  CHECK_THAT(doctor.findings(0).message(), Catch::Contains("neighbour 15.0.0.1 does not answer ARP"));
  CHECK_FALSE(doctor.findings(0).remedy().empty());
}

// A frame of an IPv4 packet to this address, as far as a filter looks.
std::string FrameTo(const char* destination) {
  std::string frame(14 + 20 + 8, '\0');
  frame[12] = 0x08;  // IPv4
  frame[14] = 0x45;
  const uint32_t value = net::Ipv4Address::Parse(destination)->value;
  for (unsigned i = 0; i < 4; ++i) frame[14 + 16 + i] = static_cast<char>(value >> (24 - 8 * i));
  return frame;
}

TEST_CASE("a trace filtered by address goes on until enough packets have matched") {
  Rig rig;
  for (int i = 0; i < 1500; ++i) rig.view().trace.emplace_back().set_head(FrameTo("10.0.0.1"));
  for (int i = 0; i < 3; ++i) rig.view().trace.emplace_back().set_head(FrameTo("18.0.0.1"));
  v1::TraceRequest request;
  request.mutable_filter()->set_destination_prefix("18.0.0.0/24");
  request.set_count(2);
  v1::DiagnosticsService::Stub stub(rig.channel());
  grpc::ClientContext context;
  const auto reader = stub.Trace(&context, request);
  int packets = 0;
  for (v1::TracedPacket packet; reader->Read(&packet);) ++packets;
  CHECK(reader->Finish().ok());
  CHECK(packets == 2);
}

TEST_CASE("a capture of few bytes matches by what it does not show") {
  Rig rig;
  rig.view().capture.emplace_back().set_bytes(FrameTo("10.0.0.1"));
  rig.view().capture.emplace_back().set_bytes(FrameTo("18.0.0.1"));
  v1::CaptureRequest request;
  request.mutable_filter()->set_destination_prefix("18.0.0.0/24");
  request.set_snap_length(20);
  v1::DiagnosticsService::Stub stub(rig.channel());
  const auto capture = [&](std::vector<std::string>& frames) {
    grpc::ClientContext context;
    const auto reader = stub.Capture(&context, request);
    for (v1::CapturedPacket packet; reader->Read(&packet);) frames.push_back(packet.frame());
    return reader->Finish();
  };
  std::vector<std::string> frames;
  CHECK(capture(frames).ok());
  REQUIRE(frames.size() == 1);
  CHECK(frames[0] == FrameTo("18.0.0.1").substr(0, 20));

  request.mutable_duration()->set_seconds(-1);
  const grpc::Status refused = capture(frames);
  CHECK(refused.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK_THAT(refused.error_message(), Catch::Contains("duration"));
  request.mutable_duration()->set_seconds(0);
  CHECK(capture(frames).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("a dry run of a replace refuses what the replace would") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  REQUIRE(rig.Replace("contoso", 5, 10).ok());
  v1::RouteService::Stub stub(rig.channel());
  const auto replace = [&](bool dry, uint64_t version, const char* hop, v1::StaticRoutesResult& result) {
    v1::ReplaceStaticRoutesRequest message;
    message.mutable_header()->set_tenant("contoso");
    message.mutable_header()->set_version(version);
    message.mutable_header()->set_validate_only(dry);
    auto& route = *message.add_routes();
    route.set_prefix("18.0.0.0/24");
    route.add_next_hops()->set_address(hop);
    grpc::ClientContext context;
    const auto writer = stub.ReplaceStaticRoutes(&context, &result);
    writer->Write(message);
    writer->WritesDone();
    return writer->Finish();
  };
  v1::StaticRoutesResult result;
  for (const auto& [version, hop] :
       {std::pair<uint64_t, const char*>{5, "15.0.0.1"}, {4, "15.0.0.1"}, {6, "99.0.0.1"}}) {
    const grpc::Status dry = replace(true, version, hop, result);
    const grpc::Status real = replace(false, version, hop, result);
    CHECK_FALSE(dry.ok());
    CHECK(dry.error_code() == real.error_code());
    CHECK(dry.error_message() == real.error_message());
  }
  REQUIRE(replace(true, 6, "15.0.0.1", result).ok());
  CHECK(result.version() == 6);
  CHECK(result.added() == 1);
  CHECK(result.removed() == 10);
  CHECK(rig.Get("contoso").status().static_routes_version() == 5);
}

TEST_CASE("which version of the static set the dataplane forwards by is shown") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  rig.Acknowledge();
  REQUIRE(rig.Replace("contoso", 5, 10).ok());
  CHECK(rig.Get("contoso").status().static_routes_version() == 5);
  CHECK(rig.Get("contoso").status().observed_static_routes_version() == 0);
  CHECK(HasCondition(rig.Get("contoso"), "Programmed", v1::CONDITION_STATUS_FALSE));
  rig.Acknowledge();
  CHECK(rig.Get("contoso").status().observed_static_routes_version() == 5);
  CHECK(HasCondition(rig.Get("contoso"), "Programmed", v1::CONDITION_STATUS_TRUE));
}

TEST_CASE("what a server left to the core thread is done when it has ended") {
  Rig rig;
  std::promise<void> begun, over;
  std::thread busy([&] {
    rig.OnCore([&](DesiredState&) {
      begun.set_value();
      over.get_future().wait();
      return true;
    });
  });
  begun.get_future().wait();
  v1::GatewayConfig config;
  config.set_listen_unix(rig.socket() + "2");
  CHECK(rig.TryStart(config).ok());  // it has sets collected, and ends at once
  over.set_value();
  busy.join();
  // Behind all that.
  CHECK(rig.OnCore([](DesiredState& state) { return state.empty(); }));
}

TEST_CASE("a million static routes pass in seconds", "[.][bench]") {
  Rig rig;
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso", kLa, written).ok());
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(rig.Replace("contoso", 1, 1'000'000).ok());
  const auto replaced = std::chrono::steady_clock::now();
  rig.Restart();
  const auto restarted = std::chrono::steady_clock::now();
  CHECK(rig.sink().routes.size() == 1'000'000);
  const auto ms = [](auto duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  WARN("replaced in " << ms(replaced - start) << " ms, restarted in " << ms(restarted - replaced) << " ms");
}

}  // namespace
}  // namespace sluice::api
