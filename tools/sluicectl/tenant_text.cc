// Tenants for people; see tenant_text.h.
#include "tools/sluicectl/tenant_text.h"

#include <algorithm>
#include <map>

#include "tools/sluicectl/connection_text.h"
#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/quantity_text.h"
#include "tools/sluicectl/status_text.h"
#include "tools/sluicectl/text_table.h"
#include "tools/sluicectl/virtual_network_text.h"

namespace sluice::ctl {
namespace {

size_t ConnectedCount(const api::TenantStatus& status) {
  size_t count = 0;
  for (const auto& connection : status.connections()) {
    count += connection.state() == api::CONNECTION_STATE_CONNECTED;
  }
  return count;
}

std::string RouteCountsTable(const api::TenantStatus& status) {
  std::vector<Row> rows;
  auto counts = status.routes();
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return std::pair(a.family(), a.source()) < std::pair(b.family(), b.source());
  });
  for (const auto& count : counts) {
    rows.push_back({EnumText(count.family()), EnumText(count.source()), CountText(count.routes()),
                    CountText(count.programmed())});
  }
  return TableText({{"FAMILY"}, {"SOURCE"}, {"ROUTES", Align::kRight}, {"PROGRAMMED", Align::kRight}}, rows);
}

std::string PeersTable(const api::TenantStatus& status) {
  std::vector<Row> rows;
  for (const auto& peer : status.bgp_peers()) {
    rows.push_back({peer.name(), EnumText(peer.state()), peer.has_uptime() ? DurationText(peer.uptime()) : "",
                    peer.error_reason()});
  }
  return TableText({{"PEER"}, {"STATE"}, {"UPTIME"}, {"REASON"}}, rows);
}

std::string Section(const std::string& title, const std::string& table) {
  return "\n" + title + "\n" + Indented(table, 2);
}

// "contoso" of "tenants/contoso", "contoso/la" of "tenants/contoso/connections/la".
std::string ShortName(const std::string& object) {
  const size_t start = object.rfind("tenants/", 0) == 0 ? 8 : 0;
  std::string name = object.substr(start);
  for (const std::string part : {"/connections/", "/virtualNetworks/"})
    if (const size_t at = name.find(part); at != std::string::npos) name.replace(at, part.size(), "/");
  return name;
}

}  // namespace

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string LabelsText(const google::protobuf::Map<std::string, std::string>& labels) {
  std::string out;
  for (const auto& [key, value] : std::map<std::string, std::string>(labels.begin(), labels.end())) {
    out += (out.empty() ? "" : ",") + key + "=" + value;
  }
  return out;
}

std::string GenerationText(uint64_t observed, uint64_t wanted) {
  if (observed == wanted) return std::to_string(wanted);
  return std::to_string(observed) + " of " + std::to_string(wanted);
}

std::string StateText(const api::ConfigurationState& state) {
  std::string out = EnumText(state.status());
  const char* separator = ": ";
  for (const auto& reason : state.reasons()) {
    out += separator + reason.message();
    separator = "; ";
  }
  return out;
}

std::string ConditionsTable(const google::protobuf::RepeatedPtrField<api::Condition>& conditions) {
  std::vector<Row> rows;
  for (const auto& c : conditions) {
    rows.push_back({ShortName(c.object()), c.type(), EnumText(c.status()), EnumText(c.severity()), c.reason(),
                    TimeText(c.last_change_time()), c.message()});
  }
  return TableText(
      {{"OF"}, {"CONDITION"}, {"STATUS"}, {"SEVERITY"}, {"REASON"}, {"SINCE (UTC)"}, {"MESSAGE"}}, rows);
}

std::string ConsequencesText(const google::protobuf::RepeatedPtrField<api::Consequence>& consequences) {
  std::string out;
  for (const auto& c : consequences) {
    // What is refused or deserves attention is said by kind; the rest is a sentence that says it itself.
    const bool stands_out =
        c.kind() == api::CONSEQUENCE_KIND_REFUSED || c.kind() == api::CONSEQUENCE_KIND_WARNING;
    out += "  " + (stands_out ? EnumText(c.kind()) + ": " : "") +
           (stands_out && !c.field().empty() ? c.field() + ": " : "") + OptionWords(c.description()) + "\n";
  }
  return out;
}

std::string DeletedText(const std::string& object, const api::DeleteTenantResponse& result, bool dry_run) {
  std::string verb = dry_run ? " would be deleted" : " deleted";
  // Only a dry run is told why not, instead of failing.
  if (!result.deleted()) verb = result.consequences().empty() ? " was not there" : " would not be deleted";
  return object + verb + "\n" + ConsequencesText(result.consequences());
}

std::string TenantsTable(const std::vector<api::Tenant>& tenants) {
  std::vector<Row> rows;
  for (const auto& tenant : tenants) {
    const auto& status = tenant.status();
    rows.push_back(
        {tenant.name(), EnumText(status.configuration_state().status()),
         GenerationText(status.observed_generation(), tenant.generation()),
         std::to_string(ConnectedCount(status)) + "/" + std::to_string(tenant.spec().connections_size()),
         CountText(status.static_routes()), RateText(status.booked_kbps()), status.manager(),
         LabelsText(tenant.spec().labels())});
  }
  return TableText({{"TENANT"},
                    {"STATE"},
                    {"PROGRAMMED", Align::kRight},
                    {"CONNECTED", Align::kRight},
                    {"STATIC ROUTES", Align::kRight},
                    {"BOOKED", Align::kRight},
                    {"MANAGER"},
                    {"LABELS"}},
                   rows);
}

std::string TenantDescription(const api::Tenant& tenant) {
  const auto& spec = tenant.spec();
  const auto& status = tenant.status();
  std::string out = "tenant " + tenant.name() + "\n";
  out += Indented(FactsText({
                      {"state", StateText(status.configuration_state())},
                      {"programmed", GenerationText(status.observed_generation(), tenant.generation())},
                      {"manager", status.manager()},
                      {"labels", LabelsText(spec.labels())},
                      {"addresses", Joined(spec.router_addresses())},
                      {"etag", tenant.etag()},
                      {"created", TimeText(tenant.create_time())},
                      {"changed", TimeText(tenant.update_time())},
                      {"booked", RateText(status.booked_kbps())},
                      {"static routes", CountText(status.static_routes()) + ", version " +
                                            std::to_string(status.static_routes_version())},
                  }),
                  2);
  const auto connections = ConnectionsOf(tenant);
  if (!connections.empty()) out += Section("connections", TenantConnectionsTable(connections));
  const auto networks = VirtualNetworksOf(tenant);
  if (!networks.empty()) out += Section("virtual networks", VirtualNetworksTable(networks));
  if (status.bgp_peers_size() > 0) out += Section("BGP peers", PeersTable(status));
  if (status.routes_size() > 0) out += Section("routes", RouteCountsTable(status));
  auto conditions = status.conditions();
  for (const auto& connection : status.connections()) conditions.MergeFrom(connection.conditions());
  for (const auto& network : status.virtual_networks()) conditions.MergeFrom(network.conditions());
  if (!conditions.empty()) out += Section("conditions", ConditionsTable(conditions));
  return out;
}

}  // namespace sluice::ctl
