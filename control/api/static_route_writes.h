// Changes of a tenant's static set: a versioned replace that is filled into the
// store unseen and takes effect at once, and small changes in place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "control/tenant/model.h"
#include "control/tenant/static_route_set.h"
#include "sluice/gateway/v1/routes.pb.h"

namespace sluice::api {

// What a stream needs to check its routes away from the core thread.
struct StaticRouteTerms {
  std::string tenant;
  int64_t tenant_uid = 0;
  std::vector<tenant::Connection> connections;
  tenant::Limits limits;
  uint64_t routes_max = 0;  // limit static-routes-per-tenant, or the tenant's quota
  uint64_t base_version = 0;
};

// Core thread only.
class StaticRouteWrites {
 public:
  explicit StaticRouteWrites(DesiredState& state) : state_(state) {}

  // Checks tenant, manager and versions. Audits a refusal.
  absl::StatusOr<StaticRouteTerms> Begin(const gateway::v1::StaticRoutesHeader& header, bool replace,
                                         const std::string& who);

  // A replace: create, fill in portions, commit. An abandoned set is collected later.
  absl::StatusOr<int64_t> CreateSet(const StaticRouteTerms& terms);
  absl::Status Fill(int64_t set, std::span<const tenant::StaticRoute> routes);
  void Abandon(int64_t set);
  // Checks again what may have changed since Begin. Stored and acknowledged when it
  // returns; programming is told by Feed.
  absl::StatusOr<gateway::v1::StaticRoutesResult> CommitReplace(const gateway::v1::StaticRoutesHeader& header,
                                                                const StaticRouteTerms& terms, int64_t set,
                                                                tenant::StaticRouteSet& routes,
                                                                const std::string& who);
  // What a replace would do.
  absl::StatusOr<gateway::v1::StaticRoutesResult> DryReplace(const gateway::v1::StaticRoutesHeader& header,
                                                             const StaticRouteTerms& terms,
                                                             const tenant::StaticRouteSet& routes,
                                                             const std::string& who);
  // Tells programming the next portion of a committed replace and fills in its
  // counts. Absent while there is more; else what the caller may destroy elsewhere.
  using Remains = std::unique_ptr<StaticFeed>;
  std::optional<Remains> Feed(const std::string& tenant, gateway::v1::StaticRoutesResult& result);
  absl::StatusOr<gateway::v1::StaticRoutesResult> Update(const gateway::v1::StaticRoutesHeader& header,
                                                         const StaticRouteTerms& terms,
                                                         const std::vector<tenant::StaticRoute>& put,
                                                         const std::vector<net::Prefix>& remove,
                                                         const std::string& who);
  void Refused(const gateway::v1::StaticRoutesHeader& header, bool replace, const std::string& who,
               const absl::Status& refusal);

  // Deletes a portion of what nobody names any more; false when nothing is left.
  bool Collect();

 private:
  // The tenant that `terms` were made for, still `who`'s. NOT_FOUND when it was deleted,
  // ABORTED when another of its name took its place, PERMISSION_DENIED as in Begin.
  absl::StatusOr<TenantRecord*> StillThere(const gateway::v1::StaticRoutesHeader& header,
                                           const StaticRouteTerms& terms, const std::string& who);
  absl::Status CheckVersions(const TenantRecord& record, const gateway::v1::StaticRoutesHeader& header,
                             bool replace) const;
  absl::Status CheckRoom(const TenantRecord& record, uint64_t routes) const;
  // All that decides about a replace whose routes are known. `counts` is what it changes, where that
  // had to be found out: the version that is stored, with the routes that are stored, is no change.
  struct ReplaceVerdict {
    absl::Status allowed;
    uint64_t version = 0;  // afterwards
    std::optional<tenant::StaticRouteCounts> counts;
    bool no_change() const {
      return allowed.ok() && counts && counts->added + counts->changed + counts->removed == 0;
    }
  };
  ReplaceVerdict JudgeReplace(const TenantRecord& record, const gateway::v1::StaticRoutesHeader& header,
                              const tenant::StaticRouteSet& routes) const;
  gateway::v1::StaticRoutesResult ResultOf(const TenantRecord& record,
                                           const tenant::StaticRouteCounts& counts) const;

  DesiredState& state_;
};

}  // namespace sluice::api
