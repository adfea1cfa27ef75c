// The audit trail: every mutation that was asked for, with its result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/store/database.h"

namespace sluice::store {

struct AuditRow {
  int64_t id = 0;  // filled in by the store
  int64_t time_us = 0;
  std::string who;
  std::string method;
  std::string object;                // resource name
  std::string tenant;                // label; empty for the gateway
  std::vector<std::string> changes;  // secrets redacted
  std::string result;                // name of the gRPC status code
  bool break_glass = false;
};

// Limit audit-events: the oldest go when there are more.
inline constexpr int64_t kAuditEventsMax = 100'000;

void SaveAudit(Database& database, const AuditRow& row);
// Newest first.
std::vector<AuditRow> LoadAudit(Database& database, const std::optional<std::string>& tenant,
                                int64_t since_us, uint32_t limit);

}  // namespace sluice::store
