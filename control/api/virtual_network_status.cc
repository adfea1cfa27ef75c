// Status of virtual networks, in words.
#include "control/api/virtual_network_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/api/conditions.h"
#include "control/api/refused_text.h"
#include "control/tenant/tunnel_path.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

std::optional<uint32_t> InterfaceOf(const TenantRecord& record, const std::string& network,
                                    const std::string& subnet) {
  const auto found = record.row.numbers.subnets.find({network, subnet});
  if (found == record.row.numbers.subnets.end()) return std::nullopt;
  return found->second;
}

// True: the rest of it is worth asking for.
bool AddReady(const TenantRecord& record, const v1::VirtualNetwork& network, const std::string& object,
              const Surroundings& surroundings, Conditions& conditions) {
  for (const tenant::Finding& each : record.validated.findings.list()) {
    if (each.object != object) continue;
    conditions.False("Ready", v1::SEVERITY_ERROR, kNotValid,
                     absl::StrCat("not in force: ", each.field, ": ", each.description));
    return false;
  }
  if (!surroundings.dataplane.attached()) {
    conditions.False("Ready", v1::SEVERITY_ERROR, kDataplaneAway, "the dataplane is away");
    return false;
  }
  for (const v1::VirtualSubnet& subnet : network.subnets()) {
    const auto interface = InterfaceOf(record, network.name(), subnet.name());
    if (!interface) continue;
    const InterfaceProgramming programming =
        surroundings.programming.Interface(record.row.numbers.vrf, *interface);
    if (programming.refused_count == 0) continue;
    conditions.False(
        "Ready", v1::SEVERITY_ERROR, "Refused",
        absl::StrCat("the dataplane refused ", TextOf(programming.refused, programming.refused_count)));
    return true;
  }
  if (record.observed_generation < record.row.generation &&
      surroundings.programming.Tenant(record.row.numbers.vrf).spec_refused_count == 0) {
    conditions.False("Ready", v1::SEVERITY_INFO, "InProgress",
                     "the dataplane has not acknowledged the configuration yet");
    return true;
  }
  conditions.True("Ready", "Acknowledged");
  return true;
}

void AddHosts(const TenantRecord& record, const v1::VirtualNetwork& network, const Surroundings& surroundings,
              Conditions& conditions) {
  uint64_t paths = 0;
  uint64_t down = 0;
  std::string why;
  for (const v1::VirtualSubnet& subnet : network.subnets()) {
    const auto interface = InterfaceOf(record, network.name(), subnet.name());
    if (!interface) continue;
    const TunnelReach reach = surroundings.dataplane.Reach(*interface);
    paths += reach.paths;
    down += reach.down;
    for (const TunnelPath& each : reach.some_down)
      absl::StrAppend(&why, why.empty() ? "" : "; ", each.far_end, ": ", each.down_reason);
  }
  if (paths == 0) return;
  if (down == 0) return conditions.True("HostsReachable", "UnderlayUp");
  conditions.False("HostsReachable", down == paths ? v1::SEVERITY_ERROR : v1::SEVERITY_WARNING,
                   "UnderlayDown",
                   absl::StrCat("packets to ", down, " of ", paths, " virtual machines find no way: ", why));
}

void AddMappings(const TenantRecord& record, const v1::VirtualNetwork& network, Conditions& conditions,
                 v1::VirtualNetworkStatus& status) {
  const auto found = record.networks.find(network.name());
  if (found == record.networks.end()) return;
  const MappingsRecord& mappings = found->second;
  const uint64_t version = record.row.mappings.at(network.name()).version;
  status.set_mappings_version(version);
  status.set_mappings(mappings.mappings.size());
  status.set_hosts(mappings.mappings.hosts());
  if (network.has_mappings_version()) {
    if (network.mappings_version() == version) {
      conditions.True("MappingsCurrent", "VersionsMatch");
    } else {
      conditions.False("MappingsCurrent", v1::SEVERITY_WARNING, "OtherVersion",
                       absl::StrCat("the spec requires version ", network.mappings_version(),
                                    " of the mappings; version ", version, " is stored"));
    }
  }
  if (mappings.idle > 0)
    conditions.False("MappingsValid", v1::SEVERITY_WARNING, "NotInForce",
                     absl::StrCat(mappings.idle, " of ", mappings.mappings.size(),
                                  " mappings are kept and not in force; of the first: ", mappings.idle_why));
  if (mappings.unreadable > 0)
    conditions.False("MappingsReadable", v1::SEVERITY_ERROR, "StoreDamaged",
                     absl::StrCat(mappings.unreadable, " stored mappings cannot be read"));
}

