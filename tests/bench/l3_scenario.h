// The gateways that the l3 rows measure: tenants between two ports, their
// routes, and packets for them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/graph/harness.h"

namespace sluice::bench {

struct Scenario {
  const char* name;
  unsigned vrfs;
  unsigned routes;     // per VRF
  unsigned next_hops;  // per VRF
  unsigned flows;      // distinct packets; many times the L2, or a hot set
  bool ipv6 = false;
  bool internet = false;  // prefixes of the default-free zone instead of a tenant's
};

// One frame's worth of headers, 64 bytes with FCS on an untagged wire.
struct Flow {
  uint8_t bytes[82];  // Ethernet, VLAN, IP, UDP, payload
  uint16_t size;
};

// VRF n is VLAN n + 1 on both ports: in at port 0, out at port 1. Every VRF has
// an address of its own on both interfaces. All packets reach a route.
class L3Gateway {
 public:
  L3Gateway(const Scenario& scenario, const testing::HarnessOptions& options);

  testing::GraphHarness& graph() { return *graph_; }
  const std::vector<Flow>& flows() const { return flows_; }

 private:
  void AddTenant(const Scenario& scenario, unsigned tenant);
  template <class Draw>
  void AddRoutes(const Scenario& scenario, unsigned vrf, Draw draw);
  void AddFlows(const Scenario& scenario);

  std::unique_ptr<testing::GraphHarness> graph_;
  // Of each VRF, some of the routes to aim at.
  std::vector<std::vector<net::Prefix>> prefixes_;
  std::vector<Flow> flows_;
};

}  // namespace sluice::bench
