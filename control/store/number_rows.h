// Numbers of objects in the channel: unique per kind, persisted with what they
// belong to, small (they index tables of the dataplane), and not used again soon.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "control/store/database.h"

namespace sluice::store {

// Stored; only append.
enum class NumberKind : uint8_t { kVrf = 1, kConnection = 2, kInterface = 3, kPolicer = 4 };

// Inside the transaction that creates the object. RESOURCE_EXHAUSTED names the
// kind when all are taken.
absl::StatusOr<uint32_t> AllocateNumber(Database& database, NumberKind kind, int64_t now_us);
// Inside the transaction that deletes the object. The number rests for a while:
// counters and late packets of its old owner must not meet a new one.
void ReleaseNumber(Database& database, NumberKind kind, uint32_t value, int64_t now_us);

// How long a number rests.
inline constexpr int64_t kNumberRestUs = int64_t{15} * 60 * 1'000'000;

}  // namespace sluice::store
