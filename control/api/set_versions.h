// The version rules of large sets (static routes, mappings): a replace goes
// forward, an update starts from the version it was made for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace sluice::api {

struct SetVersions {
  bool replace = true;  // else an update
  std::optional<uint64_t> version;
  std::optional<uint64_t> base_version;
  bool overwrite = false;
};

template <typename Header>
SetVersions VersionsOf(const Header& header, bool replace) {
  SetVersions wanted{replace, std::nullopt, std::nullopt, header.overwrite()};
  if (header.has_version()) wanted.version = header.version();
  if (header.has_base_version()) wanted.base_version = header.base_version();
  return wanted;
}

// FAILED_PRECONDITION when `wanted` cannot follow `stored`. Equal versions are allowed for a
// replace that is repeated: the content decides then.
absl::Status CheckVersions(const SetVersions& wanted, uint64_t stored, const std::string& object);
uint64_t VersionAfter(const SetVersions& wanted, uint64_t stored);

}  // namespace sluice::api
