// Rows of customer to provider mappings: one set per virtual network.
#pragma once

#include <cstdint>
#include <span>

#include "absl/functional/function_ref.h"
#include "control/store/database.h"
#include "control/tenant/model.h"

namespace sluice::store {

// As for static routes (static_route_rows.h).
int64_t CreateMappingSet(Database& database, int64_t tenant_uid);
void PutMappings(Database& database, int64_t set, std::span<const tenant::Mapping> mappings);
void RemoveMappings(Database& database, int64_t set, std::span<const net::Prefix> prefixes);
uint64_t LoadMappings(Database& database, int64_t set,
                      absl::FunctionRef<void(const tenant::Mapping&)> mapping);
absl::StatusOr<bool> CollectMappingSets(Database& database, std::span<const int64_t> filling, uint32_t rows);

}  // namespace sluice::store
