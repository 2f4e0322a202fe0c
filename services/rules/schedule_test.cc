#include "services/rules/schedule.h"

#include <catch2/catch.hpp>

namespace mo::rules {
namespace {

namespace channels_v1 = messageorganizer::channels::v1;

const absl::TimeZone kVienna = ZoneOf("Europe/Vienna");

Schedule Of(const std::string& start, const std::string& end,
            const std::vector<channels_v1::Weekday>& days = {}) {
  v1::Rule rule;
  v1::TimeWindow& window = *rule.add_schedule();
  window.set_start(start);
  window.set_end(end);
  for (const auto day : days) window.add_weekdays(day);
  return Schedule(rule.schedule());
}

// Every minute from one time to another at which it does not say what is expected.
int Wrong(const Schedule& schedule, absl::Time from, absl::Time to,
          const std::function<bool(absl::Time)>& expected) {
  int wrong = 0;
  for (absl::Time time = from; time < to; time += absl::Minutes(1))
    wrong += schedule.Holds(time, kVienna) != expected(time);
  return wrong;
}

absl::Time Utc(int month, int day, int hour, int minute = 0) {
  return absl::FromCivil(absl::CivilMinute(2026, month, day, hour, minute), absl::UTCTimeZone());
}

TEST_CASE("A night when clocks are put forward is an hour shorter, minute by minute",
          "[schedule]") {
  // 22:00 CET of the 28th is 21:00 UTC, 06:00 CEST of the 29th is 04:00 UTC.
  CHECK(Wrong(Of("22:00", "06:00"), Utc(3, 28, 12), Utc(3, 29, 12),
              [](absl::Time time) { return time >= Utc(3, 28, 21) && time < Utc(3, 29, 4); }) == 0);
}

TEST_CASE("A night when clocks are put back is an hour longer, minute by minute", "[schedule]") {
  // 22:00 CEST of the 24th is 20:00 UTC, 06:00 CET of the 25th is 05:00 UTC.
  CHECK(Wrong(Of("22:00", "06:00"), Utc(10, 24, 12), Utc(10, 25, 12), [](absl::Time time) {
          return time >= Utc(10, 24, 20) && time < Utc(10, 25, 5);
        }) == 0);
}

TEST_CASE("An hour that is left out is never there, one that comes twice counts twice",
          "[schedule]") {
  CHECK(Wrong(Of("02:00", "03:00"), Utc(3, 28, 12), Utc(3, 29, 12),
              [](absl::Time) { return false; }) == 0);
  CHECK(Wrong(Of("02:00", "03:00"), Utc(10, 24, 12), Utc(10, 25, 12), [](absl::Time time) {
          return time >= Utc(10, 25, 0) && time < Utc(10, 25, 2);
        }) == 0);
}

TEST_CASE("A window over midnight belongs to the day on which it begins", "[schedule]") {
  // 2026-06-05 is a Friday; Vienna is two hours ahead.
  const Schedule friday = Of("22:00", "06:00", {channels_v1::WEEKDAY_FRIDAY});
  CHECK(Wrong(friday, Utc(6, 1, 0), Utc(6, 8, 0),
              [](absl::Time time) { return time >= Utc(6, 5, 20) && time < Utc(6, 6, 4); }) == 0);
  const Schedule sunday = Of("22:00", "06:00", {channels_v1::WEEKDAY_SUNDAY});
  CHECK(sunday.Holds(Utc(6, 8, 3), kVienna));  // Monday, 05:00
  CHECK_FALSE(sunday.Holds(Utc(6, 7, 3), kVienna));
}

TEST_CASE("A window that ends when it begins is a whole day", "[schedule]") {
  const Schedule day = Of("08:00", "08:00", {channels_v1::WEEKDAY_FRIDAY});
  CHECK(Wrong(day, Utc(6, 1, 0), Utc(6, 8, 0),
              [](absl::Time time) { return time >= Utc(6, 5, 6) && time < Utc(6, 6, 6); }) == 0);
}

TEST_CASE("Without windows it always holds, with several whenever one does", "[schedule]") {
  CHECK(Schedule(v1::Rule().schedule()).Holds(Utc(6, 1, 0), kVienna));
  v1::Rule rule;
  for (const auto& [start, end] : {std::pair{"08:00", "12:00"}, std::pair{"13:00", "17:00"}}) {
    rule.add_schedule()->set_start(start);
    rule.mutable_schedule(rule.schedule_size() - 1)->set_end(end);
  }
  const Schedule office(rule.schedule());
  CHECK(Wrong(office, Utc(6, 5, 0), Utc(6, 6, 0), [](absl::Time time) {
          return (time >= Utc(6, 5, 6) && time < Utc(6, 5, 10)) ||
                 (time >= Utc(6, 5, 11) && time < Utc(6, 5, 15));
        }) == 0);
}

TEST_CASE("Periods are those of the calendar in the zone", "[schedule]") {
  const absl::Time time = Utc(10, 25, 12, 34);  // a Sunday on which clocks were put back
  const auto is = [](const Period& period, absl::Time start, absl::Time end) {
    CHECK(period.start == start);
    CHECK(period.end == end);
  };
  is(PeriodOf(v1::LIMIT_PERIOD_MINUTE, time + absl::Seconds(59), kVienna), time,
     time + absl::Minutes(1));
  is(PeriodOf(v1::LIMIT_PERIOD_HOUR, time + absl::Seconds(59), kVienna), Utc(10, 25, 12),
     Utc(10, 25, 13));
  is(PeriodOf(v1::LIMIT_PERIOD_DAY, time, kVienna), Utc(10, 24, 22), Utc(10, 25, 23));
  is(PeriodOf(v1::LIMIT_PERIOD_WEEK, time, kVienna), Utc(10, 18, 22), Utc(10, 25, 23));
  CHECK(PeriodOf(v1::LIMIT_PERIOD_EVER, time, kVienna).start ==
        PeriodOf(v1::LIMIT_PERIOD_EVER, Utc(1, 1, 0), kVienna).start);
  CHECK(PeriodOf(v1::LIMIT_PERIOD_EVER, time, kVienna).end > time + absl::Hours(24 * 366 * 1000));
}

TEST_CASE("Where an hour is no whole one ahead of Greenwich its hours are its own", "[schedule]") {
  const Period hour =
      PeriodOf(v1::LIMIT_PERIOD_HOUR, Utc(6, 5, 12, 40), ZoneOf("Asia/Kolkata"));  // 18:10
  CHECK(hour.start == Utc(6, 5, 12, 30));
  CHECK(hour.end == Utc(6, 5, 13, 30));
}

}  // namespace
}  // namespace mo::rules
