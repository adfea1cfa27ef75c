// Validation as one table: a request, and the first thing said about it.
#include "control/tenant/validate_tenant.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

v1::TenantSpec Spec(const std::string& text) {
  v1::TenantSpec spec;
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

// The seed's example: 15.0.0.5/24 on a VLAN, peer 15.0.0.1, a route behind it.
std::string La(const std::string& more = "", const std::string& l3 = "port: 'p1' vlan: 100",
               const std::string& addresses = "addresses: '15.0.0.5/24'") {
  return absl::StrCat("connections { name: 'la' l3 { ", l3, " } ", addresses, " ", more, " }");
}
std::string Route(const std::string& prefix, const std::string& hops) {
  return absl::StrCat("routes { prefix: '", prefix, "' ", hops, " }");
}
const std::string kPeer = "peer_addresses: '15.0.0.1' ";

struct Row {
  const char* what;
  std::string spec;
  const char* field;  // of the first finding; nullptr: none at all
  const char* says;   // part of its description
};

void CheckRows(const std::vector<Row>& rows, const Environment& environment, Fault fault) {
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const auto result = ValidateTenant("contoso", Spec(row.spec), environment);
      if (row.field == nullptr) {
        CHECK((result.findings.empty()
                   ? ""
                   : result.findings.list()[0].field + ": " + result.findings.list()[0].description) == "");
        continue;
      }
      REQUIRE_FALSE(result.findings.empty());
      const Finding& first = result.findings.list()[0];
      CHECK(first.field == row.field);
      CHECK_THAT(first.description, Catch::Contains(row.says));
      CHECK((first.fault == fault));
      CHECK(first.object.rfind("tenants/contoso", 0) == 0);
    }
  }
}

TEST_CASE("a tenant that can be forwarded is accepted as it is") {
  const std::string hop = "next_hops { address: '15.0.0.1' }";
  CheckRows(
      {
          {"nothing wanted", "", nullptr, ""},
          {"the seed's L3 example", La(kPeer + Route("18.0.0.0/24", hop)), nullptr, ""},
          {"untagged", La("", "port: 'p1' untagged {}"), nullptr, ""},
          {"IPv6 beside IPv4", La("addresses: '2001:db8::5/64' peer_addresses: '2001:db8::1'"), nullptr, ""},
          {"point to point subnets", La("addresses: '10.9.0.0/31' addresses: '2001:db8::/127'"), nullptr, ""},
          {"a peer outside the subnet",
           La("peer_addresses: '25.0.0.1' " + Route("9.0.0.0/8", "next_hops { address: '25.0.0.1' }")),
           nullptr, ""},
          {"a default route", La(Route("0.0.0.0/0", hop)), nullptr, ""},
          {"our own address as next hop of a host route",
           La(Route("25.0.0.1/32", "next_hops { address: '15.0.0.5' }")), nullptr, ""},
          {"several next hops with weight",
           La(Route("9.0.0.0/8", hop + " next_hops { address: '15.0.0.2' weight: 256 }")), nullptr, ""},
          {"a next hop over another connection",
           La(Route("9.0.0.0/8", "next_hops { address: '16.0.0.1' connection: 'ny' }")) +
               "connections { name: 'ny' l3 { port: 'p2' vlan: 100 } addresses: '16.0.0.5/24' }",
           nullptr, ""},
          {"the same VLAN on another port", La("", "port: 'p2' vlan: 200"), nullptr, ""},
          {"a router address of each family",
           "router_addresses: '10.0.1.6' router_addresses: '2001:db8::6/128'", nullptr, ""},
          {"largest MTU of the port", La("mtu: 9000", "port: 'p2' vlan: 4094"), nullptr, ""},
          {"a static neighbour",
           La("", "port: 'p1' vlan: 100 static_neighbors { address: '15.0.0.9' mac: '02:00:5e:00:53:01' }"),
           nullptr, ""},
          {"labels", "labels { key: 'example.com/tier' value: 'gold' }", nullptr, ""},
      },
      TwoPorts(), Fault::kInvalid);
}

