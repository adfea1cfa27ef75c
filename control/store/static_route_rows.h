// Rows of static routes. A set is filled unseen, over several transactions, and
// belongs to its tenant once the tenant's row names it; single routes of the
// tenant's set change in place.
#pragma once

#include <cstdint>
#include <span>

#include "absl/functional/function_ref.h"
#include "control/store/database.h"
#include "control/tenant/model.h"
#include "proto/net/prefix.h"

namespace sluice::store {

// A new, empty set that no tenant names yet.
int64_t CreateStaticSet(Database& database, int64_t tenant_uid);
// Adds or replaces. In order of prefix it is fastest.
void PutStaticRoutes(Database& database, int64_t set, std::span<const tenant::StaticRoute> routes);
void RemoveStaticRoutes(Database& database, int64_t set, std::span<const net::Prefix> prefixes);
// In order of prefix. A row that cannot be read is skipped and counted; answers
// how many were.
uint64_t LoadStaticRoutes(Database& database, int64_t set,
                          absl::FunctionRef<void(tenant::StaticRoute)> route);

// Deletes up to `rows` routes of sets that no tenant names, other than `filling`
// (0: none), in a transaction of its own. False when nothing is left.
absl::StatusOr<bool> CollectStaticSets(Database& database, std::span<const int64_t> filling, uint32_t rows);

}  // namespace sluice::store
