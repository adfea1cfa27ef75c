// The shared-memory channel as the sender writes to it.
#pragma once

#include <memory>
#include <optional>

#include "control/programming/update_channel.h"
#include "proto/channel/channel_client.h"

namespace sluice::io {

class ChannelPort : public programming::UpdateChannel {
 public:
  // `client` outlives this.
  explicit ChannelPort(channel::ChannelClient& client) : client_(client) {}

  uint64_t TrySend(channel::RecordHeader* record, uint32_t bytes) override {
    return client_.TrySend(record, bytes);
  }
  void Flush() override { client_.Flush(); }
  uint64_t applied_sequence() const override { return client_.applied_sequence(); }
  std::optional<channel::Refusal> NextRefusal() override { return client_.NextRefusal(); }
  uint32_t epoch() const override { return client_.epoch(); }

 private:
  channel::ChannelClient& client_;
};

}  // namespace sluice::io
