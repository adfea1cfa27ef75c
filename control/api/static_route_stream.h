// Reads the streams that change a static set: parses and checks routes on the
// caller's thread, so that the core thread only stores them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "control/api/static_route_writes.h"
#include "control/tenant/findings.h"
#include "control/tenant/next_hop_check.h"
#include "control/tenant/static_route_set.h"

namespace sluice::api {

// Routes of one request stream, as far as they have come. Not thread-safe.
class StaticRouteStream {
 public:
  explicit StaticRouteStream(StaticRouteTerms terms) : terms_(std::move(terms)), check_(terms_.connections) {}
  StaticRouteStream(const StaticRouteStream&) = delete;
  StaticRouteStream& operator=(const StaticRouteStream&) = delete;

  // Into a set, where a prefix may be there once. An error ends the stream at
  // once: the limit is reached, or so many routes are wrong that more are no help.
  absl::Status AddToSet(const google::protobuf::RepeatedPtrField<gateway::v1::StaticRoute>& routes,
                        tenant::StaticRouteSet& set);
  // As a list of changes.
  absl::Status AddToList(const google::protobuf::RepeatedPtrField<gateway::v1::StaticRoute>& routes,
                         std::vector<tenant::StaticRoute>& list);
  absl::Status AddPrefixes(const google::protobuf::RepeatedPtrField<std::string>& texts,
                           std::vector<net::Prefix>& list);

  // After the last message: what was wrong, or that the count is not the expected one.
  absl::Status Finish(const gateway::v1::StaticRoutesHeader& header) const;
  const StaticRouteTerms& terms() const { return terms_; }

 private:
  std::optional<tenant::StaticRoute> Take(const gateway::v1::StaticRoute& wanted, const char* list);
  tenant::Place PlaceOf(const char* list, const std::string& field) const;
  absl::Status TooWrong() const;

  const StaticRouteTerms terms_;
  tenant::NextHopCheck check_;
  tenant::Findings findings_;
  absl::flat_hash_set<std::string> changed_;  // prefixes of an update, put or removed
  uint64_t routes_ = 0;                       // that came, right or wrong
};

}  // namespace sluice::api
