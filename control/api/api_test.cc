// The northbound API end to end: gRPC over a Unix socket, a real store, and
// fakes for the dataplane and programming.
#include <grpcpp/create_channel.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/api/api_rig.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

TEST_CASE("a tenant is put, read, listed and deleted") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  CHECK(result.changed());
  CHECK_FALSE(result.tenant().etag().empty());
  CHECK(result.tenant().generation() == 1);
  CHECK(result.tenant().status().manager() == "local");
  CHECK(rig.sink().tenants.size() == 1);

  const v1::Tenant tenant = rig.Get("contoso");
  CHECK(tenant.spec().connections_size() == 1);
  CHECK(rig.Get("tenants/contoso").name() == "contoso");

  REQUIRE(rig.Put("fabrikam", "labels { key: 'tier' value: 'gold' }", result).ok());
  v1::ListTenantsRequest list;
  list.set_page_size(1);
  v1::ListTenantsResponse page;
  REQUIRE(rig.Call(&v1::TenantService::Stub::ListTenants, list, &page).ok());
  CHECK(page.tenants_size() == 1);
  CHECK(page.next_page_token() == "contoso");
  (*list.mutable_labels())["tier"] = "gold";
  REQUIRE(rig.Call(&v1::TenantService::Stub::ListTenants, list, &page).ok());
  CHECK(page.tenants(0).name() == "fabrikam");

  v1::DeleteTenantRequest remove;
  remove.set_tenant("contoso");
  v1::DeleteTenantResponse removed;
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
  CHECK(removed.deleted());
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
  CHECK_FALSE(removed.deleted());
  CHECK(rig.sink().tenants.empty() == false);
  CHECK(rig.sink().removed.size() == 1);
}

