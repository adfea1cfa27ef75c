// Fakes of what lies below the API: they remember what they were told and
// answer what a test puts into them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/api/dataplane_state.h"
#include "control/api/dataplane_view.h"
#include "control/api/programming_sink.h"
#include "control/api/programming_status.h"

namespace sluice::api {

struct FakeSink final : ProgrammingSink {
  void PutTenant(const programming::TenantObjects& tenant, uint64_t revision) override {
    tenants[tenant.vrf.vrf] = tenant;
    newest = revision;
  }
  void RemoveTenant(uint32_t vrf) override { removed.push_back(vrf); }
  void ChangeStaticSet(uint32_t, std::span<const rib::RouteInput> put, std::span<const net::Prefix> remove,
                       uint64_t revision, bool) override {
    for (const net::Prefix& prefix : remove) routes.erase(prefix);
    for (const rib::RouteInput& route : put) routes[route.prefix] = route;
    changes += put.size() + remove.size();
    newest = revision;
  }
  void ChangeMappings(uint32_t, uint32_t path_id, std::span<const rib::RouteInput> put,
                      std::span<const net::Prefix> remove, uint64_t revision, bool) override {
    for (const rib::RouteInput& route : put) mappings[{path_id, route.prefix}] = route;
    for (const net::Prefix& prefix : remove) mappings.erase({path_id, prefix});
    mapping_changes += put.size() + remove.size();
    newest = revision;
  }
  void InitialStateComplete() override { complete = true; }

  std::map<uint32_t, programming::TenantObjects> tenants;
  std::vector<uint32_t> removed;
  std::map<net::Prefix, rib::RouteInput> routes;
  uint64_t changes = 0;
  std::map<std::pair<uint32_t, net::Prefix>, rib::RouteInput> mappings;
  uint64_t mapping_changes = 0;
  uint64_t newest = 0;
  bool complete = false;
};

struct FakeProgramming final : ProgrammingStatus {
  TenantProgramming Tenant(uint32_t) const override {
    return {acknowledged, refused, refused.size(), spec_refused, unused_next_hops};
  }
  InterfaceProgramming Interface(uint32_t, uint32_t) const override { return interface; }
  std::vector<RouteCount> RouteCounts(uint32_t) const override { return {}; }
  RoutePage Routes(uint32_t, net::Family family, const net::Prefix& from, size_t limit) const override {
    RoutePage page;
    for (const RibRoute& route : routes) {
      if (route.prefix.family() != family || route.prefix < from) continue;
      if (page.routes.size() >= limit) {
        page.next = route.prefix;
        break;
      }
      page.routes.push_back(route);
    }
    return page;
  }
  RouteChanges RoutesChangedAfter(uint32_t, uint64_t after, size_t) const override {
    RouteChanges found;
    found.revision = revision;
    found.too_old = std::exchange(forgotten, false) && after != ~uint64_t{0};
    for (const RibRoute& route : changes)
      if (route.revision > after) found.routes.push_back(route);
    return found;
  }
  bool Synced(uint32_t, net::Family) const override { return synced; }

  uint64_t acknowledged = 0;
  std::vector<RefusedObject> refused;
  uint64_t spec_refused = 0;
  uint64_t unused_next_hops = 0;
  InterfaceProgramming interface;  // of every one
  std::vector<RibRoute> routes;    // in order of prefix
  std::vector<RibRoute> changes;
  uint64_t revision = 0;
  bool synced = false;
  mutable bool forgotten = false;  // the next reader is told so
};

struct FakeDataplaneState final : DataplaneState {
  bool attached() const override { return is_attached; }
  std::string instance() const override { return "dataplane-1"; }
  std::optional<std::vector<PortState>> Ports() const override { return ports; }
  NeighborLiveness Liveness(uint32_t, const net::Address& address) const override {
    const auto found = liveness.find(address);
    return found == liveness.end() ? NeighborLiveness::kUnknown : found->second;
  }
  std::vector<net::Address> FailedNeighbors(uint32_t) const override {
    std::vector<net::Address> failed;
    for (const auto& [address, state] : liveness)
      if (state == NeighborLiveness::kFailed) failed.push_back(address);
    return failed;
  }
  std::vector<TunnelPath> TunnelPaths(uint32_t) const override { return tunnel_paths; }
  TunnelReach Reach(uint32_t) const override {
    TunnelReach reach{tunnel_paths.size(), 0, {}};
    for (const TunnelPath& each : tunnel_paths) {
      if (each.path_mtu != 0 && (++reach.narrow == 1 || each.path_mtu < reach.narrowest.path_mtu))
        reach.narrowest = each;
      if (each.live) continue;
      ++reach.down;
      reach.some_down.push_back(each);
    }
    return reach;
  }
  std::optional<int64_t> SilentSince(uint32_t) const override { return silent_since_us; }
  uint64_t Limit(std::string_view name) const override {
    const auto found = limits.find(std::string(name));
    return found == limits.end() ? 0 : found->second;
  }
  std::vector<StuckWorker> StuckWorkers() const override { return stuck; }
  InterfaceCounters Counters(uint32_t) const override { return counters; }
  std::vector<DropCount> Drops() const override { return drops; }

