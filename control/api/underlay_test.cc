// The underlay and the tunnels through it, by the API: what is stored, stated, shown and warned of.
#include <google/protobuf/util/time_util.h>

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/api/api_rig.h"
#include "sluice/gateway/v1/virtual_network.grpc.pb.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

v1::PutGatewayRequest Underlay(const std::string& vlan = "vlan: 300") {
  v1::PutGatewayRequest put;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      absl::StrCat("underlay_interfaces { name: 'tor-a' port: 'p1' ", vlan,
                   " addresses: '192.0.2.5/24' } underlay_routes { prefix: '0.0.0.0/0' "
                   "next_hops { address: '192.0.2.1' } }"),
      put.mutable_gateway()->mutable_spec()));
  put.mutable_options()->set_overwrite(true);
  return put;
}

TEST_CASE("an underlay is put, stated as VRF 0, kept over a restart, and taken back") {
  Rig rig;
  v1::GatewayWriteResult result;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, Underlay(), &result).ok());
  CHECK(result.gateway().status().observed_generation() == 0);  // accepted is not programmed
  REQUIRE(rig.sink().tenants.contains(0));
  const uint32_t number = rig.sink().tenants[0].interfaces.at(0).interface;
  CHECK(number != 0);
  CHECK(rig.sink().tenants[0].routes.size() == 2);

  rig.Acknowledge();
  v1::Gateway gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &gateway).ok());
  CHECK(gateway.status().observed_generation() == 1);
  REQUIRE(gateway.status().underlay_interfaces_size() == 1);
  CHECK(gateway.status().underlay_interfaces(0).state() == v1::CONNECTION_STATE_CONNECTED);
  CHECK(gateway.status().underlay_interfaces(0).mtu() == 1500);

  // Its VLAN is no tenant's, and a tenant's is not its own.
  v1::TenantWriteResult tenant;
  CHECK_THAT(rig.Put("fabrikam",
                     "connections { name: 'x' l3 { port: 'p1' vlan: 300 } addresses: '15.0.0.5/24' }", tenant)
                 .error_message(),
             Catch::Contains("VLAN 300 of port p1 belongs to gateway/underlay_interfaces/tor-a"));
  REQUIRE(rig.Put("contoso", kLa, tenant).ok());
  const grpc::Status taken = rig.Call(&v1::GatewayService::Stub::PutGateway, Underlay("vlan: 100"), &result);
  CHECK((Violations(taken) == std::vector<std::string>{"spec.underlay_interfaces[0].vlan"}));

  rig.Restart();
  REQUIRE(rig.sink().tenants.contains(0));
  CHECK(rig.sink().tenants[0].interfaces.at(0).interface == number);
  v1::PutGatewayRequest none;
  none.mutable_options()->set_overwrite(true);
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, none, &result).ok());
  CHECK(rig.sink().tenants[0].interfaces.empty());
  CHECK(rig.sink().tenants[0].routes.empty());
}

TEST_CASE("an underlay that is down is told by interface, with the reason") {
  Rig rig;
  v1::GatewayWriteResult result;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, Underlay(), &result).ok());
  rig.Acknowledge();
  const auto shown = [&] {
    v1::Gateway gateway;
    REQUIRE(rig.Call(&v1::GatewayService::Stub::GetGateway, v1::GetGatewayRequest(), &gateway).ok());
    return gateway.status();
  };
  CHECK(shown().health() == v1::HEALTH_HEALTHY);
  SECTION("no carrier") {
    rig.OnCore([&](DesiredState&) { return rig.dataplane().ports[0].link_up = false; });
    CHECK(shown().underlay_interfaces(0).state() == v1::CONNECTION_STATE_DISCONNECTED);
    CHECK(shown().underlay_interfaces(0).error_reason() == "port p1 has no carrier");
  }
  SECTION("a next hop that does not answer") {
    rig.OnCore([&](DesiredState&) {
      return rig.dataplane().liveness[*net::Address::Parse("192.0.2.1")] = NeighborLiveness::kFailed;
    });
    CHECK(shown().underlay_interfaces(0).state() == v1::CONNECTION_STATE_DEGRADED);
    CHECK_THAT(shown().underlay_interfaces(0).unreachability_reason(),
               Catch::Contains("next hop 192.0.2.1 does not answer ARP on port p1 VLAN 300"));
  }
  CHECK(shown().health() == v1::HEALTH_DEGRADED);
  const auto conditions = shown().conditions();
  CHECK(std::any_of(conditions.begin(), conditions.end(), [](const v1::Condition& each) {
    return each.type() == "UnderlayReady" && each.status() == v1::CONDITION_STATUS_FALSE;
  }));
}

