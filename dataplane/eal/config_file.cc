// Reads the start-up file.
#include "dataplane/eal/config_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "proto/json/json_fault.h"

namespace sluice::dataplane {
namespace {

constexpr size_t kConfigBytesMax = 1 << 20;

}  // namespace

absl::StatusOr<v1::DataplaneConfig> ParseConfig(absl::string_view json) {
  v1::DataplaneConfig config;
  const absl::Status parsed = json::Parse(std::string(json), config);
  if (parsed.ok()) return config;
  return absl::InvalidArgumentError(absl::StrCat("not a start-up file: ", std::string(parsed.message())));
}

absl::StatusOr<v1::DataplaneConfig> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::string text(kConfigBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::UnknownError(absl::StrCat(path, ": cannot be read"));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kConfigBytesMax)
    return absl::InvalidArgumentError(absl::StrCat(path, ": larger than ", kConfigBytesMax, " bytes"));
  auto config = ParseConfig(text);
  if (!config.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", config.status().message()));
  return config;
}

}  // namespace sluice::dataplane
