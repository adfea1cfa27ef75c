// The desired state of the gateway in memory, always equal to the store, and its
// statement to programming. What a request may do to it is decided by the
// *_writes; what is shown of it by tenant_status.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "control/api/dataplane_state.h"
#include "control/api/programming_sink.h"
#include "control/api/programming_status.h"
#include "control/api/watch_log.h"
#include "control/store/store.h"
#include "control/store/tenant_rows.h"
#include "control/tenant/environment.h"
#include "control/tenant/mapping_set.h"
#include "control/tenant/static_route_set.h"
#include "control/tenant/validate_tenant.h"
#include "control/tenant/validate_underlay.h"

namespace sluice::api {

// Since when a condition has the status it has, by object and type.
using ConditionTimes = std::map<std::pair<std::string, std::string>, std::pair<std::string, int64_t>>;

// A replaced static set on its way to programming, in portions: `before` is what
// programming knew, the tenant's present set what it is to know.
struct StaticFeed {
  StaticFeed(tenant::StaticRouteSet known, const tenant::StaticRouteSet& wanted, uint64_t at)
      : before(std::move(known)), difference(before, wanted), revision(at) {}
  const tenant::StaticRouteSet before;
  tenant::StaticRouteDifference difference;
  const uint64_t revision;
};

// Likewise of replaced mappings.
struct MappingFeed {
  MappingFeed(tenant::MappingSet known, const tenant::MappingSet& wanted, uint64_t at)
      : before(std::move(known)), difference(before, wanted), revision(at) {}
  const tenant::MappingSet before;
  tenant::MappingDifference difference;
  std::vector<net::Prefix> remove;  // told at the end, when everything new is there
  const uint64_t revision;
};

// The mappings of one virtual network.
struct MappingsRecord {
  tenant::MappingSet mappings;
  std::unique_ptr<MappingFeed> feed;  // while one is under way `mappings` does not change
  uint32_t path_id = 0;               // of their routes
  uint64_t unreadable = 0;
  uint64_t idle = 0;     // that the present spec does not allow; kept, and not stated
  std::string idle_why;  // of the first of them
};

// The state something was last seen in, and since when.
struct StateSince {
  int state = -1;
  int64_t since_us = 0;
};

struct TenantRecord {
  store::TenantRow row;
  // row.spec in the present environment; findings are shown as conditions.
  tenant::ValidatedTenant validated;
  std::map<std::string, uint64_t> secrets;  // path -> version of those that are set
  tenant::StaticRouteSet routes;
  std::unique_ptr<StaticFeed> feed;  // while one is under way `routes` does not change
  std::map<std::string, MappingsRecord, std::less<>> networks;  // of each one in row.mappings
  uint32_t network_paths = 0;                                   // path_ids given to networks
  uint64_t unreadable_routes = 0;
  uint64_t unreachable_routes = 0;  // of the static set: next hop on no connected prefix
  uint64_t spec_revision = 0;       // at which row.generation was stated to programming
  uint64_t observed_generation = 0;
  uint64_t static_revision = 0;  // at which the static set was stated last
  uint64_t observed_static_version = 0;
  std::string shown;  // digest of the status that watchers were told last
  std::map<std::string, std::string> shown_connections;
  std::map<std::string, int64_t> connected_since_us;
  std::map<std::string, StateSince> connection_states;
  ConditionTimes condition_times;
};

// The tenant's virtual network of that name; null: it has none.
const tenant::VirtualNetwork* ModelOf(const TenantRecord& record, std::string_view network);

struct GatewayRecord {
  store::GatewayRow row;
  // Of row.spec in the present environment; findings are shown as conditions.
  tenant::UnderlayModel underlay;
  tenant::Findings findings;
  uint64_t spec_revision = 0;  // at which the underlay was stated to programming; 0: there never was one
  uint64_t observed_generation = 0;  // whose underlay the dataplane has
  std::map<std::string, StateSince> interface_states;
};

// What the outside gives it. All are borrowed and outlive it.
struct Surroundings {
  store::Store& store;
  ProgrammingSink& sink;
  const ProgrammingStatus& programming;
  const DataplaneState& dataplane;
  std::function<int64_t()> now_us;  // microseconds since 1970, UTC; callable from any thread
  std::string instance;             // changes with every start of the process
  std::string version;
};

// Core thread only.
class DesiredState {
 public:
  explicit DesiredState(Surroundings surroundings);

  // Reads the store and states everything to programming. A tenant that no longer
  // validates is stated as far as it goes.
  absl::Status Load();

  const std::map<std::string, std::unique_ptr<TenantRecord>, std::less<>>& tenants() const {
    return tenants_;
  }
  TenantRecord* Find(std::string_view tenant);
  const store::GatewayRow& gateway() const { return gateway_.row; }
  const GatewayRecord& gateway_record() const { return gateway_; }
  GatewayRecord& gateway_record() { return gateway_; }
  bool empty() const { return tenants_.empty() && gateway_.row.generation == 0; }