std::string Gre(const std::string& options = "key: 7") {
  return absl::StrCat(
      "connections { name: 'site' gre { local_endpoint { public_address: '192.0.2.5' } remote_address: "
      "'198.51.100.2' ",
      options,
      " } addresses: '10.40.0.1/30' routes { prefix: '18.0.0.0/24' next_hops { connection: 'site' } } }");
}

void PutUnderlay(Rig& rig) {
  v1::GatewayWriteResult result;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, Underlay(), &result).ok());
}

TEST_CASE("a GRE connection is put over the underlay, with its MTU explained, and follows it") {
  Rig rig;
  v1::TenantWriteResult result;
  CHECK((Violations(rig.Put("contoso", Gre(), result)) ==
         std::vector<std::string>{"spec.connections[0].gre.local_endpoint.public_address"}));
  PutUnderlay(rig);
  REQUIRE(rig.Put("contoso", Gre(), result).ok());
  const auto compiled = [&] { return rig.OnCore([&](DesiredState&) { return rig.sink().tenants[1]; }); };
  REQUIRE(compiled().interfaces.size() == 1);
  REQUIRE(compiled().interfaces[0].tunnel);
  CHECK(compiled().interfaces[0].mtu == 1472);
  rig.Acknowledge();
  const v1::ConnectionStatus status = rig.Get("contoso").status().connections(0);
  CHECK(status.state() == v1::CONNECTION_STATE_CONNECTED);
  CHECK(status.mtu() == 1472);
  CHECK(status.mtu_reason() == "underlay tor-a 1500 - IPv4 20 - GRE 4 - key 4");
  CHECK(status.has_last_state_change());

  // The same packets are nobody else's.
  CHECK((Violations(rig.Put("fabrikam", Gre(), result)) ==
         std::vector<std::string>{"spec.connections[0].gre.key"}));
  REQUIRE(rig.Put("fabrikam", Gre("key: 8"), result).ok());

  SECTION("a smaller underlay makes smaller tunnels") {
    v1::PutGatewayRequest put = Underlay();
    put.mutable_gateway()->mutable_spec()->mutable_underlay_interfaces(0)->set_mtu(1400);
    v1::GatewayWriteResult gateway;
    REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
    CHECK(compiled().interfaces[0].mtu == 1372);
  }
  SECTION("an underlay without its address or way is accepted with a warning, and the tunnel says so") {
    v1::PutGatewayRequest put = Underlay();
    auto& spec = *put.mutable_gateway()->mutable_spec();
    v1::GatewayWriteResult gateway;
    spec.mutable_underlay_routes()->Clear();
    REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
    const auto warned = [&](const std::string& words) {
      return std::any_of(gateway.consequences().begin(), gateway.consequences().end(), [&](const auto& each) {
        return each.kind() == v1::CONSEQUENCE_KIND_WARNING && absl::StrContains(each.description(), words);
      });
    };
    CHECK(warned("no underlay route leads to 198.51.100.2 of tenants/contoso/connections/site"));
    rig.Acknowledge();
    CHECK(rig.Get("contoso").status().connections(0).state() == v1::CONNECTION_STATE_DISCONNECTED);
    CHECK(rig.Get("contoso").status().connections(0).error_reason() == "no underlay route to 198.51.100.2");

    spec.mutable_underlay_interfaces(0)->set_addresses(0, "192.0.2.6/24");
    REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
    CHECK(warned(
        "tenants/fabrikam/connections/site goes down: "
        "spec.connections[0].gre.local_endpoint.public_address: 192.0.2.5 is no address of the underlay"));
    CHECK_THAT(rig.Get("contoso").status().connections(0).error_reason(),
               Catch::Contains(
                   "not in force: spec.connections[0].gre.local_endpoint.public_address: 192.0.2.5 is no "
                   "address of the underlay"));
    REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, Underlay(), &gateway).ok());
    rig.Acknowledge();
    CHECK(rig.Get("contoso").status().connections(0).state() == v1::CONNECTION_STATE_CONNECTED);
  }
  SECTION("another kind is another object of the dataplane") {
    const uint32_t before = compiled().interfaces[0].interface;
    v1::WriteOptions overwrite;
    overwrite.set_overwrite(true);
    REQUIRE(rig.Put("contoso",
                    "connections { name: 'site' l3 { port: 'p2' vlan: 9 } addresses: '10.40.0.1/30' }",
                    result, "", overwrite)
                .ok());
    CHECK(compiled().interfaces[0].interface != before);
    CHECK_FALSE(compiled().interfaces[0].tunnel);
  }
  SECTION("it is there after a restart, with the same number") {
    const uint32_t before = compiled().interfaces[0].interface;
    rig.Restart();
    CHECK(compiled().interfaces.at(0).interface == before);
    CHECK(compiled().interfaces.at(0).mtu == 1472);
  }
}

