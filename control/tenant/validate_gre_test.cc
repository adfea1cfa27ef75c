// GRE connections of a tenant: validation as a table, MTU with its reason, and
// what they compile to.
#include "control/tenant/validate_gre.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "control/tenant/compile.h"
#include "control/tenant/tunnel_path.h"
#include "control/tenant/validate_tenant.h"
#include "control/tenant/validate_underlay.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

v1::TenantSpec Spec(const std::string& text) {
  v1::TenantSpec spec;
  INFO(text);
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

// Two interfaces of either family, and a way to everything IPv4 over the first.
Environment WithUnderlay(const std::string& more = "") {
  Environment environment;
  environment.ports = {{"p1", 1500}, {"p2", 9000}};
  environment.gre_taken[{*net::Address::Parse("192.0.2.5"), *net::Address::Parse("198.51.100.9"), 7}] =
      "tenants/fabrikam/connections/paris";
  v1::GatewaySpec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      "underlay_interfaces { name: 'tor-a' port: 'p1' vlan: 200 addresses: '192.0.2.5/24' } "
      "underlay_interfaces { name: 'tor-b' port: 'p2' mtu: 4000 addresses: '203.0.113.5/24' "
      "  addresses: '2001:db8::5/64' } " +
          (more.empty() ? "underlay_routes { prefix: '0.0.0.0/0' next_hops { address: '192.0.2.1' } } "
                        : more),
      &spec));
  Findings findings;
  environment.underlay = ValidateUnderlay(spec, environment, findings);
  REQUIRE(findings.empty());
  return environment;
}

std::string Gre(const std::string& options = "key: 7", const std::string& more = "addresses: '10.40.0.1/30'",
                const std::string& remote = "198.51.100.2", const std::string& local = "192.0.2.5") {
  return absl::StrCat("connections { name: 'gre' gre { local_endpoint { public_address: '", local,
                      "' } remote_address: '", remote, "' ", options, " } ", more, " } ");
}

struct Row {
  const char* what;
  std::string spec;
  const char* field;  // of the first finding; nullptr: none at all
  const char* says;
};

