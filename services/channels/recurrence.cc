#include "services/channels/recurrence.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "libs/runtime/clock.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

// Days that are looked at: a week, and one more on each side, for a zone may leave a day out.
constexpr int kBefore = 2;
constexpr int kAfter = 9;

std::set<absl::Weekday> WeekdaysOf(const v1::WeeklySchedule& schedule) {
  std::set<absl::Weekday> days;
  for (const int day : schedule.weekdays()) {
    // Both begin with Monday; absl at 0.
    days.insert(static_cast<absl::Weekday>(day - v1::WEEKDAY_MONDAY));
  }
  return days;
}

int Number(absl::string_view digits) {
  int number = 0;
  static_cast<void>(absl::SimpleAtoi(digits, &number));
  return number;
}

}  // namespace

absl::Time NextOccurrence(const v1::WeeklySchedule& schedule, const absl::TimeZone& zone,
                          absl::Time after) {
  const std::set<absl::Weekday> weekdays = WeekdaysOf(schedule);
  const absl::string_view time_of_day = schedule.time_of_day();
  const int hour = Number(time_of_day.substr(0, 2));
  const int minute = Number(time_of_day.substr(3));
  const absl::CivilDay today = absl::ToCivilDay(after, zone);
  absl::Time next = absl::InfiniteFuture();
  for (absl::CivilDay day = today - kBefore; day <= today + kAfter; ++day) {
    if (weekdays.count(absl::GetWeekday(day)) == 0) continue;
    // `pre` is by the offset before a change of clocks: just what RFC 5545 wants in both cases.
    const absl::Time time =
        zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), hour, minute)).pre;
    if (time > after) next = std::min(next, time);
  }
  return next;
}

absl::StatusOr<std::optional<absl::Time>> NextOccurrence(const v1::Series& series,
                                                         absl::Time after) {
  if (series.max_occurrences() > 0 && series.occurrences() >= series.max_occurrences()) {
    return std::nullopt;
  }
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(series.schedule().time_zone(), &zone)) return NoTimeZone();
  if (series.has_start_time()) {
    // One at the start itself is in.
    after = std::max(after, FromProto(series.start_time()) - absl::Nanoseconds(1));
  }
  const absl::Time next = NextOccurrence(series.schedule(), zone, after);
  if (series.has_end_time() && next > FromProto(series.end_time())) return std::nullopt;
  return next;
}

}  // namespace mo::channels