TEST_CASE(
    "a smaller path MTU that the dataplane learned is shown and explained, and changes nothing that is "
    "wanted") {
  Rig rig;
  PutUnderlay(rig);
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", Gre(), result).ok());
  rig.Acknowledge();
  const auto wanted = [&] {
    return rig.OnCore(
        [&](DesiredState&) { return std::pair(rig.sink().newest, rig.sink().tenants[1].interfaces[0].mtu); });
  };
  const auto before = wanted();
  rig.OnCore([&](DesiredState&) {
    rig.dataplane().tunnel_paths = {{"198.51.100.2", true, "", 1400, 1795936351'000'000}};
    return true;
  });
  const v1::ConnectionStatus status = rig.Get("contoso").status().connections(0);
  CHECK(status.mtu() == 1372);
  CHECK(status.mtu_reason() ==
        "path MTU 1400 to 198.51.100.2 learned at 2026-11-29T07:12:31Z - IPv4 20 - GRE 4 - key 4");
  CHECK(status.state() == v1::CONNECTION_STATE_CONNECTED);
  // The tunnel is made as before: what the dataplane learned it obeys by itself.
  CHECK(wanted() == before);
  CHECK(before.second == 1472);
}

TEST_CASE("a tunnel is up or down as the dataplane says, with the reason in the underlay") {
  Rig rig;
  PutUnderlay(rig);
  v1::TenantWriteResult result;
  REQUIRE(rig.Put("contoso", Gre(), result).ok());
  rig.Acknowledge();
  const auto shown = [&] { return rig.Get("contoso").status().connections(0); };
  const auto say = [&](bool live, const std::string& why) {
    rig.OnCore([&](DesiredState&) {
      rig.dataplane().tunnel_paths = {{"198.51.100.2", live, why}};
      return true;
    });
  };
  say(true, "");
  CHECK(shown().state() == v1::CONNECTION_STATE_CONNECTED);
  const auto since = shown().last_state_change();
  SECTION("the next hop does not answer") {
    rig.OnCore([&](DesiredState&) {
      return rig.dataplane().liveness[*net::Address::Parse("192.0.2.1")] = NeighborLiveness::kFailed;
    });
    say(false, "no next hop to 198.51.100.2 is up");
    CHECK(shown().error_reason() ==
          "no next hop to 198.51.100.2 is up: 192.0.2.1 does not answer ARP on underlay interface tor-a");
  }
  SECTION("the next hop has not answered yet") {
    rig.OnCore([&](DesiredState&) {
      return rig.dataplane().liveness[*net::Address::Parse("192.0.2.1")] = NeighborLiveness::kResolving;
    });
    CHECK(shown().state() == v1::CONNECTION_STATE_CONNECTING);
    CHECK(shown().error_reason() == "192.0.2.1 has not answered ARP on underlay interface tor-a yet");
    CHECK_FALSE(shown().has_uptime());
    rig.OnCore([&](DesiredState&) {
      return rig.dataplane().liveness[*net::Address::Parse("192.0.2.1")] = NeighborLiveness::kReachable;
    });
    CHECK(shown().state() == v1::CONNECTION_STATE_CONNECTED);
    say(false, "no next hop to 198.51.100.2 is up");
  }
  SECTION("the port has no carrier") {
    rig.OnCore([&](DesiredState&) {
      rig.dataplane().ports[0].link_up = false;
      return true;
    });
    say(false, "no next hop to 198.51.100.2 is up");
    CHECK_THAT(shown().error_reason(), Catch::Contains("port p1 of underlay interface tor-a has no carrier"));
  }
  SECTION("the dataplane knows why, control does not") {
    say(false, "198.51.100.2 is an address of ours");
    CHECK(shown().error_reason() == "198.51.100.2 is an address of ours");
  }
  CHECK(shown().state() == v1::CONNECTION_STATE_DISCONNECTED);
  CHECK(google::protobuf::util::TimeUtil::TimestampToNanoseconds(shown().last_state_change()) >
        google::protobuf::util::TimeUtil::TimestampToNanoseconds(since));
  v1::DoctorResponse doctor;
  REQUIRE(rig.Call(&v1::DiagnosticsService::Stub::Doctor, v1::DoctorRequest(), &doctor).ok());
  CHECK(std::any_of(doctor.findings().begin(), doctor.findings().end(), [](const auto& each) {
    return each.subject() == "tenants/contoso/connections/site" &&
           each.verdict() == v1::DoctorFinding::VERDICT_PROBLEM;
  }));
}