  bool is_attached = true;
  std::vector<PortState> ports{{"p1", 1500, true}, {"p2", 9000, true}};
  std::map<net::Address, NeighborLiveness> liveness;
  std::vector<TunnelPath> tunnel_paths;    // of every tunnel
  std::optional<int64_t> silent_since_us;  // likewise
  std::map<std::string, uint64_t> limits;
  std::vector<StuckWorker> stuck;
  InterfaceCounters counters;
  std::vector<DropCount> drops;
};

struct FakeDataplaneView final : DataplaneView {
  absl::StatusOr<dataplane::v1::ListPortsReply> ListPorts() override { return ports; }
  absl::StatusOr<dataplane::v1::ListWorkersReply> ListWorkers() override { return workers; }
  absl::StatusOr<dataplane::v1::ListTablesReply> ListTables() override {
    return dataplane::v1::ListTablesReply();
  }
  absl::StatusOr<dataplane::v1::GetSlowPathReply> GetSlowPath() override {
    return dataplane::v1::GetSlowPathReply();
  }
  absl::StatusOr<dataplane::v1::ListDropReasonsReply> ListDropReasons() override { return reasons; }
  absl::StatusOr<std::vector<dataplane::v1::Neighbor>> ListNeighbors(
      const dataplane::v1::ListNeighborsRequest&) override {
    return neighbors;
  }
  absl::StatusOr<std::vector<dataplane::v1::Adjacency>> ListAdjacencies(
      const dataplane::v1::ListAdjacenciesRequest&) override {
    return adjacencies;
  }
  absl::StatusOr<dataplane::v1::LookupRouteReply> LookupRoute(
      const dataplane::v1::LookupRouteRequest& request) override {
    asked = request;
    return lookup;
  }
  absl::Status Trace(const dataplane::v1::TraceRequest& request, Cancelled,
                     absl::FunctionRef<bool(const dataplane::v1::TracedPacket&)> packet) override {
    traced = request;
    uint32_t left = request.packets_max();
    for (const auto& each : trace)
      if (left-- == 0 || !packet(each)) break;
    return absl::OkStatus();
  }
  absl::Status Capture(const dataplane::v1::CaptureRequest& request, Cancelled,
                       absl::FunctionRef<bool(const dataplane::v1::CapturedPacket&)> packet) override {
    captured = request;
    for (dataplane::v1::CapturedPacket each : capture) {
      each.set_bytes(each.bytes().substr(0, request.snap_bytes()));
      if (!packet(each)) break;
    }
    return absl::OkStatus();
  }

  dataplane::v1::ListPortsReply ports;
  dataplane::v1::ListWorkersReply workers;
  dataplane::v1::ListDropReasonsReply reasons;
  std::vector<dataplane::v1::Neighbor> neighbors;
  std::vector<dataplane::v1::Adjacency> adjacencies;
  dataplane::v1::LookupRouteReply lookup;
  std::vector<dataplane::v1::TracedPacket> trace;
  std::vector<dataplane::v1::CapturedPacket> capture;
  dataplane::v1::LookupRouteRequest asked;
  dataplane::v1::TraceRequest traced;
  dataplane::v1::CaptureRequest captured;
};

}  // namespace sluice::api
