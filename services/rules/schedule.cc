#include "services/rules/schedule.h"

#include "absl/strings/numbers.h"

namespace mo::rules {
namespace {

constexpr unsigned kEveryDay = 0x7f;
// PostgreSQL and protobuf both know it: 9999-12-31.
constexpr absl::Time kNever = absl::FromUnixSeconds(253402214400);

// Of "HH:MM", which the proto's pattern has checked.
int MinuteOf(absl::string_view text) {
  int hours = 0, minutes = 0;
  if (!absl::SimpleAtoi(text.substr(0, 2), &hours) || !absl::SimpleAtoi(text.substr(3), &minutes))
    return 0;
  return hours * 60 + minutes;
}

// 0: Monday.
unsigned DayOf(absl::CivilDay day) { return static_cast<unsigned>(absl::GetWeekday(day)); }

}  // namespace

Schedule::Schedule(const google::protobuf::RepeatedPtrField<v1::TimeWindow>& windows) {
  for (const v1::TimeWindow& from : windows) {
    Window& window = windows_.emplace_back();
    // WEEKDAY_MONDAY is 1.
    for (const int day : from.weekdays()) window.days |= 1u << (day - 1);
    if (from.weekdays().empty()) window.days = kEveryDay;
    window.start = MinuteOf(from.start());
    window.end = MinuteOf(from.end());
  }
}

bool Schedule::Holds(absl::Time time, absl::TimeZone zone) const {
  if (windows_.empty()) return true;
  const absl::CivilMinute now = absl::ToCivilMinute(time, zone);
  const unsigned day = DayOf(absl::CivilDay(now));
  const int minute = now.hour() * 60 + now.minute();
  for (const Window& window : windows_) {
    if (Within(window, day, minute)) return true;
  }
  return false;
}

bool Schedule::Within(const Window& window, unsigned day, int minute) {
  const bool today = (window.days >> day & 1) != 0;
  if (window.start < window.end) return today && window.start <= minute && minute < window.end;
  const bool yesterday = (window.days >> (day + 6) % 7 & 1) != 0;
  return (today && minute >= window.start) || (yesterday && minute < window.end);
}

Period PeriodOf(v1::LimitPeriod period, absl::Time time, absl::TimeZone zone) {
  const auto between = [&](auto from) {
    return Period{absl::FromCivil(from, zone), absl::FromCivil(from + 1, zone)};
  };
  switch (period) {
    case v1::LIMIT_PERIOD_MINUTE: {
      // By the time itself: an hour that comes twice has its minutes twice.
      const absl::Time start = absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 60 * 60);
      return {start, start + absl::Minutes(1)};
    }
    case v1::LIMIT_PERIOD_HOUR: {
      const absl::Time start = time - absl::Minutes(absl::ToCivilMinute(time, zone).minute()) -
                               (time - absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 60 * 60));
      return {start, start + absl::Hours(1)};
    }
    case v1::LIMIT_PERIOD_DAY:
      return between(absl::ToCivilDay(time, zone));
    case v1::LIMIT_PERIOD_WEEK: {
      const absl::CivilDay day = absl::ToCivilDay(time, zone);
      const absl::CivilDay monday = day - static_cast<int>(DayOf(day));
      return {absl::FromCivil(monday, zone), absl::FromCivil(monday + 7, zone)};
    }
    default:
      return {absl::UnixEpoch(), kNever};
  }
}

absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::LoadTimeZone(name, &zone);
  return zone;
}

}  // namespace mo::rules
