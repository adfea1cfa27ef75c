// Labels: keys "[prefix/]name", values up to 63 characters.
#include "control/tenant/validate_labels.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sluice::tenant {
namespace {

constexpr size_t kNameMax = 63;
constexpr size_t kPrefixMax = 253;

bool IsName(std::string_view text) {
  const auto inner = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  const auto outer = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); };
  return !text.empty() && text.size() <= kNameMax && outer(text.front()) && outer(text.back()) &&
         std::all_of(text.begin(), text.end(), inner);
}

bool IsKey(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsName(text);
  const std::string_view prefix = text.substr(0, slash);
  return !prefix.empty() && prefix.size() <= kPrefixMax && IsName(text.substr(slash + 1)) &&
         std::all_of(prefix.begin(), prefix.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                  absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-' || c == '.';
         });
}

}  // namespace

void ValidateLabels(const google::protobuf::Map<std::string, std::string>& labels, uint32_t limit,
                    const Place& place, Findings& findings) {
  if (labels.size() > limit)
    findings.Limit(place, "labels-per-tenant",
                   absl::StrCat(labels.size(), " labels are wanted; limit labels-per-tenant is ", limit));
  for (const auto& [key, value] : labels) {
    if (!IsKey(key))
      findings.Invalid(place,
                       absl::StrCat("\"", key.substr(0, 80),
                                    "\" is not a label's key; accepted: up to 63 letters, digits, "
                                    "'-', '_' and '.', with a DNS name and '/' in front of it if wanted"));
    if (!value.empty() && !IsName(value))
      findings.Invalid(place,
                       absl::StrCat("label ", key.substr(0, 80), " has the value \"", value.substr(0, 80),
                                    "\"; accepted: empty or up to 63 letters, digits, '-', '_' and '.'"));
  }
}

}  // namespace sluice::tenant
