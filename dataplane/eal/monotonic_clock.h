// The clock that threads of the dataplane read and hand on as an argument.
#pragma once

#include <chrono>

namespace sluice::dataplane {

inline std::chrono::steady_clock::time_point MonotonicNow() {
  return std::chrono::steady_clock::now();
}

}  // namespace sluice::dataplane
