// Quantities for people: counts, bytes, rates, times. Pure functions.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice::ctl {

// 1234567 -> "1,234,567".
std::string CountText(uint64_t count);
// Kilobits per second with a unit that leaves at most three digits before the point: "1.25 Gbit/s".
std::string RateText(uint64_t kbps);
// Multiples of 1024: "1.5 MiB".
std::string BytesText(uint64_t bytes);
// The two largest units: "3d4h", "12m05s", "7.2s".
std::string DurationText(std::chrono::milliseconds duration);
std::string DurationText(const google::protobuf::Duration& duration);
// UTC, "2026-01-31 23:59:59.123"; empty for an unset timestamp.
std::string TimeText(const google::protobuf::Timestamp& time);
// "37%"; "-" for a limit of zero.
std::string ShareText(uint64_t used, uint64_t limit);

}  // namespace sluice::ctl
