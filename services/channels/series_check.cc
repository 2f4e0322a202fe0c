#include "services/channels/series_check.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"

namespace mo::channels {
namespace {

namespace accounts_v1 = messageorganizer::accounts::v1;

constexpr absl::Duration kYear = absl::Hours(24 * 366);

void CheckSchedule(const v1::Series& series, Problems& problems) {
  if (!series.has_schedule()) {
    problems.Add("series.schedule", "REQUIRED", "must be set");
    return;
  }
  std::set<int> days;
  for (int i = 0; i < series.schedule().weekdays_size(); ++i) {
    const int day = series.schedule().weekdays(i);
    const std::string field = absl::StrCat("series.schedule.weekdays[", i, "]");
    if (day < v1::WEEKDAY_MONDAY || day > v1::WEEKDAY_SUNDAY) {
      problems.Add(field, "UNKNOWN_VALUE", "is not one of the days");
    } else if (!days.insert(day).second) {
      problems.Add(field, "DUPLICATE", "each day once");
    }
  }
}

}  // namespace

absl::Status SeriesCheck::Fields(const Caller& caller, const v1::Series& series,
                                 const std::set<std::string>& fields, Problems& problems) {
  if (fields.count("display_name") != 0 && series.display_name().empty()) {
    problems.Add("series.display_name", "REQUIRED", "must not be empty");
  }
  if (fields.count("content") != 0) {
    MO_RETURN_IF_ERROR(broadcasts_.Content(caller, series.content(), "series.", problems));
  }
  if (fields.count("audience") != 0) {
    MO_RETURN_IF_ERROR(broadcasts_.Audience(caller, series.audience(), "series.", problems));
  }
  if (fields.count("schedule") != 0) CheckSchedule(series, problems);
  if (fields.count("track_links") + fields.count("content") == 0) return absl::OkStatus();
  v1::Broadcast occurrence;
  *occurrence.mutable_content() = series.content();
  occurrence.set_track_links(series.track_links());
  return broadcasts_.Tracking(caller, occurrence, "series.", problems);
}

void SeriesCheck::Times(const v1::Series& series, const std::set<std::string>& fields,
                        Problems& problems) const {
  const absl::Time now = app_.clock().Now();
  if (fields.count("start_time") != 0 && series.has_start_time() &&
      FromProto(series.start_time()) > now + kYear) {
    problems.Add("series.start_time", "TOO_FAR", "must be at most a year ahead");
  }
  if (fields.count("start_time") + fields.count("end_time") != 0 && series.has_end_time()) {
    const absl::Time end = FromProto(series.end_time());
    if (end <= now) {
      problems.Add("series.end_time", "IN_THE_PAST", "must not be in the past");
    } else if (series.has_start_time() && end < FromProto(series.start_time())) {
      problems.Add("series.end_time", "OUT_OF_RANGE", "must not be before start_time");
    }
  }
  v1::Broadcast occurrence;
  if (series.has_quiet_hours()) *occurrence.mutable_quiet_hours() = series.quiet_hours();
  occurrence.set_ignore_quiet_hours(series.ignore_quiet_hours());
  BroadcastCheck::QuietHours(occurrence, "series.", problems);
}

absl::Status SeriesCheck::SetTimeZone(const Caller& caller, v1::WeeklySchedule& schedule) {
  if (!schedule.time_zone().empty()) return absl::OkStatus();
  MO_ASSIGN_OR_RETURN(const accounts_v1::Settings settings,
                      accounts_.Call(&accounts_v1::AccountService::Stub::GetSettings,
                                     caller.WithKey(""), accounts_v1::GetSettingsRequest()));
  schedule.set_time_zone(settings.time_zone());
  return absl::OkStatus();
}

}  // namespace mo::channels
