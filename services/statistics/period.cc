#include "services/statistics/period.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/status.h"

namespace mo::statistics {
namespace {

constexpr size_t kMaxIntervals = 1000;
constexpr absl::Duration kDefaultLength = absl::Hours(24 * 30);
constexpr absl::Duration kDefaultLengthOfMinutes = absl::Hours(12);

// Intervals of an unchanging length count from a whole hour of the zone's clock, so that all are
// equally long when it changes.
absl::Time FloorTo(absl::Time time, absl::Duration length, absl::TimeZone zone) {
  const absl::Duration offset = absl::Seconds(zone.At(time).offset);
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch() + offset, length) - offset;
}

absl::CivilDay MondayOf(absl::CivilDay day) {
  return absl::PrevWeekday(day + 1, absl::Weekday::monday);
}

// The beginning of the interval that a time is in, moved by a number of intervals.
absl::Time BoundAt(absl::Time time, int64_t intervals, v1::Step step, absl::TimeZone zone) {
  switch (step) {
    case v1::STEP_MINUTE:
      return FloorTo(time, absl::Minutes(1), zone) + absl::Minutes(intervals);
    case v1::STEP_HOUR:
      return FloorTo(time, absl::Hours(1), zone) + absl::Hours(intervals);
    case v1::STEP_WEEK:
      return absl::FromCivil(MondayOf(absl::ToCivilDay(time, zone)) + 7 * intervals, zone);
    case v1::STEP_MONTH:
      return absl::FromCivil(absl::ToCivilMonth(time, zone) + intervals, zone);
    default:
      return absl::FromCivil(absl::ToCivilDay(time, zone) + intervals, zone);
  }
}

Resolution ResolutionOf(const std::vector<absl::Time>& bounds) {
  for (const Resolution resolution :
       {Resolution::kMonth, Resolution::kDay, Resolution::kHour, Resolution::kQuarter}) {
    if (std::all_of(bounds.begin(), bounds.end(),
                    [&](absl::Time bound) { return FloorOf(bound, resolution) == bound; }))
      return resolution;
  }
  return Resolution::kMinute;
}

absl::Status CheckKept(const Period& period, absl::Time now) {
  const absl::Duration retention = RetentionOf(period.resolution);
  if (retention == absl::InfiniteDuration() || period.from() >= now - retention)
    return absl::OkStatus();
  return InvalidField(
      "from", "OUT_OF_RANGE",
      absl::StrCat("numbers in steps of ", absl::FormatDuration(LengthOf(period.resolution)),
                   " are kept for ", absl::FormatDuration(retention),
                   "; longer steps in UTC are "
                   "kept longer"));
}

}  // namespace

size_t Period::IndexOf(absl::Time time) const {
  return static_cast<size_t>(std::upper_bound(bounds.begin(), bounds.end(), time) - bounds.begin() -
                             1);
}

absl::StatusOr<Period> PeriodOf(const Asked& asked, absl::Time now) {
  const absl::Time to = std::min(asked.to, absl::FromUnixSeconds(253402300799));
  const bool open = asked.to == absl::InfiniteFuture();
  const absl::Time end = open ? now : to;
  const absl::Duration length =
      asked.step == v1::STEP_MINUTE ? kDefaultLengthOfMinutes : kDefaultLength;
  const absl::Time from = asked.from == absl::InfinitePast() ? end - length : asked.from;
  if (from >= end) return InvalidField("from", "OUT_OF_RANGE", "must be before to");
  Period period;
  period.bounds.push_back(BoundAt(from, 0, asked.step, asked.zone));
  for (int64_t i = 1; period.to() < end; ++i) {
    if (period.bounds.size() > kMaxIntervals) {
      return InvalidField("from", "TOO_MANY_INTERVALS",
                          absl::StrCat("at most ", kMaxIntervals, " intervals up to to"));
    }
    period.bounds.push_back(BoundAt(from, i, asked.step, asked.zone));
  }
  period.resolution = ResolutionOf(period.bounds);
  MO_RETURN_IF_ERROR(CheckKept(period, now));
  return period;
}

absl::StatusOr<Period> PeriodBefore(const Period& period, const Asked& asked, absl::Time now) {
  Period before;
  const auto intervals = static_cast<int64_t>(period.bounds.size()) - 1;
  for (int64_t i = -intervals; i <= 0; ++i)
    before.bounds.push_back(BoundAt(period.from(), i, asked.step, asked.zone));
  before.resolution = ResolutionOf(before.bounds);
  MO_RETURN_IF_ERROR(CheckKept(before, now));
  return before;
}

}  // namespace mo::statistics
