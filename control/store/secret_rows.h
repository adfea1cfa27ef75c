// Rows of secrets, sealed. A secret is bound to its tenant and path.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "control/store/store.h"

namespace sluice::store {

// Path -> version of the secrets that are set. Values are not read.
std::map<std::string, uint64_t> SecretVersions(Database& database, int64_t tenant_uid);
// Absent when not set, or when it was sealed with another key or for another place.
std::optional<std::string> LoadSecret(Store& store, int64_t tenant_uid, std::string_view path);
// True when the value changed; an equal value changes nothing. Versions go on
// counting after a removal.
bool SaveSecret(Store& store, int64_t tenant_uid, std::string_view path, std::string_view value);
// True when there was one.
bool RemoveSecret(Store& store, int64_t tenant_uid, std::string_view path);

}  // namespace sluice::store
