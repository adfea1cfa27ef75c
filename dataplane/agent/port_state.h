// What the agent knows of the ports: fixed at start but for the carrier.
#pragma once

#include <cstdint>

#include "proto/net/mac_address.h"

namespace sluice::dataplane {

struct PortState {
  net::MacAddress mac;
  uint16_t mtu = 1500;  // largest IP packet in bytes
  bool carrier = false;
};

}  // namespace sluice::dataplane
