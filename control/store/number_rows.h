// Numbers of objects in the channel: unique per kind, persisted with what they
// belong to, small (they index tables of the dataplane), and not used again soon.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "control/store/database.h"

namespace sluice::store {

// Stored; only append.
enum class NumberKind : uint8_t { kVrf = 1, kConnection = 2, kInterface = 3, kPolicer = 4 };

// Inside the transaction that creates the object. `limit` is the attached dataplane's of
// LimitNameOf, 0 = not known. A number that has rested or was never used is
// preferred, the lowest; where none is left up to the limit, the one that rested longest is
// taken early, but not at once. RESOURCE_EXHAUSTED names the limit.
absl::StatusOr<uint32_t> AllocateNumber(Database& database, NumberKind kind, int64_t now_us, uint32_t limit);
// Inside the transaction that deletes the object. The number rests for a while:
// counters and late packets of its old owner must not meet a new one.
void ReleaseNumber(Database& database, NumberKind kind, uint32_t value, int64_t now_us);

// How long a number rests; the second is for when no other is left: the dataplane has long
// taken its old owner out, and starts the counters of a new one from zero.
inline constexpr int64_t kNumberRestUs = int64_t{15} * 60 * 1'000'000;
inline constexpr int64_t kNumberShortRestUs = int64_t{60} * 1'000'000;

// The limit of the dataplane that bounds the kind's numbers, "vrfs"; empty: none does.
const char* LimitNameOf(NumberKind kind);

}  // namespace sluice::store
