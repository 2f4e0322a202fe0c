#include "services/channels/recurrence.h"

#include <catch2/catch.hpp>

#include "libs/runtime/clock.h"
#include "libs/runtime/errors.h"

namespace mo::channels {
namespace {

using Days = std::vector<v1::Weekday>;

const Days kEveryDay = {v1::WEEKDAY_MONDAY,   v1::WEEKDAY_TUESDAY, v1::WEEKDAY_WEDNESDAY,
                        v1::WEEKDAY_THURSDAY, v1::WEEKDAY_FRIDAY,  v1::WEEKDAY_SATURDAY,
                        v1::WEEKDAY_SUNDAY};

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) throw std::runtime_error(error);
  return time;
}

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

v1::WeeklySchedule Schedule(const Days& days, const std::string& time_of_day,
                            const std::string& zone = "UTC") {
  v1::WeeklySchedule schedule;
  for (const v1::Weekday day : days) schedule.add_weekdays(day);
  schedule.set_time_of_day(time_of_day);
  schedule.set_time_zone(zone);
  return schedule;
}

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) throw std::runtime_error("no zone " + name);
  return zone;
}

TEST_CASE("Occurrences around changes of clocks") {
  struct Case {
    const char* what;
    const char* zone;
    Days days;
    const char* time_of_day;
    const char* after;
    std::vector<std::string> expected;
  };
  const Days sunday = {v1::WEEKDAY_SUNDAY};
  const auto c = GENERATE_COPY(values<Case>({
      {"the time of day stays, whatever the offset",
       "Europe/Berlin",
       {v1::WEEKDAY_MONDAY},
       "09:00",
       "2026-03-16T12:00:00Z",
       {"2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z", "2026-04-06T07:00:00Z"}},
      {"and in autumn",
       "Europe/Berlin",
       {v1::WEEKDAY_MONDAY},
       "09:00",
       "2026-10-19T06:59:59Z",
       {"2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z"}},
      {"02:30 is left out: an hour later",
       "Europe/Berlin",
       sunday,
       "02:30",
       "2026-03-22T12:00:00Z",
       {"2026-03-29T01:30:00Z", "2026-04-05T00:30:00Z"}},
      {"the gap's first minute",
       "Europe/Berlin",
       sunday,
       "02:00",
       "2026-03-22T12:00:00Z",
       {"2026-03-29T01:00:00Z", "2026-04-05T00:00:00Z"}},
      {"the minute after the gap",
       "Europe/Berlin",
       sunday,
       "03:00",
       "2026-03-22T12:00:00Z",
       {"2026-03-29T01:00:00Z"}},
      {"02:30 comes twice: the first",
       "Europe/Berlin",
       sunday,
       "02:30",
       "2026-10-18T12:00:00Z",
       {"2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z"}},
      {"between the two: not the second",
       "Europe/Berlin",
       sunday,
       "02:30",
       "2026-10-25T00:30:00Z",
       {"2026-11-01T01:30:00Z"}},
      {"clocks put forward by half an hour",
       "Australia/Lord_Howe",
       sunday,
       "02:15",
       "2026-09-28T00:00:00Z",
       {"2026-10-03T15:45:00Z", "2026-10-10T15:15:00Z"}},
      {"and back",
       "Australia/Lord_Howe",
       sunday,
       "01:45",
       "2026-03-30T00:00:00Z",
       {"2026-04-04T14:45:00Z", "2026-04-11T15:15:00Z"}},
      {"America, spring",
       "America/New_York",
       sunday,
       "02:30",
       "2026-03-02T00:00:00Z",
       {"2026-03-08T07:30:00Z", "2026-03-15T06:30:00Z"}},
      {"America, autumn",
       "America/New_York",
       sunday,
       "01:30",
       "2026-10-26T00:00:00Z",
       {"2026-11-01T05:30:00Z", "2026-11-08T06:30:00Z"}},
      {"midnight is left out",
       "Africa/Cairo",
       {v1::WEEKDAY_FRIDAY},
       "00:00",
       "2026-04-18T00:00:00Z",
       {"2026-04-23T22:00:00Z", "2026-04-30T21:00:00Z"}},
      {"a whole day is left out: both days fall together, once",
       "Pacific/Apia",
       kEveryDay,
       "10:00",
       "2011-12-29T12:00:00Z",
       {"2011-12-29T20:00:00Z", "2011-12-30T20:00:00Z", "2011-12-31T20:00:00Z"}},
      {"east of Greenwich the day has begun earlier",
       "Pacific/Kiritimati",
       {v1::WEEKDAY_MONDAY},
       "00:05",
       "2026-01-01T00:00:00Z",
       {"2026-01-04T10:05:00Z"}},
      {"several days, in no order",
       "UTC",
       {v1::WEEKDAY_FRIDAY, v1::WEEKDAY_TUESDAY},
       "23:59",
       "2026-01-15T12:00:00Z",
       {"2026-01-16T23:59:00Z", "2026-01-20T23:59:00Z", "2026-01-23T23:59:00Z"}},
      {"strictly after",
       "UTC",
       kEveryDay,
       "12:00",
       "2026-01-15T12:00:00Z",
       {"2026-01-16T12:00:00Z"}},
  }));
  CAPTURE(c.what, c.zone, c.time_of_day);
  absl::Time time = At(c.after);
  for (const std::string& expected : c.expected) {
    time = NextOccurrence(Schedule(c.days, c.time_of_day), Zone(c.zone), time);
    CHECK(Text(time) == expected);
  }
}

