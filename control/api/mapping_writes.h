// Changes of the customer to provider mappings of a virtual network: a versioned
// replace that is filled into the store unseen and takes effect at once, and
// small changes in place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/api/desired_state.h"
#include "control/tenant/mapping.h"
#include "control/tenant/mapping_set.h"
#include "sluice/gateway/v1/virtual_network.pb.h"

namespace sluice::api {

// What a stream needs to check its mappings away from the core thread.
struct MappingTerms {
  std::string tenant;
  int64_t tenant_uid = 0;
  std::string virtual_network;
  tenant::MappingRules rules;
  uint64_t generation = 0;    // of the tenant that `rules` were made for
  uint64_t mappings_max = 0;  // of this virtual network beside the tenant's others
};

// Core thread only.
class MappingWrites {
 public:
  explicit MappingWrites(DesiredState& state) : state_(state) {}

  // Checks tenant, virtual network, manager and versions. Audits a refusal.
  absl::StatusOr<MappingTerms> Begin(const gateway::v1::MappingsHeader& header, bool replace,
                                     const std::string& who);

  // A replace: create, fill in portions, commit. An abandoned set is collected later.
  absl::StatusOr<int64_t> CreateSet(const MappingTerms& terms);
  absl::Status Fill(int64_t set, std::span<const tenant::Mapping> mappings);
  void Abandon(int64_t set);
  // Checks again what may have changed since Begin. Stored and acknowledged when it
  // returns; programming is told by Feed.
  absl::StatusOr<gateway::v1::MappingsResult> CommitReplace(const gateway::v1::MappingsHeader& header,
                                                            const MappingTerms& terms, int64_t set,
                                                            tenant::MappingSet& mappings,
                                                            const std::string& who);
  absl::StatusOr<gateway::v1::MappingsResult> DryReplace(const gateway::v1::MappingsHeader& header,
                                                         const MappingTerms& terms,
                                                         const tenant::MappingSet& mappings);
  // Tells programming the next portion of a committed replace and fills in its
  // counts. Absent while there is more; else what the caller may destroy elsewhere.
  using Remains = std::unique_ptr<MappingFeed>;
  std::optional<Remains> Feed(const MappingTerms& terms, gateway::v1::MappingsResult& result);
  absl::StatusOr<gateway::v1::MappingsResult> Update(const gateway::v1::MappingsHeader& header,
                                                     const MappingTerms& terms,
                                                     const std::vector<tenant::Mapping>& put,
                                                     const std::vector<net::Prefix>& remove,
                                                     const std::string& who);
  void Refused(const gateway::v1::MappingsHeader& header, bool replace, const std::string& who,
               const absl::Status& refusal);

  // Deletes a portion of what nobody names any more; false when nothing is left.
  bool Collect();

 private:
  struct Target {
    TenantRecord* record = nullptr;
    MappingsRecord* network = nullptr;
  };
  // The virtual network that `terms` were made for, still `who`'s and still such that mappings
  // parsed under them stand.
  absl::StatusOr<Target> StillThere(const gateway::v1::MappingsHeader& header, const MappingTerms& terms,
                                    const std::string& who);
  absl::Status CheckRoom(const Target& target, const std::string& object, uint64_t mappings) const;
  gateway::v1::MappingsResult ResultOf(const Target& target, uint64_t version,
                                       const tenant::MappingCounts& counts) const;

  DesiredState& state_;
};

// "tenants/contoso/virtualNetworks/red/mappings"
std::string MappingsObject(std::string_view tenant, std::string_view network);

}  // namespace sluice::api
