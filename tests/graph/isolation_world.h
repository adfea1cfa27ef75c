// A random gateway, from a seed: tenants with overlapping addresses on the
// VLANs of a few ports, told to the dataplane's tables and to the slow model
// alike; and random packets for it.
#pragma once

#include <cstdint>
#include <random>

#include "tests/graph/harness.h"
#include "tests/graph/isolation_model.h"

namespace sluice::testing {

class IsolationWorld {
 public:
  // Both are filled by the constructor and by Change(); they must outlive the world.
  IsolationWorld(uint64_t seed, GraphHarness& gateway, IsolationModel& model);

  // Adds, replaces or removes a route or a neighbour somewhere.
  void Change();

  struct Arrival {
    uint16_t port;
    Bytes frame;
  };
  // A packet that carries `id` throughout its payload.
  Arrival RandomPacket(uint32_t id);

  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  // The id of a packet by what is left of its payload; absent when there is none.
  static std::optional<uint32_t> IdOf(const Bytes& bytes);

 private:
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  void AddTenant(uint16_t vrf);
  void AddInterface(uint16_t vrf, uint16_t id, uint32_t subnet);
  void Install(ModelInterface interface, const std::vector<std::string>& addresses);
  void AddUnderlay();
  void AddTunnel(uint16_t vrf, uint32_t subnet);
  void AddTunnelHops(const ModelInterface& interface);
  void AddConnected(const ModelInterface& interface);
  void AddHops(const ModelInterface& interface);
  ModelHop RandomHop(uint16_t vrf, std::optional<uint16_t> like_of, uint32_t& adjacency);
  void AddRandomRoute(uint16_t vrf);
  void RemoveRandomRoute();
  net::Address RandomAddress(bool v4);
  net::Address OddAddress(bool v4);
  net::Address Endpoint(uint16_t vrf, bool v4);
  const ModelInterface& RandomPlace();
  // Null when there is no tunnel.
  const ModelInterface* RandomTunnel();
  // Only a `large` one may need fragments, each of which has a mark of its own then.
  Bytes RandomTransport(uint32_t id, uint8_t protocol, bool large);
  Bytes RandomIp(uint16_t vrf, uint32_t id, bool v4, bool large);
  // The IP packet as the tunnel's far end would send it, or, with `spoil`, somebody worse.
  Bytes Wrapped(const ModelInterface& tunnel, const Bytes& ip, bool v4, bool spoil, bool& outer_v4);
  // A sound one around a random packet.
  Bytes TunnelPacket(const ModelInterface* tunnel, uint32_t id, bool& outer_v4);
  // On the interface's VLAN; but for `exactly` sometimes on another, or not to us.
  Arrival Framed(const ModelInterface& in, const Bytes& ip, bool v4, bool exactly);
  void Mangle(Bytes& ip, bool v4);

  std::mt19937_64 random_;
  GraphHarness& gateway_;
  IsolationModel& model_;
  uint16_t tenants_ = 0, next_interface_ = 1;
  uint32_t next_adjacency_ = 1, next_group_ = 1;
  std::map<uint32_t, ModelHop> hops_;  // by adjacency
};

}  // namespace sluice::testing