TEST_CASE("a refused request changes nothing and carries every violation") {
  Rig rig;
  v1::TenantWriteResult result;
  const grpc::Status status = rig.Put(
      "contoso", "connections { name: 'la' l3 { port: 'p9' vlan: 0 } addresses: '15.0.0.5/24' }", result);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK((Violations(status) ==
         std::vector<std::string>{"spec.connections[0].l3.port", "spec.connections[0].l3.vlan"}));
  CHECK_THAT(status.error_message(),
             Catch::Contains("tenants/contoso/connections/la") && Catch::Contains("accepted: p1, p2"));
  CHECK(rig.GetStatus("contoso").error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(rig.sink().tenants.empty());

  CHECK(rig.Put("contoso", "connections { name: 'a' ipsec { pre_shared_key { value: 'hush' } } }", result)
            .error_code() == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(rig.AuditText().find("hush") == std::string::npos);
}

TEST_CASE("VLANs of different tenants must differ, and limits have names and figures") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  const grpc::Status taken = rig.Put("fabrikam", kLa, result);
  CHECK_THAT(taken.error_message(),
             Catch::Contains("VLAN 100 of port p1 belongs to tenants/contoso/connections/la"));

  v1::PutGatewayRequest put;
  put.mutable_gateway()->mutable_spec()->mutable_limits()->set_tenants(1);
  v1::GatewayWriteResult gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
  const grpc::Status full = rig.Put("fabrikam", "", result);
  CHECK(full.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK_THAT(full.error_message(), Catch::Contains("there are 1 tenants; limit tenants is 1"));
}

TEST_CASE("etags, overwrite and equal content decide about a replace") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  const std::string first = result.tenant().etag();

  SECTION("equal content is no change") {
    REQUIRE(rig.Put("contoso", kLa, result).ok());
    CHECK_FALSE(result.changed());
    CHECK(result.tenant().generation() == 1);
    CHECK(rig.Put("contoso", kLa, result, "stale").error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  }
  SECTION("a write whose answer was lost is repeated with the etag it was made with") {
    REQUIRE(rig.Put("contoso", "", result, first).ok());
    REQUIRE(rig.Put("contoso", "", result, first).ok());
    CHECK_FALSE(result.changed());
  }
  SECTION("other content needs the etag or overwrite") {
    CHECK(rig.Put("contoso", "", result).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    REQUIRE(rig.Put("contoso", "", result, first).ok());
    CHECK(result.tenant().generation() == 2);
    CHECK(rig.Put("contoso", kLa, result, first).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    v1::WriteOptions options;
    options.set_overwrite(true);
    REQUIRE(rig.Put("contoso", kLa, result, "", options).ok());
    CHECK(result.tenant().generation() == 3);
  }
  SECTION("an etag of a tenant that was made anew does not fit") {
    v1::DeleteTenantRequest remove;
    remove.set_tenant("contoso");
    v1::DeleteTenantResponse removed;
    REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
    CHECK(rig.Put("contoso", kLa, result, first).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    REQUIRE(rig.Put("contoso", kLa, result).ok());
    CHECK(result.tenant().etag() != first);
  }
}

TEST_CASE("a dry run tells all consequences and changes nothing") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  v1::WriteOptions dry;
  dry.set_validate_only(true);
  REQUIRE(rig.Put("contoso",
                  "connections { name: 'la' l3 { port: 'p1' vlan: 101 } addresses: '15.0.0.5/24' }"
                  "connections { name: 'bad' gre {} }",
                  result, "", dry)
              .ok());
  std::set<v1::ConsequenceKind> kinds;
  for (const auto& each : result.consequences()) kinds.insert(each.kind());
  CHECK(kinds.contains(v1::CONSEQUENCE_KIND_ADDED));
  CHECK(kinds.contains(v1::CONSEQUENCE_KIND_INTERRUPTED));
  CHECK(kinds.contains(v1::CONSEQUENCE_KIND_REMOVED));
  CHECK(kinds.contains(v1::CONSEQUENCE_KIND_REFUSED));
  CHECK(rig.Get("contoso").generation() == 1);
  CHECK(rig.Get("contoso").spec().connections(0).l3().vlan() == 100);
}

TEST_CASE("others than the manager need break_glass, which shows until the manager writes") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", std::string(kLa) + "manager: 'controller'", result).ok());
  const std::string etag = result.tenant().etag();
  const grpc::Status refused = rig.Put("contoso", "manager: 'controller'", result, etag);
  CHECK(refused.error_code() == grpc::StatusCode::PERMISSION_DENIED);
  CHECK_THAT(refused.error_message(), Catch::Contains("is managed by controller, you are local"));

  v1::WriteOptions glass;
  glass.set_break_glass(true);
  REQUIRE(rig.Put("contoso", "manager: 'controller'", result, etag, glass).ok());
  CHECK(HasCondition(rig.Get("contoso"), "Diverged", v1::CONDITION_STATUS_TRUE));

  // The manager's next write heals, even when it asks for what is there.
  v1::PutTenantRequest request;
  request.mutable_tenant()->set_name("contoso");
  request.mutable_tenant()->mutable_spec()->set_manager("controller");
  request.mutable_options()->set_overwrite(true);
  REQUIRE(
      rig.OnCore([&](DesiredState& state) { return TenantWrites(state).Put(request, "controller").ok(); }));
  CHECK_FALSE(HasCondition(rig.Get("contoso"), "Diverged", v1::CONDITION_STATUS_TRUE));
  CHECK_THAT(rig.AuditText(), Catch::Contains("PERMISSION_DENIED") && Catch::Contains("break glass"));
}

TEST_CASE("accepted is not programmed: generation and conditions follow the dataplane") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  CHECK(rig.Get("contoso").status().observed_generation() == 0);
  CHECK(HasCondition(rig.Get("contoso"), "Programmed", v1::CONDITION_STATUS_FALSE));
  CHECK(rig.Get("contoso").status().connections(0).state() == v1::CONNECTION_STATE_CONNECTING);

  rig.Acknowledge();
  CHECK(rig.Get("contoso").status().observed_generation() == 1);
  CHECK(HasCondition(rig.Get("contoso"), "Programmed", v1::CONDITION_STATUS_TRUE));
  const v1::Tenant tenant = rig.Get("contoso");
  CHECK(tenant.status().connections(0).state() == v1::CONNECTION_STATE_CONNECTED);
  CHECK(tenant.status().connections(0).mtu() == 1500);
  CHECK(tenant.status().configuration_state().status() == v1::CONFIGURATION_STATUS_SUCCESS);

  // The dataplane restarts: nothing of it is programmed until it says so again.
  rig.OnCore([&](DesiredState&) { return rig.programming().acknowledged = 0; });
  CHECK(rig.Get("contoso").status().observed_generation() == 0);
  CHECK(HasCondition(rig.Get("contoso"), "Programmed", v1::CONDITION_STATUS_FALSE));
  CHECK(rig.Get("contoso").status().connections(0).state() == v1::CONNECTION_STATE_CONNECTING);
  rig.Acknowledge();
  CHECK(rig.Get("contoso").status().observed_generation() == 1);

  rig.OnCore([&](DesiredState&) { return rig.dataplane().ports[0].link_up = false; });
  CHECK(rig.Get("contoso").status().connections(0).error_reason() == "port p1 has no carrier");
}

TEST_CASE("what the dataplane refused shows on the tenant, its connection, the gateway and in doctor") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  rig.Acknowledge();
  const auto doctor_is_well = [&rig] {
    v1::DoctorResponse answer;
    REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &answer).ok());
    for (const auto& each : answer.findings())
      if (absl::StrContains(each.subject(), "contoso") || each.subject() == "gateway")
        if (each.verdict() == v1::DoctorFinding::VERDICT_OK) return true;
    return false;
  };
  const auto gateway = [&rig] {
    v1::Gateway answer;
    REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &answer).ok());
    return answer.status().health();
  };
  CHECK(gateway() == v1::HEALTH_HEALTHY);
  const RefusedObject interface { "tenant contoso: connection la", "limit interfaces (1) is reached" };
  rig.OnCore([&](DesiredState&) {
    rig.programming().refused = rig.programming().interface.refused = {interface};
    rig.programming().spec_refused = rig.programming().interface.refused_count = 1;
    return rig.programming().interface.absent = true;
  });
  const v1::Tenant tenant = rig.Get("contoso");
  CHECK(tenant.status().configuration_state().status() == v1::CONFIGURATION_STATUS_FAILURE);
  CHECK(tenant.status().connections(0).state() == v1::CONNECTION_STATE_DISCONNECTED);
  CHECK_THAT(tenant.status().connections(0).error_reason(), Catch::Contains("limit interfaces (1)"));
  CHECK(gateway() == v1::HEALTH_DEGRADED);
  CHECK_FALSE(doctor_is_well());

  // Routes of the static set alone: the spec is programmed, and how many were refused is said.
  rig.OnCore([&](DesiredState&) {
    rig.programming().interface = {};
    return rig.programming().spec_refused = 0;
  });
  const v1::Tenant without_routes = rig.Get("contoso");
  CHECK(without_routes.status().connections(0).state() == v1::CONNECTION_STATE_CONNECTED);
  CHECK_THAT(without_routes.status().configuration_state().reasons(0).message(),
             Catch::Contains("refused 1 objects of the static route set"));
  CHECK(gateway() == v1::HEALTH_DEGRADED);
}

