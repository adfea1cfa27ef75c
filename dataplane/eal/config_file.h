// The start-up file: DataplaneConfig in JSON form, read and nothing more. What
// its values must satisfy is the business of startup_plan.h.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/dataplane/v1/config.pb.h"

namespace sluice::dataplane {

// Errors are one line without a trailing newline. Unknown fields are refused,
// because a misspelt limit must not silently become a default.
absl::StatusOr<v1::DataplaneConfig> ParseConfig(absl::string_view json);

// Reads at most 1 MiB from `path`; errors name the path.
absl::StatusOr<v1::DataplaneConfig> ReadConfigFile(const std::string& path);

}  // namespace sluice::dataplane
