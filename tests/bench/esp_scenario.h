// The gateways that the ESP rows measure: tenants' sites behind VLANs, what they reach through
// ESP tunnels with one SA each way, and packets one way.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/graph_meter.h"

namespace sluice::bench {

struct EspScenario {
  bool decrypt;    // out of the tunnel to the VLAN; else the other way
  unsigned sas;    // tunnels; of 100 tenants where there are as many
  uint16_t bytes;  // of an Ethernet frame with its FCS around the inner packet; 0: IMIX
  dataplane::EspSuiteId suite = dataplane::EspSuiteId::kAes128Gcm;
};

// IMIX is 7 : 4 : 1 of 64, 570 and 1420 bytes. Returns the inner packet's.
uint16_t InnerBytesOf(uint16_t frame_bytes, unsigned packet);

// Tunnel n belongs to tenant n % tenants, VRF and VLAN that + 1, whose site is 10.1.0.0/16;
// behind its tunnel k is 10.(k + 3).0.0/16. Every packet is of an SA at random.
class EspTraffic : public Traffic {
 public:
  EspTraffic(const EspScenario& scenario, const testing::HarnessOptions& options);

  testing::GraphHarness& graph() override { return *graph_; }
  uint16_t WriteNext(uint8_t* frame) override;
  // SAs and policies alone, of tunnels from `first` on that need not exist.
  void AddSas(unsigned first, unsigned count) {
    for (unsigned number = first; number < first + count; ++number) InstallSas(number);
  }

 private:
  void AddTenant(unsigned tenant);
  void AddTunnel(unsigned number);
  dataplane::InterfaceId TunnelOf(unsigned number) const;
  void InstallSas(unsigned number);
  uint8_t* WriteInner(unsigned number, uint16_t bytes, uint8_t* at);
  uint16_t WriteSealed(unsigned number, uint16_t inner_bytes, uint8_t* frame);
  dataplane::EspKeyMaterial KeysOf(unsigned number);

  const EspScenario scenario_;
  const unsigned tenants_;
  std::unique_ptr<testing::GraphHarness> graph_;
  // The far end's.
  dataplane::EspCrypto crypto_;
  std::vector<std::unique_ptr<dataplane::EspKeys>> far_keys_;
  std::vector<dataplane::EspTransform> far_transforms_;
  std::vector<uint64_t> far_sequence_;
  std::vector<uint8_t> key_, integrity_key_;
  uint32_t next_adjacency_ = 1;
  unsigned next_packet_ = 0;
};

}  // namespace sluice::bench
