// Refusals as absl::Status with the details that gRPC clients expect: field
// violations, preconditions and quotas as google.rpc messages in its payloads.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "control/tenant/findings.h"

namespace sluice::api {

// INVALID_ARGUMENT if any finding is a wrong field, else RESOURCE_EXHAUSTED, else
// UNIMPLEMENTED. The message tells the first finding and how many more there
// are; the details tell all. `findings` must not be empty.
absl::Status RefusalOf(const tenant::Findings& findings);

// INVALID_ARGUMENT about one field.
absl::Status InvalidField(std::string_view field, std::string description);
// FAILED_PRECONDITION; `type` is "ETAG", "VERSION" or "EXISTS".
absl::Status PreconditionFailed(std::string_view type, std::string_view subject, std::string description);
// NOT_FOUND.
absl::Status NoSuchTenant(std::string_view tenant);
absl::Status NoSuchConnection(std::string_view tenant, std::string_view connection);
// RESOURCE_EXHAUSTED; both figures belong into the description.
absl::Status LimitReached(std::string_view limit, std::string description);

}  // namespace sluice::api