TEST_CASE("next hops that get no flows are a warning of their tenant") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  rig.Acknowledge();
  rig.OnCore([&](DesiredState&) { return rig.programming().unused_next_hops = 6; });
  CHECK(HasCondition(rig.Get("contoso"), "NextHopsUsed", v1::CONDITION_STATUS_FALSE));
  v1::DoctorResponse doctor;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &doctor).ok());
  CHECK(doctor.findings(0).verdict() == v1::DoctorFinding::VERDICT_WARNING);
  CHECK_THAT(doctor.findings(0).message(), Catch::Contains("6 next hops get no flows"));
  CHECK_FALSE(doctor.findings(0).remedy().empty());
}

TEST_CASE("a stuck worker makes the gateway unhealthy, and doctor calls it a problem") {
  Rig rig;
  const auto health = [&rig] {
    v1::Gateway answer;
    REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &answer).ok());
    return answer.status().health();
  };
  const auto problems = [&rig] {
    v1::DoctorResponse answer;
    REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &answer).ok());
    std::string found;
    for (const auto& each : answer.findings())
      if (each.verdict() == v1::DoctorFinding::VERDICT_PROBLEM)
        absl::StrAppend(&found, each.subject(), ": ", each.message(), ": ", each.remedy(), "\n");
    return found;
  };
  CHECK(health() == v1::HEALTH_HEALTHY);
  CHECK(problems().empty());
  rig.OnCore([&](DesiredState&) {
    rig.dataplane().stuck = {{1, 5}};
    return true;
  });
  CHECK(health() == v1::HEALTH_UNHEALTHY);
  CHECK_THAT(problems(), Catch::Contains("gateway: no sign of life") &&
                             Catch::Contains("worker 1 (core 5)") &&
                             Catch::Contains("restart sluice-dataplane"));
}

