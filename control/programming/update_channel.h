// The channel as the sender sees it, so that the sender is tested without shared
// memory. One attachment; a new attachment is a new object.
#pragma once

#include <cstdint>
#include <optional>

#include "proto/channel/records.h"

namespace sluice::programming {

class UpdateChannel {
 public:
  virtual ~UpdateChannel() = default;
  // As channel::ChannelClient: type and scope of the header are the caller's, the
  // rest is filled in. Returns the sequence number, 0 when there is no room now.
  virtual uint64_t TrySend(channel::RecordHeader* record, uint32_t bytes) = 0;
  virtual void Flush() = 0;
  virtual uint64_t applied_sequence() const = 0;
  // To be emptied after reading applied_sequence and before acting on it.
  virtual std::optional<channel::Refusal> NextRefusal() = 0;
  virtual uint32_t epoch() const = 0;
};

}  // namespace sluice::programming
