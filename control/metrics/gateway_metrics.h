// The Prometheus endpoint: on every scrape it asks the core thread and the
// dataplane for the present values. Nothing is kept between scrapes but names.
#pragma once

#include <prometheus/collectable.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "control/api/dataplane_view.h"
#include "control/api/executor.h"
#include "control/io/live_state.h"
#include "control/io/programming_loop.h"
#include "control/metrics/exposition.h"
#include "control/programming/sender.h"

namespace prometheus {
class Exposer;
}

namespace sluice::metrics {

// Names of a tenant and its connections for labels.
struct TenantNames {
  std::string tenant;
  uint32_t vrf = 0;
  std::vector<std::pair<std::string, uint32_t>> connections;  // name, interface
  struct Subnet {
    std::string virtual_network;
    std::string name;
    uint32_t interface = 0;
  };
  std::vector<Subnet> subnets = {};
  // Connections that are not disabled: whether they carry packets.
  std::vector<std::pair<std::string, bool>> up = {};
};

struct UnderlayNames {
  std::string interface;
  uint32_t number = 0;
  bool up = false;
};

class GatewayMetrics : public prometheus::Collectable {
 public:
  // All are borrowed and outlive it.
  struct Sources {
    api::Executor& core;
    const programming::Sender& sender;
    const io::LiveState& state;
    const io::ProgrammingLoop& programming;
    api::DataplaneView& dataplane;
    std::function<std::vector<TenantNames>()> tenants;  // core thread
    // Underlay interfaces. Core thread.
    std::function<std::vector<UnderlayNames>()> underlay = [] { return std::vector<UnderlayNames>(); };
    std::string version = {};  // of this program
  };
  explicit GatewayMetrics(Sources sources);
  ~GatewayMetrics() override;

  // Listens on "ADDRESS:PORT" and serves /metrics until destruction. Unavailable
  // when the address cannot be had.
  absl::Status Listen(const std::string& address);

  // A thread of the exposer's.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  void CollectCore(Exposition& out) const;
  void CollectTenant(const TenantNames& names, Exposition& out) const;
  void CollectSubnet(const std::string& tenant, const TenantNames::Subnet& subnet, Exposition& out) const;
  void CollectNeighbors(const std::string& tenant, uint32_t vrf, Exposition& out) const;
  void CollectConnection(const std::string& tenant, const std::string& connection, uint32_t interface,
                         Exposition& out) const;
  void CollectProbes(const Labels& labels, uint32_t interface, Exposition& out) const;
  void CollectTunnel(const Labels& labels, uint32_t interface, Exposition& out) const;
  void CollectUnderlay(Exposition& out) const;
  void CollectDrops(const std::vector<TenantNames>& tenants, Exposition& out) const;
  void CollectWorkers(Exposition& out) const;
  void CollectPorts(Exposition& out) const;
  void CollectTables(Exposition& out) const;
  void CollectSlowPath(Exposition& out) const;
  std::string ReasonName(uint32_t reason) const;
  void LearnReasons() const;  // of the dataplane that is there now

  Sources sources_;
  // The exposer wants to share what it collects; it goes before the rest does.
  std::shared_ptr<GatewayMetrics> self_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  mutable std::mutex mutex_;
  mutable absl::flat_hash_map<uint32_t, std::string> reasons_;  // drop reasons' names
  mutable std::string reasons_of_;                              // instance of the dataplane
};

}  // namespace sluice::metrics
