// Time in the slow path's sans-IO parts: an argument, never a clock.
#pragma once

#include <chrono>

namespace sluice::dataplane {

using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

}  // namespace sluice::dataplane
