// What `apply` concludes from dry runs, and what it says of a run that stopped.
#include "tools/sluicectl/apply_report.h"

#include <catch2/catch.hpp>

namespace sluice::ctl {
namespace {

Outcome Changing(const std::string& object) {
  Outcome outcome;
  outcome.object = object;
  outcome.changed = true;
  return outcome;
}

Outcome RefusedFor(const std::string& object, const std::string& field, const std::string& why) {
  Outcome outcome = Changing(object);
  auto& consequence = *outcome.consequences.Add();
  consequence.set_kind(api::CONSEQUENCE_KIND_REFUSED);
  consequence.set_field(field);
  consequence.set_description(why);
  outcome.refusal = RefusalIn(object, outcome.consequences);
  return outcome;
}

}  // namespace

TEST_CASE("a refusal that nothing of the run can cure is one before anything is applied") {
  const std::vector<Outcome> runs = {Changing("tenants/blue"),
                                     RefusedFor("tenants/red", "spec.x", "VLAN 5000"),
                                     RefusedFor("tenants/green", "spec.y", "VLAN 0")};
  const auto judged = Judge(runs);
  CHECK(judged[0].verdict == Verdict::kAccepted);
  CHECK(judged[1].verdict == Verdict::kRefused);
  const auto status = RefusedBefore(runs, judged, false);
  CHECK(status.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(status.error_message() ==
        "nothing was applied: tenants/red: spec.x: VLAN 5000; tenants/green: spec.y: VLAN 0");
  CHECK(RefusedBefore(runs, judged, true).error_message() ==
        "tenants/red: spec.x: VLAN 5000; tenants/green: spec.y: VLAN 0");
}

TEST_CASE("what an earlier object of the run may cure is open") {
  struct Case {
    const char* what;
    Outcome earlier;
    Outcome later;
    Verdict verdict;
  };
  Outcome stays = Changing("gateway");
  stays.changed = false;
  Outcome absent = Changing("static routes of tenants/blue");
  absent.refusal = {grpc::StatusCode::NOT_FOUND, "there is no tenant blue"};
  const Outcome refused = RefusedFor("tenants/blue", "spec", "no such underlay address");
  const Outcome conflict = RefusedFor("tenants/blue", "spec", "VLAN 5 belongs to tenants/red/connections/la");
  const std::vector<Case> cases = {
      {"the gateway", Changing("gateway"), refused, Verdict::kOpen},
      {"a gateway that stays", stays, refused, Verdict::kRefused},
      {"a gateway that is refused itself", RefusedFor("gateway", "spec", "no"), refused, Verdict::kRefused},
      {"its tenant", Changing("tenants/blue"), absent, Verdict::kOpen},
      {"another tenant", Changing("tenants/blue-2"), absent, Verdict::kRefused},
      {"a tenant that has what it wants", Changing("tenants/red"), conflict, Verdict::kOpen},
      {"a tenant whose name begins the same", Changing("tenants/re"), conflict, Verdict::kRefused},
  };
  for (const Case& each : cases) {
    INFO(each.what);
    const auto judged = Judge({each.earlier, each.later});
    CHECK(judged[1].verdict == each.verdict);
    if (each.verdict == Verdict::kOpen) CHECK(judged[1].waits_for == each.earlier.object);
  }
  CHECK(OpenText(refused, "gateway") ==
        "tenants/blue cannot be judged before gateway of this run is applied\n"
        "  open: spec: no such underlay address\n");
}

TEST_CASE("a run that stopped says what was applied and what was not tried") {
  const grpc::Status refusal(grpc::StatusCode::INVALID_ARGUMENT, "tenants/red: spec.x: VLAN 5000", "details");
  const auto status = StoppedAt({"gateway", "tenants/red", "tenants/green"}, 1, refusal);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_details() == "details");
  CHECK(status.error_message() ==
        "applied 1 of 3 (gateway); refused: tenants/red: spec.x: VLAN 5000; not tried: tenants/green");
  CHECK(StoppedAt({"gateway", "tenants/red"}, 1, {grpc::StatusCode::UNAVAILABLE, "gone"}).error_message() ==
        "applied 1 of 2 (gateway); no answer about tenants/red: gone");
  CHECK(StoppedAt({"tenants/red"}, 0, refusal).error_message() == "tenants/red: spec.x: VLAN 5000");
  CHECK(StoppedAt({"static routes of tenants/a"}, 0, {grpc::StatusCode::NOT_FOUND, "there is no tenant a"})
            .error_message() == "static routes of tenants/a: there is no tenant a");
}

TEST_CASE("what was written is said by what became of it") {
  Outcome outcome = Changing("tenants/red");
  CHECK(WrittenText(outcome, false) == "tenants/red changed\n");
  outcome.created = true;
  CHECK(WrittenText(outcome, false) == "tenants/red created\n");
  CHECK(WrittenText(outcome, true) == "tenants/red would be created\n");
  CHECK(WrittenText(RefusedFor("tenants/red", "spec.x", "VLAN 5000"), true) ==
        "tenants/red would be refused\n  refused: spec.x: VLAN 5000\n");
}

}  // namespace sluice::ctl
