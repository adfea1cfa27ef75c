// Validation of the underlay as a table, and what it compiles to.
#include "control/tenant/validate_underlay.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "control/tenant/compile.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

v1::GatewaySpec Spec(const std::string& text) {
  v1::GatewaySpec spec;
  INFO(text);
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

Environment TwoPorts() {
  Environment environment;
  environment.ports = {{"p1", 1500}, {"p2", 9000}};
  environment.taken[{"p1", 200}] = "tenants/fabrikam/connections/paris";
  return environment;
}

std::string Tor(const std::string& more = "", const std::string& link = "port: 'p1' vlan: 100",
                const std::string& addresses = "addresses: '192.0.2.5/24'") {
  return absl::StrCat("underlay_interfaces { name: 'tor-a' ", link, " ", addresses, " ", more, " } ");
}
std::string Route(const std::string& prefix, const std::string& hops) {
  return absl::StrCat("underlay_routes { prefix: '", prefix, "' ", hops, " } ");
}
const std::string kTorB = "underlay_interfaces { name: 'tor-b' port: 'p2' addresses: '198.51.100.5/24' } ";

struct Row {
  const char* what;
  std::string spec;
  const char* field;  // of the first finding; nullptr: none at all
  const char* says;   // part of its description
};

TEST_CASE("an underlay is accepted, or refused by field with what would be accepted") {
  const std::string hop = "next_hops { address: '192.0.2.1' }";
  const Row rows[] = {
      {"nothing", "", nullptr, ""},
      {"a VLAN and untagged, both families",
       Tor("addresses: '2001:db8::5/64'") + kTorB + Route("0.0.0.0/0", hop) +
           Route("::/0", "next_hops { address: '2001:db8::1' }"),
       nullptr, ""},
      {"several ways", Tor() + kTorB + Route("203.0.113.0/24", hop + "next_hops { address: '198.51.100.1' }"),
       nullptr, ""},
      {"a loopback-like address", Tor("addresses: '203.0.113.1/32'"), nullptr, ""},
      {"a next hop by its interface",
       Tor() + Route("0.0.0.0/0", "next_hops { address: '192.0.2.1' connection: 'tor-a' }"), nullptr, ""},
      {"a bad name", "underlay_interfaces { name: 'A' port: 'p1' addresses: '192.0.2.5/24' }",
       "spec.underlay_interfaces[0].name", "lower-case letters"},
      {"a name twice", Tor() + "underlay_interfaces { name: 'tor-a' port: 'p2' addresses: '10.0.0.1/24' }",
       "spec.underlay_interfaces[1].name", "underlay_interfaces[0]"},
      {"no port", Tor("", ""), "spec.underlay_interfaces[0].port", "required"},
      {"an unknown port", Tor("", "port: 'p9'"), "spec.underlay_interfaces[0].port", "accepted: p1, p2"},
      {"VLAN 4095", Tor("", "port: 'p1' vlan: 4095"), "spec.underlay_interfaces[0].vlan", "1 to 4094"},
      {"a VLAN of a tenant", Tor("", "port: 'p1' vlan: 200"), "spec.underlay_interfaces[0].vlan",
       "VLAN 200 of port p1 belongs to tenants/fabrikam/connections/paris"},
      {"a VLAN twice",
       Tor() + "underlay_interfaces { name: 'b' port: 'p1' vlan: 100 addresses: '10.0.0.1/24' }",
       "spec.underlay_interfaces[1].vlan", "belongs to gateway/underlay_interfaces/tor-a"},
      {"untagged twice", kTorB + "underlay_interfaces { name: 'b' port: 'p2' addresses: '10.0.0.1/24' }",
       "spec.underlay_interfaces[1].vlan", "the untagged traffic of port p2"},
      {"MTU above the port's", Tor("mtu: 1600"), "spec.underlay_interfaces[0].mtu", "1500 of port p1"},
      {"MTU too small", Tor("mtu: 576"), "spec.underlay_interfaces[0].mtu", "1280 to 9000"},
      {"no address", Tor("", "port: 'p1' vlan: 100", ""), "spec.underlay_interfaces[0].addresses",
       "such as 192.0.2.5/24"},
      {"the subnet's number", Tor("addresses: '10.0.0.0/24'"), "spec.underlay_interfaces[0].addresses[1]",
       "subnet's own number"},
      {"overlapping subnets",
       Tor() + "underlay_interfaces { name: 'b' port: 'p2' addresses: '192.0.2.129/25' }",
       "spec.underlay_interfaces[1].addresses[0]",
       "overlaps 192.0.2.0/24 of gateway/underlay_interfaces/tor-a"},
      {"a next hop on no subnet", Tor() + Route("0.0.0.0/0", "next_hops { address: '10.0.0.1' }"),
       "spec.underlay_routes[0].next_hops[0].address", "on no connected prefix of the underlay"},
      {"a next hop through an interface that is not there",
       Tor() + Route("0.0.0.0/0", "next_hops { address: '192.0.2.1' connection: 'gre-1' }"),
       "spec.underlay_routes[0].next_hops[0].address", "underlay interface \"gre-1\""},
      {"ourselves as next hop", Tor() + Route("0.0.0.0/0", "next_hops { address: '192.0.2.5' }"),
       "spec.underlay_routes[0].next_hops[0].address", "our own address"},
      {"a route twice", Tor() + Route("0.0.0.0/0", hop) + Route("0.0.0.0/0", hop),
       "spec.underlay_routes[1].prefix", "several next hops"},
      {"families mixed", Tor() + Route("::/0", hop), "spec.underlay_routes[0].next_hops[0].address", "IPv6"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      v1::GatewaySpec spec = Spec(row.spec);
      Findings findings;
      ValidateUnderlay(spec, TwoPorts(), findings);
      if (row.field == nullptr) {
        CHECK((findings.empty() ? "" : findings.list()[0].description) == "");
        continue;
      }
      REQUIRE_FALSE(findings.empty());
      CHECK(findings.list()[0].field == row.field);
      CHECK_THAT(findings.list()[0].description, Catch::Contains(row.says));
      CHECK((findings.list()[0].fault == Fault::kInvalid));
    }
  }
}

TEST_CASE("limits of the underlay are refused by name with both figures") {
  Environment environment = TwoPorts();
  environment.limits.underlay_interfaces = 1;
  environment.limits.underlay_routes = 0;
  v1::GatewaySpec spec = Spec(Tor() + kTorB + Route("0.0.0.0/0", "next_hops { address: '192.0.2.1' }"));
  Findings findings;
  ValidateUnderlay(spec, environment, findings);
  REQUIRE(findings.count() == 2);
  CHECK(findings.list()[0].limit == "underlay-interfaces");
  CHECK_THAT(findings.list()[0].description, Catch::Contains("2 are wanted") && Catch::Contains("is 1"));
  CHECK(findings.list()[1].limit == "underlay-routes");
}

TEST_CASE("the underlay compiles to interfaces and routes of VRF 0") {
  v1::GatewaySpec spec =
      Spec(Tor("mtu: 1400") + kTorB + Route("0.0.0.0/0", "next_hops { address: '192.0.2.1' }"));
  Findings findings;
  const UnderlayModel model = ValidateUnderlay(spec, TwoPorts(), findings);
  REQUIRE(findings.empty());
  const auto objects = CompileUnderlay(model, {{"tor-a", 7}, {"tor-b", 8}}, TwoPorts().ports);
  CHECK(objects.vrf.vrf == 0);
  REQUIRE(objects.interfaces.size() == 2);
  CHECK(objects.interfaces[0].interface == 7);
  CHECK(objects.interfaces[0].vrf == 0);
  CHECK(objects.interfaces[0].connection == 0);
  CHECK(objects.interfaces[0].vlan == 100);
  CHECK(objects.interfaces[0].mtu == 1400);
  CHECK(objects.interfaces[0].up);
  CHECK(objects.interfaces[0].name == "underlay interface tor-a");
  CHECK(objects.interfaces[1].mtu == 9000);
  REQUIRE(objects.routes.size() == 3);
  CHECK((objects.routes[0].source == rib::Source::kConnected));
  CHECK(objects.routes[2].prefix.ToString() == "0.0.0.0/0");
  CHECK((objects.routes[2].source == rib::Source::kStatic));
}

}  // namespace
}  // namespace sluice::tenant
