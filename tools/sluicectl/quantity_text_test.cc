// Quantities as people read them, at the places where the unit changes.
#include "tools/sluicectl/quantity_text.h"

#include <catch2/catch.hpp>

namespace sluice::ctl {

using std::chrono::milliseconds;

TEST_CASE("counts carry thousands separators") {
  CHECK(CountText(0) == "0");
  CHECK(CountText(999) == "999");
  CHECK(CountText(1000) == "1,000");
  CHECK(CountText(1234567) == "1,234,567");
  CHECK(CountText(UINT64_MAX) == "18,446,744,073,709,551,615");
}

TEST_CASE("rates change their unit at factors of a thousand") {
  CHECK(RateText(0) == "0 kbit/s");
  CHECK(RateText(999) == "999 kbit/s");
  CHECK(RateText(1500) == "1.5 Mbit/s");
  CHECK(RateText(1'250'000) == "1.25 Gbit/s");
  CHECK(RateText(400'000'000) == "400 Gbit/s");
  CHECK(RateText(1'000'000'000) == "1 Tbit/s");
}

TEST_CASE("bytes change their unit at factors of 1024") {
  CHECK(BytesText(1023) == "1023 B");
  CHECK(BytesText(1536) == "1.5 KiB");
  CHECK(BytesText(uint64_t{3} << 30) == "3.0 GiB");
}

TEST_CASE("durations show their two largest units") {
  CHECK(DurationText(milliseconds(999)) == "999ms");
  CHECK(DurationText(milliseconds(7200)) == "7.2s");
  CHECK(DurationText(milliseconds(725'000)) == "12m05s");
  CHECK(DurationText(milliseconds(3'600'000)) == "1h00m");
  CHECK(DurationText(milliseconds(273'600'000)) == "3d04h");
}

TEST_CASE("times are UTC with milliseconds and an unset one is empty") {
  google::protobuf::Timestamp time;
  CHECK(TimeText(time).empty());
  time.set_seconds(1'769'903'999);
  time.set_nanos(123'456'789);
  CHECK(TimeText(time) == "2026-01-31 23:59:59.123");
}

TEST_CASE("a share of nothing is not a number") {
  CHECK(ShareText(1, 0) == "-");
  CHECK(ShareText(37, 100) == "37%");
  CHECK(ShareText(999, 1000) == "99%");
}

}  // namespace sluice::ctl
