// Refused objects in words.
#include "control/api/refused_text.h"

#include "absl/strings/str_cat.h"

namespace sluice::api {

std::string TextOf(const std::vector<RefusedObject>& refused, uint64_t count) {
  constexpr size_t kShownMax = 5;
  std::string text;
  size_t shown = 0;
  for (; shown < refused.size() && shown < kShownMax; ++shown)
    absl::StrAppend(&text, shown == 0 ? "" : "; ", refused[shown].name, ": ", refused[shown].reason);
  if (count > shown) absl::StrAppend(&text, ", and ", count - shown, " more");
  return text;
}

}  // namespace sluice::api
