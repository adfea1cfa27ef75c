// Quantities for people; see quantity_text.h.
#include "tools/sluicectl/quantity_text.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace sluice::ctl {
namespace {

std::string Formatted(const char* format, double value, const char* unit) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), format, value, unit);
  return text.data();
}

std::string Pair(int64_t large, const char* large_unit, int64_t small, const char* small_unit) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%lld%s%02lld%s", static_cast<long long>(large), large_unit,
                static_cast<long long>(small), small_unit);
  return text.data();
}

}  // namespace

std::string CountText(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t place = digits.size(); place > 3; place -= 3) digits.insert(place - 3, 1, ',');
  return digits;
}

std::string RateText(uint64_t kbps) {
  if (kbps < 1000) return std::to_string(kbps) + " kbit/s";
  const double value = static_cast<double>(kbps);
  if (kbps < 1'000'000) return Formatted("%.3g %s", value / 1e3, "Mbit/s");
  if (kbps < 1'000'000'000) return Formatted("%.3g %s", value / 1e6, "Gbit/s");
  return Formatted("%.4g %s", value / 1e9, "Tbit/s");
}

std::string BytesText(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return Formatted("%.1f %s", value, kUnits[unit]);
}

std::string DurationText(std::chrono::milliseconds duration) {
  const int64_t ms = duration.count();
  if (ms < 1000) return std::to_string(ms) + "ms";
  if (ms < 60'000) return Formatted("%.1f%s", static_cast<double>(ms) / 1e3, "s");
  const int64_t minutes = ms / 60'000;
  if (minutes < 60) return Pair(minutes, "m", ms / 1000 % 60, "s");
  if (minutes < 24 * 60) return Pair(minutes / 60, "h", minutes % 60, "m");
  return Pair(minutes / (24 * 60), "d", minutes / 60 % 24, "h");
}

std::string DurationText(const google::protobuf::Duration& duration) {
  return DurationText(std::chrono::milliseconds(duration.seconds() * 1000 + duration.nanos() / 1'000'000));
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  const std::time_t seconds = time.seconds();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text;
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03d", time.nanos() / 1'000'000);
  return text.data();
}

std::string ShareText(uint64_t used, uint64_t limit) {
  if (limit == 0) return "-";
  return std::to_string(
             static_cast<unsigned>(100.0 * static_cast<double>(used) / static_cast<double>(limit))) +
         "%";
}

}  // namespace sluice::ctl
