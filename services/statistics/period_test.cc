#include "services/statistics/period.h"

#include <catch2/catch.hpp>

#include "libs/runtime/errors.h"
#include "services/statistics/test_numbers.h"

namespace mo::statistics {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  REQUIRE(absl::LoadTimeZone(name, &zone));
  return zone;
}

std::vector<std::string> Bounds(const Period& period) {
  std::vector<std::string> bounds;
  for (const absl::Time bound : period.bounds)
    bounds.push_back(absl::FormatTime("%m-%d %H:%M", bound, absl::UTCTimeZone()));
  return bounds;
}

TEST_CASE("Days of a zone have 23 and 25 hours when its clocks change") {
  const absl::Time now = Utc("2026-11-01 00:00:00");
  const Asked spring{Utc("2026-03-28 12:00:00"), Utc("2026-03-30 12:00:00"), v1::STEP_DAY,
                     Zone("Europe/Vienna")};
  auto period = PeriodOf(spring, now);
  REQUIRE(period.ok());
  CHECK(Bounds(*period) ==
        std::vector<std::string>{"03-27 23:00", "03-28 23:00", "03-29 22:00", "03-30 22:00"});
  CHECK(period->resolution == Resolution::kHour);
  const Asked autumn{Utc("2026-10-24 12:00:00"), Utc("2026-10-25 12:00:00"), v1::STEP_DAY,
                     Zone("Europe/Vienna")};
  period = PeriodOf(autumn, now);
  REQUIRE(period.ok());
  CHECK(Bounds(*period) == std::vector<std::string>{"10-23 22:00", "10-24 22:00", "10-25 23:00"});
}

TEST_CASE("Zones that are no whole hours from UTC are cut by quarter hours") {
  const absl::Time now = Utc("2026-11-01 00:00:00");
  const Asked days{Utc("2026-10-01 12:00:00"), Utc("2026-10-02 12:00:00"), v1::STEP_DAY,
                   Zone("Asia/Kathmandu")};
  auto period = PeriodOf(days, now);
  REQUIRE(period.ok());
  CHECK(Bounds(*period) == std::vector<std::string>{"09-30 18:15", "10-01 18:15", "10-02 18:15"});
  CHECK(period->resolution == Resolution::kQuarter);
  Asked hours = days;
  hours.step = v1::STEP_HOUR;
  hours.to = Utc("2026-10-01 13:00:00");
  period = PeriodOf(hours, now);
  REQUIRE(period.ok());
  CHECK(Bounds(*period) == std::vector<std::string>{"10-01 11:15", "10-01 12:15", "10-01 13:15"});
}

TEST_CASE("Weeks begin on Monday, months on the first") {
  const absl::Time now = Utc("2026-11-01 00:00:00");
  Asked asked{Utc("2026-10-01 00:00:00"), Utc("2026-10-06 00:00:00"), v1::STEP_WEEK};
  auto period = PeriodOf(asked, now);
  REQUIRE(period.ok());
  // The 1st is a Thursday.
  CHECK(Bounds(*period) == std::vector<std::string>{"09-28 00:00", "10-05 00:00", "10-12 00:00"});
  CHECK(period->resolution == Resolution::kDay);
  asked.step = v1::STEP_MONTH;
  asked.from = Utc("2026-01-31 00:00:00");
  asked.to = Utc("2026-03-01 00:00:00");
  period = PeriodOf(asked, now);
  REQUIRE(period.ok());
  CHECK(Bounds(*period) == std::vector<std::string>{"01-01 00:00", "02-01 00:00", "03-01 00:00"});
  CHECK(period->resolution == Resolution::kMonth);
}

TEST_CASE("The period before has as many intervals, of the calendar") {
  const absl::Time now = Utc("2026-11-01 00:00:00");
  const Asked month{Utc("2026-03-01 00:00:00"), Utc("2026-04-01 00:00:00"), v1::STEP_MONTH};
  auto period = PeriodOf(month, now);
  REQUIRE(period.ok());
  auto before = PeriodBefore(*period, month, now);
  REQUIRE(before.ok());
  CHECK(Bounds(*before) == std::vector<std::string>{"02-01 00:00", "03-01 00:00"});
  const Asked days{Utc("2026-03-29 12:00:00"), Utc("2026-03-30 12:00:00"), v1::STEP_DAY,
                   Zone("Europe/Vienna")};
  period = PeriodOf(days, now);
  before = PeriodBefore(*period, days, now);
  REQUIRE(before.ok());
  CHECK(Bounds(*before) == std::vector<std::string>{"03-26 23:00", "03-27 23:00", "03-28 23:00"});
}

TEST_CASE("What is not kept any more is refused") {
  const absl::Time now = Utc("2026-11-01 00:00:00");
  auto reason = [&](const Asked& asked) {
    const auto period = PeriodOf(asked, now);
    return period.ok() ? "" : FieldProblemsOf(period.status()).at(0).reason;
  };
  const absl::Time old = Utc("2026-10-29 00:00:00");
  CHECK(reason({old, old + absl::Hours(2), v1::STEP_MINUTE}) == "OUT_OF_RANGE");
  CHECK(reason({now - absl::Hours(2), now, v1::STEP_MINUTE}) == "");
  CHECK(reason({old, old + absl::Hours(2), v1::STEP_HOUR}) == "");
  CHECK(reason({Utc("2022-10-29 00:00:00"), Utc("2022-10-30 00:00:00"), v1::STEP_HOUR}) ==
        "OUT_OF_RANGE");
  CHECK(reason({Utc("1999-10-29 00:00:00"), Utc("1999-10-30 00:00:00"), v1::STEP_DAY}) == "");
  CHECK(reason({now - absl::Hours(17), now, v1::STEP_MINUTE}) == "TOO_MANY_INTERVALS");
}

}  // namespace
}  // namespace mo::statistics