TEST_CASE("a wrong port, VLAN or address is named with what would be accepted") {
  CheckRows(
      {
          {"no name", "connections { l3 { port: 'p1' vlan: 1 } addresses: '1.0.0.1/24' }",
           "spec.connections[0].name", "lower-case letters"},
          {"a name in capitals",
           "connections { name: 'LA' l3 { port: 'p1' vlan: 1 } addresses: '1.0.0.1/24' }",
           "spec.connections[0].name", "\"LA\" is not a name"},
          {"a name twice",
           La() + "connections { name: 'la' l3 { port: 'p2' vlan: 1 } addresses: '16.0.0.5/24' }",
           "spec.connections[1].name", "connections[0]"},
          {"no kind", "connections { name: 'la' }", "spec.connections[0]", "accepted: l3"},
          {"no port", La("", "vlan: 1"), "spec.connections[0].l3.port", "required"},
          {"an unknown port", La("", "port: 'p9' vlan: 1"), "spec.connections[0].l3.port",
           "accepted: p1, p2"},
          {"no VLAN", La("", "port: 'p1'"), "spec.connections[0].l3.vlan", "untagged {}"},
          {"VLAN 0", La("", "port: 'p1' vlan: 0"), "spec.connections[0].l3.vlan", "accepted: 1 to 4094"},
          {"VLAN 4095", La("", "port: 'p1' vlan: 4095"), "spec.connections[0].l3.vlan", "VLAN 4095"},
          {"a VLAN of another tenant", La("", "port: 'p1' vlan: 200"), "spec.connections[0].l3.vlan",
           "VLAN 200 of port p1 belongs to tenants/fabrikam/connections/paris"},
          {"a VLAN twice in the tenant",
           La() + "connections { name: 'ny' l3 { port: 'p1' vlan: 100 } addresses: '16.0.0.5/24' }",
           "spec.connections[1].l3.vlan", "belongs to tenants/contoso/connections/la"},
          {"MTU too small", La("mtu: 1279"), "spec.connections[0].mtu", "accepted: 1280 to 9000"},
          {"MTU above the port's", La("mtu: 9000"), "spec.connections[0].mtu", "above the 1500 of port p1"},
          {"bandwidth of zero", La("inbound_kbps: 0"), "spec.connections[0].inbound_kbps",
           "leave it out for no limit"},
          {"no address", La("", "port: 'p1' vlan: 100", ""), "spec.connections[0].addresses",
           "needs an address"},
          {"an address without length", La("", "port: 'p1' vlan: 100", "addresses: '15.0.0.5'"),
           "spec.connections[0].addresses[0]", "such as 15.0.0.5/24"},
          {"the subnet's number", La("", "port: 'p1' vlan: 100", "addresses: '15.0.0.0/24'"),
           "spec.connections[0].addresses[0]", "subnet's own number"},
          {"the broadcast address", La("", "port: 'p1' vlan: 100", "addresses: '15.0.0.255/24'"),
           "spec.connections[0].addresses[0]", "broadcast"},
          {"the subnet-router anycast address", La("addresses: '2001:db8::/64'"),
           "spec.connections[0].addresses[1]", "subnet's own number"},
          {"a multicast address", La("addresses: '224.0.0.5/24'"), "spec.connections[0].addresses[1]",
           "multicast"},
          {"a loopback address", La("addresses: '127.0.0.1/8'"), "spec.connections[0].addresses[1]",
           "loopback"},
          {"an address twice", La("addresses: '15.0.0.5/25'"), "spec.connections[0].addresses[1]",
           "already an address of"},
          {"overlapping subnets of two connections",
           La() + "connections { name: 'ny' l3 { port: 'p2' vlan: 7 } addresses: '15.0.0.130/25' }",
           "spec.connections[1].addresses[0]", "overlaps 15.0.0.0/24 of tenants/contoso/connections/la"},
      },
      TwoPorts(), Fault::kInvalid);
}