TEST_CASE("a tunnel whose far end is silent is down, and says how it was asked and since when") {
  Rig rig;
  PutUnderlay(rig);
  v1::TenantWriteResult result;
  const std::string probe = GENERATE("probe { interval_s: 2 }", "probe { interval_s: 2 misses: 5 }");
  REQUIRE(rig.Put("contoso",
                  "connections { name: 'site' gre { key: 7 local_endpoint { public_address: '192.0.2.5' } "
                  "remote_address: '198.51.100.2' " +
                      probe + " } addresses: '10.40.0.1/30' }",
                  result)
              .ok());
  rig.Acknowledge();
  const auto shown = [&] { return rig.Get("contoso").status().connections(0); };
  CHECK(shown().state() == v1::CONNECTION_STATE_CONNECTED);
  const auto since = shown().last_state_change();
  const bool routed = GENERATE(true, false);  // through the tunnel
  rig.OnCore([&](DesiredState&) {
    rig.dataplane().silent_since_us = 1795936351'000'000;
    if (routed)
      rig.dataplane().tunnel_paths = {{"198.51.100.2", false, "198.51.100.2 leaves probes unanswered"}};
    rig.dataplane().counters.probes_sent = 40;
    rig.dataplane().counters.probes_answered = 30;
    rig.dataplane().counters.keepalives_returned = 20;
    return true;
  });
  CHECK(shown().state() == v1::CONNECTION_STATE_DISCONNECTED);
  CHECK(shown().error_reason() == absl::StrCat("peer silent: ", absl::StrContains(probe, "misses") ? 5 : 3,
                                               " probes of 2 s unanswered since 2026-11-29T07:12:31Z"));
  CHECK(google::protobuf::util::TimeUtil::TimestampToNanoseconds(shown().last_state_change()) >
        google::protobuf::util::TimeUtil::TimestampToNanoseconds(since));
  const auto conditions = shown().conditions();
  CHECK(std::any_of(conditions.begin(), conditions.end(), [](const auto& each) {
    return each.type() == "Ready" && each.reason() == "PeerSilent";
  }));
  SECTION("where no way is up, that is the reason") {
    rig.OnCore([&](DesiredState&) {
      rig.dataplane().liveness[*net::Address::Parse("192.0.2.1")] = NeighborLiveness::kFailed;
      return true;
    });
    CHECK_THAT(shown().error_reason(), Catch::Contains("192.0.2.1 does not answer ARP"));
  }
  SECTION("it answers again") {
    rig.OnCore([&](DesiredState&) {
      rig.dataplane().silent_since_us.reset();
      if (routed) rig.dataplane().tunnel_paths = {{"198.51.100.2", true, ""}};
      return true;
    });
    CHECK(shown().state() == v1::CONNECTION_STATE_CONNECTED);
  }
}

