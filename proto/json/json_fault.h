// Protobuf messages from JSON that people write, and what is wrong with it in their words: the line,
// the field, what would be accepted.
#pragma once

#include <google/protobuf/message.h>

#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace sluice::json {

// Fills `message` by protobuf's rules: names in either spelling, unknown ones refused.
// INVALID_ARGUMENT "line 3: unknown field \"mainCores\"; did you mean \"mainCore\"?".
absl::Status Parse(const std::string& text, google::protobuf::Message& message);

// Where in a text the message is.
struct Place {
  int item = -1;                  // of the list that the text is; -1: the text is the message
  std::set<std::string> besides;  // fields beside those of the message
};

// The first fault of a text that protobuf refused with `refusal`, as one line. A null `type`: any
// JSON. Where no fault is found, what protobuf said.
std::string Fault(std::string_view text, const google::protobuf::Descriptor* type, std::string_view refusal,
                  const Place& place = {});

}  // namespace sluice::json
