// What the agent knows of the ports: fixed at start but for the carrier.
#pragma once

#include <cstdint>

#include "proto/net/mac_address.h"

namespace sluice::dataplane {

struct PortState {
  net::MacAddress mac;
  uint16_t mtu = 0;  // largest IP packet in bytes; 0: there is no port of this number
  bool carrier = false;
};

}  // namespace sluice::dataplane
