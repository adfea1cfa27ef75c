// Mappings: the rules as a table, and sets and their differences.
#include "control/tenant/mapping.h"

#include <catch2/catch.hpp>

#include "control/tenant/mapping_set.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

net::Prefix P(const char* text) {
  return *net::Prefix::Parse(text);
}

// Virtual network "red" with subnets web (dual stack) and db; "blue" and connection "la" beside it.
TenantModel Contoso() {
  TenantModel model;
  VirtualSubnet web{"web",
                    5001,
                    *net::MacAddress::Parse("02:53:4c:00:13:89"),
                    {P("10.1.0.0/24"), P("2001:db8:1::/64")},
                    {*net::InterfaceAddress::Parse("10.1.0.1/24")}};
  VirtualSubnet db{"db", 5002, *net::MacAddress::Parse("02:53:4c:00:13:8a"), {P("10.2.0.0/24")}, {}};
  VirtualNetwork red;
  red.name = "red";
  red.provider_address = *net::Address::Parse("192.0.2.1");
  red.subnets = {web, db};
  VirtualNetwork blue = red;
  blue.name = "blue";
  blue.subnets = {{"app", 5003, {}, {P("10.3.0.0/24")}, {}}};
  model.virtual_networks = {red, blue};
  model.connections.emplace_back();
  model.connections[0].name = "la";
  model.connections[0].addresses = {*net::InterfaceAddress::Parse("15.0.0.5/24")};
  return model;
}

UnderlayModel TwoTors() {
  UnderlayModel underlay;
  underlay.interfaces.resize(2);
  underlay.interfaces[0].name = "tor-a";
  underlay.interfaces[0].addresses = {*net::InterfaceAddress::Parse("192.0.2.1/24")};
  underlay.interfaces[1].name = "tor-b";
  underlay.interfaces[1].addresses = {*net::InterfaceAddress::Parse("198.51.100.1/24")};
  return underlay;
}

v1::Mapping Wanted(const char* prefix, const char* subnet, const char* provider, const char* mac) {
  v1::Mapping wanted;
  wanted.set_prefix(prefix);
  if (*subnet != 0) wanted.set_subnet(subnet);
  wanted.set_provider_address(provider);
  wanted.set_mac(mac);
  return wanted;
}

