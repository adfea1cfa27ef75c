// What validation may look at besides the request itself, as values: limits,
// capacity, ports, and what other tenants have taken.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/tenant/gateway_limits.h"
#include "control/tenant/model.h"
#include "proto/net/address.h"

namespace sluice::tenant {

struct PortFacts {
  std::string name;
  uint16_t mtu = 0;  // largest IP packet, bytes
};

// 802.1Q VLAN of a port; VLAN 0 stands for its untagged frames.
struct PortVlan {
  std::string port;
  uint16_t vlan = 0;

  friend auto operator<=>(const PortVlan&, const PortVlan&) = default;
};

// What arrives for one GRE tunnel: no two may have the same.
struct GreEnds {
  net::Address local;
  net::Address remote;
  std::optional<uint32_t> key;

  friend auto operator<=>(const GreEnds&, const GreEnds&) = default;
};

struct Environment {
  Limits limits;
  Capacity capacity;
  // Absent while no dataplane has ever been attached: ports are taken on trust then.
  std::optional<std::vector<PortFacts>> ports;
  // Who has a VLAN already, apart from the tenant that is validated; the value is
  // a resource name.
  std::map<PortVlan, std::string> taken;
  std::map<GreEnds, std::string> gre_taken;
  // What tunnels end on and go through.
  UnderlayModel underlay;
  // Likewise of virtual subnets: VNIs and VSIDs.
  std::map<std::pair<Encapsulation, uint32_t>, std::string> network_ids;
  uint64_t booked_by_others_kbps = 0;
  // What this tenant books as stored; growing beyond it needs capacity.
  uint64_t booked_before_kbps = 0;
};

}  // namespace sluice::tenant
