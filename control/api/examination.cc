// Findings from conditions and ports.
#include "control/api/examination.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/gateway_status.h"
#include "control/api/tenant_status.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using Verdict = v1::DoctorFinding::Verdict;

std::string RemedyOf(const std::string& reason) {
  static const std::map<std::string, std::string> kRemedies = {
      {kDataplaneAway,
       "systemctl start sluice-dataplane; why it ended: journalctl -u sluice-dataplane -n 20"},
      {"WorkerStuck",
       "look at what else runs on the core (ps -eLo psr,comm,pcpu) and isolate it, then systemctl restart "
       "sluice-dataplane; its log and a stack of the thread tell where it hangs"},
      {"OverProvisioned",
       "raise spec.capacity.total_kbps (sluicectl describe gateway shows it, sluicectl apply -f FILE "
       "changes it), or move or shrink a tenant"},
      {kNotValid,
       "change what the message names: sluicectl get tenant NAME -o json > FILE, edit it, sluicectl apply -f "
       "FILE; or give the dataplane what is wanted"},
      {"AboveLimit", "raise the limit of that name in the gateway's spec.limits, or shrink the tenant"},
      {"Refused", "sluicectl get limits; raise that limit in dataplane.json, or remove objects"},
      {"RoutesRefused", "sluicectl get limits; raise that limit in dataplane.json, or remove routes"},
      {kTenantsRefused, "sluicectl doctor names the objects"},
      {"NoCarrier",
       "look at the port's cable and its peer; sluicectl describe ports shows what the port sees"},
      {"NoSuchPort",
       "sluicectl get ports; add the port to dataplane.json and restart sluice-dataplane, or put the "
       "connection on another one"},
      {"NeighborFailed",
       "look at the peer's address and VLAN: sluicectl capture -c TENANT/CONNECTION shows whether it "
       "answers"},
      {"UnderlayDown",
       "tunnels cannot be carried: sluicectl get ports, for the port of each underlay interface that is "
       "named"},
      {"NoUnderlayRoute",
       "sluicectl describe gateway shows the underlay routes there are; put one to the far end"},
      {"OtherVersion", "sluicectl apply -f FILE with the required version of the static routes"},
      {"NextHopUnreachable", "put the connection whose subnet holds the next hop, or remove the routes"},
      {"TooManyNextHops", "sluicectl get routes TENANT -o json names them in unused_reason; take some out"},
      {"BreakGlass", "let the manager write the tenant again"},
      {"StoreDamaged", "sluicectl apply -f FILE with all static routes again"},
  };
  const auto found = kRemedies.find(reason);
  return found == kRemedies.end() ? std::string() : found->second;
}

void Add(Verdict verdict, std::string subject, std::string message, std::string remedy,
         v1::DoctorResponse& response) {
  auto& finding = *response.add_findings();
  finding.set_verdict(verdict);
  finding.set_subject(std::move(subject));
  finding.set_message(std::move(message));
  finding.set_remedy(std::move(remedy));
}

// What is told where it belongs: that no dataplane is there of the gateway, what is not valid of its
// tenant, which names the part.
bool IsToldElsewhere(const v1::Condition& condition, bool of_part) {
  const std::string& reason = condition.reason();
  return reason == kDataplaneAway || reason == kNoDataplane || reason == kTenantsRefused ||
         reason == kTenantsNotValid || (of_part && reason == kNotValid);
}

// One finding per condition that is not as it should be; true when all are.
bool AddConditions(const std::string& subject,
                   const google::protobuf::RepeatedPtrField<v1::Condition>& conditions,
                   v1::DoctorResponse& response, bool of_part = false) {
  bool well = true;
  for (const v1::Condition& each : conditions) {
    if (each.severity() < v1::SEVERITY_WARNING && each.status() != v1::CONDITION_STATUS_UNKNOWN) continue;
    well = false;
    if (IsToldElsewhere(each, of_part)) continue;
    Add(each.severity() == v1::SEVERITY_ERROR ? v1::DoctorFinding::VERDICT_PROBLEM
                                              : v1::DoctorFinding::VERDICT_WARNING,
        subject, each.message(), RemedyOf(each.reason()), response);
  }
  return well;
}

