// Findings from conditions, ports and the neighbours that routes depend on.
#include "control/api/examination.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "control/api/gateway_writes.h"
#include "control/api/tenant_status.h"
#include "control/tenant/next_hop_check.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;
using Verdict = v1::DoctorFinding::Verdict;

std::string RemedyOf(const std::string& reason) {
  static const std::map<std::string, std::string> kRemedies = {
      {"DataplaneAway", "start sluice-dataplane, or look into its log"},
      {"OverProvisioned", "raise the gateway's capacity, or move or shrink a tenant"},
      {"NoLongerValid", "put the tenant again with what the message accepts"},
      {"AboveLimit", "raise the limit of that name, or shrink the tenant"},
      {"Refused", "raise the dataplane's limit of that name, or remove objects"},
      {"NoCarrier", "look at the port's cable and peer: sluicectl get ports"},
      {"NoSuchPort", "add the port to the dataplane's start-up file, or put the connection on another one"},
      {"NeighborFailed", "look at the peer's address and VLAN: sluicectl capture shows whether it answers"},
      {"OtherVersion", "stream the required version of the static routes"},
      {"NextHopUnreachable", "put the connection whose subnet holds the next hop, or remove the routes"},
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

// One finding per condition that is not as it should be; OK when all are.
void AddConditions(const std::string& subject,
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
  if (well) Add(v1::DoctorFinding::VERDICT_OK, subject, "all is well", "", response);
}

// Next hops that routes use and nobody answers for.
void AddNextHops(const TenantRecord& record, const DataplaneState& dataplane, v1::DoctorResponse& response) {
  std::set<net::Address> hops;
  for (const tenant::L3Connection& connection : record.validated.model.connections)
    for (const tenant::StaticRoute& route : connection.routes)
      for (const tenant::NextHop& hop : route.next_hops) hops.insert(hop.address);
  for (uint32_t i = 0; i < record.routes.hops_end(); ++i)
    if (record.routes.InUse(i))
      for (const tenant::NextHop& hop : record.routes.HopsAt(i)) hops.insert(hop.address);
  for (const net::Address& hop : hops) {
    const auto* carrier = tenant::NextHopCheck::Carrier(record.validated.model.connections, hop);
    if (carrier == nullptr || !carrier->enabled) continue;
    const uint32_t interface = record.row.numbers.connections.at(carrier->name).interface;
    if (dataplane.Liveness(interface, hop) != NeighborLiveness::kFailed) continue;
    Add(v1::DoctorFinding::VERDICT_PROBLEM,
        absl::StrCat("next hop ", hop.ToString(), " of ",
                     tenant::ConnectionName(record.row.name, carrier->name)),
        "it does not answer; routes over it drop packets or use another next hop", RemedyOf("NeighborFailed"),
        response);
  }
}

void ExamineTenant(TenantRecord& record, DesiredState& state, v1::DoctorResponse& response) {
  const v1::Tenant shown = ShowTenant(record, state, false);
  AddConditions(tenant::TenantName(record.row.name), shown.status().conditions(), response);
  for (const v1::ConnectionStatus& connection : shown.status().connections())
    AddConditions(tenant::ConnectionName(record.row.name, connection.name()), connection.conditions(),
                  response);
  AddNextHops(record, state.surroundings().dataplane, response);
}

void ExamineGateway(DesiredState& state, v1::DoctorResponse& response) {
  AddConditions("gateway", ShowGateway(state).status().conditions(), response);
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
