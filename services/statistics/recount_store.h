// The tables of recounts.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/statistics/v1/statistics.pb.h"

namespace mo::statistics {

namespace v1 = messageorganizer::statistics::v1;

// The last run, RECOUNT_STATE_UNSPECIFIED when there was none. All of this as the system.
absl::StatusOr<v1::Recount> LockRun(storage::Transaction& tx);
absl::StatusOr<v1::Recount> SelectRun(storage::Transaction& tx);
void SaveRun(storage::Transaction& tx, const v1::Recount& run);

// Event ids by source and partition.
using OffsetsByPartition = std::map<std::pair<std::string, int>, int64_t>;
absl::StatusOr<OffsetsByPartition> SelectOffsets(storage::Transaction& tx,
                                                 const std::string& consumer);
// Forgets what was recounted, and how far.
void ClearRecount(storage::Transaction& tx, const std::string& consumer);

// Intervals that are wholly in [from, to) and still kept.
struct Compared {
  absl::Time from;
  absl::Time to;
  absl::Time now;
};
// How many numbers there are, how many differ, and up to 100 of those.
absl::StatusOr<v1::Recount> Compare(storage::Transaction& tx, const Compared& compared);
// Puts recounted numbers in the place of those that differ; how many.
absl::StatusOr<int64_t> Repair(storage::Transaction& tx, const Compared& compared);

}  // namespace mo::statistics
