// All tenants of a gateway, over as many pages as their list has.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sluice/gateway/v1/tenant.pb.h"
#include "tools/sluicectl/session.h"

namespace sluice::ctl {

using LabelSelection = std::map<std::string, std::string>;

// Those that carry all of `labels`, by name, appended to `tenants`. Each page has the session's timeout.
grpc::Status ListTenants(Session& session, const LabelSelection& labels,
                         std::vector<sluice::gateway::v1::Tenant>& tenants);

}  // namespace sluice::ctl
