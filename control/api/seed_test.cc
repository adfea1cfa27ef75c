// Seeding is all or nothing: what a refusal or a kill leaves behind is an empty store,
// which the next start seeds.
#include "control/api/seed.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "control/api/opened_state.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// A gateway, three tenants on VLANs of their own, and a static set for the first.
v1::Resources Wanted() {
  std::string json = R"({"gateway": {"spec": {"capacity": {"totalKbps": 1000}}}, "tenants": [)";
  for (int i = 0; i < 3; ++i)
    absl::StrAppend(&json, i == 0 ? "" : ",", R"({"name": "t)", i,
                    R"(", "spec": {"connections": [{"name": "la", "l3": {"port": "p1", "vlan": )", 100 + i,
                    R"(}, "addresses": ["15.0.0.5/24"]}]}})");
  absl::StrAppend(&json, R"(], "staticRoutes": [{"tenant": "t0", "version": 7, "routes": [
      {"prefix": "18.0.0.0/24", "nextHops": [{"address": "15.0.0.1"}]}]}]})");
  auto resources = ParseResources(json);
  INFO(resources.status());
  REQUIRE(resources.ok());
  return *std::move(resources);
}

TEST_CASE("an empty store is seeded with everything, a store that has something with nothing") {
  StateDirectory directory;
  {
    OpenedState start(directory.path);
    const auto seeded = Seed(start.state(), Wanted());
    INFO(seeded.status());
    REQUIRE(seeded.ok());
    CHECK(*seeded);
  }
  OpenedState again(directory.path);
  CHECK(again.state().tenants().size() == 3);
  CHECK(again.state().gateway().spec.capacity().total_kbps() == 1000);
  CHECK(again.state().Find("t0")->routes.size() == 1);
  CHECK(again.state().Find("t0")->row.static_version == 7);

  v1::Resources more;
  more.add_tenants()->set_name("late");
  const auto seeded = Seed(again.state(), more);
  REQUIRE(seeded.ok());
  CHECK_FALSE(*seeded);
  CHECK(again.state().Find("late") == nullptr);
}

TEST_CASE("a seed with a resource that is refused leaves the store empty, and says which it was") {
  StateDirectory directory;
  v1::Resources wrong = Wanted();
  const char* names = "";
  SECTION("a tenant") {
    wrong.mutable_tenants(2)->mutable_spec()->mutable_connections(0)->mutable_l3()->set_vlan(0);
    names = "tenants/t2/connections/la: spec.connections[0].l3.vlan: ";
  }
  SECTION("a static set") {
    wrong.mutable_static_routes(0)->mutable_routes(0)->mutable_next_hops(0)->set_address("99.0.0.1");
    names = "static routes of tenants/t0: ";
  }
  {
    OpenedState start(directory.path);
    const auto seeded = Seed(start.state(), wrong);
    REQUIRE_FALSE(seeded.ok());
    CHECK_THAT(std::string(seeded.status().message()), Catch::StartsWith(names));
  }
  OpenedState again(directory.path);
  CHECK(again.state().empty());
  CHECK(again.audited() == 0);
  const auto seeded = Seed(again.state(), Wanted());
  REQUIRE(seeded.ok());
  CHECK(again.state().tenants().size() == 3);
}

// Programming hears of a tenant when its part of the seed has been written.
struct KilledAtThirdTenant final : ProgrammingSink {
  void PutTenant(const programming::TenantObjects&, uint64_t) override {
    if (++tenants == 3) raise(SIGKILL);
  }
  void RemoveTenant(uint32_t) override {}
  void ChangeStaticSet(uint32_t, std::span<const rib::RouteInput>, std::span<const net::Prefix>, uint64_t,
                       bool) override {}
  void ChangeMappings(uint32_t, uint32_t, std::span<const rib::RouteInput>, std::span<const net::Prefix>,
                      uint64_t, bool) override {}
  void InitialStateComplete() override {}
  int tenants = 0;
};

TEST_CASE("a kill in the middle of a seed leaves the store empty") {
  StateDirectory directory;
  const v1::Resources wanted = Wanted();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    KilledAtThirdTenant sink;
    OpenedState start(directory.path, &sink);
    Seed(start.state(), wanted).IgnoreError();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  OpenedState again(directory.path);
  CHECK(again.state().empty());
}

}  // namespace
}  // namespace sluice::api
