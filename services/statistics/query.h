// Sums of what is kept.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/statistics/period.h"

namespace mo::statistics {

// Only what is about these; 0: whatever it is about.
struct Filter {
  int64_t sim_id = 0;
  int64_t channel_id = 0;
  int64_t broadcast_id = 0;
  int64_t link_id = 0;
  int32_t network = 0;
};

// What to sum up.
struct Query {
  std::vector<Metric> metrics;
  v1::GroupBy group_by = v1::GROUP_BY_UNSPECIFIED;
  // Nothing that belongs to no broadcast.
  bool of_broadcasts = false;
  Filter filter;
};

// The smallest cube that knows what is asked for.
Cube CubeOf(const Query& query);

// The sum of a metric in an interval, for one group and kind.
struct Sum {
  size_t interval = 0;
  int64_t group = 0;
  Metric metric = Metric::kRegistered;
  int32_t kind = 0;
  int64_t value = 0;
};

// Sums of the account that are not 0, by interval. Fails with TOO_MANY_GROUPS beyond 100,000.
absl::StatusOr<std::vector<Sum>> SelectSums(storage::Transaction& tx, const Query& query,
                                            const Period& period);
// The same of everything before a time, a whole minute; interval is 0.
absl::StatusOr<std::vector<Sum>> SelectSumsBefore(storage::Transaction& tx, const Query& query,
                                                  absl::Time time);

}  // namespace mo::statistics