TEST_CASE("a GRE connection is accepted, or refused by field with what would be accepted") {
  const std::string second =
      "connections { name: 'b' gre { key: 7 local_endpoint { public_address: '192.0.2.5' } "
      "remote_address: '198.51.100.2' } addresses: '10.41.0.1/30' } ";
  const Row rows[] = {
      {"with key", Gre(), nullptr, ""},
      {"without", Gre(""), nullptr, ""},
      {"key 0 beside none",
       Gre("key: 0") + "connections { name: 'b' gre { local_endpoint { public_address: "
                       "'192.0.2.5' } remote_address: '198.51.100.2' } }",
       nullptr, ""},
      {"another key to the other side", Gre("key: 7 send_key: 0"), nullptr, ""},
      {"a key to send and none to receive", Gre("send_key: 9"), "spec.connections[0].gre.send_key",
       "accepted: with key"},
      {"the received key of another tenant", Gre("key: 7 send_key: 9", "", "198.51.100.9"),
       "spec.connections[0].gre.key", "GRE key 7 from 198.51.100.9 to 192.0.2.5 belongs to"},
      {"another received key than another tenant's, the same to send",
       Gre("key: 8 send_key: 7", "", "198.51.100.9"), nullptr, ""},
      {"the key of another far end", Gre("key: 7", "", "198.51.100.3"), nullptr, ""},
      {"over IPv6, both families inside",
       Gre("", "addresses: '10.40.0.1/30' addresses: '2001:db8:40::1/64'", "2001:db8::9", "2001:db8::5"),
       nullptr, ""},
      {"every option",
       Gre("key: 1 checksum: true outer_df: OUTER_DF_CLEAR ttl_model: TUNNEL_MODEL_UNIFORM "
           "dscp_model: TUNNEL_MODEL_PIPE dscp: 46 strict_reverse_path: true",
           "mtu: 1500 inbound_kbps: 1000 addresses: '10.40.0.1/30'"),
       nullptr, ""},
      {"routes by the peer and by the tunnel itself",
       Gre("",
           "addresses: '10.40.0.1/30' peer_addresses: '10.50.0.9' "
           "routes { prefix: '18.0.0.0/24' next_hops { address: '10.40.0.2' } } "
           "routes { prefix: '19.0.0.0/24' next_hops { address: '10.50.0.9' } } "
           "routes { prefix: '2001:db8:20::/48' next_hops { connection: 'gre' } }"),
       nullptr, ""},
      {"no address, a route by the tunnel",
       Gre("", "routes { prefix: '0.0.0.0/0' next_hops { connection: 'gre' } }"), nullptr, ""},
      {"no local address", "connections { name: 'gre' gre { remote_address: '198.51.100.2' } }",
       "spec.connections[0].gre.local_endpoint.public_address", "is not an address"},
      {"a local address that is not ours", Gre("", "", "198.51.100.2", "192.0.2.6"),
       "spec.connections[0].gre.local_endpoint.public_address",
       "accepted: 192.0.2.5, 203.0.113.5, 2001:db8::5"},
      {"no remote address", Gre("", "", ""), "spec.connections[0].gre.remote_address", "is not an address"},
      {"a remote address of the other family", Gre("", "", "2001:db8::9"),
       "spec.connections[0].gre.remote_address", "accepted: an IPv4 address"},
      {"ourselves", Gre("", "", "203.0.113.5"), "spec.connections[0].gre.remote_address",
       "an address of the gateway itself"},
      {"multicast", Gre("", "", "224.0.0.9"), "spec.connections[0].gre.remote_address", "multicast"},
      {"the ends and key of another tenant", Gre("key: 7", "", "198.51.100.9"), "spec.connections[0].gre.key",
       "GRE key 7 from 198.51.100.9 to 192.0.2.5 belongs to tenants/fabrikam/connections/paris"},
      {"the ends and key of another connection", Gre() + second, "spec.connections[1].gre.key",
       "belongs to tenants/contoso/connections/gre"},
      {"TTL 0", Gre("ttl: 0"), "spec.connections[0].gre.ttl", "1 to 255"},
      {"TTL 256", Gre("ttl: 256"), "spec.connections[0].gre.ttl", "1 to 255"},
      {"a TTL that is not used", Gre("ttl_model: TUNNEL_MODEL_UNIFORM ttl: 9"), "spec.connections[0].gre.ttl",
       "leave ttl out"},
      {"DSCP 64", Gre("dscp_model: TUNNEL_MODEL_PIPE dscp: 64"), "spec.connections[0].gre.dscp", "0 to 63"},
      {"a DSCP that is not used", Gre("dscp: 9"), "spec.connections[0].gre.dscp", "or say PIPE"},
      {"DF of IPv6", Gre("outer_df: OUTER_DF_COPY", "", "2001:db8::9", "2001:db8::5"),
       "spec.connections[0].gre.outer_df", "IPv6 has no such bit"},
      {"a probe", Gre("probe {}"), nullptr, ""},
      {"the smallest probe", Gre("probe { kind: PEER_PROBE_KIND_KEEPALIVE interval_s: 1 misses: 1 }"),
       nullptr, ""},
      {"the largest probe", Gre("probe { interval_s: 600 misses: 10 }"), nullptr, ""},
      {"a probe all the time", Gre("probe { interval_s: 0 }"), "spec.connections[0].gre.probe.interval_s",
       "interval_s 0; accepted: 1 to 600, or leave it out for 10"},
      {"a probe once an hour", Gre("probe { interval_s: 3600 }"), "spec.connections[0].gre.probe.interval_s",
       "accepted: 1 to 600"},
      {"a probe that nobody misses", Gre("probe { misses: 0 }"), "spec.connections[0].gre.probe.misses",
       "misses 0; accepted: 1 to 10, or leave it out for 3"},
      {"a probe that is missed too often", Gre("probe { misses: 11 }"),
       "spec.connections[0].gre.probe.misses", "accepted: 1 to 10"},
      {"MTU too small", Gre("", "mtu: 1000"), "spec.connections[0].mtu", "1280 to 9000"},
      {"a next hop without address or name", Gre("", "routes { prefix: '0.0.0.0/0' next_hops {} }"),
       "spec.connections[0].routes[0].next_hops[0].address", "is not an address"},
      {"a next hop that names what is no tunnel",
       "connections { name: 'la' l3 { port: 'p2' vlan: 9 } addresses: '15.0.0.5/24' "
       "routes { prefix: '0.0.0.0/0' next_hops { connection: 'la' } } }",
       "spec.connections[0].routes[0].next_hops[0].address", "must be a tunnel, and la is none"},
      {"IPsec's option",
       "connections { name: 'gre' gre { local_endpoint { public_address: '192.0.2.5' "
       "force_udp_encapsulation: true } remote_address: '198.51.100.2' } }",
       "spec.connections[0].gre.local_endpoint.force_udp_encapsulation", "option of IPsec"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const auto result = ValidateTenant("contoso", Spec(row.spec), WithUnderlay());
      if (row.field == nullptr) {
        CHECK((result.findings.empty() ? "" : result.findings.list()[0].description) == "");
        CHECK_FALSE(result.model.connections.empty());
        continue;
      }
      REQUIRE_FALSE(result.findings.empty());
      CHECK(result.findings.list()[0].field == row.field);
      CHECK_THAT(result.findings.list()[0].description, Catch::Contains(row.says));
      CHECK((result.findings.list()[0].fault == Fault::kInvalid));
    }
  }
}

