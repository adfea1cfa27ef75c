// What benchmarks make figures of: the clock, percentiles, rows.
#pragma once

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <vector>

#include "proto/net/check.h"

namespace sluice::bench {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

inline double MsSince(Clock::time_point start) {
  return SecondsSince(start) * 1000;
}

// The value below which `share` (0..1) of them lie; there must be one at least.
inline double Percentile(std::vector<double> values, double share) {
  SLUICE_CHECK(!values.empty());
  const auto at = values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// One row on standard output, at once: a later failure must not lose it.
inline void PrintRow(const char* name, double value, const char* unit) {
  std::printf("{\"name\": \"%s\", \"value\": %.4g, \"unit\": \"%s\"}\n", name, value, unit);
  std::fflush(stdout);
}

// Beside what another program reaches, or the bound.
inline void PrintRow(const char* name, double value, const char* unit, double reference) {
  std::printf("{\"name\": \"%s\", \"value\": %.4g, \"unit\": \"%s\", \"reference\": %.4g, \"ratio\": %.3f}\n",
              name, value, unit, reference, value / reference);
  std::fflush(stdout);
}

inline bool Wanted(const std::string& only, const char* row) {
  return fnmatch(only.c_str(), row, 0) == 0;
}
// Of rows that come from one run, all or none.
inline bool AnyWanted(const std::string& only, std::initializer_list<const char*> rows) {
  return std::any_of(rows.begin(), rows.end(), [&](const char* row) { return Wanted(only, row); });
}

}  // namespace sluice::bench
