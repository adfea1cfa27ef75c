// Reads the streams that change mappings: parses and checks them on the caller's
// thread, so that the core thread only stores them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "control/api/mapping_writes.h"
#include "control/tenant/findings.h"
#include "control/tenant/mapping_set.h"

namespace sluice::api {

// Mappings of one request stream, as far as they have come. Not thread-safe.
class MappingStream {
 public:
  explicit MappingStream(MappingTerms terms) : terms_(std::move(terms)) {}
  MappingStream(const MappingStream&) = delete;
  MappingStream& operator=(const MappingStream&) = delete;

  using Mappings = google::protobuf::RepeatedPtrField<gateway::v1::Mapping>;
  // Into a set, where a prefix may be there once. An error ends the stream at
  // once: the limit is reached, or so many are wrong that more are no help.
  absl::Status AddToSet(const Mappings& mappings, tenant::MappingSet& set);
  // As a list of changes.
  absl::Status AddToList(const Mappings& mappings, std::vector<tenant::Mapping>& list);
  absl::Status AddPrefixes(const google::protobuf::RepeatedPtrField<std::string>& texts,
                           std::vector<net::Prefix>& list);

  // After the last message: what was wrong, or that the count is not the expected one.
  absl::Status Finish(const gateway::v1::MappingsHeader& header) const;
  const MappingTerms& terms() const { return terms_; }

 private:
  std::optional<tenant::Mapping> Take(const gateway::v1::Mapping& wanted, const char* list);
  tenant::Place PlaceOf(const char* list, const std::string& field) const;
  absl::Status TooWrong() const;
  absl::Status TooMany() const;

  const MappingTerms terms_;
  tenant::Findings findings_;
  absl::flat_hash_set<std::string> changed_;  // prefixes of an update, put or removed
  uint64_t mappings_ = 0;                     // that came, right or wrong
};

}  // namespace sluice::api
