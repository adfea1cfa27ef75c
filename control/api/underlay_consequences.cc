// Consequences of an underlay: the findings of validation that it adds.
#include "control/api/underlay_consequences.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/tenant/tunnel_path.h"
#include "control/tenant/validate_virtual_network.h"

namespace sluice::api {
namespace {

constexpr size_t kToldMax = 100;
constexpr char kInterfaces[] = "spec.underlay_interfaces";

class Consequences {
 public:
  Consequences(const tenant::UnderlayModel& underlay, const DesiredState& state)
      : underlay_(underlay), before_(state.gateway_record().underlay) {}

  void Add(const TenantRecord& record, const tenant::ValidatedTenant& then) {
    AddFindings(record.validated.findings, then.findings);
    AddTunnelsWithoutWay(then.model);
    for (const auto& [name, network] : record.networks) AddHosts(record.row.name, name, network.mappings);
  }

  std::vector<UnderlayConsequence> Take() {
    if (more_ > 0) told_.push_back({kInterfaces, absl::StrCat("and ", more_, " more like these")});
    return std::move(told_);
  }

 private:
  void Tell(const char* field, std::string description) {
    if (told_.size() < kToldMax) {
      told_.push_back({field, std::move(description)});
    } else {
      ++more_;
    }
  }

  // The same fault in other figures is not news.
  void AddFindings(const tenant::Findings& now, const tenant::Findings& then) {
    for (const tenant::Finding& each : then.list()) {
      const auto known = [&](const tenant::Finding& other) {
        return other.field == each.field && other.object == each.object;
      };
      if (each.fault != tenant::Fault::kInvalid || std::any_of(now.list().begin(), now.list().end(), known))
        continue;
      Tell(kInterfaces, absl::StrCat(each.object, " goes down: ", each.field, ": ", each.description));
    }
  }

  void AddTunnelsWithoutWay(const tenant::TenantModel& model) {
    for (const tenant::Connection& each : model.connections)
      if (each.gre && tenant::WaysTo(underlay_, each.gre->remote).empty())
        Tell("spec.underlay_routes",
             absl::StrCat("no underlay route leads to ", each.gre->remote.ToString(), " of ",
                          tenant::ConnectionName(model.name, each.name), "; it is down"));
  }

  void AddHosts(const std::string& tenant, const std::string& network, const tenant::MappingSet& mappings) {
    for (const tenant::Connection& interface : underlay_.interfaces) {
      for (const net::InterfaceAddress& own : interface.addresses) {
        const uint64_t count = tenant::IsOurs(before_, own.address) ? 0 : mappings.CountTo(own.address);
        if (count > 0)
          Tell(kInterfaces, absl::StrCat(count, " mappings of ", tenant::VirtualNetworkName(tenant, network),
                                         " lead to ", own.address.ToString(),
                                         ", which becomes an address of the gateway itself; they are kept "
                                         "and not in force"));
      }
    }
  }

  const tenant::UnderlayModel& underlay_;
  const tenant::UnderlayModel& before_;
  std::vector<UnderlayConsequence> told_;
  size_t more_ = 0;
};

}  // namespace

std::vector<UnderlayConsequence> ConsequencesOf(const tenant::UnderlayModel& underlay,
                                                const DesiredState& state) {
  Consequences consequences(underlay, state);
  tenant::Environment environment = state.EnvironmentFor("");
  environment.underlay = underlay;
  state.ValidateEach(std::move(environment), [&](const TenantRecord& record, tenant::ValidatedTenant&& then) {
    consequences.Add(record, then);
  });
  return consequences.Take();
}

}  // namespace sluice::api
