// What the kind of a tunnel demands of the other fields of its record: the second
// half of CheckFields for kTunnel.
#pragma once

#include <span>

#include "dataplane/agent/record_fields.h"

namespace sluice::dataplane {

// `record` has the length of a TunnelRecord, and each of its fields holds a value
// that some tunnel could have. The first field that does not fit the kind is refused.
MaybeRefusal CheckTunnelFields(std::span<const std::byte> record);

}  // namespace sluice::dataplane
