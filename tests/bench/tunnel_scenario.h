// The gateways that the tunnel rows measure: tenants' sites behind VLANs, their
// hosts behind GRE tunnels or virtual networks, and packets one way.
#pragma once

#include <cstdint>
#include <memory>

#include "tests/bench/graph_meter.h"

namespace sluice::bench {

struct TunnelScenario {
  const char* name;
  dataplane::TunnelKind kind;
  bool decap;             // out of the tunnel to the VLAN; else the other way
  unsigned tenants;       // VRFs
  unsigned tunnels;       // kGre: per tenant, each with a far end and a key of its own
  unsigned hosts;         // overlays: per tenant, each a route of its own to a provider address
  unsigned flows;         // distinct packets
  bool untagged = false;  // the underlay; else in VLAN 4000
};

// Tenant n is VRF n + 1 and VLAN n + 1 with the site 10.1.0.0/16. What is behind
// GRE tunnel k of a tenant is 10.(k + 3).0.0/16; the overlay's host h is
// 10.3.(h / 256).(h % 256) at the provider address number h, which all tenants share.
// Inner packets are 46 bytes: 64 as an Ethernet frame with FCS.
class TunnelTraffic : public Traffic {
 public:
  TunnelTraffic(const TunnelScenario& scenario, const testing::HarnessOptions& options);

  testing::GraphHarness& graph() override { return *graph_; }
  uint16_t WriteNext(uint8_t* frame) override;

 private:
  // What differs between packets.
  struct Flow {
    uint32_t far;       // the host behind the tunnel, IPv4
    uint32_t near;      // the host of the site
    uint32_t provider;  // far end of the tunnel
    uint32_t key;       // GRE key, VNI or VSID
    uint32_t ports;
    uint16_t vlan;  // of the site
  };

  void AddTenant(unsigned tenant);
  void AddTunnel(unsigned tenant, unsigned index);
  // A way to what lies behind the tunnel: `provider` is its far end there.
  void AddWay(dataplane::VrfId vrf, dataplane::InterfaceId tunnel, const net::Address& provider,
              const net::Prefix& prefix);
  Flow FlowAt(unsigned number) const;
  uint8_t* WriteOuter(const Flow& flow, uint8_t* at) const;
  uint8_t* WriteInner(const Flow& flow, uint8_t* at) const;

  const TunnelScenario scenario_;
  std::unique_ptr<testing::GraphHarness> graph_;
  uint32_t next_adjacency_ = 1;
  unsigned next_ = 0;  // number of the flow
};

}  // namespace sluice::bench