TEST_CASE("without a dataplane nothing is claimed of it, and doctor says so first and once") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  rig.Acknowledge();
  rig.OnCore([&](DesiredState&) {
    rig.dataplane().ports[0].link_up = false;
    return rig.dataplane().is_attached = false;
  });
  v1::Gateway gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &gateway).ok());
  CHECK(gateway.status().health() == v1::HEALTH_UNHEALTHY);
  for (const auto& each : gateway.status().conditions()) {
    if (each.type() != "WorkersRunning" && each.type() != "TenantsProgrammed") continue;
    CHECK(each.status() == v1::CONDITION_STATUS_UNKNOWN);
    CHECK(each.reason() == "NoDataplane");
  }
  v1::DoctorResponse doctor;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &doctor).ok());
  REQUIRE(doctor.findings_size() == 1);
  CHECK(doctor.findings(0).verdict() == v1::DoctorFinding::VERDICT_PROBLEM);
  CHECK_THAT(doctor.findings(0).message(), Catch::StartsWith("no dataplane is attached"));
  CHECK_THAT(doctor.findings(0).remedy(), Catch::Contains("systemctl start sluice-dataplane"));
}

TEST_CASE("a configuration that cannot be in force degrades the gateway, and doctor tells it once") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  // The port was called otherwise when the tenant was put.
  rig.OnCore([&](DesiredState& state) {
    rig.dataplane().ports[0].name = "renamed";
    state.Refresh();
    return true;
  });
  rig.Acknowledge();
  v1::Gateway gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &gateway).ok());
  CHECK(gateway.status().health() == v1::HEALTH_DEGRADED);
  CHECK_THAT(rig.Get("contoso").status().connections(0).error_reason(), Catch::StartsWith("not in force: "));
  CHECK_THAT(rig.OnCore([&](DesiredState&) { return rig.sink().tenants[1].left_out; }),
             Catch::StartsWith("tenants/contoso/connections/la: spec.connections[0].l3.port: "));
  v1::DoctorResponse doctor;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &doctor).ok());
  int problems = 0;
  for (const auto& finding : doctor.findings()) problems += finding.verdict() > v1::DoctorFinding::VERDICT_OK;
  CHECK(problems == 1);
  CHECK_THAT(doctor.findings(0).message(), Catch::Contains("tenants/contoso/connections/la"));
}

TEST_CASE("one prefix of two connections is one route over both, and is warned of; a metric prefers one") {
  Rig rig;
  const auto spec = [](const std::string& metric) {
    const auto connection = [&](const std::string& name, int number, const std::string& of_route) {
      return absl::StrCat("connections { name: '", name, "' l3 { port: 'p1' vlan: ", 100 + number,
                          " } addresses: '15.0.", number, ".5/24' routes { prefix: '18.0.0.0/24' ", of_route,
                          " next_hops { address: '15.0.", number, ".1' } } } ");
    };
    return absl::StrCat(connection("a", 1, ""), connection("b", 2, metric));
  };
  const auto warned = [](const v1::TenantWriteResult& result) {
    return std::any_of(result.consequences().begin(), result.consequences().end(), [](const auto& each) {
      return each.description() ==
             "connections a and b both have 18.0.0.0/24 with metric 1: flows are spread over both";
    });
  };
  const auto stated = [&] {
    return rig.OnCore([&](DesiredState&) {
      const auto& routes = rig.sink().tenants[1].routes;
      return std::count_if(routes.begin(), routes.end(), [](const auto& each) {
        return each.prefix == *net::Prefix::Parse("18.0.0.0/24") && each.metric == 1;
      });
    });
  };
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", spec(""), result).ok());
  CHECK(warned(result));
  CHECK(stated() == 2);
  v1::WriteOptions overwrite;
  overwrite.set_overwrite(true);
  REQUIRE(rig.Put("contoso", spec("metric: 5"), result, "", overwrite).ok());
  CHECK_FALSE(warned(result));
  CHECK(stated() == 1);
}

TEST_CASE("a refusal comes with its text") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  rig.OnCore([&](DesiredState&) {
    rig.programming().refused.push_back({"tenant contoso: connection la", "limit interfaces (1) is reached"});
    return true;
  });
  CHECK_THAT(rig.Get("contoso").status().configuration_state().reasons(0).message(),
             Catch::Contains("limit interfaces"));
}

