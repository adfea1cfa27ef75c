// The forms of apply's files, and what is said about wrong ones.
#include "tools/sluicectl/manifest.h"

#include <catch2/catch.hpp>

namespace sluice::ctl {
namespace {

std::vector<Resource> Parsed(const std::string& json) {
  std::vector<Resource> out;
  const auto status = ParseManifest(json, "file", out);
  INFO(status.error_message());
  REQUIRE(status.ok());
  return out;
}

std::string Refusal(const std::string& json) {
  std::vector<Resource> out;
  const auto status = ParseManifest(json, "file", out);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  return status.error_message();
}

}  // namespace

TEST_CASE("a start-up file is applied as gateway, tenants, static routes") {
  const auto got = Parsed(R"({"static_routes": [{"tenant": "a", "version": "7"}],
                             "tenants": [{"name": "a"}, {"name": "b"}], "gateway": {"spec": {"home": 3}}})");
  REQUIRE(got.size() == 4);
  CHECK(std::get<api::Gateway>(got[0]).spec().home() == 3);
  CHECK(std::get<api::Tenant>(got[1]).name() == "a");
  CHECK(std::get<api::Tenant>(got[2]).name() == "b");
  CHECK(std::get<api::StaticRouteSet>(got[3]).version() == 7);
}

TEST_CASE("a tenant as it was read can be applied") {
  const auto got =
      Parsed(R"({"name": "a", "etag": "x", "spec": {"routerAddresses": ["192.0.2.1/32"]}, "status": {}})");
  CHECK(std::get<api::Tenant>(got.at(0)).spec().router_addresses(0) == "192.0.2.1/32");
}

TEST_CASE("a list holds objects of several kinds in order") {
  const auto got =
      Parsed(R"([{"kind": "connection", "tenant": "a", "name": "c", "l3": {"port": "p", "vlan": 5}},
                              {"kind": "tenant", "name": "b"},
                              {"kind": "bgp-peer", "tenant": "a", "name": "p", "peer_asn": 65001},
                              {"kind": "policy-map", "tenant": "a", "name": "m"},
                              {"kind": "static-routes", "tenant": "a", "version": 2}])");
  REQUIRE(got.size() == 5);
  CHECK(std::get<TenantConnection>(got[0]).tenant == "a");
  CHECK(std::get<TenantConnection>(got[0]).connection.l3().vlan() == 5);
  CHECK(std::get<api::Tenant>(got[1]).name() == "b");
  CHECK(std::get<TenantBgpPeer>(got[2]).bgp_peer.peer_asn() == 65001);
  CHECK(std::get<TenantPolicyMap>(got[3]).policy_map.name() == "m");
  CHECK(std::get<api::StaticRouteSet>(got[4]).tenant() == "a");
}

TEST_CASE("what is wrong in a file is said with its place") {
  CHECK(Refusal("{") == "file: no JSON: line 1: the text ends, and the { of line 1 is still open");
  CHECK(Refusal("7") == "file: an object or a list of objects is wanted");
  CHECK(Refusal("[{\"kind\": \"tenant\"}, 7]") == "file: item 2: an object is wanted");
  CHECK(Refusal(R"({"kind": "tunnel"})").find("\"kind\": \"tunnel\" is not known") != std::string::npos);
  CHECK(Refusal(R"({"kind": "connection", "name": "c"})") == "file: \"tenant\" is missing: whose is it?");
  CHECK(Refusal("[{},\n{\"kind\": \"tenant\", \"nmae\": \"a\"}]") ==
        "file: item 2: line 2: unknown field \"nmae\"; did you mean \"name\"?");
  CHECK(Refusal(R"({"tennants": []})").find("tennants") != std::string::npos);
  for (const char* nothing : {"{}", "[]", R"({"tenants": []})"})
    CHECK(Refusal(nothing).find("file: there is no object in it; wanted: ") == 0);
}

}  // namespace sluice::ctl
