// What traffic selectors ask of a packet, read from its bytes (RFC 4301 section 4.4.1.1).
#pragma once

#include <cstdint>

#include "dataplane/tables/sa/selector.h"

namespace sluice::dataplane {

// Which address of the packet is on our side of the tunnel.
enum class LocalEnd : uint8_t { kSource, kDestination };

// `ip` is an IP packet of `bytes` whose header is sound and complete; nothing behind it is
// trusted. Ports that are not there, or that are another fragment's, are none.
SelectorFields SelectorFieldsOf(const uint8_t* ip, uint32_t bytes, LocalEnd local_end);

}  // namespace sluice::dataplane
