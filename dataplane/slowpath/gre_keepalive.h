// Keepalives of GRE as Cisco's routers send them: inside the tunnel goes an empty packet of
// protocol type 0 that is addressed as if the far end had sent it to us. A far end that is
// there takes it out and routes it back; it need not know what it is. No RFC describes them.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/tables/tunnel.h"

namespace sluice::dataplane {

// The outer packet, from its IP header on, complete. `tunnel` is GRE.
std::vector<uint8_t> GreKeepalive(const Tunnel& tunnel);

}  // namespace sluice::dataplane
