// One loop, and what to ask in it; see programmed.h.
#include "tools/sluicectl/programmed.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>

#include "sluice/gateway/v1/gateway.grpc.pb.h"
#include "sluice/gateway/v1/tenant.grpc.pb.h"
#include "tools/sluicectl/interrupt.h"
#include "tools/sluicectl/tenant_text.h"

namespace sluice::ctl {
namespace {

constexpr std::chrono::milliseconds kWaitInterval{20};
// What was refused is tried again when something else has made room for it.
constexpr std::chrono::milliseconds kRefusalGrace{1000};

struct Progress {
  bool done = false;
  std::string refusal;  // empty: nothing is refused
  std::string missing;  // what is still to come
};

using Ask = std::function<grpc::Status(Progress&)>;

grpc::Status Wait(const Session& session, const std::string& object, const Ask& ask) {
  const auto end = std::chrono::steady_clock::now() + session.timeout;
  std::optional<std::chrono::steady_clock::time_point> give_up;
  Interrupt interrupt;
  while (true) {
    Progress now;
    if (auto s = ask(now); !s.ok()) return s;
    if (now.done && now.refusal.empty()) return grpc::Status::OK;
    const auto time = std::chrono::steady_clock::now();
    if (now.refusal.empty()) give_up.reset();
    if (!now.refusal.empty() && !give_up) give_up = std::min(end, time + kRefusalGrace);
    if (give_up && time >= *give_up)
      return {grpc::StatusCode::FAILED_PRECONDITION, object + ": stored, but not programmed: " + now.refusal};
    if (time > end) return {grpc::StatusCode::DEADLINE_EXCEEDED, object + ": " + now.missing};
    if (!interrupt.Pause(kWaitInterval)) return {grpc::StatusCode::CANCELLED, "interrupted"};
  }
}

template <typename Conditions>
std::string MessageOf(const Conditions& conditions, const std::string& type, const std::string& reason) {
  for (const auto& each : conditions)
    if (each.type() == type && each.reason() == reason) return each.message();
  return "";
}

std::string Behind(uint64_t has, uint64_t wanted, const char* what) {
  return "the dataplane forwards by " + std::string(what) + " " + std::to_string(has) + ", not yet by " +
         std::to_string(wanted);
}

// Asks for the tenant and lets `judge` fill in the rest.
Ask AskForTenant(Session& session, const std::string& tenant,
                 std::function<void(const api::Tenant&, Progress&)> judge) {
  return [&session, tenant, judge = std::move(judge)](Progress& progress) {
    grpc::ClientContext context;
    session.LimitTime(context);
    api::GetTenantRequest request;
    request.set_tenant(tenant);
    api::Tenant now;
    auto s = session.Stub<api::TenantService>()->GetTenant(&context, request, &now);
    if (s.ok()) judge(now, progress);
    return s;
  };
}

}  // namespace

grpc::Status WaitForTenant(Session& session, const std::string& tenant, uint64_t generation) {
  return Wait(session, "tenant " + tenant,
              AskForTenant(session, tenant, [generation](const api::Tenant& now, Progress& progress) {
                const uint64_t has = now.status().observed_generation();
                progress.done = has >= generation;
                progress.refusal = MessageOf(now.status().conditions(), "Programmed", "Refused");
                progress.missing = Behind(has, generation, "generation") + ": " +
                                   StateText(now.status().configuration_state());
              }));
}

grpc::Status WaitForStaticRoutes(Session& session, const std::string& tenant, uint64_t version) {
  return Wait(session, "static routes of tenant " + tenant,
              AskForTenant(session, tenant, [version](const api::Tenant& now, Progress& progress) {
                const uint64_t has = now.status().observed_static_routes_version();
                // Versions may go back.
                progress.done = has == version;
                progress.refusal = MessageOf(now.status().conditions(), "Programmed", "RoutesRefused");
                progress.missing =
                    Behind(has, version, "version") + ": " + StateText(now.status().configuration_state());
                if (now.status().static_routes_version() != version)
                  progress.refusal = "version " + std::to_string(now.status().static_routes_version()) +
                                     " was stored meanwhile";
              }));
}

grpc::Status WaitForGateway(Session& session, uint64_t generation) {
  return Wait(session, "gateway", [&session, generation](Progress& progress) {
    grpc::ClientContext context;
    session.LimitTime(context);
    api::Gateway now;
    auto s = session.Stub<api::GatewayService>()->GetGateway(&context, api::GetGatewayRequest(), &now);
    if (!s.ok()) return s;
    const uint64_t has = now.status().observed_generation();
    progress.done = has >= generation;
    progress.refusal = MessageOf(now.status().conditions(), "TenantsProgrammed", "TenantsRefused");
    progress.missing =
        Behind(has, generation, "generation") + ": " + StateText(now.status().configuration_state());
    return s;
  });
}

}  // namespace sluice::ctl
