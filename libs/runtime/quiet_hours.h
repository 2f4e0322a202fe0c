// Hours of every day in which broadcasts are not sent.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/runtime/errors.h"
#include "messageorganizer/common/v1/quiet_hours.pb.h"

namespace mo {

// Adds what the proto's options cannot say: quiet hours begin and end at different times.
template <class Hours>
void CheckQuietHours(const Hours& hours, absl::string_view field, Problems& problems) {
  if (hours.start() != hours.end()) return;
  problems.Add(field, "OUT_OF_RANGE", "start and end must differ: no day is quiet as a whole");
}

// When it is quiet, by the clock of a time zone: also over midnight, and right on days whose hours
// are not 24. When clocks are put back, hours that come twice are quiet both times; when they are
// put forward, an end that is left out is at the moment of the change.
class QuietTimes {
 public:
  // Checked hours. A zone that this machine does not know counts as UTC.
  explicit QuietTimes(const messageorganizer::common::v1::ZonedQuietHours& hours);

  // The end of the quiet hours that hold at a time, if any do.
  std::optional<absl::Time> EndAt(absl::Time time) const;
  // When they hold again: the time itself if they do.
  absl::Time NextStart(absl::Time time) const;

 private:
  struct Night {
    absl::Time start;
    absl::Time end;
  };
  Night NightOf(absl::CivilDay day) const;

  absl::TimeZone zone_;
  int start_;  // minutes of the day
  int end_;
};

}  // namespace mo