TEST_CASE("a wrong peer, route, neighbour or label is named with what would be accepted") {
  const std::string second = "connections { name: 'ny' l3 { port: 'p2' vlan: 7 } addresses: '16.0.0.5/24' }";
  CheckRows(
      {
          {"a peer that is no address", La("peer_addresses: '15.0.0'"),
           "spec.connections[0].peer_addresses[0]", "without a length"},
          {"ourselves as peer", La("peer_addresses: '15.0.0.5'"), "spec.connections[0].peer_addresses[0]",
           "our own address"},
          {"a peer twice", La(kPeer + kPeer), "spec.connections[0].peer_addresses[1]", "there twice"},
          {"a peer of a family without address", La("peer_addresses: '2001:db8::1'"),
           "spec.connections[0].peer_addresses[0]", "family"},
          {"a route with host bits", La(Route("18.0.0.1/24", "next_hops { address: '15.0.0.1' }")),
           "spec.connections[0].routes[0].prefix", "accepted: 18.0.0.0/24"},
          {"a route that is no prefix", La(Route("18.0.0.0", "next_hops { address: '15.0.0.1' }")),
           "spec.connections[0].routes[0].prefix", "is not a prefix"},
          {"a multicast route", La(Route("224.0.0.0/4", "next_hops { address: '15.0.0.1' }")),
           "spec.connections[0].routes[0].prefix", "multicast"},
          {"a route without next hop", La(Route("18.0.0.0/24", "")),
           "spec.connections[0].routes[0].next_hops", "no next hop"},
          {"a route twice",
           La(Route("18.0.0.0/24", "next_hops { address: '15.0.0.1' }") +
              Route("18.0.0.0/24", "next_hops { address: '15.0.0.2' }")),
           "spec.connections[0].routes[1].prefix", "several next hops"},
          {"a next hop on no subnet", La(Route("18.0.0.0/24", "next_hops { address: '15.0.1.1' }")),
           "spec.connections[0].routes[0].next_hops[0].address", "accepted: an address in 15.0.0.0/24 (la)"},
          {"our own address as next hop",
           La(kPeer + Route("18.0.0.0/24", "next_hops { address: '15.0.0.5' }")),
           "spec.connections[0].routes[0].next_hops[0].address",
           "next hop 15.0.0.5 is our own address on connection la; accepted: another address in 15.0.0.0/24"},
          {"our own address as next hop of a default route",
           La(Route("0.0.0.0/0", "next_hops { address: '15.0.0.5' connection: 'la' }")),
           "spec.connections[0].routes[0].next_hops[0].address", "is our own address"},
          {"a next hop of the other family", La(Route("18.0.0.0/24", "next_hops { address: '2001:db8::1' }")),
           "spec.connections[0].routes[0].next_hops[0].address", "accepted: an IPv4 address"},
          {"a next hop on an unknown connection",
           La(Route("18.0.0.0/24", "next_hops { address: '15.0.0.1' connection: 'sf' }")),
           "spec.connections[0].routes[0].next_hops[0].address", "does not have"},
          {"a next hop on the wrong connection",
           La(Route("18.0.0.0/24", "next_hops { address: '15.0.0.1' connection: 'ny' }")) + second,
           "spec.connections[0].routes[0].next_hops[0].address",
           "neither in a subnet nor a peer address of connection ny"},
          {"a next hop twice",
           La(Route("18.0.0.0/24",
                    "next_hops { address: '15.0.0.1' } next_hops { address: '15.0.0.1' weight: 2 }")),
           "spec.connections[0].routes[0].next_hops[1].address", "with a weight"},
          {"weight 0", La(Route("18.0.0.0/24", "next_hops { address: '15.0.0.1' weight: 0 }")),
           "spec.connections[0].routes[0].next_hops[0].weight", "1 to 256"},
          {"a neighbour outside the subnet",
           La("", "port: 'p1' vlan: 100 static_neighbors { address: '15.0.1.9' mac: '02:00:5e:00:53:01' }"),
           "spec.connections[0].l3.static_neighbors[0].address", "neither in a subnet"},
          {"a neighbour with a group address",
           La("", "port: 'p1' vlan: 100 static_neighbors { address: '15.0.0.9' mac: '01:00:5e:00:53:01' }"),
           "spec.connections[0].l3.static_neighbors[0].mac", "not a group address"},
          {"a router address with a length", "router_addresses: '10.0.1.6/24'", "spec.router_addresses[0]",
           "without a length"},
          {"a router address of a connection", La() + "router_addresses: '15.0.0.5'", "spec.router_addresses",
           "already an address of"},
          {"a label's key", "labels { key: '-x' value: '' }", "spec.labels", "not a label's key"},
      },
      TwoPorts(), Fault::kInvalid);
}

