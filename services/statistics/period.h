// The intervals of a statistic.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "messageorganizer/statistics/v1/statistics.pb.h"
#include "services/statistics/store.h"

namespace mo::statistics {

namespace v1 = messageorganizer::statistics::v1;

// Intervals that follow each other: n + 1 bounds make n of them.
struct Period {
  std::vector<absl::Time> bounds;
  // The longest of those that are kept which every bound begins.
  Resolution resolution = Resolution::kDay;

  absl::Time from() const { return bounds.front(); }
  absl::Time to() const { return bounds.back(); }
  // The interval that a time of it is in.
  size_t IndexOf(absl::Time time) const;
};

// What is asked for.
struct Asked {
  absl::Time from = absl::InfinitePast();  // 30 days (12 hours of minutes) before `to`
  absl::Time to = absl::InfiniteFuture();  // now
  v1::Step step = v1::STEP_UNSPECIFIED;
  absl::TimeZone zone = absl::UTCTimeZone();
};

// Whole intervals that cover what is asked for, in the zone's civil time; or what is wrong with it:
// more than 1,000, or older than they are kept.
absl::StatusOr<Period> PeriodOf(const Asked& asked, absl::Time now);
// As many intervals before. Fails when they are kept no more.
absl::StatusOr<Period> PeriodBefore(const Period& period, const Asked& asked, absl::Time now);

}  // namespace mo::statistics