TEST_CASE("a mapping is parsed under the rules of its virtual network") {
  const TenantModel model = Contoso();
  const MappingRules rules(model, model.virtual_networks[0], TwoTors());
  const char* const kHost = "192.0.2.7";
  const char* const kMac = "02:00:5e:00:53:01";
  const struct {
    const char* what;
    v1::Mapping wanted;
    const char* field;  // nullptr: accepted
    const char* says;   // or the canonical form
  } rows[] = {
      {"an address", Wanted("10.1.0.4", "", kHost, kMac), nullptr,
       "10.1.0.4 web 192.0.2.7 02:00:5e:00:53:01"},
      {"the same with its length", Wanted("10.1.0.4/32", "web", kHost, "02-00-5E-00-53-01"), nullptr,
       "10.1.0.4 web 192.0.2.7 02:00:5e:00:53:01"},
      {"the second family", Wanted("2001:db8:1::4", "", kHost, kMac), nullptr,
       "2001:db8:1::4 web 192.0.2.7 02:00:5e:00:53:01"},
      {"a prefix", Wanted("10.2.0.16/28", "", kHost, kMac), nullptr,
       "10.2.0.16/28 db 192.0.2.7 02:00:5e:00:53:01"},
      {"what is behind an appliance", Wanted("172.16.0.0/12", "db", kHost, kMac), nullptr,
       "172.16.0.0/12 db 192.0.2.7 02:00:5e:00:53:01"},
      {"everything behind one", Wanted("0.0.0.0/0", "db", kHost, kMac), nullptr,
       "0.0.0.0/0 db 192.0.2.7 02:00:5e:00:53:01"},
      {"no prefix", Wanted("", "", kHost, kMac), "prefix", "accepted: such as 10.1.0.4"},
      {"host bits", Wanted("10.1.0.4/24", "", kHost, kMac), "prefix", "host bits"},
      {"multicast", Wanted("224.0.0.5", "web", kHost, kMac), "prefix", "multicast"},
      {"in no subnet, and none named", Wanted("10.9.0.4", "", kHost, kMac), "prefix",
       "accepted: with the name of the subnet that it is reached through, one of web (10.1.0.0/24)"},
      {"in another subnet than named", Wanted("10.1.0.4", "db", kHost, kMac), "prefix",
       "10.1.0.0/24 of subnet web"},
      {"of another virtual network", Wanted("10.3.0.4", "db", kHost, kMac), "prefix",
       "subnet app of virtual network blue"},
      {"of a connection", Wanted("15.0.0.9", "db", kHost, kMac), "prefix", "connection la"},
      {"a subnet of another virtual network", Wanted("10.3.0.4", "app", kHost, kMac), "subnet",
       "virtual network red has no subnet \"app\"; accepted: web (10.1.0.0/24)"},
      {"our own address", Wanted("10.1.0.1", "", kHost, kMac), "prefix", "our own address in subnet web"},
      {"no host", Wanted("10.1.0.4", "", "", kMac), "provider_address", "accepted: such as 192.0.2.7"},
      {"a host of the other family", Wanted("10.1.0.4", "", "2001:db8::7", kMac), "provider_address",
       "accepted: an IPv4 address"},
      {"ourselves as host", Wanted("10.1.0.4", "", "192.0.2.1", kMac), "provider_address",
       "192.0.2.1 is an address of the gateway itself; accepted: that of the host"},
      {"ourselves on the other interface", Wanted("10.1.0.4", "", "198.51.100.1", kMac), "provider_address",
       "198.51.100.1 is an address of the gateway itself"},
      {"a multicast host", Wanted("10.1.0.4", "", "239.0.0.1", kMac), "provider_address", "multicast"},
      {"no MAC", Wanted("10.1.0.4", "", kHost, "02:00"), "mac", "no MAC address"},
      {"a multicast MAC", Wanted("10.1.0.4", "", kHost, "01:00:5e:00:00:01"), "mac",
       "not the address of one machine"},
      {"no machine's MAC", Wanted("10.1.0.4", "", kHost, "00:00:00:00:00:00"), "mac",
       "not the address of one"},
      {"our own MAC", Wanted("10.1.0.4", "", kHost, "02:53:4c:00:13:89"), "mac", "is ours in subnet web"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    MappingComplaint complaint;
    const auto mapping = rules.Parse(row.wanted, complaint);
    CHECK(mapping.has_value() == (row.field == nullptr));
    if (row.field != nullptr) {
      CHECK(complaint.field == row.field);
      CHECK_THAT(complaint.description, Catch::Contains(row.says));
      continue;
    }
    REQUIRE(mapping.has_value());
    v1::Mapping shown;
    ToProto(*mapping, shown);
    CHECK(shown.prefix() + " " + shown.subnet() + " " + shown.provider_address() + " " + shown.mac() ==
          row.says);
    CHECK_FALSE(rules.Complaint(*mapping).has_value());
  }
}

Mapping Of(const char* prefix, const char* subnet, const char* provider, uint8_t mac = 1) {
  return {P(prefix), subnet, *net::Address::Parse(provider), {{2, 0, 0, 0, 0, mac}}};
}

TEST_CASE("a mapping set counts hosts and subnets") {
  MappingSet set;
  CHECK(set.Put(Of("10.1.0.4/32", "web", "192.0.2.7")));
  CHECK(set.Put(Of("10.1.0.5/32", "web", "192.0.2.7")));
  CHECK(set.Put(Of("10.2.0.5/32", "db", "192.0.2.8")));
  CHECK(set.hosts() == 2);
  CHECK(set.CountIn("web") == 2);
  CHECK(set.CountTo(*net::Address::Parse("192.0.2.7")) == 2);
  CHECK(set.CountTo(*net::Address::Parse("192.0.2.9")) == 0);
  CHECK_FALSE(set.Put(Of("10.2.0.5/32", "web", "192.0.2.7", 9)));  // moved
  CHECK(set.hosts() == 1);
  CHECK(set.CountIn("web") == 3);
  CHECK(set.CountIn("db") == 0);
  CHECK(set.At(set.mappings().find(P("10.2.0.5/32"))) == Of("10.2.0.5/32", "web", "192.0.2.7", 9));
  CHECK(set.Put(Of("10.3.0.5/32", "app", "192.0.2.7")));  // takes the place of "db"
  CHECK(set.CountIn("db") == 0);
  CHECK(set.CountIn("app") == 1);
  CHECK(set.Remove(P("10.3.0.5/32")));
  CHECK_FALSE(set.Remove(P("10.3.0.5/32")));
  CHECK(set.size() == 3);
}

TEST_CASE("the difference of two sets is what differs, in portions") {
  MappingSet before;
  MappingSet after;
  for (const char* same : {"10.1.0.1/32", "10.1.0.9/32"}) {
    before.Put(Of(same, "web", "192.0.2.7"));
    after.Put(Of(same, "web", "192.0.2.7"));
  }
  before.Put(Of("10.1.0.2/32", "web", "192.0.2.7"));
  before.Put(Of("10.1.0.3/32", "web", "192.0.2.7"));
  after.Put(Of("10.1.0.3/32", "web", "192.0.2.7", 2));  // another MAC
  before.Put(Of("10.1.0.4/32", "web", "192.0.2.7"));
  after.Put(Of("10.1.0.4/32", "web", "192.0.2.8"));  // another host
  before.Put(Of("10.1.0.5/32", "web", "192.0.2.7"));
  after.Put(Of("10.1.0.5/32", "db", "192.0.2.7"));  // another subnet
  after.Put(Of("10.1.0.6/32", "web", "192.0.2.7"));

  MappingDifference difference(before, after);
  std::vector<std::string> told;
  unsigned portions = 1;
  while (difference.Advance(
      2, [&](const Mapping& mapping) { told.push_back("+" + mapping.prefix.ToString()); },
      [&](const net::Prefix& prefix) { told.push_back("-" + prefix.ToString()); }))
    ++portions;
  CHECK(portions > 2);
  CHECK(told == std::vector<std::string>{"-10.1.0.2/32", "+10.1.0.3/32", "+10.1.0.4/32", "+10.1.0.5/32",
                                         "+10.1.0.6/32"});
  CHECK(difference.counts().added == 1);
  CHECK(difference.counts().changed == 3);
  CHECK(difference.counts().removed == 1);
  CHECK(CountDifference(after, after).all() == 0);
}

}  // namespace
}  // namespace sluice::tenant