TEST_CASE("a connection whose next hops do not answer is degraded, and says so once") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso",
                  "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' "
                  "routes { prefix: '9.0.0.0/8' next_hops { address: '15.0.0.1' } next_hops { address: "
                  "'15.0.0.2' } } }",
                  result)
              .ok());
  rig.Acknowledge();
  const auto fail = [&](const char* address) {
    rig.OnCore([&](DesiredState&) {
      rig.dataplane().liveness[*net::Address::Parse(address)] = NeighborLiveness::kFailed;
      return true;
    });
  };
  const auto now = [&] { return rig.Get("contoso").status().connections(0); };
  fail("15.0.0.9");  // nobody's next hop
  CHECK(now().state() == v1::CONNECTION_STATE_CONNECTED);
  fail("15.0.0.1");
  CHECK(now().state() == v1::CONNECTION_STATE_DEGRADED);
  CHECK(now().unreachability_reason() == "next hop 15.0.0.1 does not answer ARP on port p1 VLAN 100");
  CHECK(now().has_uptime());
  fail("15.0.0.2");
  CHECK_THAT(now().unreachability_reason(), Catch::Contains("no other next hop is left"));

  v1::DoctorResponse doctor;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &doctor).ok());
  int problems = 0;
  for (const auto& finding : doctor.findings()) {
    problems += finding.verdict() == v1::DoctorFinding::VERDICT_PROBLEM;
    const bool about_it = finding.subject().rfind("tenants/contoso", 0) == 0;
    CHECK_FALSE((about_it && finding.message() == "all is well"));
  }
  CHECK(problems == 1);
}

TEST_CASE("a dataplane that is gone is not named") {
  Rig rig;
  const auto named = [&] {
    v1::Gateway gateway;
    REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &gateway).ok());
    return gateway.status().dataplane_instance_id();
  };
  CHECK(named() == "dataplane-1");
  rig.OnCore([&](DesiredState&) { return rig.dataplane().is_attached = false; });
  CHECK(named().empty());
}

TEST_CASE("lowered capacity keeps what runs, warns, and refuses what is new with both figures") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso",
                  "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' "
                  "inbound_kbps: 600 }",
                  result)
              .ok());
  v1::PutGatewayRequest put;
  put.mutable_gateway()->mutable_spec()->mutable_capacity()->set_total_kbps(500);
  v1::GatewayWriteResult gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
  CHECK(gateway.gateway().status().available_capacity_kbps() == 0);
  CHECK(HasCondition(rig.Get("contoso"), "WithinCapacity", v1::CONDITION_STATUS_FALSE));
  CHECK(rig.Get("contoso").spec().connections_size() == 1);
  const grpc::Status refused =
      rig.Put("fabrikam",
              "connections { name: 'ny' l3 { port: 'p1' vlan: 7 } addresses: '16.0.0.5/24' inbound_kbps: 1 }",
              result);
  CHECK(refused.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK_THAT(refused.error_message(),
             Catch::Contains("connections book 1 kbit/s; 0 kbit/s of the gateway's 500 kbit/s"));
}

TEST_CASE("a dry run of a delete says that the tenant would be deleted, and keeps it") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  v1::DeleteTenantRequest remove;
  remove.set_tenant("contoso");
  remove.mutable_options()->set_validate_only(true);
  v1::DeleteTenantResponse removed;
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
  CHECK(removed.deleted());
  REQUIRE(removed.consequences_size() == 1);
  CHECK(removed.consequences(0).kind() == v1::CONSEQUENCE_KIND_REMOVED);
  CHECK(rig.Get("contoso").generation() == 1);

  remove.set_etag("stale");
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
  CHECK_FALSE(removed.deleted());
  CHECK(removed.consequences(0).kind() == v1::CONSEQUENCE_KIND_REFUSED);

  remove.set_tenant("nobody");
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteTenant, remove, &removed).ok());
  CHECK_FALSE(removed.deleted());
  CHECK(removed.consequences().empty());
}

