// Collecting findings and spelling field paths.
#include "control/tenant/findings.h"

#include "absl/strings/str_cat.h"

namespace sluice::tenant {

Place Place::Field(std::string_view name) const {
  return {field.empty() ? std::string(name) : absl::StrCat(field, ".", std::string(name)), object};
}

Place Place::Element(std::string_view list, size_t index) const {
  Place place = Field(list);
  absl::StrAppend(&place.field, "[", index, "]");
  return place;
}

void Findings::Add(Finding finding) {
  ++count_;
  if (finding.fault != Fault::kLimit) ++blocking_count_;
  if (list_.size() < kFindingsMax) list_.push_back(std::move(finding));
}

void Findings::Invalid(const Place& place, std::string description) {
  Add({Fault::kInvalid, place.field, place.object, std::move(description), {}});
}

void Findings::Limit(const Place& place, std::string_view limit, std::string description) {
  Add({Fault::kLimit, place.field, place.object, std::move(description), std::string(limit)});
}

void Findings::Unimplemented(const Place& place, std::string_view what) {
  Add({Fault::kUnimplemented, place.field, place.object,
       absl::StrCat(std::string(what), " are not implemented in this version"), std::string(what)});
}

}  // namespace sluice::tenant
