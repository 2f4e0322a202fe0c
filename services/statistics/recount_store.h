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
// Forgets the last recount, by a consumer of that name, and copies the numbers since `from` that
// `live` keeps; how far it was at that very moment.
absl::StatusOr<OffsetsByPartition> TakeSnapshot(storage::Transaction& tx,
                                                const std::string& consumer,
                                                const std::string& live, absl::Time from);

// Intervals that begin at or after `from` and were still kept at `now`.
struct Compared {
  absl::Time from;
  absl::Time now;
};
// How many numbers of the snapshot there are, how many differ from those recounted, and up to 100
// of those. The day and the month that `from` is in must be what their hours and days are.
absl::StatusOr<v1::Recount> Compare(storage::Transaction& tx, const Compared& compared);
// Adds what they differ by to the numbers of now; how many.
absl::StatusOr<int64_t> Repair(storage::Transaction& tx, const Compared& compared);

}  // namespace mo::statistics
