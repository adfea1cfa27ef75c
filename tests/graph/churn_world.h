// Four tenants with the same addresses whose routes, groups, neighbours, checks and VLANs
// change while packets are under way; and which verdicts each packet may meet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "dataplane/agent/record_fixture.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "tests/lib/packet.h"

namespace sluice::testing {

inline constexpr uint8_t kTenants = 4;
inline constexpr uint8_t kHops = 3, kRoutes = 6;
inline constexpr net::MacAddress kGatewayMac{{0x02, 0x66, 0, 0, 0, 1}};
inline constexpr uint16_t kWanderVlan = 99;  // of port 0: the first tenant's or the second's

// The VLAN of a tenant (0 and on) on a port.
constexpr uint16_t VlanOfTenant(uint8_t tenant, uint16_t port) {
  return static_cast<uint16_t>(10 + 10 * port + tenant);
}

struct ChurnState {
  static constexpr int8_t kAbsent = -1, kGroup = 5;
  struct Family {
    std::array<int8_t, kRoutes> route{};  // the next hop, kAbsent, or kGroup: several
    uint8_t members = 3;                  // of the group, bit by bit
    uint8_t mac_version = 0;              // of next hop 1
  };
  struct Tenant {
    std::array<Family, 2> family;  // IPv4, IPv6
    bool strict_urpf = false;
  };
  std::array<Tenant, kTenants> tenants;
  uint8_t wanderer = 0;  // whose kWanderVlan is
};

struct Shot {
  uint8_t tenant = 0;  // when it is not on kWanderVlan
  bool wander = false, v4 = true;
  bool foreign_source = false;  // no route leads back to it
  int8_t route = 0;             // -1: to `host` on the link
  uint8_t host = 0;
};

// A packet may end as a frame to one of these stations, or not come out.
struct Verdicts {
  std::set<net::MacAddress> to;
  bool dropped = false;
};

class ChurnWorld {
 public:
  explicit ChurnWorld(uint64_t seed) : random_(seed) {}

  // All that the tenants are made of, in order of dependence.
  std::vector<dataplane::testing::Record> Initial(const std::array<uint16_t, 2>& ports) const;
  // At most one change for each chain that a packet follows; the state is the new one then.
  std::vector<dataplane::testing::Record> Change(const std::array<uint16_t, 2>& ports);

  const ChurnState& state() const { return state_; }
  Shot RandomShot(uint8_t round);
  static Bytes FrameOf(const Shot& shot, uint32_t id);

  // Adds what the shot meets in a state, as a packet of `tenant`.
  static void Allow(const ChurnState& state, uint8_t tenant, const Shot& shot, Verdicts& verdicts);
  // Whose station this is; 255: nobody's.
  static uint8_t TenantOf(const net::MacAddress& mac);
  // The hosts that answer.
  static std::optional<net::MacAddress> HostAt(uint16_t vlan, const net::Address& address);

  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

 private:
  using Records = std::vector<dataplane::testing::Record>;
  void ChangeTenant(uint8_t tenant, const std::array<uint16_t, 2>& ports, Records& records);
  void ChangeRoute(uint8_t tenant, uint8_t family, Records& records);

  std::mt19937_64 random_;
  ChurnState state_;
};

}  // namespace sluice::testing
