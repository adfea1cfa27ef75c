// UNIX time, for what people and other programs date: captures, traces, gRPC's deadlines.
// Never for measuring; see monotonic_clock.h.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::dataplane {

inline std::chrono::system_clock::time_point WallNow() {
  return std::chrono::system_clock::now();
}

// Nanoseconds since 1970.
inline uint64_t UnixNs() {
  return static_cast<uint64_t>(WallNow().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace sluice::dataplane
