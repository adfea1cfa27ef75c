// The smallest number that is free and has rested, else the next above all.
#include "control/store/number_rows.h"

#include "absl/strings/str_cat.h"

namespace sluice::store {
namespace {

struct Range {
  const char* name;
  uint32_t last;  // numbers are 1..last; 0 means "none" in the channel
};

// What the dataplane's tables can be configured for at most.
constexpr Range RangeOf(NumberKind kind) {
  switch (kind) {
    case NumberKind::kVrf:
      return {"VRFs", 65535};
    case NumberKind::kConnection:
      return {"connections", 65535};
    case NumberKind::kInterface:
      return {"subinterfaces", 65534};
    case NumberKind::kPolicer:
      return {"policers", 131070};
  }
  return {"", 0};
}

void Take(Database& database, NumberKind kind, int64_t value) {
  Statement(database, "INSERT OR REPLACE INTO number VALUES (?, ?, NULL)")
      .Bind(static_cast<int64_t>(kind))
      .Bind(value)
      .Run();
}

}  // namespace

absl::StatusOr<uint32_t> AllocateNumber(Database& database, NumberKind kind, int64_t now_us) {
  const Range range = RangeOf(kind);
  int64_t value = 0;
  {
    Statement rested(database, "SELECT min(value) FROM number WHERE kind = ? AND released_us < ?");
    rested.Bind(static_cast<int64_t>(kind)).Bind(now_us - kNumberRestUs);
    if (rested.Step() && !rested.IsNull(0)) value = rested.Integer(0);
  }
  if (value == 0) {
    Statement highest(database, "SELECT coalesce(max(value), 0) FROM number WHERE kind = ?");
    highest.Bind(static_cast<int64_t>(kind));
    if (highest.Step()) value = highest.Integer(0) + 1;
  }
  if (!database.error().ok()) return database.error();
  if (value > range.last)
    return absl::ResourceExhaustedError(absl::StrCat("all ", range.last, " numbers of ", range.name,
                                                     " are taken or were released less than 15 minutes ago"));
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