TEST_CASE("Over years, each day of the schedule has one occurrence, at its time of day") {
  const std::string zone_name =
      GENERATE("Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "America/Santiago",
               "Africa/Casablanca", "Asia/Kathmandu", "Antarctica/Troll");
  const std::string time_of_day = GENERATE("00:00", "01:45", "02:30", "23:30");
  CAPTURE(zone_name, time_of_day);
  const absl::TimeZone zone = Zone(zone_name);
  const Days days = {v1::WEEKDAY_SUNDAY, v1::WEEKDAY_WEDNESDAY};
  const v1::WeeklySchedule schedule = Schedule(days, time_of_day);
  const int hour = std::stoi(time_of_day.substr(0, 2));
  const int minute = std::stoi(time_of_day.substr(3));
  absl::Time time = absl::FromCivil(absl::CivilDay(2026, 1, 1), zone);
  for (absl::CivilDay day(2026, 1, 1); day < absl::CivilDay(2029, 1, 1); ++day) {
    const absl::Weekday weekday = absl::GetWeekday(day);
    if (weekday != absl::Weekday::sunday && weekday != absl::Weekday::wednesday) continue;
    const absl::CivilSecond wanted(day.year(), day.month(), day.day(), hour, minute);
    time = NextOccurrence(schedule, zone, time);
    CAPTURE(Text(time));
    if (zone.At(wanted).kind == absl::TimeZone::TimeInfo::SKIPPED) {
      CHECK(absl::ToCivilSecond(time, zone) > wanted);
      CHECK(absl::ToCivilSecond(time, zone) - wanted <= 2 * 3600);
    } else {
      CHECK(absl::ToCivilSecond(time, zone) == wanted);
      // Nothing earlier has the same clock.
      CHECK(absl::ToCivilSecond(time - absl::Hours(2), zone) != wanted);
      CHECK(absl::ToCivilSecond(time - absl::Minutes(30), zone) != wanted);
      CHECK(absl::ToCivilSecond(time - absl::Hours(1), zone) != wanted);
    }
  }
}

TEST_CASE("A series has occurrences between its start and end, and no more than it may have") {
  v1::Series series;
  *series.mutable_schedule() = Schedule(kEveryDay, "12:00", "UTC");
  const absl::Time now = At("2026-01-15T12:00:00Z");
  const auto next = [&](absl::Time after) {
    const auto time = NextOccurrence(series, after);
    REQUIRE(time.ok());
    return *time ? Text(**time) : "none";
  };
  CHECK(next(now) == "2026-01-16T12:00:00Z");
  *series.mutable_start_time() = ToProto(At("2026-02-01T12:00:00Z"));
  CHECK(next(now) == "2026-02-01T12:00:00Z");
  *series.mutable_start_time() = ToProto(At("2026-02-01T12:00:01Z"));
  CHECK(next(now) == "2026-02-02T12:00:00Z");
  *series.mutable_end_time() = ToProto(At("2026-02-03T12:00:00Z"));
  CHECK(next(At("2026-02-02T12:00:00Z")) == "2026-02-03T12:00:00Z");
  CHECK(next(At("2026-02-03T12:00:00Z")) == "none");
  series.set_max_occurrences(2);
  series.set_occurrences(1);
  CHECK(next(now) == "2026-02-02T12:00:00Z");
  series.set_occurrences(2);
  CHECK(next(now) == "none");
  series.set_max_occurrences(0);
  series.mutable_schedule()->set_time_zone("Nowhere/Gone");
  CHECK(ReasonOf(NextOccurrence(series, now).status()) == "NO_TIME_ZONE");
}

}  // namespace
}  // namespace mo::channels
