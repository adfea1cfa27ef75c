// Where one watcher stands: what it was told, and what comes next. Holds
// positions only; what is told is read from the present state.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/api/desired_state.h"
#include "control/api/name_table.h"
#include "sluice/gateway/v1/watch.pb.h"

namespace sluice::api {

// Core thread only, apart from construction.
class WatchCursor {
 public:
  // Any thread. Refuses kinds that do not exist, or not yet; others may be watched.
  static absl::Status Check(const gateway::v1::WatchRequest& request);
  explicit WatchCursor(const gateway::v1::WatchRequest& request);

  // The next events, at most about a thousand; empty when there is nothing new.
  // The first call starts with a snapshot unless the request's token still holds.
  std::vector<gateway::v1::WatchEvent> Next(DesiredState& state);
  // What WatchLog::WaitBeyond is asked with.
  uint64_t revision() const { return revision_; }
  bool wants_routes() const { return Wants(gateway::v1::WATCH_KIND_ROUTES); }
  // A token for the present position.
  std::string Token(const DesiredState& state) const;

 private:
  // Routes of one VRF and family: first by pages, then by changes.
  struct RouteFeed {
    std::string tenant;
    bool paging = true;
    net::Prefix from;
    uint64_t revision = 0;
    bool synced_told = false;
  };
  using RouteFeeds = std::map<std::pair<uint32_t, net::Family>, RouteFeed>;

  bool Wants(gateway::v1::WatchKind kind) const { return kinds_.contains(kind); }
  bool Wants(const std::string& tenant) const { return tenants_.empty() || tenants_.contains(tenant); }
  void Start(DesiredState& state);
  bool Resume(const DesiredState& state);
  void Snapshot(DesiredState& state);
  void Tell(const WatchedObject& object, DesiredState& state);
  void TellTenant(const std::string& tenant, DesiredState& state);
  void TellConnection(const WatchedObject& object, DesiredState& state);
  void Changes(DesiredState& state);
  void Routes(DesiredState& state);
  void FollowTenants(const DesiredState& state);
  void Page(uint32_t vrf, net::Family family, RouteFeed& feed, const NameTable& names, DesiredState& state);
  void RouteChanges(uint32_t vrf, net::Family family, RouteFeed& feed, const NameTable& names,
                    DesiredState& state);
  gateway::v1::WatchEvent& Add() { return events_.emplace_back(); }

  std::set<gateway::v1::WatchKind> kinds_;
  std::set<std::string> tenants_;
  std::string resume_token_;
  bool started_ = false;
  bool restart_ = false;        // changes were missed: a new snapshot comes next
  bool snapshot_open_ = false;  // routes of the snapshot are still coming
  uint64_t revision_ = 0;
  RouteFeeds feeds_;
  std::vector<gateway::v1::WatchEvent> events_;
};

}  // namespace sluice::api
