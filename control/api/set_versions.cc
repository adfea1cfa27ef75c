// Versions of large sets.
#include "control/api/set_versions.h"

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"

namespace sluice::api {

absl::Status CheckVersions(const SetVersions& wanted, uint64_t stored, const std::string& object) {
  if (!wanted.replace && wanted.base_version && *wanted.base_version != stored)
    return PreconditionFailed("VERSION", object,
                              absl::StrCat("version ", stored, " is stored, the update was made for ",
                                           *wanted.base_version, "; replace, or read it again"));
  if (wanted.version && !wanted.overwrite &&
      (wanted.replace ? *wanted.version < stored : *wanted.version <= stored))
    return PreconditionFailed("VERSION", object,
                              absl::StrCat("version ", *wanted.version, " is not above ", stored,
                                           ", which is stored; set overwrite to go back"));
  return absl::OkStatus();
}

uint64_t VersionAfter(const SetVersions& wanted, uint64_t stored) {
  return wanted.version.value_or(stored + 1);
}

}  // namespace sluice::api
