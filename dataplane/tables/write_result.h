// What a table's writer is told: accepted, or refused and why, in the words of
// the channel, so that the agent passes a refusal on without translating it.
#pragma once

#include <cstdint>

#include "proto/channel/records.h"

namespace sluice::dataplane {

// A refused write changed nothing.
class [[nodiscard]] WriteResult {
 public:
  static WriteResult Accepted() { return {}; }
  // `value` is the offending value, or the figure of the limit.
  static WriteResult Refused(channel::RefusalReason reason, uint64_t value = 0) {
    WriteResult result;
    result.reason_ = reason;
    result.value_ = value;
    return result;
  }
  static WriteResult AtLimit(channel::Limit limit, uint64_t figure) {
    WriteResult result = Refused(channel::RefusalReason::kLimit, figure);
    result.limit_ = limit;
    return result;
  }

  bool ok() const { return reason_ == channel::RefusalReason{}; }
  // Only of a refused write.
  channel::RefusalReason reason() const { return reason_; }
  // Only with reason kLimit.
  channel::Limit limit() const { return limit_; }
  uint64_t value() const { return value_; }

 private:
  channel::RefusalReason reason_{};
  channel::Limit limit_{};
  uint64_t value_ = 0;
};

}  // namespace sluice::dataplane
