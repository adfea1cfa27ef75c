// Compilation, consequences and secrets of tenants.
#include "control/tenant/compile.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "control/tenant/consequences.h"
#include "control/tenant/secrets.h"
#include "control/tenant/validate_tenant.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

v1::TenantSpec Spec(const std::string& text) {
  v1::TenantSpec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

const char kLa[] =
    "connections { name: 'la' l3 { port: 'p1' vlan: 100 strict_reverse_path: true "
    "  static_neighbors { address: '15.0.0.9' mac: '02:00:5e:00:53:01' } } "
    "  addresses: '15.0.0.5/24' addresses: '15.0.0.6/24' peer_addresses: '15.0.0.1' peer_addresses: "
    "'25.0.0.1' "
    "  inbound_kbps: 1000 "
    "  routes { prefix: '18.0.0.0/24' next_hops { address: '15.0.0.1' } metric: 7 } "
    "  routes { prefix: '26.0.0.1/32' next_hops { address: '15.0.0.5' } } } ";

programming::TenantObjects CompileText(const std::string& text) {
  auto validated = ValidateTenant("contoso", Spec(text), Environment{});
  REQUIRE(validated.findings.empty());
  return Compile(validated.model, {3, {{"la", {11, 12, 13, 14}}}}, std::vector<PortFacts>{{"p1", 1600}}, {});
}

TEST_CASE("a connection compiles to an interface, its policers, neighbours and link routes") {
  const auto objects = CompileText(std::string(kLa) + "router_addresses: '10.0.1.6'");
  CHECK(objects.vrf.vrf == 3);
  CHECK(objects.vrf.name == "tenant contoso");
  REQUIRE(objects.vrf.router_ipv4);
  REQUIRE(objects.interfaces.size() == 1);
  const auto& interface = objects.interfaces[0];
  CHECK(interface.interface == 12);
  CHECK(interface.connection == 11);
  CHECK(interface.mtu == 1600);
  CHECK(interface.strict_urpf);
  CHECK(interface.policer_in == 13);
  CHECK(interface.policer_out == 0);
  REQUIRE(objects.policers.size() == 1);
  CHECK(objects.policers[0].rate_kbps == 1000);
  CHECK(objects.neighbors.size() == 1);

  // Two addresses of a subnet are one connected route; a peer outside gets a host route.
  REQUIRE(objects.routes.size() == 4);
  CHECK((objects.routes[0].source == rib::Source::kConnected));
  CHECK((objects.routes[1].source == rib::Source::kHostRoute));
  CHECK(objects.routes[1].prefix.ToString() == "25.0.0.1/32");
  CHECK((objects.routes[2].source == rib::Source::kStatic));
  CHECK(objects.routes[2].metric == 7);
  CHECK(objects.routes[2].path_id == 11);
  CHECK(objects.routes[2].next_hops[0].interface == 0);
  // Our own address as next hop of a host route means on-link.
  CHECK_FALSE(objects.routes[3].next_hops[0].address);
  CHECK(objects.routes[3].next_hops[0].interface == 12);
}

TEST_CASE("a disabled connection keeps its interface down and has no routes") {
  std::string text = kLa;
  text.insert(text.find("name: 'la'"), "enabled: false ");
  const auto objects = CompileText(text);
  REQUIRE(objects.interfaces.size() == 1);
  CHECK_FALSE(objects.interfaces[0].up);
  CHECK(objects.routes.empty());
}

TEST_CASE("a static route over a connection that is gone stays unresolved instead of becoming a discard") {
  TenantModel model;
  StaticRoute route{*net::Prefix::Parse("9.0.0.0/8"), 1, {{*net::Address::Parse("15.0.0.1"), "la", 1}}};
  const auto input = CompileStaticRoute(route, model, {3, {}}, 0);
  REQUIRE(input.next_hops.size() == 1);
  CHECK(input.next_hops[0].interface == 0);
  CHECK(input.next_hops[0].address);
}

TEST_CASE("consequences name objects and fields, and order does not matter") {
  const auto before = Spec(
      "connections { name: 'a' l3 { port: 'p' vlan: 1 } } connections { name: 'b' l3 { port: 'p' vlan: 2 } "
      "}");
  const auto swapped = Spec(
      "connections { name: 'b' l3 { port: 'p' vlan: 2 } } connections { name: 'a' l3 { port: 'p' vlan: 1 } "
      "}");
  CHECK(Consequences("tenants/t", before, swapped).empty());

  const auto after =
      Spec("connections { name: 'b' l3 { port: 'p' vlan: 3 } inbound_kbps: 5 } connections { name: 'c' }");
  const auto found = Consequences("tenants/t", before, after);
  const auto has = [&](v1::ConsequenceKind kind, const char* object, const char* says) {
    for (const auto& each : found)
      if (each.kind() == kind && each.object() == object &&
          each.description().find(says) != std::string::npos)
        return true;
    return false;
  };
  CHECK(found.size() == 4);
  CHECK(has(v1::CONSEQUENCE_KIND_REMOVED, "tenants/t/connections/a", "is removed"));
  CHECK(has(v1::CONSEQUENCE_KIND_ADDED, "tenants/t/connections/c", "is added"));
  CHECK(has(v1::CONSEQUENCE_KIND_INTERRUPTED, "tenants/t/connections/b",
            "connection b: l3 vlan changes from 2 to 3; traffic stops for a moment"));
  CHECK(has(v1::CONSEQUENCE_KIND_ADDED, "tenants/t/connections/b", "connection b: inbound kbps is added: 5"));
}

TEST_CASE("consequences are sentences of an operator's words") {
  struct Row {
    const char* before;
    const char* after;
    const char* says;
  };
  const char* const kRoute = "routes { prefix: '18.0.0.0/24' next_hops { address: '15.0.0.1' } }";
  const std::string la = "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' " +
                         std::string(kRoute) + " }";
  const std::string moved =
      "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' "
      "routes { prefix: '18.0.0.0/24' next_hops { address: '15.0.0.2' weight: 3 } metric: 5 } }";
  const std::string bare = "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' }";
  const std::string two =
      "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' addresses: "
      "'16.0.0.5/24' }";
  const Row rows[] = {
      {"", la.c_str(),
       "connection la is added: l3 (port p1, vlan 100), addresses 15.0.0.5/24, routes 18.0.0.0/24 via "
       "15.0.0.1"},
      {la.c_str(), "",
       "connection la is removed; it was l3 (port p1, vlan 100), addresses 15.0.0.5/24, routes 18.0.0.0/24 "
       "via "
       "15.0.0.1"},
      {bare.c_str(), la.c_str(), "connection la: route 18.0.0.0/24 is added: via 15.0.0.1"},
      {la.c_str(), bare.c_str(), "connection la: route 18.0.0.0/24 is removed; it was via 15.0.0.1"},
      {bare.c_str(), two.c_str(), "connection la: address 16.0.0.5/24 is added"},
      {la.c_str(), moved.c_str(), "connection la: route 18.0.0.0/24: metric is added: 5"},
      {"", "labels { key: 'tier' value: 'gold' }", "label tier=gold is added"},
      {"", "router_addresses: '10.0.0.1'", "router address 10.0.0.1 is added"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.says) {
      std::vector<std::string> lines;
      for (const auto& each : Consequences("tenants/t", Spec(row.before), Spec(row.after)))
        lines.push_back(ToLine(each));
      CHECK_THAT(lines, Catch::VectorContains(std::string(row.says)));
    }
  }
}

TEST_CASE("a secret inside a new connection is not shown") {
  const auto after = Spec("connections { name: 'a' ipsec { pre_shared_key { value: 'hush' } } }");
  const auto found = Consequences("tenants/t", Spec(""), after);
  REQUIRE(found.size() == 1);
  CHECK(found[0].description() == "connection a is added: ipsec (pre shared key (a secret))");
}

TEST_CASE("secrets are taken out of a request and never shown") {
  auto spec = Spec(
      "connections { name: 'a' ipsec { pre_shared_key { value: 'hush' } remote_address: '1.2.3.4' "
      "certificates { private_key {} } } } bgp_router { peers { name: 'p' md5_password { value: '' } } }");
  const auto taken = TakeSecrets(spec);
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].path == "connections/a/ipsec.pre_shared_key");
  CHECK(taken[0].value == "hush");
  CHECK(taken[1].path == "bgp_router.peers/p/md5_password");
  CHECK(taken[1].value.empty());
  CHECK(spec.ShortDebugString().find("hush") == std::string::npos);
  CHECK(SecretPaths(spec).size() == 3);
}

TEST_CASE("a consequence about a secret does not show it") {
  const auto before = Spec("connections { name: 'a' ipsec { } }");
  const auto after = Spec("connections { name: 'a' ipsec { pre_shared_key { value: 'hush' } } }");
  const auto found = Consequences("tenants/t", before, after);
  REQUIRE(found.size() == 1);
  CHECK(found[0].description().find("hush") == std::string::npos);
}

}  // namespace
}  // namespace sluice::tenant
