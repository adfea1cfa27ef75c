// UNIX time, for what people and other programs date: captures, traces, gRPC's deadlines.
// Never for measuring; see monotonic_clock.h.
#pragma once

#include <chrono>

namespace sluice::dataplane {

inline std::chrono::system_clock::time_point WallNow() {
  return std::chrono::system_clock::now();
}

}  // namespace sluice::dataplane
