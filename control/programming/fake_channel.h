// An update channel with a fake agent (tests/lib/fake_agent.h) behind it, for tests of the sender.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/programming/sender.h"

namespace sluice::programming {

inline net::Prefix P(const std::string& text) {
  return *net::Prefix::Parse(text);
}
inline net::Address A(const std::string& text) {
  return *net::Address::Parse(text);
}

template <typename Agent>
class ChannelTo : public UpdateChannel {
 public:
  ChannelTo(Agent& agent, uint32_t epoch) : agent_(agent), epoch_(epoch) {}

  uint64_t TrySend(channel::RecordHeader* record, uint32_t bytes) override {
    if (queue_.size() >= room) return 0;
    record->sequence = ++sequence_;
    record->length = bytes;
    record->epoch = epoch_;
    const auto* from = reinterpret_cast<const uint8_t*>(record);
    queue_.emplace_back(from, from + bytes);
    return sequence_;
  }
  void Flush() override {}
  uint64_t applied_sequence() const override { return applied_; }
  std::optional<channel::Refusal> NextRefusal() override {
    if (refusals_.empty()) return std::nullopt;
    const channel::Refusal refusal = refusals_.front();
    refusals_.pop_front();
    return refusal;
  }
  uint32_t epoch() const override { return epoch_; }

  // Plays the agent for up to `count` records; names the type of each.
  std::vector<channel::RecordType> Work(size_t count) {
    std::vector<channel::RecordType> types;
    for (; count > 0 && !queue_.empty(); --count) {
      alignas(8) std::array<uint8_t, channel::kMaxRecordBytes> copy{};
      std::copy(queue_.front().begin(), queue_.front().end(), copy.begin());
      const auto bytes = static_cast<uint32_t>(queue_.front().size());
      queue_.pop_front();
      const auto* header = reinterpret_cast<const channel::RecordHeader*>(copy.data());
      types.push_back(static_cast<channel::RecordType>(header->type));
      if (const auto refusal = agent_.Apply(header, bytes)) {
        refusals_.push_back(*refusal);
        refused.push_back(*refusal);
      }
      ++applied_;
    }
    return types;
  }

  size_t room = 256;
  std::vector<channel::Refusal> refused;

 private:
  Agent& agent_;
  const uint32_t epoch_;
  uint64_t sequence_ = 0;
  uint64_t applied_ = 0;
  std::deque<std::vector<uint8_t>> queue_;
  std::deque<channel::Refusal> refusals_;
};

template <typename Agent>
void Run(Sender& sender, ChannelTo<Agent>& channel) {
  for (int idle = 0; idle < 3;) {
    const bool more = sender.Pump();
    const bool worked = !channel.Work(64).empty();
    idle = sender.TakeAnswers() || worked || more ? 0 : idle + 1;
  }
}

}  // namespace sluice::programming
