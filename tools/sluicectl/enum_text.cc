// Enumerators for people; see enum_text.h.
#include "tools/sluicectl/enum_text.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cctype>

namespace sluice::ctl {

std::string EnumeratorText(const google::protobuf::EnumDescriptor& type, int value) {
  const auto* enumerator = type.FindValueByNumber(value);
  if (enumerator == nullptr) return "unknown (" + std::to_string(value) + ")";
  std::string name = enumerator->name();
  // The prefix is what all names share: the one of 0 ends with UNSPECIFIED.
  const auto* zero = type.FindValueByNumber(0);
  const size_t prefix = zero == nullptr ? std::string::npos : zero->name().rfind("UNSPECIFIED");
  if (value == 0 && prefix != std::string::npos) return "";
  if (prefix != std::string::npos && name.compare(0, prefix, zero->name(), 0, prefix) == 0)
    name.erase(0, prefix);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace sluice::ctl
