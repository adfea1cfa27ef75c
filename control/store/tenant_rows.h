// Rows of the gateway, of tenants and of their connections.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/store/database.h"
#include "control/tenant/model.h"
#include "sluice/gateway/v1/gateway.pb.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::store {

struct GatewayRow {
  uint64_t generation = 0;
  int64_t update_us = 0;          // microseconds since 1970, UTC
  gateway::v1::GatewaySpec spec;  // canonical
  tenant::UnderlayNumbers underlay_numbers;
};

// The stored mappings of a virtual network.
struct MappingsRow {
  uint64_t version = 0;
  int64_t set = 0;  // 0: none

  friend bool operator==(const MappingsRow&, const MappingsRow&) = default;
};

struct TenantRow {
  int64_t uid = 0;  // never used again, also after a delete
  std::string name;
  uint64_t generation = 0;
  int64_t create_us = 0;
  int64_t update_us = 0;
  std::string manager;
  bool diverged = false;
  gateway::v1::TenantSpec spec;  // canonical, without secret values
  tenant::TenantNumbers numbers;
  uint64_t static_version = 0;
  int64_t static_set = 0;                       // 0: none
  std::map<std::string, MappingsRow> mappings;  // of each virtual network of `spec`
};

std::optional<GatewayRow> LoadGateway(Database& database);
void SaveGateway(Database& database, const GatewayRow& row);

// In order of name. A row whose blob cannot be read is an error of the database.
std::vector<TenantRow> LoadTenants(Database& database);
// Inserts when `row.uid` is 0 and fills it in. Writes only those connections and
// virtual networks that differ from `before` (nullptr: all).
void SaveTenant(Database& database, TenantRow& row, const TenantRow* before);
// Takes connections, virtual networks and secrets with it; static and mapping sets are
// collected later.
void DeleteTenant(Database& database, const TenantRow& row);

}  // namespace sluice::store