TEST_CASE("a peer address is on one link of the tenant, and nobody's own") {
  const auto ny = [](const std::string& more) {
    return "connections { name: 'ny' l3 { port: 'p2' vlan: 7 } addresses: '16.0.0.5/24' " + more + " }";
  };
  const char* const la = "tenants/contoso/connections/la";
  CheckRows(
      {
          {"of two connections", La("peer_addresses: '25.0.0.1'") + ny("peer_addresses: '25.0.0.1'"),
           "spec.connections[1].peer_addresses[0]",
           "25.0.0.1 is already a peer of tenants/contoso/connections/la"},
          {"in the subnet of a later connection", La("peer_addresses: '16.0.0.1'") + ny(""),
           "spec.connections[0].peer_addresses[0]",
           "16.0.0.1 is in 16.0.0.0/24 of tenants/contoso/connections/ny"},
          {"in the subnet of an earlier connection", La() + ny("peer_addresses: '15.0.0.1'"),
           "spec.connections[1].peer_addresses[0]", la},
          {"our own on another connection", La() + ny("peer_addresses: '15.0.0.5'"),
           "spec.connections[1].peer_addresses[0]",
           "15.0.0.5 is our own address on tenants/contoso/connections/la"},
          {"a router address", "router_addresses: '25.0.0.1' " + La("peer_addresses: '25.0.0.1'"),
           "spec.connections[0].peer_addresses[0]", "25.0.0.1 is the tenant's own router address"},
          {"the subnet's broadcast", La("peer_addresses: '15.0.0.255'"),
           "spec.connections[0].peer_addresses[0]", "15.0.0.255/24 is the subnet's broadcast address"},
          {"the subnet's number", La("peer_addresses: '15.0.0.0'"), "spec.connections[0].peer_addresses[0]",
           "15.0.0.0/24 is the subnet's own number"},
      },
      TwoPorts(), Fault::kInvalid);
  // Link-local addresses are of a link each.
  const std::string v6 = "addresses: '2001:db8::5/64' peer_addresses: 'fe80::1'";
  CheckRows({{"link-local on two links",
              La(v6) + ny("addresses: '2001:db8:1::5/64' peer_addresses: 'fe80::1'"), nullptr, ""},
             {"the ends of a /31", La("addresses: '10.9.0.0/31' peer_addresses: '10.9.0.1'"), nullptr, ""}},
            TwoPorts(), Fault::kInvalid);
}

