// The directly connected subnets of one VRF: which interface a next hop is
// reached through. Few per VRF, so a plain list.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/net/prefix.h"

namespace sluice::rib {

class ConnectedSubnets {
 public:
  // The same (subnet, interface) may be added several times and then needs as many removals.
  void Add(const net::Prefix& subnet, uint32_t interface) { subnets_.push_back({subnet, interface}); }
  void Remove(const net::Prefix& subnet, uint32_t interface);

  // The interface of the longest subnet that holds `address`; among equals the
  // lowest number, so that the answer does not depend on history.
  std::optional<uint32_t> InterfaceOf(const net::Address& address) const;

 private:
  struct Subnet {
    net::Prefix prefix;
    uint32_t interface;
  };
  std::vector<Subnet> subnets_;
};

}  // namespace sluice::rib
