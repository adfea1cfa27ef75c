// Virtual networks and their mappings through the API: what is stored, stated and shown.
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "control/api/api_rig.h"
#include "sluice/gateway/v1/virtual_network.grpc.pb.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

const std::string kRed =
    "virtual_networks { name: 'red' provider_address: '192.0.2.1' subnets { name: 'web' prefix: "
    "'10.1.0.0/16' "
    "network_id: 5001 gateway_address: '10.1.0.1' } subnets { name: 'db' prefix: '10.2.0.0/16' network_id: "
    "5002 } }";

void PutProviderNetwork(Rig& rig) {
  v1::PutGatewayRequest request;
  auto& tor = *request.mutable_gateway()->mutable_spec()->add_underlay_interfaces();
  tor.set_name("tor-a");
  tor.set_port("p2");
  tor.add_addresses("192.0.2.1/24");
  request.mutable_options()->set_overwrite(true);
  v1::GatewayWriteResult result;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, request, &result).ok());
}

v1::Mapping Host(uint32_t index, const std::string& provider = "192.0.2.7") {
  v1::Mapping mapping;
  mapping.set_prefix(net::Ipv4Address{(10u << 24) + (1u << 16) + 256 + index}.ToString());
  mapping.set_provider_address(provider);
  mapping.set_mac("02:00:5e:00:53:01");
  return mapping;
}

grpc::Status Replace(Rig& rig, uint64_t version, uint32_t count, v1::MappingsResult& result,
                     const std::string& provider = "192.0.2.7") {
  v1::MappingService::Stub stub(rig.channel());
  grpc::ClientContext context;
  const auto writer = stub.ReplaceMappings(&context, &result);
  v1::ReplaceMappingsRequest message;
  message.mutable_header()->set_tenant("contoso");
  message.mutable_header()->set_virtual_network("red");
  message.mutable_header()->set_version(version);
  for (uint32_t i = 0; i < count; ++i) {
    *message.add_mappings() = Host(i, provider);
    if (message.mappings_size() < 1000) continue;
    writer->Write(message);
    message.Clear();
  }
  writer->Write(message);
  writer->WritesDone();
  return writer->Finish();
}

grpc::Status Update(Rig& rig, const v1::UpdateMappingsRequest& request, v1::MappingsResult& result) {
  v1::MappingService::Stub stub(rig.channel());
  grpc::ClientContext context;
  const auto writer = stub.UpdateMappings(&context, &result);
  writer->Write(request);
  writer->WritesDone();
  return writer->Finish();
}

std::vector<v1::Mapping> List(Rig& rig, v1::ListMappingsRequest request, grpc::Status* status = nullptr) {
  request.set_tenant("contoso");
  request.set_virtual_network("red");
  v1::MappingService::Stub stub(rig.channel());
  grpc::ClientContext context;
  const auto reader = stub.ListMappings(&context, request);
  std::vector<v1::Mapping> all;
  v1::ListMappingsResponse page;
  while (reader->Read(&page)) all.insert(all.end(), page.mappings().begin(), page.mappings().end());
  const grpc::Status ended = reader->Finish();
  if (status != nullptr) *status = ended;
  return all;
}

const v1::VirtualNetworkStatus StatusOf(Rig& rig) {
  const v1::Tenant tenant = rig.Get("contoso");
  REQUIRE(tenant.status().virtual_networks_size() == 1);
  return tenant.status().virtual_networks(0);
}

std::string ConditionOf(const v1::VirtualNetworkStatus& status, const std::string& type) {
  for (const v1::Condition& each : status.conditions())
    if (each.type() == type)
      return absl::StrCat(each.status() == v1::CONDITION_STATUS_TRUE ? "true " : "false ", each.reason(), " ",
                          each.message());
  return "";
}

v1::WriteOptions Overwrite() {
  v1::WriteOptions options;
  options.set_overwrite(true);
  return options;
}

struct OverlayRig : Rig {
  OverlayRig() {
    PutProviderNetwork(*this);
    REQUIRE(Put("contoso", kRed, written).ok());
  }
  // Routes of mappings by prefix.
  std::map<std::string, rib::NextHop> Stated() {
    std::map<std::string, rib::NextHop> hops;
    for (const auto& [key, route] : sink().mappings) hops[key.second.ToString()] = route.next_hops[0];
    return hops;
  }
  v1::TenantWriteResult written;
};

