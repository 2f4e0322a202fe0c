#include "libs/runtime/quiet_hours.h"

#include <catch2/catch.hpp>

namespace mo {
namespace {

QuietTimes Times(const char* start, const char* end, const char* zone) {
  messageorganizer::common::v1::ZonedQuietHours hours;
  hours.set_start(start);
  hours.set_end(end);
  hours.set_time_zone(zone);
  return QuietTimes(hours);
}

absl::Time Utc(const std::string& text) {
  absl::Time time;
  REQUIRE(absl::ParseTime("%Y-%m-%d %H:%M:%E*S", text.size() == 16 ? text + ":00" : text, &time,
                          nullptr));
  return time;
}

TEST_CASE("Quiet hours within a day hold from their start to before their end") {
  const QuietTimes noon = Times("12:00", "14:30", "Europe/Vienna");
  CHECK_FALSE(noon.EndAt(Utc("2026-01-15 10:59:59")));
  CHECK(noon.EndAt(Utc("2026-01-15 11:00")) == Utc("2026-01-15 13:30"));
  CHECK(noon.EndAt(Utc("2026-01-15 13:29:59")) == Utc("2026-01-15 13:30"));
  CHECK_FALSE(noon.EndAt(Utc("2026-01-15 13:30")));
  CHECK(noon.NextStart(Utc("2026-01-15 10:00")) == Utc("2026-01-15 11:00"));
  CHECK(noon.NextStart(Utc("2026-01-15 12:00")) == Utc("2026-01-15 12:00"));
  CHECK(noon.NextStart(Utc("2026-01-15 13:30")) == Utc("2026-01-16 11:00"));
}

TEST_CASE("Quiet hours over midnight belong to two days") {
  const QuietTimes night = Times("22:00", "07:00", "America/New_York");  // UTC-5 in winter
  CHECK_FALSE(night.EndAt(Utc("2026-01-16 02:59:59")));
  CHECK(night.EndAt(Utc("2026-01-16 03:00")) == Utc("2026-01-16 12:00"));
  CHECK(night.EndAt(Utc("2026-01-16 11:59:59")) == Utc("2026-01-16 12:00"));
  CHECK_FALSE(night.EndAt(Utc("2026-01-16 12:00")));
  CHECK(night.NextStart(Utc("2026-01-16 12:00")) == Utc("2026-01-17 03:00"));
  const QuietTimes from_midnight = Times("00:00", "06:00", "UTC");
  CHECK(from_midnight.EndAt(Utc("2026-01-16 00:00")) == Utc("2026-01-16 06:00"));
  const QuietTimes to_midnight = Times("20:00", "00:00", "UTC");
  CHECK(to_midnight.EndAt(Utc("2026-01-16 23:59")) == Utc("2026-01-17 00:00"));
  CHECK_FALSE(to_midnight.EndAt(Utc("2026-01-17 00:00")));
}

TEST_CASE("Nights in which the clocks are changed are as long as they are") {
  const QuietTimes night = Times("22:00", "07:00", "Europe/Vienna");
  // Forward on 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC.
  CHECK(night.EndAt(Utc("2026-03-28 21:00")) == Utc("2026-03-29 05:00"));
  CHECK(night.NextStart(Utc("2026-03-29 05:00")) == Utc("2026-03-29 20:00"));
  CHECK(night.EndAt(Utc("2026-10-24 20:00")) == Utc("2026-10-25 06:00"));
  CHECK(night.NextStart(Utc("2026-10-25 06:00")) == Utc("2026-10-25 21:00"));
}

TEST_CASE("An end that comes twice is the second one, one that does not come is the change") {
  const QuietTimes short_night = Times("01:00", "02:30", "Europe/Vienna");
  CHECK(short_night.EndAt(Utc("2026-10-24 23:00")) == Utc("2026-10-25 01:30"));
  CHECK(short_night.EndAt(Utc("2026-10-25 00:45")) == Utc("2026-10-25 01:30"));
  CHECK(short_night.EndAt(Utc("2026-03-29 00:30")) == Utc("2026-03-29 01:00"));
  CHECK_FALSE(short_night.EndAt(Utc("2026-03-29 01:00")));
  // Wholly left out: the next day's are the next.
  const QuietTimes gone = Times("02:10", "02:50", "Europe/Vienna");
  CHECK_FALSE(gone.EndAt(Utc("2026-03-29 01:00")));
  CHECK(gone.NextStart(Utc("2026-03-28 12:00")) == Utc("2026-03-30 00:10"));
}

TEST_CASE("Quiet hours begin and end at different times") {
  messageorganizer::common::v1::QuietHours hours;
  hours.set_start("22:00");
  hours.set_end("22:00");
  Problems problems;
  CheckQuietHours(hours, "settings.quiet_hours", problems);
  REQUIRE(problems.list().size() == 1);
  CHECK(problems.list()[0].field == "settings.quiet_hours");
  hours.set_end("22:01");
  Problems none;
  CheckQuietHours(hours, "settings.quiet_hours", none);
  CHECK(none.empty());
}

}  // namespace
}  // namespace mo
