// Parsing of mapping streams.
#include "control/api/mapping_stream.h"

#include "absl/strings/str_cat.h"
#include "control/api/refusal.h"
#include "control/tenant/text_fields.h"

namespace sluice::api {
namespace {

namespace v1 = ::sluice::gateway::v1;

// An update is one transaction of the core thread; larger changes are a replace.
constexpr size_t kMappingChangesMax = 20'000;

}  // namespace

tenant::Place MappingStream::PlaceOf(const char* list, const std::string& field) const {
  return tenant::Place{"", MappingsObject(terms_.tenant, terms_.virtual_network)}
      .Element(list, mappings_ - 1)
      .Field(field);
}

std::optional<tenant::Mapping> MappingStream::Take(const v1::Mapping& wanted, const char* list) {
  ++mappings_;
  tenant::MappingComplaint complaint;
  auto mapping = terms_.rules.Parse(wanted, complaint);
  if (!mapping) findings_.Invalid(PlaceOf(list, complaint.field), std::move(complaint.description));
  return mapping;
}

absl::Status MappingStream::TooWrong() const {
  return findings_.count() < tenant::Findings::kFindingsMax ? absl::OkStatus() : RefusalOf(findings_);
}

absl::Status MappingStream::AddToSet(const Mappings& mappings, tenant::MappingSet& set) {
  for (const v1::Mapping& wanted : mappings) {
    const auto mapping = Take(wanted, "mappings");
    if (mapping && !set.Put(*mapping))
      findings_.Invalid(PlaceOf("mappings", "prefix"),
                        absl::StrCat(tenant::CustomerPrefixText(mapping->prefix), " is there twice"));
    if (set.size() > terms_.mappings_max)
      return LimitReached("mappings-per-tenant",
                          absl::StrCat(MappingsObject(terms_.tenant, terms_.virtual_network), ": more than ",
                                       terms_.mappings_max,
                                       " mappings are wanted; limit mappings-per-tenant "
                                       "leaves ",
                                       terms_.mappings_max, " to this virtual network"));
  }
  return TooWrong();
}

absl::Status MappingStream::TooMany() const {
  if (changed_.size() <= kMappingChangesMax) return TooWrong();
  return LimitReached("mapping-changes", absl::StrCat("more than ", kMappingChangesMax,
                                                      " changes in one update; use a replace"));
}

absl::Status MappingStream::AddToList(const Mappings& mappings, std::vector<tenant::Mapping>& list) {
  for (const v1::Mapping& wanted : mappings) {
    auto mapping = Take(wanted, "put");
    if (!mapping) continue;
    const std::string prefix = tenant::CustomerPrefixText(mapping->prefix);
    if (!changed_.insert(prefix).second)
      findings_.Invalid(PlaceOf("put", "prefix"), absl::StrCat(prefix, " is there twice"));
    list.push_back(*std::move(mapping));
  }
  return TooMany();
}

absl::Status MappingStream::AddPrefixes(const google::protobuf::RepeatedPtrField<std::string>& texts,
                                        std::vector<net::Prefix>& list) {
  for (const std::string& text : texts) {
    ++mappings_;
    const auto prefix = tenant::ParseCustomerPrefix(text);
    if (!prefix) {
      findings_.Invalid(PlaceOf("remove", ""), tenant::PrefixComplaint(text));
    } else if (!changed_.insert(tenant::CustomerPrefixText(*prefix)).second) {
      findings_.Invalid(PlaceOf("remove", ""),
                        absl::StrCat(tenant::CustomerPrefixText(*prefix), " is there twice"));
    } else {
      list.push_back(*prefix);
    }
  }
  return TooMany();
}

absl::Status MappingStream::Finish(const v1::MappingsHeader& header) const {
  if (!findings_.empty()) return RefusalOf(findings_);
  if (header.has_expected_mappings() && header.expected_mappings() != mappings_)
    return InvalidField("header.expected_mappings",
                        absl::StrCat("the stream carried ", mappings_, " mappings, ",
                                     header.expected_mappings(), " were announced"));
  return absl::OkStatus();
}

}  // namespace sluice::api
