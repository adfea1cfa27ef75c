// What a turn of the core thread looks at: news of programming concern the tenants they are about,
// and the rest comes round in small steps.
#include <catch2/catch.hpp>
#include <chrono>
#include <set>

#include "absl/strings/str_cat.h"
#include "control/api/opened_state.h"
#include "control/api/tenant_writes.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// Tenants t0, t1, ... with two connections each.
void PutTenants(DesiredState& state, int count) {
  TenantWrites writes(state);
  for (int i = 0; i < count; ++i) {
    v1::PutTenantRequest request;
    request.mutable_tenant()->set_name(absl::StrCat("t", i));
    for (int j = 0; j < 2; ++j) {
      auto& connection = *request.mutable_tenant()->mutable_spec()->add_connections();
      connection.set_name(absl::StrCat("c", j));
      connection.mutable_l3()->set_port(j == 0 ? "p1" : "p2");
      connection.mutable_l3()->set_vlan(static_cast<uint32_t>(1 + i));
      connection.add_addresses(absl::StrCat("15.0.", j, ".5/24"));
    }
    const auto put = writes.Put(request, "local");
    INFO(put.status());
    REQUIRE(put.ok());
  }
}

std::set<std::string> ChangedAfter(DesiredState& state, uint64_t& revision) {
  std::set<std::string> changed;
  for (const WatchedObject& object : state.watch_log().After(revision, 10'000).objects)
    if (object.kind == WatchedKind::kTenant) changed.insert(object.tenant);
  revision = state.watch_log().revision();
  return changed;
}

TEST_CASE("a confirmation is news of the tenants that it is about") {
  StateDirectory directory;
  OpenedState opened(directory.path);
  DesiredState& state = opened.state();
  PutTenants(state, 5);
  state.Refresh();
  uint64_t revision = state.watch_log().revision();
  opened.programming().acknowledged = opened.sink().newest;
  const uint32_t confirmed[] = {state.Find("t3")->row.numbers.vrf, 4711};
  state.Refresh(confirmed);
  CHECK((ChangedAfter(state, revision) == std::set<std::string>{"t3"}));
  CHECK(state.Find("t3")->observed_generation == 1);
  CHECK(state.Find("t2")->observed_generation == 0);
}

TEST_CASE("in as many parts as were said every tenant has had its turn") {
  StateDirectory directory;
  OpenedState opened(directory.path);
  DesiredState& state = opened.state();
  PutTenants(state, 5);
  state.Refresh();
  uint64_t revision = state.watch_log().revision();
  opened.programming().acknowledged = opened.sink().newest;
  std::set<std::string> all;
  for (int i = 0; i < 3; ++i) {
    state.RefreshPart(3);
    const std::set<std::string> some = ChangedAfter(state, revision);
    CHECK(some.size() <= 2);
    all.insert(some.begin(), some.end());
  }
  CHECK(all.size() == 5);
}

TEST_CASE("a worker that gets stuck is news of the gateway, time alone is not") {
  StateDirectory directory;
  OpenedState opened(directory.path);
  DesiredState& state = opened.state();
  state.RefreshPart(1);
  uint64_t revision = state.watch_log().revision();
  state.RefreshPart(1);
  CHECK(state.watch_log().revision() == revision);
  opened.dataplane().stuck = {{0, 1}};
  state.RefreshPart(1);
  const std::vector<WatchedObject> changed = state.watch_log().After(revision, 10).objects;
  REQUIRE(changed.size() == 1);
  CHECK((changed[0].kind == WatchedKind::kGateway));
}

TEST_CASE("a confirmation costs what its tenants cost, not what a thousand do", "[.][bench]") {
  StateDirectory directory;
  OpenedState opened(directory.path);
  DesiredState& state = opened.state();
  PutTenants(state, 1000);
  opened.programming().acknowledged = opened.sink().newest;
  const auto microseconds = [](auto work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start)
        .count();
  };
  state.Refresh();
  const uint32_t one[] = {state.Find("t500")->row.numbers.vrf};
  const auto all_us = microseconds([&] { state.Refresh(); });
  const auto one_us = microseconds([&] { state.Refresh(one); });
  const auto part_us = microseconds([&] { state.RefreshPart(10); });
  WARN("1000 tenants: all " << all_us << " us, one " << one_us << " us, a tenth " << part_us << " us");
}

}  // namespace
}  // namespace sluice::api
