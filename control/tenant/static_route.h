// Static routes of requests as values. Reports by complaint instead of by path,
// because a million of them pass here and nearly all are right.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/tenant/gateway_limits.h"
#include "control/tenant/model.h"
#include "control/tenant/next_hop_check.h"
#include "sluice/gateway/v1/routes.pb.h"

namespace sluice::tenant {

// What is wrong with a route: the field below it ("next_hops[1].address") and why.
struct RouteComplaint {
  std::string field;
  std::string description;
  bool is_limit = false;  // next-hops-per-route
};

// The route as a value, apart from whether its next hops can be reached: that
// is CheckNextHops, which needs the tenant. Thread: any.
std::optional<StaticRoute> ParseStaticRoute(const gateway::v1::StaticRoute& wanted, const Limits& limits,
                                            RouteComplaint& complaint);

// Absent when every next hop can be reached.
std::optional<RouteComplaint> CheckNextHops(const StaticRoute& route, NextHopCheck& check);

// The canonical form, for storing and for answers.
void ToProto(const StaticRoute& route, gateway::v1::StaticRoute& out);

}  // namespace sluice::tenant