TEST_CASE("a dry run of an underlay tells what of the tenants it takes the ground from") {
  Rig rig;
  PutUnderlay(rig);
  v1::TenantWriteResult written;
  REQUIRE(rig.Put("contoso",
                  Gre() +
                      " virtual_networks { name: 'red' provider_address: '192.0.2.5' subnets { name: 'web' "
                      "prefix: '10.1.0.0/24' network_id: 5001 } }",
                  written)
              .ok());
  v1::PutGatewayRequest put = Underlay();
  put.mutable_options()->set_validate_only(true);
  auto& tor = *put.mutable_gateway()->mutable_spec()->mutable_underlay_interfaces(0);
  std::vector<std::string> wanted;
  SECTION("its address is gone") {
    tor.set_addresses(0, "192.0.2.6/24");
    wanted = {
        "tenants/contoso/connections/site goes down: spec.connections[0].gre.local_endpoint.public_address: "
        "192.0.2.5 is no address of the underlay; accepted: 192.0.2.6",
        "tenants/contoso/virtualNetworks/red goes down: spec.virtual_networks[0].provider_address: 192.0.2.5 "
        "is no address of the gateway's underlay interfaces; accepted: 192.0.2.6"};
  }
  SECTION("its MTU is too small") {
    tor.set_mtu(1300);
    wanted = {
        "tenants/contoso/virtualNetworks/red goes down: spec.virtual_networks[0].provider_address: the "
        "underlay leaves 1250 bytes (underlay tor-a 1300 - IPv4 20 - UDP 8 - VXLAN 8 - inner Ethernet 14); "
        "accepted: an underlay that leaves 1280 or more"};
  }
  SECTION("a far end becomes ours") {
    tor.add_addresses("198.51.100.2/24");
    wanted = {
        "tenants/contoso/connections/site goes down: spec.connections[0].gre.remote_address: 198.51.100.2 is "
        "an address of the gateway itself; accepted: that of the other side"};
  }
  SECTION("a far end becomes ours to mappings") {
    v1::MappingService::Stub stub(rig.channel());
    grpc::ClientContext context;
    v1::MappingsResult mappings;
    const auto writer = stub.ReplaceMappings(&context, &mappings);
    v1::ReplaceMappingsRequest message;
    message.mutable_header()->set_tenant("contoso");
    message.mutable_header()->set_virtual_network("red");
    v1::Mapping& mapping = *message.add_mappings();
    mapping.set_prefix("10.1.0.4");
    mapping.set_provider_address("192.0.2.7");
    mapping.set_mac("02:00:5e:00:53:01");
    writer->Write(message);
    writer->WritesDone();
    REQUIRE(writer->Finish().ok());
    tor.add_addresses("192.0.2.7/24");
    wanted = {
        "1 mappings of tenants/contoso/virtualNetworks/red lead to 192.0.2.7, which becomes an address of "
        "the gateway itself; they are kept and not in force"};
  }
  SECTION("nothing") {
    tor.set_mtu(1400);
  }
  v1::GatewayWriteResult gateway;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, put, &gateway).ok());
  std::vector<std::string> warned;
  for (const v1::Consequence& each : gateway.consequences())
    if (each.kind() == v1::CONSEQUENCE_KIND_WARNING) warned.push_back(each.description());
  CHECK(warned == wanted);
}

}  // namespace
}  // namespace sluice::api