TEST_CASE("what the dataplane would refuse or never forward is refused before") {
  Environment environment = TwoPorts();
  environment.ports->push_back({"small", 1000});
  const std::string hop = "next_hops { address: '15.0.0.1' }";
  const std::string six = "addresses: '2001:db8::5/64' ";
  const auto neighbor = [](const char* address) {
    return absl::StrCat("port: 'p1' vlan: 100 static_neighbors { address: '", address,
                        "' mac: '02:00:5e:00:53:01' }");
  };
  const auto route = [&](const char* prefix) {
    return La(six + Route(prefix, std::string(prefix).find(':') == std::string::npos
                                      ? hop
                                      : "next_hops { address: '2001:db8::1' }"));
  };
  const char* const prefix_field = "spec.connections[0].routes[0].prefix";
  const char* const hop_field = "spec.connections[0].routes[0].next_hops[0].address";
  CheckRows(
      {
          {"a link-local address of our own", La("addresses: 'fe80::5/64'"),
           "spec.connections[0].addresses[1]", "made from the interface's MAC"},
          {"an IPv4-mapped address", La("addresses: '::ffff:15.0.0.5/120'"),
           "spec.connections[0].addresses[1]", "an IPv4-mapped address"},
          {"IPv6 on a port of a small MTU", La(six, "port: 'small' vlan: 1"),
           "spec.connections[0].addresses[1]", "IPv6 needs an MTU of 1280; port small has 1000"},
          {"an MTU above the small one of a port", La("mtu: 1300", "port: 'small' vlan: 1"),
           "spec.connections[0].mtu", "above the 1000 of port small; accepted: to leave it out"},
          {"a route to our own address", route("15.0.0.5/32"), prefix_field,
           "15.0.0.5/32 is our own address"},
          {"a route to our own IPv6 address", route("2001:db8::5/128"), prefix_field, "is our own address"},
          {"a next hop that is the broadcast",
           La(Route("18.0.0.0/24", "next_hops { address: '15.0.0.255' }")), hop_field,
           "next hop 15.0.0.255/24 is the subnet's broadcast address"},
          {"a next hop that is the subnet's number",
           La(Route("18.0.0.0/24", "next_hops { address: '15.0.0.0' connection: 'la' }")), hop_field,
           "own number"},
          {"a neighbour that is ourselves", La("", neighbor("15.0.0.5")),
           "spec.connections[0].l3.static_neighbors[0].address", "15.0.0.5 is our own address"},
          {"a neighbour that is the broadcast", La("", neighbor("15.0.0.255")),
           "spec.connections[0].l3.static_neighbors[0].address", "broadcast"},
          {"this network", route("0.0.0.0/8"), prefix_field, "this network"},
          {"a part of this network", route("0.1.0.0/16"), prefix_field, "this network"},
          {"reserved", route("240.0.0.0/4"), prefix_field, "240.0.0.0/4 is reserved"},
          {"limited broadcast", route("255.255.255.255/32"), prefix_field, "is reserved"},
          {"link-local", route("169.254.0.0/16"), prefix_field, "link-local"},
          {"IPv6 link-local", route("fe80::/10"), prefix_field, "link-local"},
          {"a part of IPv6 link-local", route("fe80:0:0:1::/64"), prefix_field, "link-local"},
          {"IPv4-mapped", route("::ffff:0:0/96"), prefix_field, "IPv4-mapped"},
          {"IPv6 multicast", route("ff00::/8"), prefix_field, "multicast"},
      },
      environment, Fault::kInvalid);
  CheckRows({{"one half of everything", route("0.0.0.0/1"), nullptr, ""},
             {"the other half", route("128.0.0.0/1"), nullptr, ""},
             {"IPv4 on a port of a small MTU", La("", "port: 'small' vlan: 1"), nullptr, ""},
             {"an IPv6 next hop that is the subnet's anycast address",
              La(six + Route("2001:db8:1::/48", "next_hops { address: '2001:db8::' }")), nullptr, ""}},
            environment, Fault::kInvalid);
}

