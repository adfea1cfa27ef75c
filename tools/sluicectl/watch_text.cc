// Events for people; see watch_text.h.
#include "tools/sluicectl/watch_text.h"

#include "tools/sluicectl/enum_text.h"
#include "tools/sluicectl/tenant_text.h"

namespace sluice::ctl {
namespace {

using api::WatchEvent;

std::string Line(api::ChangeKind kind, const std::string& object, const std::string& state) {
  if (kind == api::CHANGE_KIND_ABSENT) return "- " + object + "\n";
  return "+ " + object + " " + state + "\n";
}

std::string WithReason(const std::string& state, const std::string& reason) {
  return reason.empty() ? state : state + ": " + reason;
}

std::string TenantLine(const api::TenantChange& change) {
  const auto& tenant = change.tenant();
  return Line(change.kind(), "tenants/" + tenant.name(),
              "programmed " + GenerationText(tenant.status().observed_generation(), tenant.generation()) +
                  ", " + StateText(tenant.status().configuration_state()));
}

std::string RouteChangeLine(const api::RouteChange& change) {
  const auto& route = change.route();
  std::string state = "via " + route.next_hop() + " " + EnumText(route.source());
  if (route.best()) state += ", best";
  if (route.programmed()) state += ", programmed";
  if (route.stale()) state += ", stale";
  return Line(change.kind(), "tenants/" + route.tenant() + "/routes/" + route.prefix(), state);
}

}  // namespace

std::string WatchEventLine(const WatchEvent& event) {
  switch (event.event_case()) {
    case WatchEvent::kSnapshotStart:
      return "snapshot of instance " + event.snapshot_start().instance_id() + "\n";
    case WatchEvent::kSnapshotEnd:
      return "end of snapshot\n";
    case WatchEvent::kTenant:
      return TenantLine(event.tenant());
    case WatchEvent::kConnection: {
      const auto& c = event.connection();
      return Line(c.kind(), "tenants/" + c.tenant() + "/connections/" + c.connection().name(),
                  WithReason(EnumText(c.connection().state()), c.connection().error_reason()));
    }
    case WatchEvent::kPeer: {
      const auto& p = event.peer();
      return Line(p.kind(), "tenants/" + p.tenant() + "/bgp-peers/" + p.peer().name(),
                  WithReason(EnumText(p.peer().state()), p.peer().error_reason()));
    }
    case WatchEvent::kRoute:
      return RouteChangeLine(event.route());
    case WatchEvent::kGateway:
      return Line(
          api::CHANGE_KIND_PRESENT, "gateway",
          EnumText(event.gateway().status().state()) + ", " + EnumText(event.gateway().status().health()));
    case WatchEvent::kSynced:
      return "synced tenants/" + event.synced().tenant() + " " + EnumText(event.synced().family()) + "\n";
    case WatchEvent::kHeartbeat:
    case WatchEvent::EVENT_NOT_SET:
      return "";
  }
  return "";
}

}  // namespace sluice::ctl
