// Routes and answers about them as text. Pure functions of API messages.
#pragma once

#include <string>
#include <vector>

#include "sluice/gateway/v1/routes.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

// Titles once, then rows in batches, because a table may have a million routes:
// the widths are fixed, long values push the rest of their line.
std::string RoutesTitle();
std::string RouteLine(const api::Route& route);

// "which next hop, why".
std::string LookupText(const std::string& tenant, const std::string& address,
                       const api::LookupRouteResponse& answer);
std::string ExplanationText(const api::ExplainRouteResponse& answer);
// `dry_run`: what the answer tells has not happened.
std::string StaticRoutesResultText(const std::string& tenant, const api::StaticRoutesResult& result,
                                   bool dry_run);

}  // namespace sluice::ctl