  // What `tenant` may be validated against; it need not exist.
  tenant::Environment EnvironmentFor(std::string_view tenant) const;
  // Validates every stored tenant in `environment`, which is made for no tenant.
  void ValidateEach(tenant::Environment environment,
                    absl::FunctionRef<void(const TenantRecord&, tenant::ValidatedTenant&&)> validated) const;
  // What the underlay of a gateway with `spec` may be validated against.
  tenant::Environment EnvironmentForUnderlay(const gateway::v1::GatewaySpec& spec) const;
  uint64_t BookedKbps() const { return booked_kbps_; }
  uint64_t StaticRoutes() const;

  // After the transaction that stored it was committed.
  void Adopt(store::TenantRow row, tenant::ValidatedTenant validated,
             std::map<std::string, uint64_t> secrets);
  void Remove(std::string_view tenant);
  void AdoptGateway(store::GatewayRow row);
  // Stated to programming by FeedStaticSet, portion by portion.
  void AdoptStaticSet(TenantRecord& record, tenant::StaticRouteSet routes, uint64_t version, int64_t set);
  // States the next portion, some milliseconds of work. Absent while there is more
  // to do; at the end the feed, whose destruction takes long for a large set.
  std::unique_ptr<StaticFeed> FeedStaticSet(TenantRecord& record, size_t prefixes);
  // Single routes of the set that the record has already; `version` is the new one.
  void AdoptStaticChanges(TenantRecord& record, const std::vector<tenant::StaticRoute>& put,
                          const std::vector<net::Prefix>& remove, uint64_t version);

  // Likewise for the mappings of one virtual network of the record.
  void AdoptMappings(TenantRecord& record, const std::string& network, tenant::MappingSet mappings,
                     store::MappingsRow row);
  std::unique_ptr<MappingFeed> FeedMappings(TenantRecord& record, MappingsRecord& network, size_t prefixes);
  void AdoptMappingChanges(TenantRecord& record, const std::string& network,
                           const std::vector<tenant::Mapping>& put, const std::vector<net::Prefix>& remove,
                           store::MappingsRow row);

  // Notices ports that came or went, and tells watchers what changed. Looking at a tenant takes
  // tens of microseconds, so that only a dataplane that came or went is worth looking at all.
  void Refresh();
  // Of the tenants with these VRFs: programming has news of them.
  void Refresh(std::span<const uint32_t> vrfs);
  // Of the next tenants, `parts` calls for all of them: to be called all the time, for what changes
  // without a word of programming, such as neighbours.
  void RefreshPart(size_t parts);

  // As last seen; absent before the first attachment.
  const std::optional<std::vector<tenant::PortFacts>>& ports() const { return ports_; }
  const Surroundings& surroundings() const { return surroundings_; }
  store::Store& store() { return surroundings_.store; }
  int64_t now_us() const { return surroundings_.now_us(); }
  WatchLog& watch_log() { return watch_log_; }
  // The newest generation of the gateway that the dataplane has for all tenants.
  uint64_t ObservedGatewayGeneration();
  ConditionTimes& gateway_condition_times() { return gateway_condition_times_; }
  int64_t started_us() const { return started_us_; }
  // Sets being filled by a stream right now; they are not collected.
  std::vector<int64_t>& filling() { return filling_; }
  std::vector<int64_t>& filling_mappings() { return filling_mappings_; }

 private:
  void State(TenantRecord& record);
  // True when it has other interfaces than before.
  bool StateUnderlay();
  void StateStaticSet(TenantRecord& record);
  void FinishFeed(TenantRecord& record);
  void LoadMappings(TenantRecord& record);
  void FollowNetworks(TenantRecord& record);
  void StateMappings(TenantRecord& record);
  void FinishMappingFeed(TenantRecord& record, MappingsRecord& network);
  void Revalidate();
  void AddClaims(const TenantRecord& record, tenant::Environment& environment) const;
  void RemoveClaims(const TenantRecord& record, tenant::Environment& environment) const;
  void CountBooked();
  bool PortsChanged();
  void RefreshTenant(TenantRecord& record);
  void RefreshGateway();

  Surroundings surroundings_;
  GatewayRecord gateway_;
  uint64_t observed_gateway_generation_ = 0;
  ConditionTimes gateway_condition_times_;
  std::map<std::string, std::unique_ptr<TenantRecord>, std::less<>> tenants_;
  absl::flat_hash_map<uint32_t, TenantRecord*> by_vrf_;
  std::string refreshed_last_;  // name of the tenant
  std::string shown_gateway_;   // digest of what watchers were told last
  WatchLog watch_log_;
  std::optional<std::vector<tenant::PortFacts>> ports_;
  std::vector<int64_t> filling_;
  std::vector<int64_t> filling_mappings_;
  uint64_t revision_ = 0;
  uint64_t booked_kbps_ = 0;  // of all tenants
  int64_t started_us_ = 0;
};

}  // namespace sluice::api
