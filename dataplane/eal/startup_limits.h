// Defaults and ranges of the limits and slow-path settings of the start-up file.
#pragma once

#include "absl/status/statusor.h"
#include "sluice/dataplane/v1/config.pb.h"

namespace sluice::dataplane {

// With every field present; a value that the tables cannot serve is refused by its name.
absl::StatusOr<v1::Limits> CompleteLimits(const v1::Limits& limits);
absl::StatusOr<v1::SlowPath> CompleteSlowPath(const v1::SlowPath& settings);

}  // namespace sluice::dataplane