TEST_CASE("what GRE has not yet is refused by its name") {
  const auto result = ValidateTenant(
      "contoso",
      Spec("connections { name: 'gre' gre { local_endpoint { public_address: '192.0.2.5' received_address: "
           "'203.0.113.5' } remote_address: '198.51.100.2' } }"),
      WithUnderlay());
  REQUIRE(result.findings.count() == 1);
  CHECK((result.findings.list()[0].fault == Fault::kUnimplemented));
  CHECK(result.findings.list()[0].field == "spec.connections[0].gre.local_endpoint.received_address");
}

TEST_CASE("IPv6 inside needs 1280 bytes, which a narrow underlay does not leave") {
  Environment environment = WithUnderlay();
  environment.underlay.interfaces[0].mtu = 1300;
  const std::string v6 = "addresses: '2001:db8:40::1/64'";
  const auto refused = ValidateTenant("contoso", Spec(Gre("key: 7", v6)), environment);
  REQUIRE(refused.findings.count() == 1);
  CHECK(refused.findings.list()[0].field == "spec.connections[0].addresses");
  CHECK_THAT(refused.findings.list()[0].description,
             Catch::Contains("the tunnel's is 1272 (underlay tor-a 1300 - IPv4 20 - GRE 4 - key 4)"));
  CHECK(ValidateTenant("contoso", Spec(Gre("key: 7")), environment).findings.empty());
  CHECK(
      ValidateTenant("contoso", Spec(Gre("key: 7 outer_df: OUTER_DF_CLEAR", v6 + " mtu: 1280")), environment)
          .findings.empty());
}

TEST_CASE("the capacity of GRE is booked by its own cap") {
  Environment environment = WithUnderlay();
  environment.capacity.total_kbps = 1000;
  environment.capacity.gre_cap_kbps = 500;
  environment.capacity.l3_cap_kbps = 100;
  const auto result =
      ValidateTenant("contoso", Spec(Gre("", "inbound_kbps: 100 outbound_kbps: 50")), environment);
  CHECK(result.booked_kbps == 300);
}

