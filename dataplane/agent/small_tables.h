// Small tables, two ports and a slow path that takes notes: what tests and fuzz
// targets put around a TableWriter.
#pragma once

#include <atomic>
#include <set>
#include <utility>
#include <vector>

#include "dataplane/agent/neighbor_exchange.h"
#include "dataplane/agent/port_state.h"
#include "dataplane/tables/drop_reason.h"
#include "dataplane/tables/tables.h"
#include "dataplane/tables/test_limits.h"
#include "proto/channel/counters.h"

namespace sluice::dataplane::testing {

// What the slow path was asked.
class RecordedRequests final : public NeighborRequests {
 public:
  void Push(const InterfaceChange& change) override { interfaces.push_back(change); }
  void Push(const NextHopWatch& watch) override {
    if (watch.watched) {
      watched.insert({watch.interface, watch.address});
    } else {
      watched.erase({watch.interface, watch.address});
    }
  }
  void Push(const StaticNeighbor& entry) override { statics.push_back(entry); }
  void Push(const PeerWatch& watch) override { peers.push_back(watch); }

  bool HasRoom() const override { return room.load(); }

  std::atomic<bool> room{true};
  std::vector<InterfaceChange> interfaces;
  std::set<std::pair<InterfaceId, net::Address>> watched;
  std::vector<StaticNeighbor> statics;
  std::vector<PeerWatch> peers;
};

inline TablesOptions SmallTables() {
  TablesOptions options;
  options.limits = sluice::testing::kFewTenants;
  options.ports = 2;
  return options;
}

// Blocks of two workers and, the last, of the agent.
inline constexpr uint32_t kAgentBlock = 2;
inline channel::CounterGeometry SmallCounters() {
  constexpr TableLimits limits = sluice::testing::kFewTenants;
  return {.workers = kAgentBlock + 1,
          .interfaces = limits.interfaces + 1,
          .adjacencies = limits.adjacencies + limits.neighbors + 2,
          .vrfs = limits.vrfs,
          .drop_reasons = kDropReasonsMax,
          .policers = limits.policers + 1,
          .nodes = 32};
}

inline std::vector<PortState> TwoPorts() {
  return {{.mac = *net::MacAddress::Parse("02:00:00:00:00:01"), .mtu = 1500, .carrier = true},
          {.mac = *net::MacAddress::Parse("02:00:00:00:00:02"), .mtu = 9000, .carrier = true}};
}

}  // namespace sluice::dataplane::testing
