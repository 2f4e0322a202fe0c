#include "libs/runtime/quiet_hours.h"

#include <algorithm>

#include "absl/strings/numbers.h"

namespace mo {
namespace {

// Of "HH:MM".
int MinuteOf(absl::string_view text) {
  int hours = 0;
  int minutes = 0;
  if (text.size() != 5 || !absl::SimpleAtoi(text.substr(0, 2), &hours) ||
      !absl::SimpleAtoi(text.substr(3), &minutes)) {
    return 0;
  }
  return hours * 60 + minutes;
}

}  // namespace

QuietTimes::QuietTimes(const messageorganizer::common::v1::ZonedQuietHours& hours)
    : start_(MinuteOf(hours.start())), end_(MinuteOf(hours.end())) {
  absl::LoadTimeZone(hours.time_zone(), &zone_);  // UTC if it fails
}

QuietTimes::Night QuietTimes::NightOf(absl::CivilDay day) const {
  const absl::CivilDay last = end_ > start_ ? day : day + 1;
  const absl::TimeZone::TimeInfo start = zone_.At(absl::CivilMinute(day) + start_);
  const absl::TimeZone::TimeInfo end = zone_.At(absl::CivilMinute(last) + end_);
  using Kind = absl::TimeZone::TimeInfo::CivilKind;
  return {start.kind == Kind::SKIPPED ? start.trans : start.pre,
          end.kind == Kind::SKIPPED ? end.trans : end.post};
}

std::optional<absl::Time> QuietTimes::EndAt(absl::Time time) const {
  const absl::CivilDay today(zone_.At(time).cs);
  for (const absl::CivilDay day : {today - 1, today}) {
    const Night night = NightOf(day);
    if (night.start <= time && time < night.end) return night.end;
  }
  return std::nullopt;
}

absl::Time QuietTimes::NextStart(absl::Time time) const {
  if (EndAt(time)) return time;
  absl::CivilDay day(zone_.At(time).cs);
  // Not those that the change of clocks leaves nothing of.
  for (;; ++day) {
    const Night night = NightOf(day);
    if (night.start >= time && night.start < night.end) return night.start;
  }
}

}  // namespace mo
