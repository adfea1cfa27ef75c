// Why the dataplane does not have an object: the channel's refusals in words,
// and in one byte for the RIB, which keeps it per route.
#pragma once

#include <cstdint>
#include <string>

#include "control/rib/route_view.h"
#include "proto/channel/records.h"

namespace sluice::programming {

// The route waits for its next-hop group or VRF, which is not there.
inline constexpr rib::RefusalCode kWaitsForGroup = 0x7f;

rib::RefusalCode CodeOf(const channel::Refusal& refusal);
bool IsLimit(rib::RefusalCode code);

// "limit ipv4_routes_per_vrf (1000) is reached"; else the reason, with `field` (refused_field.h)
// behind it in brackets.
std::string TextOf(const channel::Refusal& refusal, const std::string& field);
// `figure` is that of the limit; 0 where it is not known.
std::string TextOf(rib::RefusalCode code, uint64_t figure);
// The name that operators see, as in the dataplane's start-up file.
std::string LimitName(uint32_t limit);

}  // namespace sluice::programming
