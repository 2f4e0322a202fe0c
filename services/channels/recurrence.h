// When the occurrences of a series are.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "messageorganizer/channels/v1/series.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;

// The first occurrence of a checked schedule after a moment, by the clocks of a zone. As RFC 5545
// has it: a time that clocks are put forward over is as much later as they are put forward, and of
// one that comes twice the first counts. Two days whose occurrences fall together (a zone has left
// a whole day out) have one.
absl::Time NextOccurrence(const v1::WeeklySchedule& schedule, const absl::TimeZone& zone,
                          absl::Time after);

// The same within what the series allows: its start, its end, and how many it may have.
// NO_TIME_ZONE if this machine does not know the schedule's zone.
absl::StatusOr<std::optional<absl::Time>> NextOccurrence(const v1::Series& series,
                                                         absl::Time after);

}  // namespace mo::channels
