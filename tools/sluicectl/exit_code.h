// What a script can tell from sluicectl's exit status. Documented in README.md.
#pragma once

#include <grpcpp/support/status_code_enum.h>

namespace sluice::ctl {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,         // anything not below
  kUsage = 2,          // the command line or a local file is wrong; nothing was asked
  kNotFound = 3,       // the named object does not exist
  kRefused = 4,        // the gateway refused: invalid, stale etag, limit, permission
  kNotThereYet = 5,    // the gateway does not implement it yet
  kUnreachable = 6,    // no gateway answers there, or not in time
  kProblemsFound = 7,  // doctor: at least one problem
};

ExitCode ExitCodeOf(grpc::StatusCode code);

}  // namespace sluice::ctl
