// What each field of a channel record may hold, as a table: the first check of
// bytes that come from another process, before anything is looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/tables/write_result.h"
#include "proto/channel/records.h"
#include "proto/net/prefix.h"

namespace sluice::dataplane {

// A refusal without its sequence number, which the agent adds.
using MaybeRefusal = std::optional<channel::Refusal>;

inline channel::Refusal Refuse(channel::RefusalReason reason, size_t field_offset, uint64_t value = 0) {
  return {.sequence = 0,
          .reason = static_cast<uint16_t>(reason),
          .field_offset = static_cast<uint16_t>(field_offset),
          .limit = 0,
          .value = value};
}
// What a table said, about the field that it can only have meant.
inline MaybeRefusal Refuse(const WriteResult& result, size_t field_offset) {
  if (result.ok()) return std::nullopt;
  channel::Refusal refusal = Refuse(result.reason(), field_offset, result.value());
  if (result.reason() == channel::RefusalReason::kLimit)
    refusal.limit = static_cast<uint32_t>(result.limit());
  return refusal;
}

// `record` is a copy of what came out of the ring, of any length, 8-byte
// aligned. Passes only records whose type is known, whose length is the type's,
// and whose fields each hold a value that some object could have.
MaybeRefusal CheckFields(std::span<const std::byte> record);

// Values of checked records. `bytes` has 16 bytes in network order.
net::Address AddressOf(uint8_t family, const uint8_t* bytes);

}  // namespace sluice::dataplane
