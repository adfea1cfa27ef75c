// Multicast listener reports (RFC 3810 section 5.2): a switch that snoops hands us
// solicitations only for groups that it heard us ask for (RFC 4861 section 7.2.1).
#pragma once

#include <cstdint>
#include <vector>

#include "proto/net/address.h"

namespace sluice::dataplane {

inline constexpr uint8_t kMldChangeToExclude = 4;  // we join
inline constexpr uint8_t kMldIsExclude = 2;        // we are still there

// The packet from its IPv6 header on: hop limit 1, router alert, one record.
// `source` is our link-local address.
std::vector<uint8_t> BuildMldReport(const net::Ipv6Address& source, const net::Ipv6Address& group,
                                    uint8_t record_type);

// ff02::16, to which reports go.
net::Ipv6Address MldRouters();

}  // namespace sluice::dataplane