TEST_CASE("the MTU of a tunnel is what the underlay leaves, and says why") {
  struct {
    const char* what;
    std::string gre;
    std::string underlay;  // routes instead of the default one
    unsigned bytes;
    const char* reason;
  } const rows[] = {
      {"key", Gre("key: 7"), "", 1472, "underlay tor-a 1500 - IPv4 20 - GRE 4 - key 4"},
      {"no key", Gre(""), "", 1476, "underlay tor-a 1500 - IPv4 20 - GRE 4"},
      {"checksum", Gre("key: 7 checksum: true"), "", 1468,
       "underlay tor-a 1500 - IPv4 20 - GRE 4 - checksum 4 - key 4"},
      {"on the link, IPv6", Gre("", "", "2001:db8::9", "2001:db8::5"), "", 3956,
       "underlay tor-b 4000 - IPv6 40 - GRE 4"},
      {"the longest prefix", Gre(""),
       "underlay_routes { prefix: '0.0.0.0/0' next_hops { address: '192.0.2.1' } } "
       "underlay_routes { prefix: '198.51.100.0/24' next_hops { address: '203.0.113.1' } } ",
       3976, "underlay tor-b 4000 - IPv4 20 - GRE 4"},
      {"the narrowest of several ways", Gre(""),
       "underlay_routes { prefix: '0.0.0.0/0' next_hops { address: '203.0.113.1' } "
       "next_hops { address: '192.0.2.1' } } ",
       1476, "underlay tor-a 1500 - IPv4 20 - GRE 4"},
      {"no way", Gre("", "", "2001:db9::9", "2001:db8::5"), "", 1456,
       "no underlay route to 2001:db9::9, so 1500 - IPv6 40 - GRE 4"},
      {"its own, smaller", Gre("", "mtu: 1400"), "", 1400,
       "of the connection; underlay tor-a 1500 - IPv4 20 - GRE 4 would allow 1476"},
      {"its own, larger", Gre("", "mtu: 1500"), "", 1476,
       "underlay tor-a 1500 - IPv4 20 - GRE 4; the connection's 1500 is more"},
      {"its own, larger, in fragments", Gre("outer_df: OUTER_DF_CLEAR", "mtu: 1500"), "", 1500,
       "of the connection; underlay tor-a 1500 - IPv4 20 - GRE 4 is 1476, what is larger leaves in "
       "fragments"},
  };
  for (const auto& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const Environment environment = WithUnderlay(row.underlay);
      const auto result = ValidateTenant("contoso", Spec(row.gre), environment);
      REQUIRE(result.model.connections.size() == 1);
      const ExplainedMtu mtu = MtuOf(result.model.connections[0], environment.underlay, environment.ports);
      CHECK(mtu.bytes == row.bytes);
      CHECK(mtu.reason == row.reason);
    }
  }
}

TEST_CASE("a learned path MTU takes the place of the underlay's where it is smaller") {
  // 07:12:31 on 29 November 2026.
  const LearnedPathMtu learned{"198.51.100.2", 1400, 1795936351'000'000};
  const std::string path = "path MTU 1400 to 198.51.100.2 learned at 2026-11-29T07:12:31Z - IPv4 20 - GRE 4";
  struct Learned {
    const char* what;
    std::string more;
    uint16_t learned;
    uint16_t bytes;
    std::string reason;
  };
  const Learned rows[] = {
      {"smaller", "", 1400, 1376, path},
      {"no smaller", "", 1500, 1476, "underlay tor-a 1500 - IPv4 20 - GRE 4"},
      {"the connection's own is smaller still", "mtu: 1300", 1400, 1300,
       "of the connection; " + path + " would allow 1376"},
      {"the connection's own is larger", "mtu: 1450", 1400, 1376, path + "; the connection's 1450 is more"},
  };
  for (const Learned& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const Environment environment = WithUnderlay();
      const auto result = ValidateTenant("contoso", Spec(Gre("", row.more)), environment);
      REQUIRE(result.model.connections.size() == 1);
      LearnedPathMtu said = learned;
      said.bytes = row.learned;
      const ExplainedMtu mtu =
          MtuOf(result.model.connections[0], environment.underlay, environment.ports, said);
      CHECK(mtu.bytes == row.bytes);
      CHECK(mtu.reason == row.reason);
    }
  }
}

