// "Accepted is not programmed": waiting until the dataplane forwards by what was written.
#pragma once

#include <string>

#include "tools/sluicectl/session.h"

namespace sluice::ctl {

// Each asks until it is so: at most the session's timeout long (DEADLINE_EXCEEDED, with what is
// still to come), and soon FAILED_PRECONDITION with the reason when the dataplane refused a part.
// Ctrl-C ends it with CANCELLED.
grpc::Status WaitForTenant(Session& session, const std::string& tenant, uint64_t generation);
// `version` of the tenant's static set.
grpc::Status WaitForStaticRoutes(Session& session, const std::string& tenant, uint64_t version);
grpc::Status WaitForGateway(Session& session, uint64_t generation);

}  // namespace sluice::ctl