TEST_CASE("a virtual network is a tunnel for each of its subnets") {
  OverlayRig rig;
  const programming::TenantObjects& tenant = rig.sink().tenants.at(1);
  REQUIRE(tenant.interfaces.size() == 2);
  const programming::InterfaceObject& web = tenant.interfaces[0];
  REQUIRE(web.tunnel.has_value());
  CHECK(web.tunnel->kind == channel::TunnelKind::kVxlan);
  CHECK(web.tunnel->key_in == 5001);
  CHECK(web.tunnel->key_out == 5001);
  CHECK(web.tunnel->udp_port == 4789);
  CHECK(web.tunnel->local.ToString() == "192.0.2.1");
  CHECK(web.mac.ToString() == "02:53:4c:00:13:89");
  CHECK(web.mtu == 9000 - 50);
  CHECK(web.addresses.size() == 1);
  // What has no mapping is dropped.
  CHECK(tenant.routes.size() == 2);
  CHECK(tenant.routes[0].prefix.ToString() == "10.1.0.0/16");
  CHECK(tenant.routes[0].next_hops.empty());
  rig.Acknowledge();
  const v1::VirtualNetworkStatus status = StatusOf(rig);
  CHECK(status.mtu() == 8950);
  CHECK(status.mtu_explanation() == "underlay tor-a 9000 - IPv4 20 - UDP 8 - VXLAN 8 - inner Ethernet 14");
  CHECK(status.subnets(0).gateway_mac() == "02:53:4c:00:13:89");
  CHECK(ConditionOf(status, "Ready") == "true Acknowledged ");

  SECTION("an address that is not the underlay's is refused, and so is another tenant's VNI") {
    const grpc::Status address =
        rig.Put("fabrikam", "virtual_networks { name: 'x' provider_address: '192.0.2.9' }", rig.written);
    CHECK(address.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    const grpc::Status vni =
        rig.Put("fabrikam",
                "virtual_networks { name: 'x' provider_address: '192.0.2.1' subnets { name: 'y' prefix: "
                "'10.1.0.0/16' network_id: 5001 } }",
                rig.written);
    CHECK_THAT(vni.error_message(),
               Catch::Contains("VNI 5001 belongs to tenants/contoso/virtualNetworks/red, subnet web"));
  }
  SECTION("a subnet keeps its number, unless it becomes another tunnel") {
    const uint32_t before = web.interface;
    REQUIRE(rig.Put("contoso", kRed + " labels { key: 'a' value: 'b' }", rig.written, "", Overwrite()).ok());
    CHECK(rig.sink().tenants.at(1).interfaces[0].interface == before);
    std::string other = kRed;
    other.replace(other.find("5001"), 4, "5009");
    REQUIRE(rig.Put("contoso", other, rig.written, "", Overwrite()).ok());
    CHECK(rig.sink().tenants.at(1).interfaces[0].interface != before);
    CHECK(rig.sink().tenants.at(1).interfaces[0].tunnel->key_in == 5009);
  }
  SECTION("dead ways of the underlay are told") {
    rig.dataplane().tunnel_paths = {{"192.0.2.7", true, ""},
                                    {"192.0.2.8", false, "192.0.2.8 does not answer"}};
    CHECK_THAT(ConditionOf(StatusOf(rig), "HostsReachable"),
               Catch::Contains("false UnderlayDown packets to 2 of 4") &&
                   Catch::Contains("192.0.2.8 does not answer"));
  }
  SECTION("smaller path MTUs are told") {
    const std::string before = StatusOf(rig).mtu_explanation();
    const uint32_t mtu = StatusOf(rig).mtu();
    rig.dataplane().tunnel_paths = {{"192.0.2.7", true, "", 1400, 1795936351'000'000},
                                    {"192.0.2.8", true, "", 1300, 1795936351'000'000},
                                    {"192.0.2.9", true, ""}};
    CHECK(StatusOf(rig).mtu_explanation() ==
          before +
              "; less to 4 of 6 virtual machines, at the narrowest path MTU 1300 to 192.0.2.8 "
              "learned at 2026-11-29T07:12:31Z");
    CHECK(StatusOf(rig).mtu() == mtu);
  }
  SECTION("counters are those of its subnets") {
    rig.dataplane().counters.inbound_packets = 7;
    CHECK(StatusOf(rig).statistics().inbound_packets() == 14);
    CHECK(StatusOf(rig).subnets(1).statistics().inbound_packets() == 7);
  }
}

TEST_CASE("mappings are replaced as a whole, by version, and only differences are stated") {
  OverlayRig rig;
  v1::MappingsResult result;
  REQUIRE(Replace(rig, 5, 5000, result).ok());
  CHECK(result.added() == 5000);
  CHECK(result.mappings() == 5000);
  CHECK(rig.Stated().size() == 5000);
  const rib::NextHop host = rig.Stated().at("10.1.1.4/32");
  CHECK(host.address->ToString() == "192.0.2.7");
  CHECK(host.interface == rig.sink().tenants.at(1).interfaces[0].interface);
  CHECK(host.mac.ToString() == "02:00:5e:00:53:01");
  CHECK(StatusOf(rig).mappings() == 5000);
  CHECK(StatusOf(rig).hosts() == 1);
  CHECK(StatusOf(rig).mappings_version() == 5);

  REQUIRE(Replace(rig, 6, 4000, result).ok());
  CHECK(result.removed() == 1000);
  CHECK(rig.sink().mapping_changes == 6000);

  SECTION("an older version is refused, the same with equal content is no change") {
    CHECK(Replace(rig, 5, 1, result).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    CHECK(Replace(rig, 6, 1, result).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    REQUIRE(Replace(rig, 6, 4000, result).ok());
    CHECK(rig.sink().mapping_changes == 6000);
  }
  SECTION("they are there after a restart") {
    rig.Restart();
    CHECK(rig.Stated().size() == 4000);
    CHECK(StatusOf(rig).mappings_version() == 6);
  }
  SECTION("single ones are put and removed") {
    v1::UpdateMappingsRequest request;
    request.mutable_header()->set_tenant("contoso");
    request.mutable_header()->set_virtual_network("red");
    request.mutable_header()->set_base_version(6);
    *request.add_put() = Host(4, "192.0.2.8");
    request.add_remove("10.1.1.5");
    request.add_remove("10.1.99.99/32");
    REQUIRE(Update(rig, request, result).ok());
    CHECK(result.version() == 7);
    CHECK(result.changed() == 1);
    CHECK(result.removed() == 1);
    CHECK(rig.Stated().at("10.1.1.4/32").address->ToString() == "192.0.2.8");
    CHECK_FALSE(rig.Stated().contains("10.1.1.5/32"));
    CHECK(Update(rig, request, result).error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    rig.Restart();
    CHECK(rig.Stated().at("10.1.1.4/32").address->ToString() == "192.0.2.8");
    CHECK_FALSE(rig.Stated().contains("10.1.1.5/32"));
  }
  SECTION("they are listed in order, by prefix and by host") {
    CHECK(List(rig, {}).size() == 4000);
    v1::ListMappingsRequest request;
    request.set_within("10.1.1.0/29");
    const auto some = List(rig, request);
    REQUIRE(some.size() == 8);
    CHECK(some[3].prefix() == "10.1.1.3");
    CHECK(some[3].subnet() == "web");
    request.clear_within();
    request.set_provider_address("192.0.2.99");
    CHECK(List(rig, request).empty());
    request.clear_provider_address();
    request.set_limit(10);
    CHECK(List(rig, request).size() == 10);
    grpc::Status status;
    request.set_within("x");
    List(rig, request, &status);
    CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  }
  SECTION("PutTenant leaves them alone, and those that lose their subnet are kept and told") {
    std::string other = kRed;
    other.replace(other.find("10.1.0.0/16"), 11, "10.9.0.0/16");
    other.replace(other.find("gateway_address: '10.1.0.1'"), 27, "");
    REQUIRE(rig.Put("contoso", other, rig.written, "", Overwrite()).ok());
    // Still behind a host of "web", and in no other subnet.
    CHECK(rig.Stated().size() == 4000);
    const std::string only_db =
        "virtual_networks { name: 'red' provider_address: '192.0.2.1' mappings_version: 9 subnets "
        "{ name: 'db' prefix: '10.2.0.0/16' network_id: 5002 } }";
    REQUIRE(rig.Put("contoso", only_db, rig.written, "", Overwrite()).ok());
    CHECK(rig.Stated().empty());
    CHECK_THAT(ConditionOf(StatusOf(rig), "MappingsValid"),
               Catch::Contains("false NotInForce 4000 of 4000") && Catch::Contains("no subnet \"web\""));
    CHECK_THAT(ConditionOf(StatusOf(rig), "MappingsCurrent"), Catch::Contains("requires version 9"));
    REQUIRE(rig.Put("contoso", kRed, rig.written, "", Overwrite()).ok());
    CHECK(rig.Stated().size() == 4000);
    REQUIRE(rig.Put("contoso", "", rig.written, "", Overwrite()).ok());
    CHECK(rig.Stated().empty());
    REQUIRE(rig.Put("contoso", kRed, rig.written, "", Overwrite()).ok());
    CHECK(StatusOf(rig).mappings() == 0);
    CHECK(StatusOf(rig).mappings_version() == 0);
  }
}

TEST_CASE("mappings to a host that becomes an address of ours are not in force") {
  OverlayRig rig;
  v1::MappingsResult result;
  REQUIRE(Replace(rig, 1, 3, result, "198.51.100.1").ok());
  v1::PutGatewayRequest request;
  request.mutable_options()->set_overwrite(true);
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      "underlay_interfaces { name: 'tor-a' port: 'p2' addresses: '192.0.2.1/24' } "
      "underlay_interfaces { name: 'tor-b' port: 'p1' vlan: 300 addresses: '198.51.100.1/24' }",
      request.mutable_gateway()->mutable_spec()));
  v1::GatewayWriteResult written;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, request, &written).ok());
  CHECK(rig.Stated().empty());
  CHECK_THAT(
      ConditionOf(StatusOf(rig), "MappingsValid"),
      Catch::Contains("3 of 3") && Catch::Contains("198.51.100.1 is an address of the gateway itself"));
  CHECK(Replace(rig, 2, 3, result, "198.51.100.1").error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  PutProviderNetwork(rig);
  CHECK(rig.Stated().size() == 3);
}

TEST_CASE("a wrong mapping refuses the whole replace, and says where it is") {
  OverlayRig rig;
  v1::MappingsResult result;
  v1::MappingService::Stub stub(rig.channel());
  const auto replace = [&](v1::Mapping mapping, uint64_t expected, const char* network = "red") {
    grpc::ClientContext context;
    const auto writer = stub.ReplaceMappings(&context, &result);
    v1::ReplaceMappingsRequest message;
    message.mutable_header()->set_tenant("contoso");
    message.mutable_header()->set_virtual_network(network);
    message.mutable_header()->set_expected_mappings(expected);
    *message.add_mappings() = Host(1);
    *message.add_mappings() = std::move(mapping);
    writer->Write(message);
    writer->WritesDone();
    return writer->Finish();
  };
  v1::Mapping outside = Host(2);
  outside.set_prefix("10.7.0.1");
  CHECK_THAT(replace(outside, 2).error_message(),
             Catch::Contains("mappings[1].prefix") && Catch::Contains("web (10.1.0.0/16)"));
  CHECK_THAT(replace(Host(1), 2).error_message(), Catch::Contains("10.1.1.1 is there twice"));
  CHECK_THAT(replace(Host(2), 3).error_message(), Catch::Contains("carried 2 mappings, 3 were announced"));
  CHECK(replace(Host(2), 2, "blue").error_code() == grpc::StatusCode::NOT_FOUND);
  CHECK(StatusOf(rig).mappings() == 0);
  CHECK(rig.Stated().empty());
  v1::PutGatewayRequest request;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(
      "gateway { spec { underlay_interfaces { name: 'tor-a' port: 'p2' addresses: '192.0.2.1/24' } limits { "
      "mappings_per_tenant: 3 } } } options { overwrite: true }",
      &request));
  v1::GatewayWriteResult written;
  REQUIRE(rig.Call(&v1::GatewayService::Stub::PutGateway, request, &written).ok());
  const grpc::Status full = Replace(rig, 1, 4, result);
  CHECK(full.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK_THAT(full.error_message(), Catch::Contains("mappings-per-tenant"));
  CHECK(replace(Host(2), 2).ok());
}

}  // namespace
}  // namespace sluice::api
