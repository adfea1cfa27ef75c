// Enumerators of the API as people read them: the name without the prefix that
// repeats the type, in lower case, "CONNECTION_STATE_CONNECTED" -> "connected".
#pragma once

#include <google/protobuf/generated_enum_reflection.h>

#include <string>

namespace sluice::ctl {

// Unspecified (0) is empty; a number this program does not know is "unknown (7)".
std::string EnumeratorText(const google::protobuf::EnumDescriptor& type, int value);

template <typename E>
std::string EnumText(E value) {
  return EnumeratorText(*google::protobuf::GetEnumDescriptor<E>(), static_cast<int>(value));
}

}  // namespace sluice::ctl