TEST_CASE("a quota is never so small or so large that it becomes none") {
  CheckRows({{"0 IPv4 routes", "quotas { routes_ipv4: 0 }", "spec.quotas.routes_ipv4", "accepted: 1 or more"},
             {"0 IPv6 routes", "quotas { routes_ipv6: 0 }", "spec.quotas.routes_ipv6", "1 or more"},
             {"0 neighbours", "quotas { neighbors: 0 }", "spec.quotas.neighbors", "1 or more"}},
            TwoPorts(), Fault::kInvalid);
  Environment environment = TwoPorts();
  environment.limits.routes_ipv4_per_tenant = uint64_t{1} << 32;
  environment.limits.routes_ipv6_per_tenant = 0;
  const auto result = ValidateTenant("contoso", Spec(""), environment);
  CHECK(result.model.routes_ipv4_max == 0xffffffff);
  CHECK(result.model.routes_ipv6_max == 1);
}

TEST_CASE("what is not there yet is refused by its name") {
  CheckRows(
      {
          {"IPsec", "connections { name: 'a' ipsec {} }", "spec.connections[0].ipsec",
           "IPsec connections are not implemented"},
          {"BGP", "bgp_router { asn: 65001 }", "spec.bgp_router", "BGP routers"},
          {"policy", "policy_maps { name: 'in' }", "spec.policy_maps", "BGP policy maps"},
          {"overlay", "virtual_networks { name: 'v' routing_domain_id: 7 }",
           "spec.virtual_networks[0].routing_domain_id", "routing domain ids"},
      },
      TwoPorts(), Fault::kUnimplemented);
}

TEST_CASE("a limit is refused by its name with both figures") {
  Environment environment = TwoPorts();
  environment.limits.connections_per_tenant = 1;
  environment.limits.addresses_per_connection = 1;
  environment.limits.routes_per_connection = 1;
  environment.limits.next_hops_per_route = 1;
  environment.limits.peers_per_connection = 1;
  environment.capacity.total_kbps = 1000;
  environment.booked_by_others_kbps = 700;
  const std::string hop = "next_hops { address: '15.0.0.1' }";
  CheckRows(
      {
          {"connections",
           La() + "connections { name: 'ny' l3 { port: 'p2' vlan: 7 } addresses: '16.0.0.5/24' }",
           "spec.connections", "2 connections are wanted; limit connections-per-tenant is 1"},
          {"addresses", La("addresses: '16.0.0.5/24'"), "spec.connections[0].addresses",
           "2 are wanted; limit addresses-per-connection is 1"},
          {"peers", La("peer_addresses: '15.0.0.1' peer_addresses: '15.0.0.2'"),
           "spec.connections[0].peer_addresses", "peers-per-connection"},
          {"routes", La(Route("1.0.0.0/8", hop) + Route("2.0.0.0/8", hop)), "spec.connections[0].routes",
           "routes-per-connection"},
          {"next hops", La(Route("1.0.0.0/8", hop + "next_hops { address: '15.0.0.2' }")),
           "spec.connections[0].routes[0].next_hops", "limit next-hops-per-route is 1"},
          {"quota above the limit", "quotas { static_routes: 2000000 }", "spec.quotas",
           "quota of 2000000 is wanted; limit static-routes-per-tenant is 1000000"},
          {"router addresses",
           "router_addresses: '1.0.0.1' router_addresses: '2001:db8::6' router_addresses: '1.0.0.2'",
           "spec.router_addresses", "3 are wanted; limit router-addresses-per-tenant is 2"},
          {"a second router address", "router_addresses: '1.0.0.1' router_addresses: '1.0.0.2'",
           "spec.router_addresses[1]", "router-addresses-per-family"},
          {"capacity", La("inbound_kbps: 200 outbound_kbps: 101"), "spec.connections",
           "connections book 301 kbit/s; 300 kbit/s of the gateway's 1000 kbit/s are available"},
          {"the tenant's own bandwidth", La("inbound_kbps: 200") + "quotas { bandwidth_kbps: 199 }",
           "spec.connections", "book 200 kbit/s; the tenant's quota is 199"},
      },
      environment, Fault::kLimit);
}