void Add(const InterfaceCounters& counters, v1::OverlayStatistics& out) {
  out.set_inbound_bytes(out.inbound_bytes() + counters.inbound_bytes);
  out.set_outbound_bytes(out.outbound_bytes() + counters.outbound_bytes);
  out.set_inbound_packets(out.inbound_packets() + counters.inbound_packets);
  out.set_outbound_packets(out.outbound_packets() + counters.outbound_packets);
  out.set_inbound_rate_kbps(out.inbound_rate_kbps() + counters.inbound_kbps);
  out.set_outbound_rate_kbps(out.outbound_rate_kbps() + counters.outbound_kbps);
}

void AddSubnets(const TenantRecord& record, const v1::VirtualNetwork& network,
                const tenant::VirtualNetwork* model, const DataplaneState& dataplane, bool with_statistics,
                v1::VirtualNetworkStatus& status) {
  const auto mappings = record.networks.find(network.name());
  for (const v1::VirtualSubnet& subnet : network.subnets()) {
    v1::VirtualSubnetStatus& shown = *status.add_subnets();
    shown.set_name(subnet.name());
    shown.set_network_id(subnet.network_id());
    if (mappings != record.networks.end())
      shown.set_mappings(mappings->second.mappings.CountIn(subnet.name()));
    for (size_t i = 0; model != nullptr && i < model->subnets.size(); ++i)
      if (model->subnets[i].name == subnet.name())
        shown.set_gateway_mac(model->subnets[i].gateway_mac.ToString());
    const auto interface = InterfaceOf(record, network.name(), subnet.name());
    if (!with_statistics || !interface) continue;
    const InterfaceCounters counters = dataplane.Counters(*interface);
    Add(counters, *shown.mutable_statistics());
    Add(counters, *status.mutable_statistics());
  }
}

// To whom packets must be smaller than the network's MTU says; empty: to nobody.
std::string NarrowPaths(const TenantRecord& record, const v1::VirtualNetwork& network,
                        const DataplaneState& dataplane) {
  uint64_t paths = 0;
  uint64_t narrow = 0;
  std::optional<tenant::LearnedPathMtu> least;
  for (const v1::VirtualSubnet& subnet : network.subnets()) {
    const auto interface = InterfaceOf(record, network.name(), subnet.name());
    if (!interface) continue;
    const TunnelReach reach = dataplane.Reach(*interface);
    paths += reach.paths;
    narrow += reach.narrow;
    const auto learned = LearnedOf(reach);
    if (learned && (!least || learned->bytes < least->bytes)) least = learned;
  }
  if (!least) return "";
  return absl::StrCat("; less to ", narrow, " of ", paths, " virtual machines, at the narrowest ",
                      TextOf(*least));
}

}  // namespace

std::optional<tenant::LearnedPathMtu> LearnedOf(const TunnelReach& reach) {
  if (reach.narrow == 0) return std::nullopt;
  const TunnelPath& path = reach.narrowest;
  return tenant::LearnedPathMtu{path.far_end, path.path_mtu, path.path_mtu_learned_us};
}

v1::VirtualNetworkStatus ShowVirtualNetwork(TenantRecord& record, const v1::VirtualNetwork& network,
                                            DesiredState& state, bool with_statistics) {
  const Surroundings& surroundings = state.surroundings();
  const std::string object = tenant::VirtualNetworkName(record.row.name, network.name());
  v1::VirtualNetworkStatus status;
  status.set_name(network.name());
  Conditions conditions(*status.mutable_conditions(), object, record.row.generation, state.now_us(),
                        record.condition_times);
  if (AddReady(record, network, object, surroundings, conditions))
    AddHosts(record, network, surroundings, conditions);
  AddMappings(record, network, conditions, status);
  *status.mutable_configuration_state() = RollUp(status.conditions());
  const tenant::VirtualNetwork* model = ModelOf(record, network.name());
  if (model != nullptr) {
    const tenant::ExplainedMtu mtu = tenant::MtuOf(*model, state.gateway_record().underlay, state.ports());
    status.set_mtu(mtu.bytes);
    status.set_mtu_explanation(mtu.reason + NarrowPaths(record, network, surroundings.dataplane));
  }
  AddSubnets(record, network, model, surroundings.dataplane, with_statistics, status);
  return status;
}

}  // namespace sluice::api
