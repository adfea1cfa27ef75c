// The gateways that the l3 rows measure: tenants between two ports, their
// routes, and packets for them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/graph_meter.h"

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

// What differs between packets. Kept small: two million of them stream past while
// the tables want the cache for themselves.
struct Flow {
  uint64_t source_low;        // IPv4: the address
  uint64_t destination_high;  // IPv6 only
  uint64_t destination_low;   // IPv4: the address
  uint32_t ports;
  uint16_t vlan;
  uint16_t checksum;  // of the IPv4 header
};

// VRF n is VLAN n + 1 on both ports: in at port 0, out at port 1. Every VRF has
// an address of its own on both interfaces. All packets reach a route.
class L3Gateway : public Traffic {
 public:
  L3Gateway(const Scenario& scenario, const testing::HarnessOptions& options);

  testing::GraphHarness& graph() override { return *graph_; }
  // The flows one after the other, again and again.
  uint16_t WriteNext(uint8_t* frame) override;

 private:
  // All headers of the flow's frame.
  void Write(const Flow& flow, uint8_t* frame) const;
  void AddTenant(const Scenario& scenario, unsigned tenant);
  template <class Draw>
  void AddRoutes(const Scenario& scenario, unsigned vrf, Draw draw);
  void AddFlows(const Scenario& scenario);

  std::unique_ptr<testing::GraphHarness> graph_;
  // Of each VRF, some of the routes to aim at.
  std::vector<std::vector<net::Prefix>> prefixes_;
  std::vector<Flow> flows_;
  bool ipv6_;
  uint16_t frame_bytes_;  // 64 with FCS on an untagged wire (IPv6: 82)
  size_t next_ = 0;
  uint8_t template_[96] = {};
};

}  // namespace sluice::bench
