// The smallest number that is free and has rested, else the next above all, else one early.
#include "control/store/number_rows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::store {
namespace {

struct Range {
  const char* name;
  const char* limit;  // of the dataplane; empty: it has none for them
  uint32_t last;      // numbers are 1..last; 0 means "none" in the channel
};

// What the dataplane's tables can be configured for at most.
constexpr Range RangeOf(NumberKind kind) {
  switch (kind) {
    case NumberKind::kVrf:
      return {"VRFs", "vrfs", 65535};
    case NumberKind::kConnection:
      return {"connections", "", 65535};
    case NumberKind::kInterface:
      return {"subinterfaces", "interfaces", 65534};
    case NumberKind::kPolicer:
      return {"policers", "policers", 131070};
  }
  return {"", "", 0};
}

void Take(Database& database, NumberKind kind, int64_t value) {
  Statement(database, "INSERT OR REPLACE INTO number VALUES (?, ?, NULL)")
      .Bind(static_cast<int64_t>(kind))
      .Bind(value)
      .Run();
}

int64_t LowestRested(Database& database, NumberKind kind, int64_t before_us, int64_t last) {
  Statement rested(
      database,
      "SELECT coalesce(min(value), 0) FROM number WHERE kind = ? AND released_us < ? AND value <= ?");
  rested.Bind(static_cast<int64_t>(kind)).Bind(before_us).Bind(last);
  return rested.Step() ? rested.Integer(0) : 0;
}

// Numbers once used keep their row, so there are no holes below the highest.
int64_t NeverUsed(Database& database, NumberKind kind, int64_t last) {
  Statement highest(database, "SELECT coalesce(max(value), 0) FROM number WHERE kind = ?");
  highest.Bind(static_cast<int64_t>(kind));
  const int64_t value = highest.Step() ? highest.Integer(0) + 1 : 0;
  return value <= last ? value : 0;
}

int64_t LongestRested(Database& database, NumberKind kind, int64_t before_us, int64_t last) {
  Statement rested(database,
                   "SELECT value FROM number WHERE kind = ? AND released_us < ? AND value <= ? "
                   "ORDER BY released_us, value LIMIT 1");
  rested.Bind(static_cast<int64_t>(kind)).Bind(before_us).Bind(last);
  return rested.Step() ? rested.Integer(0) : 0;
}

absl::Status AllTaken(const Range& range, uint32_t limit, int64_t last) {
  const bool of_dataplane = last < range.last;
  return absl::ResourceExhaustedError(absl::StrCat(
      "all ", last, " numbers of ", range.name,
      of_dataplane ? absl::StrCat(" within the dataplane's limit ", range.limit, " (", limit, ")") : "",
      " are taken or were released less than a minute ago"));
}

}  // namespace

const char* LimitNameOf(NumberKind kind) {
  return RangeOf(kind).limit;
}

absl::StatusOr<uint32_t> AllocateNumber(Database& database, NumberKind kind, int64_t now_us, uint32_t limit) {
  const Range range = RangeOf(kind);
  // The dataplane counts VRF 0, which is nobody's, with the others.
  const uint32_t reserved = kind == NumberKind::kVrf ? 1 : 0;
  const int64_t last = limit == 0 ? range.last : std::min(limit - reserved, range.last);
  int64_t value = LowestRested(database, kind, now_us - kNumberRestUs, last);
  if (value == 0) value = NeverUsed(database, kind, last);
  if (value == 0) value = LongestRested(database, kind, now_us - kNumberShortRestUs, last);
  if (!database.error().ok()) return database.error();
  if (value == 0) return AllTaken(range, limit, last);
  Take(database, kind, value);
  return static_cast<uint32_t>(value);
}

void ReleaseNumber(Database& database, NumberKind kind, uint32_t value, int64_t now_us) {
  Statement(database, "UPDATE number SET released_us = ? WHERE kind = ? AND value = ?")
      .Bind(now_us)
      .Bind(static_cast<int64_t>(kind))
      .Bind(value)
      .Run();
}

}  // namespace sluice::store
