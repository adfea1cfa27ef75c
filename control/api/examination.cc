// Findings from conditions and ports.
#include "control/api/examination.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "control/api/gateway_status.h"
#include "control/api/tenant_status.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using Verdict = v1::DoctorFinding::Verdict;

std::string RemedyOf(const std::string& reason) {
  static const std::map<std::string, std::string> kRemedies = {
      {"DataplaneAway", "start sluice-dataplane, or look into its log"},
      {"WorkerStuck",
       "look at what else runs on the core (isolate it), then restart sluice-dataplane; its log and a "
       "stack of the thread tell where it hangs"},
      {"OverProvisioned", "raise the gateway's capacity, or move or shrink a tenant"},
      {"NoLongerValid", "put the tenant again with what the message accepts"},
      {"AboveLimit", "raise the limit of that name, or shrink the tenant"},
      {"Refused", "raise the dataplane's limit of that name, or remove objects"},
      {"RoutesRefused", "raise the dataplane's limit of that name, or remove routes"},
      {"TenantsRefused", "look at these tenants"},
      {"NoCarrier", "look at the port's cable and peer: sluicectl get ports"},
      {"NoSuchPort", "add the port to the dataplane's start-up file, or put the connection on another one"},
      {"NeighborFailed", "look at the peer's address and VLAN: sluicectl capture shows whether it answers"},
      {"UnderlayDown",
       "tunnels cannot be carried: look at the port of each underlay interface that is named"},
      {"NoUnderlayRoute",
       "put an underlay route to the far end: sluicectl describe gateway shows those there are"},
      {"OtherVersion", "stream the required version of the static routes"},
      {"NextHopUnreachable", "put the connection whose subnet holds the next hop, or remove the routes"},
      {"TooManyNextHops", "sluicectl get routes -o json names them in unused_reason; take some out"},
      {"BreakGlass", "let the manager write the tenant again"},
      {"StoreDamaged", "stream the static routes again"},
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

// One finding per condition that is not as it should be; true when all are.
bool AddConditions(const std::string& subject,
                   const google::protobuf::RepeatedPtrField<v1::Condition>& conditions,
                   v1::DoctorResponse& response) {
  bool well = true;
  for (const v1::Condition& each : conditions) {
    if (each.severity() < v1::SEVERITY_WARNING) continue;
    well = false;
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
    const bool part_well = AddConditions(part, connection.conditions(), response);
    if (part_well) AddWell(part, response);
    well &= part_well;
  }
  for (const v1::VirtualNetworkStatus& network : shown.status().virtual_networks()) {
    const std::string part = tenant::VirtualNetworkName(record.row.name, network.name());
    const bool part_well = AddConditions(part, network.conditions(), response);
    if (part_well) AddWell(part, response);
    well &= part_well;
  }
  // Nobody who has a connection in trouble is well.
  if (well) AddWell(subject, response);
}

void ExamineGateway(DesiredState& state, v1::DoctorResponse& response) {
  if (AddConditions("gateway", ShowGateway(state).status().conditions(), response))
    AddWell("gateway", response);
  const auto ports = state.surroundings().dataplane.Ports();
  if (!ports) return;
  for (const PortState& port : *ports)
    Add(port.link_up ? v1::DoctorFinding::VERDICT_OK : v1::DoctorFinding::VERDICT_WARNING,
        absl::StrCat("port ", port.name), port.link_up ? "it has carrier" : "it has no carrier",
        port.link_up ? "" : RemedyOf("NoCarrier"), response);
}

}  // namespace

v1::DoctorResponse Examine(DesiredState& state, const std::string& tenant) {
  v1::DoctorResponse response;
  if (tenant.empty()) ExamineGateway(state, response);
  for (const auto& [name, record] : state.tenants())
    if (tenant.empty() || name == tenant) ExamineTenant(*record, state, response);
  std::stable_sort(response.mutable_findings()->begin(), response.mutable_findings()->end(),
                   [](const auto& a, const auto& b) { return a.verdict() > b.verdict(); });
  // Problems come first, so what is left out of a very large answer is good news.
  constexpr int kFindingsMax = 10'000;
  if (response.findings_size() > kFindingsMax)
    response.mutable_findings()->DeleteSubrange(kFindingsMax, response.findings_size() - kFindingsMax);
  return response;
}

}  // namespace sluice::api