TEST_CASE("what the gateway could not do with a value is refused by its field") {
  struct Row {
    const char* spec;
    grpc::StatusCode code;
    const char* field;
  };
  const auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
  const auto kMissing = grpc::StatusCode::UNIMPLEMENTED;
  const Row rows[] = {
      {"limits { router_addresses_per_tenant: 3 }", kInvalid, "spec.limits.router_addresses_per_tenant"},
      {"limits { routes_ipv4_per_tenant: 4294967296 }", kInvalid, "spec.limits.routes_ipv4_per_tenant"},
      {"limits { routes_ipv6_per_tenant: 0 }", kInvalid, "spec.limits.routes_ipv6_per_tenant"},
      {"limits { neighbors_per_tenant: 0 }", kInvalid, "spec.limits.neighbors_per_tenant"},
      {"limits { next_hops_per_route: 65 }", kInvalid, "spec.limits.next_hops_per_route"},
      {"home: 7", kMissing, "spec.home"},
      {"capacity { ipsec_cap_kbps: 1000 }", kMissing, "spec.capacity.ipsec_cap_kbps"},
  };
  Rig rig;
  for (const Row& row : rows) {
    v1::PutGatewayRequest put;
    REQUIRE(google::protobuf::TextFormat::ParseFromString(row.spec, put.mutable_gateway()->mutable_spec()));
    v1::GatewayWriteResult gateway;
    const grpc::Status status = rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway);
    INFO(row.spec);
    CHECK(status.error_code() == row.code);
    CHECK((Violations(status) == std::vector<std::string>{row.field}));
  }
  v1::PutGatewayRequest put;
  put.mutable_gateway()->mutable_spec()->mutable_limits()->set_router_addresses_per_tenant(1);
  v1::GatewayWriteResult gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
  v1::TenantWriteResult result;
  const grpc::Status status =
      rig.Put("contoso", "router_addresses: '1.0.0.1' router_addresses: '2001:db8::1'", result);
  CHECK(status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK_THAT(status.error_message(), Catch::Contains("limit router-addresses-per-tenant is 1"));
}

TEST_CASE("a gateway's generation is observed when the dataplane has it for all tenants") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  rig.Acknowledge();
  const auto observed = [&rig] {
    v1::Gateway answer;
    REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &answer).ok());
    return answer.status().observed_generation();
  };
  v1::PutGatewayRequest put;
  put.mutable_gateway()->mutable_spec()->mutable_limits()->set_neighbors_per_tenant(7);
  v1::GatewayWriteResult gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
  CHECK(gateway.gateway().generation() == 1);
  CHECK(observed() == 0);
  rig.Acknowledge();
  CHECK(observed() == 1);
}

TEST_CASE("one connection is put and deleted without the rest") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  v1::PutConnectionRequest put;
  put.set_tenant("contoso");
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      "name: 'ny' l3 { port: 'p2' untagged {} } addresses: '16.0.0.5/24'", put.mutable_connection()));
  REQUIRE(rig.Call(&v1::TenantService::Stub::PutConnection, put, &result).ok());
  CHECK(result.tenant().spec().connections_size() == 2);
  put.mutable_connection()->set_mtu(1400);
  CHECK(rig.Call(&v1::TenantService::Stub::PutConnection, put, &result).error_code() ==
        grpc::StatusCode::FAILED_PRECONDITION);
  put.set_etag(rig.Get("contoso").etag());
  REQUIRE(rig.Call(&v1::TenantService::Stub::PutConnection, put, &result).ok());
  v1::DeleteConnectionRequest remove;
  remove.set_tenant("contoso");
  remove.set_connection("la");
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteConnection, remove, &result).ok());
  CHECK(result.tenant().spec().connections(0).name() == "ny");
  REQUIRE(rig.Call(&v1::TenantService::Stub::DeleteConnection, remove, &result).ok());
  CHECK_FALSE(result.changed());
}

TEST_CASE("everything is there again after a restart, with the same numbers") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  REQUIRE(rig.Replace("contoso", 1, 100).ok());
  const auto before = rig.sink().tenants.at(1);
  rig.Restart();
  CHECK(rig.Get("contoso").spec().connections_size() == 1);
  CHECK(rig.Get("contoso").status().static_routes() == 100);
  CHECK((rig.sink().tenants.at(1) == before));
  CHECK(rig.sink().routes.size() == 100);
  CHECK(rig.sink().complete);
}

TEST_CASE("a stored tenant loads although its port is gone, and says so") {
  Rig rig;
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", kLa, result).ok());
  rig.dataplane().ports = {{"p7", 1500, true}};
  rig.Restart();
  const v1::Tenant tenant = rig.Get("contoso");
  CHECK(HasCondition(tenant, "Valid", v1::CONDITION_STATUS_FALSE));
  CHECK(tenant.status().connections(0).state() == v1::CONNECTION_STATE_DISCONNECTED);
  CHECK(rig.sink().tenants.at(1).interfaces.empty());
  // The port comes back without a request.
  rig.OnCore([&](DesiredState& state) {
    rig.dataplane().ports = {{"p1", 1500, true}};
    state.Refresh();
    return true;
  });
  CHECK(rig.sink().tenants.at(1).interfaces.size() == 1);
}

TEST_CASE("the socket is private, and a request without privileges is served by nobody else") {
  Rig rig;
  struct stat facts {};
  REQUIRE(stat(rig.socket().c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
}

}  // namespace
}  // namespace sluice::api
