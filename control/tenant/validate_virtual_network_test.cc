// Virtual networks of a request as one table: what is wanted, and the first thing
// said about it.
#include "control/tenant/validate_virtual_network.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "control/tenant/compile.h"
#include "control/tenant/tunnel_path.h"
#include "control/tenant/validate_tenant.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

v1::TenantSpec Spec(const std::string& text) {
  v1::TenantSpec spec;
  INFO(text);
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

Environment World() {
  Environment environment;
  Connection& tor = environment.underlay.interfaces.emplace_back();
  tor.name = "tor-a";
  tor.port = "p1";
  tor.mtu = 1600;
  tor.addresses = {*net::InterfaceAddress::Parse("192.0.2.1/24"),
                   *net::InterfaceAddress::Parse("2001:db8:f::1/64")};
  environment.network_ids[{Encapsulation::kVxlan, 6000}] = "tenants/fabrikam/virtualNetworks/x, subnet y";
  return environment;
}

const std::string kWeb =
    "subnets { name: 'web' prefix: '10.1.0.0/24' network_id: 5001 gateway_address: '10.1.0.1' }";

std::string Network(const std::string& more, const std::string& name = "red",
                    const std::string& provider = "192.0.2.1") {
  return absl::StrCat("virtual_networks { name: '", name, "' provider_address: '", provider, "' ", more,
                      " }");
}
std::string Subnet(const std::string& fields) {
  return absl::StrCat("subnets { name: 'web' ", fields, " }");
}

struct Row {
  const char* what;
  std::string spec;
  const char* field;  // below virtual_networks[…]; nullptr: accepted
  const char* says;
};

void Check(const Row& row) {
  INFO(row.what);
  const auto result = ValidateTenant("contoso", Spec(row.spec), World());
  if (row.field == nullptr) {
    CHECK((result.findings.empty()
               ? ""
               : result.findings.list()[0].field + result.findings.list()[0].description) == "");
    CHECK(result.model.virtual_networks.size() == 1);
    return;
  }
  REQUIRE_FALSE(result.findings.empty());
  CHECK(result.findings.list()[0].field == absl::StrCat("spec.virtual_networks", row.field));
  CHECK_THAT(result.findings.list()[0].description, Catch::Contains(row.says));
}

TEST_CASE("a virtual network is validated field by field") {
  const Row rows[] = {
      {"one subnet", Network(kWeb), nullptr, ""},
      {"none yet", Network(""), nullptr, ""},
      {"dual stack",
       Network(Subnet("prefix: '10.1.0.0/24' network_id: 5001 ipv6_prefix: '2001:db8:1::/64' "
                      "ipv6_gateway_address: '2001:db8:1::1'")),
       nullptr, ""},
      {"IPv6 alone",
       Network(Subnet("prefix: '2001:db8:1::/64' network_id: 5001 gateway_address: '2001:db8:1::1'")),
       nullptr, ""},
      {"the highest VNI", Network(Subnet("prefix: '10.1.0.0/24' network_id: 16777215")), nullptr, ""},
      {"no name", Network(kWeb, ""), "[0].name", "is not a name"},
      {"two of a name", Network("") + Network(""), "[1].name", "is the name of virtual_networks[0], too"},
      {"no provider address", Network(kWeb, "red", ""), "[0].provider_address", "is not an address"},
      {"an address that is not the underlay's", Network(kWeb, "red", "192.0.2.9"), "[0].provider_address",
       "no address of the gateway's underlay interfaces; accepted: 192.0.2.1, 2001:db8:f::1"},
      {"UDP port of NVGRE", Network("encapsulation: OVERLAY_ENCAPSULATION_NVGRE udp_port: 4789"),
       "[0].udp_port", "NVGRE has no UDP port"},
      {"UDP port 0", Network("udp_port: 0"), "[0].udp_port", "accepted: 1 to 65535"},
      {"UDP checksum over IPv4", Network("udp_checksum: true"), "[0].udp_checksum", "VXLAN over IPv6 only"},
      {"UDP checksum over IPv6", Network("udp_checksum: true", "red", "2001:db8:f::1"), nullptr, ""},
      {"an encapsulation of the future", Network("encapsulation: 7"), "[0].encapsulation",
       "accepted: VXLAN, NVGRE"},
      {"a multicast MAC", Network("gateway_mac: '01:00:5e:00:00:01'"), "[0].gateway_mac", ""},
      {"an MTU too small", Network("mtu: 1279"), "[0].mtu", "accepted: 1280 to 9000"},
      {"a routing domain", Network("routing_domain_id: 7000"), "[0].routing_domain_id", "routing domain"},
      {"the lowest VNI", Network(Subnet("prefix: '10.1.0.0/24' network_id: 1")), nullptr, ""},
      {"no VNI", Network(Subnet("prefix: '10.1.0.0/24'")), "[0].subnets[0].network_id",
       "VNI 0; accepted: 1 to 16777215"},
      {"a VSID too small",
       Network("encapsulation: OVERLAY_ENCAPSULATION_NVGRE " +
               Subnet("prefix: '10.1.0.0/24' network_id: 4095")),
       "[0].subnets[0].network_id", "VSID 4095; accepted: 4096 to 16777214"},
      {"the VSID that is kept",
       Network("encapsulation: OVERLAY_ENCAPSULATION_NVGRE " +
               Subnet("prefix: '10.1.0.0/24' network_id: 16777215")),
       "[0].subnets[0].network_id", "VSID 16777215; accepted: 4096 to 16777214"},
      {"another tenant's VNI", Network(Subnet("prefix: '10.1.0.0/24' network_id: 6000")),
       "[0].subnets[0].network_id", "VNI 6000 belongs to tenants/fabrikam/virtualNetworks/x, subnet y"},
      {"the same figure as VSID",
       Network("encapsulation: OVERLAY_ENCAPSULATION_NVGRE " +
               Subnet("prefix: '10.1.0.0/24' network_id: 6000")),
       nullptr, ""},
      {"a VNI twice",
       Network(kWeb) + Network("subnets { name: 'db' prefix: '10.2.0.0/24' network_id: 5001 }", "blue"),
       "[1].subnets[0].network_id", "VNI 5001 belongs to tenants/contoso/virtualNetworks/red, subnet web"},
      {"no prefix", Network(Subnet("network_id: 5001")), "[0].subnets[0].prefix", "is not a prefix"},
      {"everything as prefix", Network(Subnet("prefix: '0.0.0.0/0' network_id: 5001")),
       "[0].subnets[0].prefix", "is no subnet"},
      {"a gateway elsewhere",
       Network(Subnet("prefix: '10.1.0.0/24' network_id: 5001 gateway_address: '10.2.0.1'")),
       "[0].subnets[0].gateway_address", "10.2.0.1 is not in 10.1.0.0/24"},
      {"the broadcast address",
       Network(Subnet("prefix: '10.1.0.0/24' network_id: 5001 gateway_address: "
                      "'10.1.0.255'")),
       "[0].subnets[0].gateway_address", "broadcast"},
      {"IPv4 as second", Network(Subnet("prefix: '10.1.0.0/24' network_id: 5001 ipv6_prefix: '10.2.0.0/24'")),
       "[0].subnets[0].ipv6_prefix", "is not IPv6"},
      {"IPv6 twice",
       Network(Subnet("prefix: '2001:db8:1::/64' network_id: 5001 ipv6_prefix: '2001:db8:2::/64'")),
       "[0].subnets[0].ipv6_prefix", "one prefix of each family"},
      {"a gateway without its prefix",
       Network(Subnet("prefix: '10.1.0.0/24' network_id: 5001 "
                      "ipv6_gateway_address: '2001:db8::1'")),
       "[0].subnets[0].ipv6_gateway_address", "no ipv6_prefix"},
      {"two subnets of a name", Network(kWeb + kWeb), "[0].subnets[1].name",
       "is the name of subnets[0], too"},
      {"subnets that overlap",
       Network(kWeb + "subnets { name: 'db' prefix: '10.1.0.0/25' network_id: 5002 }"),
       "[0].subnets[1].prefix", "overlaps 10.1.0.0/24 of tenants/contoso/virtualNetworks/red, subnet web"},
  };
  for (const Row& row : rows) Check(row);
}

TEST_CASE("the options of the outer header are validated field by field") {
  const Row rows[] = {
      {"every option of the outer header",
       Network("outer_df: OUTER_DF_CLEAR mtu: 9000 ttl: 9 dscp_model: TUNNEL_MODEL_PIPE dscp: 46 " + kWeb),
       nullptr, ""},
      {"TTL 0", Network("ttl: 0"), "[0].ttl", "accepted: 1 to 255"},
      {"a TTL that is not used", Network("ttl_model: TUNNEL_MODEL_UNIFORM ttl: 9"), "[0].ttl",
       "leave ttl out"},
      {"DSCP 64", Network("dscp_model: TUNNEL_MODEL_PIPE dscp: 64"), "[0].dscp", "accepted: 0 to 63"},
      {"a DSCP that is not used", Network("dscp: 9"), "[0].dscp", "or say PIPE"},
      {"a DSCP of both ways", Network("dscp_model: TUNNEL_MODEL_UNIFORM dscp: 9"), "[0].dscp", "or say PIPE"},
      {"DF of IPv6", Network("outer_df: OUTER_DF_COPY", "red", "2001:db8:f::1"), "[0].outer_df",
       "IPv6 has no such bit"},
      {"a DF of the future", Network("outer_df: 7"), "[0].outer_df", ""},
  };
  for (const Row& row : rows) Check(row);
}

TEST_CASE("defaults of a virtual network are the same on every gateway") {
  const auto result = ValidateTenant(
      "contoso",
      Spec(Network("subnets { name: 'web' prefix: '10.1.0.0/24' network_id: 5001 gateway_address: "
                   "'10.1.0.1' }")),
      World());
  REQUIRE(result.model.virtual_networks.size() == 1);
  const VirtualNetwork& red = result.model.virtual_networks[0];
  CHECK(red.udp_port == 4789);
  CHECK(red.subnets[0].gateway_mac.ToString() == "02:53:4c:00:13:89");
  CHECK(red.subnets[0].gateways[0].ToString() == "10.1.0.1/24");
}

TEST_CASE("the MTU of a virtual network is what the underlay leaves, or less") {
  const Environment world = World();
  const auto mtu = [&](const char* provider, Encapsulation encapsulation, uint16_t own) {
    VirtualNetwork network;
    network.provider_address = *net::Address::Parse(provider);
    network.encapsulation = encapsulation;
    network.mtu = own;
    const ExplainedMtu explained = MtuOf(network, world.underlay, std::nullopt);
    return absl::StrCat(explained.bytes, ": ", explained.reason);
  };
  CHECK(mtu("192.0.2.1", Encapsulation::kVxlan, 0) ==
        "1550: underlay tor-a 1600 - IPv4 20 - UDP 8 - VXLAN 8 - inner Ethernet 14");
  CHECK(mtu("2001:db8:f::1", Encapsulation::kVxlan, 0) ==
        "1530: underlay tor-a 1600 - IPv6 40 - UDP 8 - VXLAN 8 - inner Ethernet 14");
  CHECK(mtu("192.0.2.1", Encapsulation::kNvgre, 0) ==
        "1558: underlay tor-a 1600 - IPv4 20 - GRE 4 - key 4 - inner Ethernet 14");
  CHECK(mtu("192.0.2.1", Encapsulation::kNvgre, 1400) ==
        "1400: of the virtual network; underlay tor-a 1600 - IPv4 20 - GRE 4 - key 4 - inner Ethernet 14 "
        "would allow 1558");
  CHECK_THAT(mtu("192.0.2.1", Encapsulation::kVxlan, 9000),
             Catch::StartsWith("1550:") && Catch::Contains("the virtual network's 9000 is more"));
}

TEST_CASE("with DF clear a virtual network may be wider than the underlay") {
  VirtualNetwork network;
  network.provider_address = *net::Address::Parse("192.0.2.1");
  network.mtu = 1600;
  network.outer.df = OuterHeader::Df::kClear;
  const ExplainedMtu mtu = MtuOf(network, World().underlay, std::nullopt);
  CHECK(mtu.bytes == 1600);
  CHECK(
      mtu.reason ==
      "of the virtual network; underlay tor-a 1600 - IPv4 20 - UDP 8 - VXLAN 8 - inner Ethernet 14 is 1550, "
      "what is larger leaves in fragments");
}

TEST_CASE("the options of the outer header are compiled into the tunnel of each subnet") {
  struct {
    std::string options;
    int flags;
    int ttl;
    int dscp;
  } const rows[] = {
      {"", 0, 64, 0},
      {"outer_df: OUTER_DF_SET ttl_model: TUNNEL_MODEL_PIPE ttl: 9", 0, 9, 0},
      {"outer_df: OUTER_DF_COPY ttl_model: TUNNEL_MODEL_UNIFORM", channel::kTunnelDfCopy, 0, 0},
      {"outer_df: OUTER_DF_CLEAR dscp_model: TUNNEL_MODEL_PIPE dscp: 46",
       channel::kTunnelDfClear | channel::kTunnelPipe, 64, 46},
      {"dscp_model: TUNNEL_MODEL_PIPE", channel::kTunnelPipe, 64, 0},
      {"dscp_model: TUNNEL_MODEL_UNIFORM", channel::kTunnelDscpInward, 64, 0},
      {"encapsulation: OVERLAY_ENCAPSULATION_NVGRE outer_df: OUTER_DF_COPY", channel::kTunnelDfCopy, 64, 0},
  };
  const Environment world = World();
  for (const auto& row : rows) {
    INFO(row.options);
    const auto validated = ValidateTenant("contoso", Spec(Network(row.options + " " + kWeb)), world);
    REQUIRE(validated.findings.empty());
    TenantNumbers numbers;
    numbers.vrf = 3;
    numbers.subnets[{"red", "web"}] = 12;
    const auto objects = Compile(validated.model, numbers, world.ports, world.underlay);
    REQUIRE(objects.interfaces.size() == 1);
    REQUIRE(objects.interfaces[0].tunnel);
    CHECK(objects.interfaces[0].tunnel->flags == row.flags);
    CHECK(objects.interfaces[0].tunnel->ttl == row.ttl);
    CHECK(objects.interfaces[0].tunnel->dscp == row.dscp);
    CHECK(objects.interfaces[0].clamp_mss);
  }
}

TEST_CASE("counts of virtual networks and subnets are limited by name") {
  Environment world = World();
  world.limits.virtual_networks_per_tenant = 1;
  world.limits.subnets_per_virtual_network = 1;
  const auto result =
      ValidateTenant("contoso",
                     Spec(Network(kWeb + "subnets { name: 'db' prefix: '10.2.0.0/24' network_id: 5002 }") +
                          Network("", "blue")),
                     world);
  REQUIRE(result.findings.count() == 2);
  CHECK(result.findings.list()[0].limit == "virtual-networks-per-tenant");
  CHECK(result.findings.list()[1].limit == "subnets-per-virtual-network");
  CHECK_THAT(result.findings.list()[1].description,
             Catch::Contains("2 are wanted") && Catch::Contains("is 1"));
}

}  // namespace
}  // namespace sluice::tenant
