// Suites are looked for and admitted.
#include "dataplane/tables/sa/esp_suite.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::dataplane {
namespace {

constexpr bool TableHolds() {
  for (size_t i = 0; i < std::size(kEspSuites); ++i) {
    const EspSuite& suite = kEspSuites[i];
    if (static_cast<size_t>(suite.id) != i) return false;
    if (suite.icv_bytes < 12 || suite.icv_bytes > kEspIcvBytesMax || suite.icv_bytes % 4 != 0) return false;
    if (suite.iv_bytes > kEspIvBytesMax || suite.alignment > kEspAlignmentMax) return false;
    if (suite.aead() != (suite.integrity_key_bytes == 0)) return false;
  }
  return true;
}
static_assert(TableHolds());

absl::StatusOr<const EspSuite*> Admitted(const EspSuite& suite, LegacySuites legacy) {
  if (suite.legacy() && legacy == LegacySuites::kRefused)
    return absl::InvalidArgumentError(
        absl::StrCat("ESP suite '", std::string(suite.name), "' is for old peers and switched off"));
  return &suite;
}

}  // namespace

absl::StatusOr<const EspSuite*> FindEspSuite(uint8_t id, LegacySuites legacy) {
  if (id >= std::size(kEspSuites))
    return absl::InvalidArgumentError(absl::StrCat("there is no ESP suite ", id));
  return Admitted(kEspSuites[id], legacy);
}

absl::StatusOr<const EspSuite*> FindEspSuite(std::string_view name, LegacySuites legacy) {
  const auto* const found = std::find_if(std::begin(kEspSuites), std::end(kEspSuites),
                                         [&](const EspSuite& each) { return each.name == name; });
  if (found == std::end(kEspSuites))
    return absl::InvalidArgumentError(absl::StrCat("there is no ESP suite '", std::string(name), "'"));
  return Admitted(*found, legacy);
}

}  // namespace sluice::dataplane