TEST_CASE("an over-provisioning that arose from lowered capacity does not block other changes") {
  Environment environment = TwoPorts();
  environment.capacity.total_kbps = 100;
  environment.booked_before_kbps = 300;
  CHECK(ValidateTenant("contoso", Spec(La("inbound_kbps: 300 mtu: 1400")), environment).findings.empty());
  CHECK_FALSE(ValidateTenant("contoso", Spec(La("inbound_kbps: 301")), environment).findings.empty());
}

TEST_CASE("text is stored in canonical form") {
  const auto result =
      ValidateTenant("contoso",
                     Spec(La("addresses: '2001:DB8:0::5/64' peer_addresses: '2001:0db8::0001' " +
                             Route("2001:DB8:18::/48", "next_hops { address: '2001:DB8::1' weight: 1 }"))),
                     TwoPorts());
  REQUIRE(result.findings.empty());
  CHECK(result.spec.connections(0).addresses(1) == "2001:db8::5/64");
  CHECK(result.spec.connections(0).peer_addresses(0) == "2001:db8::1");
  CHECK(result.spec.connections(0).routes(0).prefix() == "2001:db8:18::/48");
  CHECK_FALSE(result.spec.connections(0).routes(0).next_hops(0).has_weight());
}

TEST_CASE("a stored tenant is used as far as it goes") {
  const auto result =
      ValidateTenant("contoso",
                     Spec(La("", "port: 'gone' vlan: 1") +
                          "connections { name: 'ny' l3 { port: 'p2' vlan: 7 } addresses: '16.0.0.5/24' }"),
                     TwoPorts());
  CHECK(result.findings.count() == 1);
  REQUIRE(result.model.connections.size() == 1);
  CHECK(result.model.connections[0].name == "ny");
}

TEST_CASE("ports are taken on trust while none are known") {
  CHECK(ValidateTenant("contoso", Spec(La("", "port: 'any' vlan: 1")), Environment{}).findings.empty());
}

TEST_CASE("findings beyond the hundredth are counted, not kept") {
  std::string spec;
  for (int i = 0; i < 150; ++i) absl::StrAppend(&spec, "router_addresses: 'x' ");
  const auto result = ValidateTenant("contoso", Spec(spec), Environment{});
  CHECK(result.findings.count() == 151);  // so many are too many, too
  CHECK(result.findings.list().size() == Findings::kFindingsMax);
}

TEST_CASE("a spec that would outgrow a message is refused by its limit") {
  std::string spec = "connections { name: 'la' l3 { port: 'p1' vlan: 100 } addresses: '15.0.0.5/24' ";
  for (int i = 0; i < 60'000; ++i)
    absl::StrAppend(&spec, "routes { prefix: '18.0.0.0/24' next_hops { address: '15.0.0.1' } } ");
  const auto result = ValidateTenant("contoso", Spec(spec + "}"), TwoPorts());
  REQUIRE_FALSE(result.findings.empty());
  CHECK(result.findings.list()[0].limit == "tenant-spec-bytes");
}

TEST_CASE("capacity is booked by the ratio of total and cap") {
  Capacity capacity;
  capacity.total_kbps = 25'000'000;
  // 25 Gbit/s gateway, caps of 5 and 15: 2 Gbit/s of IPsec leave 15, which are 9 Gbit/s of GRE.
  CHECK(BookedKbps(capacity, 5'000'000, 2'000'000) == 10'000'000);
  CHECK(BookedKbps(capacity, 15'000'000, 9'000'000) == 15'000'000);
  // 4 Gbit/s gateway: every ratio is one.
  capacity.total_kbps = 4'000'000;
  CHECK(BookedKbps(capacity, 5'000'000, 123) == 123);
  CHECK(BookedKbps(Capacity{}, 1, 123) == 123);
}

}  // namespace
}  // namespace sluice::tenant