TEST_CASE("a GRE connection compiles to a tunnel, and routes over it lead through it") {
  const Environment environment = WithUnderlay();
  const auto [send, send_key] = GENERATE(std::pair("", 7u), std::pair(" send_key: 9", 9u));
  const auto validated = ValidateTenant(
      "contoso",
      Spec(Gre(absl::StrCat("key: 7 checksum: true outer_df: OUTER_DF_COPY dscp_model: TUNNEL_MODEL_PIPE "
                            "dscp: 46",
                            send),
               "addresses: '10.40.0.1/30' peer_addresses: '10.50.0.9' outbound_kbps: 9 "
               "routes { prefix: '18.0.0.0/24' next_hops { address: '10.40.0.2' } } "
               "routes { prefix: '19.0.0.0/24' next_hops { connection: 'gre' } }")),
      environment);
  REQUIRE(validated.findings.empty());
  const auto objects =
      Compile(validated.model, {3, {{"gre", {11, 12, 13, 14}}}}, environment.ports, environment.underlay);
  REQUIRE(objects.interfaces.size() == 1);
  const auto& interface = objects.interfaces[0];
  REQUIRE(interface.tunnel);
  CHECK(interface.port.empty());
  CHECK(interface.mtu == 1468);
  CHECK(interface.clamp_mss);
  CHECK(interface.policer_out == 14);
  CHECK((interface.tunnel->kind == channel::TunnelKind::kGre));
  CHECK(interface.tunnel->local.ToString() == "192.0.2.5");
  REQUIRE(interface.tunnel->remote);
  CHECK(interface.tunnel->remote->ToString() == "198.51.100.2");
  CHECK(interface.tunnel->key_in == 7);
  CHECK(interface.tunnel->key_out == send_key);
  CHECK(interface.tunnel->flags == (channel::kTunnelGreChecksum | channel::kTunnelDfCopy |
                                    channel::kTunnelPipe | channel::kTunnelKeyIn | channel::kTunnelKeyOut));
  CHECK(interface.tunnel->ttl == 64);
  CHECK(interface.tunnel->dscp == 46);
  REQUIRE(objects.routes.size() == 4);  // subnet, peer, two static
  // A next hop in the subnet resolves there; the others are on the link.
  CHECK(objects.routes[2].next_hops[0].address);
  for (const size_t on_link : {0, 1, 3}) {
    CHECK(objects.routes[on_link].next_hops[0].interface == 12);
    CHECK_FALSE(objects.routes[on_link].next_hops[0].address);
  }
}

TEST_CASE("a probe compiles to the tunnel's, with what is not said") {
  struct {
    const char* what;
    std::string spec;
    channel::ProbeKind kind;
    int interval_s, misses;
  } const rows[] = {
      {"none", Gre(), channel::ProbeKind::kNone, 0, 0},
      {"empty", Gre("probe {}"), channel::ProbeKind::kKeepalive, 10, 3},
      {"all said", Gre("probe { interval_s: 600 misses: 1 }"), channel::ProbeKind::kKeepalive, 600, 1},
  };
  const Environment environment = WithUnderlay();
  for (const auto& row : rows) {
    INFO(row.what);
    const auto validated = ValidateTenant("contoso", Spec(row.spec), environment);
    REQUIRE(validated.findings.empty());
    const auto objects =
        Compile(validated.model, {3, {{"gre", {11, 12, 13, 14}}}}, environment.ports, environment.underlay);
    const auto& tunnel = *objects.interfaces.at(0).tunnel;
    CHECK((tunnel.probe == row.kind));
    CHECK(tunnel.probe_interval_s == row.interval_s);
    CHECK(tunnel.probe_misses == row.misses);
  }
}

TEST_CASE("a kind of probe that this program does not know is refused as not implemented") {
  const auto validated = ValidateTenant("contoso", Spec(Gre("probe { kind: 9 }")), WithUnderlay());
  REQUIRE(validated.findings.list().size() == 1);
  const Finding& finding = validated.findings.list()[0];
  CHECK((finding.fault == Fault::kUnimplemented));
  CHECK(finding.field == "spec.connections[0].gre.probe.kind");
  CHECK_THAT(finding.description, Catch::Contains("kind 9"));
}

TEST_CASE("the MSS is clamped in tunnels and not beside them, unless the connection says otherwise") {
  const std::string vlan = "connections { name: 'gre' l3 { port: 'p2' vlan: 9 } addresses: '15.0.0.5/24' ";
  struct {
    const char* what;
    std::string spec;
    bool clamps;
  } const rows[] = {
      {"a tunnel", Gre(), true},
      {"a tunnel without", Gre("", "clamp_mss: false"), false},
      {"a VLAN", vlan + "}", false},
      {"a VLAN with", vlan + "clamp_mss: true }", true},
  };
  const Environment environment = WithUnderlay();
  for (const auto& row : rows) {
    INFO(row.what);
    const auto validated = ValidateTenant("contoso", Spec(row.spec), environment);
    REQUIRE(validated.findings.empty());
    const auto objects =
        Compile(validated.model, {3, {{"gre", {11, 12, 13, 14}}}}, environment.ports, environment.underlay);
    CHECK(objects.interfaces.at(0).clamp_mss == row.clamps);
  }
}

}  // namespace
}  // namespace sluice::tenant