void AddWell(const std::string& subject, v1::DoctorResponse& response) {
  Add(v1::DoctorFinding::VERDICT_OK, subject, "all is well", "", response);
}

void ExamineTenant(TenantRecord& record, DesiredState& state, v1::DoctorResponse& response) {
  const v1::Tenant shown = ShowTenant(record, state, false);
  const std::string subject = tenant::TenantName(record.row.name);
  bool well = AddConditions(subject, shown.status().conditions(), response);
  for (const v1::ConnectionStatus& connection : shown.status().connections()) {
    const std::string part = tenant::ConnectionName(record.row.name, connection.name());
    const bool part_well = AddConditions(part, connection.conditions(), response, true);
    if (part_well) AddWell(part, response);
    well &= part_well;
  }
  for (const v1::VirtualNetworkStatus& network : shown.status().virtual_networks()) {
    const std::string part = tenant::VirtualNetworkName(record.row.name, network.name());
    const bool part_well = AddConditions(part, network.conditions(), response, true);
    if (part_well) AddWell(part, response);
    well &= part_well;
  }
  // Nobody who has a connection in trouble is well.
  if (well) AddWell(subject, response);
}

void ExamineGateway(DesiredState& state, v1::DoctorResponse& response) {
  if (AddConditions("gateway", ShowGateway(state).status().conditions(), response))
    AddWell("gateway", response);
}

// True when a finding says already that the port has no carrier: what is on it does.
bool IsTold(const PortState& port, const v1::DoctorResponse& response) {
  const std::string words = absl::StrCat("port ", port.name, " has no carrier");
  const std::string of = absl::StrCat("port ", port.name, " of ");
  return std::any_of(response.findings().begin(), response.findings().end(), [&](const auto& each) {
    return absl::StrContains(each.message(), words) ||
           (absl::StrContains(each.message(), of) && absl::StrContains(each.message(), "no carrier"));
  });
}

void ExaminePorts(const DataplaneState& dataplane, v1::DoctorResponse& response) {
  const auto ports = dataplane.Ports();
  if (!ports) return;
  for (const PortState& port : *ports) {
    if (!port.link_up && IsTold(port, response)) continue;
    Add(port.link_up ? v1::DoctorFinding::VERDICT_OK : v1::DoctorFinding::VERDICT_WARNING,
        absl::StrCat("port ", port.name), port.link_up ? "it has carrier" : "it has no carrier",
        port.link_up ? "" : RemedyOf("NoCarrier"), response);
  }
}

}  // namespace

v1::DoctorResponse Examine(DesiredState& state, const std::string& tenant) {
  v1::DoctorResponse response;
  const DataplaneState& dataplane = state.surroundings().dataplane;
  // First and once: it is what ails everything else.
  if (!dataplane.attached())
    Add(v1::DoctorFinding::VERDICT_PROBLEM, "gateway",
        "no dataplane is attached: what is configured is stored and not in force", RemedyOf(kDataplaneAway),
        response);
  if (tenant.empty()) ExamineGateway(state, response);
  for (const auto& [name, record] : state.tenants())
    if (tenant.empty() || name == tenant) ExamineTenant(*record, state, response);
  // What was last seen of ports says nothing while nobody watches them.
  if (tenant.empty() && dataplane.attached()) ExaminePorts(dataplane, response);
  std::stable_sort(response.mutable_findings()->begin(), response.mutable_findings()->end(),
                   [](const auto& a, const auto& b) { return a.verdict() > b.verdict(); });
  // Problems come first, so what is left out of a very large answer is good news.
  constexpr int kFindingsMax = 10'000;
  if (response.findings_size() > kFindingsMax)
    response.mutable_findings()->DeleteSubrange(kFindingsMax, response.findings_size() - kFindingsMax);
  return response;
}

}  // namespace sluice::api
