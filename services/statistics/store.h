// The statistics service's table.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "services/statistics/metric.h"

namespace mo::statistics {

// Counts by account, hour and metric.
using Tally = std::map<std::tuple<int64_t, absl::Time, Metric>, int64_t>;

// One number of one interval.
struct Count {
  absl::Time start;
  Metric metric;
  int64_t value;
};

// A part of time: [from, to), cut into intervals of so many hours, counted from 1970 (UTC).
struct Period {
  absl::Time from;  // the beginning of an interval
  absl::Time to;
  int hours;
};

// Adds counts of any accounts to what is there; in a transaction of the system.
void AddTally(storage::Transaction& tx, const Tally& tally);
// The sums of the account's metrics in each interval where they are not 0, oldest first.
absl::StatusOr<std::vector<Count>> SelectCounts(storage::Transaction& tx, const Period& period,
                                                const std::vector<Metric>& metrics);

}  // namespace mo::statistics
