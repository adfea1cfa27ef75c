// Answers of the API as people read them, whole texts.
#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "tools/sluicectl/command.h"
#include "tools/sluicectl/completion.h"
#include "tools/sluicectl/connection_text.h"
#include "tools/sluicectl/gateway_text.h"
#include "tools/sluicectl/route_text.h"
#include "tools/sluicectl/tenant_text.h"
#include "tools/sluicectl/top_text.h"
#include "tools/sluicectl/virtual_network_text.h"
#include "tools/sluicectl/watch_text.h"

namespace sluice::ctl {
namespace {

template <typename Message>
Message From(const std::string& text) {
  Message message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

const char* const kContoso = R"(
  name: "contoso" etag: "e7" generation: 3
  spec {
    labels { key: "tier" value: "gold" }
    connections { name: "inside" l3 { port: "port1" vlan: 102 } addresses: "10.0.1.6/24" peer_addresses: "10.0.1.1"
                  routes { prefix: "10.0.0.0/16" next_hops { address: "10.0.1.1" } } inbound_kbps: 1000000 }
    connections { name: "datacenter" l3 { port: "port0" untagged {} } addresses: "15.0.0.5/24" }
  }
  status {
    observed_generation: 2 manager: "ops" booked_kbps: 1000000
    configuration_state { status: CONFIGURATION_STATUS_FAILURE reasons { message: "port0 has no carrier" } }
    connections { name: "inside" state: CONNECTION_STATE_CONNECTED uptime { seconds: 65 } mtu: 1500
                  statistics { inbound_packets: 1234 outbound_packets: 5 } }
    connections { name: "datacenter" state: CONNECTION_STATE_DISCONNECTED error_reason: "no carrier" }
    routes { family: ADDRESS_FAMILY_IPV4 source: ROUTE_SOURCE_STATIC routes: 1 programmed: 1 }
  })";

}  // namespace

TEST_CASE("a list of tenants shows how far the dataplane is behind") {
  CHECK(TenantsTable({From<api::Tenant>(kContoso)}) ==
        "TENANT   STATE    PROGRAMMED  CONNECTED  STATIC ROUTES    BOOKED  MANAGER  LABELS\n"
        "contoso  failure      2 of 3        1/2              0  1 Gbit/s  ops      tier=gold\n");
}

TEST_CASE("a tenant's description names state, reason, connections and routes") {
  const std::string got = TenantDescription(From<api::Tenant>(kContoso));
  CHECK(got.rfind("tenant contoso\n  state          failure: port0 has no carrier\n", 0) == 0);
  CHECK(got.find("\nconnections\n  CONNECTION ") != std::string::npos);
  CHECK(got.find("\n  datacenter  ") < got.find("\n  inside      "));
  CHECK(got.find("\n  inside      l3 port1 vlan 102  10.0.1.6/24  10.0.1.1  connected      1m05s") !=
        std::string::npos);
  CHECK(got.find("\n  datacenter  l3 port0 untagged  15.0.0.5/24  -         disconnected") !=
        std::string::npos);
  CHECK(got.find("  FAMILY  SOURCE  ROUTES  PROGRAMMED\n  ipv4    static       1           1\n") !=
        std::string::npos);
}

TEST_CASE("a GRE connection's description explains its MTU and names what is outside") {
  const auto tenant = From<api::Tenant>(R"(
    name: "contoso"
    spec { connections { name: "site" gre { key: 7 send_key: 9 local_endpoint { public_address: "192.0.2.5" }
           remote_address: "198.51.100.2" outer_df: OUTER_DF_COPY dscp_model: TUNNEL_MODEL_PIPE dscp: 46 checksum: true }
           routes { prefix: "18.0.0.0/24" next_hops { connection: "site" } } } }
    status { connections { name: "site" state: CONNECTION_STATE_DISCONNECTED
             error_reason: "no underlay route to 198.51.100.2" mtu: 1468
             mtu_reason: "underlay tor-a 1500 - IPv4 20 - GRE 4 - checksum 4 - key 4"
             last_state_change { seconds: 1700000000 } } })");
  const std::string got = ConnectionDescription(ConnectionsOf(tenant).at(0));
  CHECK_THAT(got, Catch::Contains("gre 192.0.2.5 to 198.51.100.2 key 7, sends key 9\n"));
  CHECK_THAT(got, Catch::Contains("1468: underlay tor-a 1500 - IPv4 20 - GRE 4 - checksum 4 - key 4\n"));
  CHECK_THAT(got, Catch::Contains("TTL 64, DSCP 46, DF of the inner packet, with checksum\n"));
  CHECK_THAT(got, Catch::Contains("no underlay route to 198.51.100.2\n"));
  CHECK_THAT(got, Catch::Contains("clamped to the mtu\n"));
  CHECK_THAT(got, Catch::Contains("2023-11-14 22:13:20"));
  CHECK_THAT(got, Catch::Contains("18.0.0.0/24  site "));
}

TEST_CASE("a connection's description shows its probe with what was counted, and the peer's keepalives") {
  const auto shown = [](const std::string& probe, const std::string& counted) {
    return ConnectionDescription(
        ConnectionsOf(From<api::Tenant>("name: 'contoso' spec { connections { name: 'site' gre { " + probe +
                                        " } } } status { connections { name: 'site' statistics { " + counted +
                                        " } } }"))
            .at(0));
  };
  CHECK_THAT(shown("probe {}", "probes_sent: 40 probes_answered: 39"),
             Catch::Contains("keepalive every 10 s, silent after 3 unanswered; 40 sent, 39 answered\n"));
  CHECK_THAT(shown("probe { interval_s: 2 misses: 5 }", ""),
             Catch::Contains("keepalive every 2 s, silent after 5 unanswered; 0 sent, 0 answered\n"));
  CHECK_THAT(shown("", ""), !Catch::Contains("keepalive every"));
  CHECK_THAT(shown("", "keepalives_returned: 7"), Catch::Contains("7 returned\n"));
}

TEST_CASE("a virtual network's description shows its outer header") {
  const auto shown = [](const std::string& options) {
    const auto tenant = From<api::Tenant>(
        "name: 'blue' spec { virtual_networks { name: 'red' provider_address: '192.0.2.5' " + options +
        " } }");
    return VirtualNetworkDescription(VirtualNetworksOf(tenant).at(0));
  };
  CHECK_THAT(shown(""), Catch::Contains("TTL 64, DSCP of the inner packet\n"));
  CHECK_THAT(shown("dscp_model: TUNNEL_MODEL_UNIFORM"),
             Catch::Contains("TTL 64, DSCP of the inner packet both ways\n"));
  CHECK_THAT(shown("outer_df: OUTER_DF_CLEAR ttl_model: TUNNEL_MODEL_UNIFORM dscp_model: TUNNEL_MODEL_PIPE "
                   "dscp: 46"),
             Catch::Contains("TTL of the inner packet, DSCP 46, DF clear\n"));
}

TEST_CASE("the gateway's description shows its underlay") {
  const std::string got = GatewayDescription(From<api::Gateway>(R"(
    spec { underlay_interfaces { name: "tor-a" port: "edge" vlan: 300 addresses: "192.0.2.5/24" }
           underlay_routes { prefix: "0.0.0.0/0" next_hops { address: "192.0.2.1" weight: 2 } } }
    status { underlay_interfaces { name: "tor-a" state: CONNECTION_STATE_DEGRADED mtu: 1500
             unreachability_reason: "next hop 192.0.2.1 does not answer ARP"
             statistics { inbound_packets: 12 outbound_packets: 3456 } } })"));
  CHECK_THAT(got,
             Catch::Contains(
                 "tor-a               edge vlan 300  192.0.2.5/24  degraded  1500          12        3,456  "
                 "next hop 192.0.2.1 does not answer ARP\n"));
  CHECK_THAT(got, Catch::Contains("0.0.0.0/0       192.0.2.1 weight 2       1\n"));
}

TEST_CASE("a connection's description shows both directions with their limits") {
  const auto views = ConnectionsOf(From<api::Tenant>(kContoso));
  REQUIRE(views.size() == 2);
  const std::string got = ConnectionDescription(views[1]);
  CHECK(got.rfind("connection contoso/inside\n", 0) == 0);
  CHECK(got.find("  inbound      1,234    0 B") == std::string::npos);
  CHECK(got.find("  inbound      1,234      0  0 kbit/s             0   1 Gbit/s\n") != std::string::npos);
  CHECK(got.find("  outbound         5      0  0 kbit/s             0  unlimited\n") != std::string::npos);
  CHECK(got.find("  10.0.0.0/16  10.0.1.1        1\n") != std::string::npos);
  CHECK_THAT(got, Catch::Contains("left as it is\n"));
}

TEST_CASE("a lookup says which next hop and why") {
  const auto answer = From<api::LookupRouteResponse>(R"(
    verdict: "forward" prefix: "18.0.0.0/24" dataplane_instance: "d1"
    next_hops { address: "15.0.0.1" connection: "datacenter" port: "port0" vlan: 101 mac: "02:00:00:00:00:01"
                weight: 1 live: true chosen: true }
    next_hops { address: "15.0.0.2" connection: "datacenter" port: "port0" weight: 1 }
    explanation: "to next hop 15.0.0.1 over connection datacenter" explanation: "more")");
  CHECK(LookupText("contoso", "18.0.0.10", answer) ==
        "contoso 18.0.0.10: forward: to next hop 15.0.0.1 over connection datacenter\n"
        "  longest match 18.0.0.0/24\n"
        "  NEXT HOP  CONNECTION  PORT   VLAN      MAC                WEIGHT  STATE\n"
        "  15.0.0.1  datacenter  port0  101       02:00:00:00:00:01  1       live, chosen\n"
        "  15.0.0.2  datacenter  port0  untagged  not resolved       1       down\n"
        "  more\n"
        "  answered by dataplane d1\n");
  CHECK(
      LookupText(
          "contoso", "9.9.9.9",
          From<api::LookupRouteResponse>(
              R"(verdict: "drop" drop_reason: "no_route" dataplane_instance: "d1" explanation: "no route of tenant contoso matches")")) ==
      "contoso 9.9.9.9: drop: no route of tenant contoso matches (no_route)\n  answered by dataplane d1\n");
}

TEST_CASE("routes are lines of fixed columns") {
  const auto route =
      From<api::Route>(R"(prefix: "18.0.0.0/24" next_hop: "15.0.0.1" resolved { connection: "dc" }
      source: ROUTE_SOURCE_STATIC metric: 1 weight: 1 best: true programmed: true)");
  CHECK(RoutesTitle() ==
        "PREFIX                      NEXT HOP                  OVER            SOURCE          "
        "METRIC  WEIGHT  STATE\n");
  CHECK(
      RouteLine(route) ==
      "18.0.0.0/24                 15.0.0.1                  dc              static          1       1       "
      "best, "
      "programmed\n");
}

TEST_CASE("what goes through a tunnel has neither port nor VLAN nor a neighbour to resolve") {
  const auto answer = From<api::LookupRouteResponse>(R"(
    verdict: "forward" prefix: "10.1.0.0/16" dataplane_instance: "d1"
    next_hops { address: "10.40.0.2" connection: "site" weight: 1 live: true chosen: true }
    next_hops { address: "192.0.2.21" connection: "inside/web" mac: "02:00:5e:00:53:04" weight: 1 live: true }
    explanation: "through connection site, GRE to 198.51.100.2" explanation: "underlay: to 198.51.100.2 by x")");
  CHECK(LookupText("blue", "10.1.2.3", answer) ==
        "blue 10.1.2.3: forward: through connection site, GRE to 198.51.100.2\n"
        "  longest match 10.1.0.0/16\n"
        "  NEXT HOP    CONNECTION         PORT    VLAN  MAC                WEIGHT  STATE\n"
        "  10.40.0.2   site               tunnel  -     -                  1       live, chosen\n"
        "  192.0.2.21  subnet inside/web  tunnel  -     02:00:5e:00:53:04  1       live\n"
        "  underlay: to 198.51.100.2 by x\n"
        "  answered by dataplane d1\n");
  const auto line = [](const char* route) { return RouteLine(From<api::Route>(route)); };
  CHECK_THAT(line(R"(prefix: "10.1.0.0/16" resolved { connection: "site" } source: ROUTE_SOURCE_STATIC)"),
             Catch::Contains(" the tunnel ") && Catch::Contains(" site "));
  CHECK_THAT(line(R"(prefix: "10.1.0.0/16" resolved { connection: "la" } source: ROUTE_SOURCE_CONNECTED)"),
             Catch::Contains(" on the link "));
  CHECK_THAT(line(R"(prefix: "10.1.0.4/32" next_hop: "192.0.2.21" resolved { connection: "inside/web"
                     provider_address: "192.0.2.21" } source: ROUTE_SOURCE_VIRTUAL_NETWORK)"),
             Catch::Contains(" host 192.0.2.21 ") && Catch::Contains(" subnet inside/web "));
}

TEST_CASE("a limit is chosen by its name") {
  auto status =
      From<api::GatewayStatus>(R"(fills { name: "vrfs" limit: 4 } fills { name: "routes" limit: 9 })");
  CHECK(KeepFill("", status));
  CHECK(status.fills_size() == 2);
  CHECK(KeepFill("routes", status));
  REQUIRE(status.fills_size() == 1);
  CHECK(status.fills(0).name() == "routes");
  CHECK_FALSE(KeepFill("blue", status));
}

TEST_CASE("what a port steers is one line, with its own words where it does not") {
  const auto text = [](const char* steering) { return SteeringText(From<api::PortFlowSteering>(steering)); };
  CHECK(text(R"(answer: "no: Function not implemented")") ==
        "none, spread by the port's hash (no: Function not implemented)");
  CHECK(text("") == "none, spread by the port's hash (not asked)");
  CHECK(text(R"(answer: "yes" steered: 1200)") == "1,200 steered, 0 refused");
  CHECK(text(R"(answer: "yes" steered: 12 unmarked: 3 refused: 2 refusal: "table full")") ==
        "12 steered (3 unmarked), 2 refused: table full");
}

TEST_CASE("drops show packets, reason, tenant and words") {
  CHECK(DropsTable(From<api::ListDropsResponse>(
            R"(drops { tenant: "contoso" reason: "no_route" description: "no route" packets: 1200 }
               drops { reason: "unknown_vlan" description: "no subinterface" packets: 3 })")) ==
        "PACKETS  REASON        TENANT   DESCRIPTION\n"
        "  1,200  no_route      contoso  no route\n"
        "      3  unknown_vlan  -        no subinterface\n");
}

TEST_CASE("the doctor's remedy follows its finding") {
  CHECK(FindingsText(From<api::DoctorResponse>(
            R"(findings { verdict: VERDICT_PROBLEM subject: "next hop 15.0.0.1" message: "does not answer ARP"
                          remedy: "check VLAN 101 on the switch" }
               findings { verdict: VERDICT_OK subject: "dataplane" message: "attached" })")) ==
        "PROBLEM next hop 15.0.0.1: does not answer ARP\n"
        "        remedy: check VLAN 101 on the switch\n"
        "ok      dataplane: attached\n");
}

TEST_CASE("limits are listed by how full they are") {
  const std::string got = FillsTable(From<api::GatewayStatus>(R"(fills { name: "vrfs" used: 1 limit: 4096 }
      fills { name: "neighbors" used: 900 limit: 1000 })"));
  CHECK(got ==
        "LIMIT      USED     OF  FILL\n"
        "neighbors   900  1,000   90%\n"
        "vrfs          1  4,096    0%\n");
}

TEST_CASE("watch events are one line each and heartbeats none") {
  CHECK(WatchEventLine(From<api::WatchEvent>(
            R"(connection { kind: CHANGE_KIND_PRESENT tenant: "a"
                            connection { name: "c" state: CONNECTION_STATE_DISCONNECTED error_reason: "no carrier" } })")) ==
        "+ tenants/a/connections/c disconnected: no carrier\n");
  CHECK(WatchEventLine(From<api::WatchEvent>(
            R"(tenant { kind: CHANGE_KIND_ABSENT tenant { name: "a" } })")) == "- tenants/a\n");
  CHECK(WatchEventLine(From<api::WatchEvent>("heartbeat {}")).empty());
}

TEST_CASE("top shows rates between two readings, busiest first") {
  GatewayReading before, now;
  before.tenants.push_back(From<api::Tenant>(kContoso));
  now.tenants.push_back(From<api::Tenant>(kContoso));
  auto& statistics = *now.tenants[0].mutable_status()->mutable_connections(1)->mutable_statistics();
  statistics.set_inbound_packets(2000);
  statistics.set_inbound_bytes(250'000);
  now.drops = From<api::ListDropsResponse>(R"(drops { tenant: "contoso" reason: "no_route" packets: 20 })");

  const std::string got = TopText(before, now, std::chrono::milliseconds(2000), 20);
  CHECK(got.find("contoso/datacenter  disconnected  1,000  1 Mbit/s      0  0 kbit/s          0\n"
                 "contoso/inside      connected         0  0 kbit/s      0  0 kbit/s          0\n") !=
        std::string::npos);
  CHECK(got.find("DROPS/S  REASON    TENANT   TOTAL\n     10  no_route  contoso     20\n") !=
        std::string::npos);
}

TEST_CASE("counters that went backwards are no rate") {
  GatewayReading before, now;
  before.tenants.push_back(From<api::Tenant>(kContoso));
  now.tenants.push_back(From<api::Tenant>(kContoso));
  now.tenants[0].mutable_status()->mutable_connections(0)->mutable_statistics()->set_inbound_packets(1);
  const std::string got = TopText(before, now, std::chrono::milliseconds(1000), 20);
  CHECK(got.find("contoso/inside      connected        0  0 kbit/s      0  0 kbit/s          0\n") !=
        std::string::npos);
}

TEST_CASE("completion knows every command and its options") {
  Session session;
  Action chosen;
  CLI::App app;
  AddReadCommands(app, session, chosen);
  AddRouteCommands(app, session, chosen);
  AddCompletionCommand(app, session, chosen);
  const std::string script = BashCompletion(app);
  CHECK(script.find("'') commands='get describe route completion'") != std::string::npos);
  CHECK(script.find("'route lookup') commands=''; options='") != std::string::npos);
  CHECK(script.find("tenants tenant connections connection gateway ports port") != std::string::npos);
}

TEST_CASE("a delete says what it did, a dry run what it would do") {
  const auto removed = From<api::DeleteTenantResponse>(
      "deleted: true consequences { kind: CONSEQUENCE_KIND_REMOVED object: 'tenants/a' description: 'a goes' "
      "}");
  CHECK(DeletedText("tenants/a", removed, false).rfind("tenants/a deleted\n", 0) == 0);
  CHECK(DeletedText("tenants/a", removed, true).rfind("tenants/a would be deleted\n", 0) == 0);
  CHECK(DeletedText("tenants/a", api::DeleteTenantResponse(), true) == "tenants/a was not there\n");
  const auto refused = From<api::DeleteTenantResponse>(
      "consequences { kind: CONSEQUENCE_KIND_REFUSED object: 'tenants/a' description: 'managed by b' }");
  CHECK(DeletedText("tenants/a", refused, true).rfind("tenants/a would not be deleted\n", 0) == 0);
}

TEST_CASE("the result of a replace is not told as done when nothing was done") {
  const auto result = From<api::StaticRoutesResult>("version: 7 routes: 5000 added: 4000 removed: 1");
  CHECK(StaticRoutesResultText("a", result, false) ==
        "static routes of a: version 7, 5,000 routes (4,000 added, 0 changed, 1 removed)\n");
  CHECK(
      StaticRoutesResultText("a", result, true) ==
      "static routes of a would change: version 7, 5,000 routes (4,000 to add, 0 to change, 1 to remove)\n");
  CHECK(StaticRoutesResultText("a", From<api::StaticRoutesResult>("version: 7 routes: 5000"), true) ==
        "static routes of a would stay: version 7, 5,000 routes (0 to add, 0 to change, 0 to remove)\n");
}

}  // namespace sluice::ctl
