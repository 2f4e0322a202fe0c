// The table of series.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/channels/v1/series.pb.h"
#include "services/channels/broadcast_store.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;

inline constexpr int kMaxSeries = 1000;  // per account

// Names a series over all accounts.
struct SeriesKey {
  int64_t account_id = 0;
  int64_t id = 0;
};

// The fields of a Series that clients write: the row has them as one proto.
const std::vector<std::string>& SeriesFields();

// SERIES_LIMIT. Gives it its etag.
absl::Status InsertSeries(storage::Transaction& tx, SeriesKey key, v1::Series& series);
// SERIES_NOT_FOUND.
absl::StatusOr<v1::Series> SelectSeries(storage::Transaction& tx, SeriesKey key);
// The same, kept from changing until the commit. Taken before any of its broadcasts' rows.
absl::StatusOr<v1::Series> LockSeries(storage::Transaction& tx, SeriesKey key);
// The same lock on the series that a broadcast is of, if it is of one.
void LockSeriesOf(storage::Transaction& tx, BroadcastKey key);
// Series with an id below `before`, newest first.
absl::StatusOr<std::vector<v1::Series>> SelectSeriesPage(storage::Transaction& tx, int64_t before,
                                                         int32_t limit);
// Writes a locked one; gives it its new etag. A worker looks at it at its next_time.
absl::Status UpdateSeries(storage::Transaction& tx, SeriesKey key, v1::Series& series);
// Counts one more occurrence of a locked one as missed.
void CountMissed(storage::Transaction& tx, SeriesKey key);
// Deletes a locked one; its broadcasts stay.
void DeleteSeries(storage::Transaction& tx, SeriesKey key);

// Series of all accounts that a worker is to look at, those that are due longest first.
absl::StatusOr<std::vector<SeriesKey>> SelectDueSeries(storage::Transaction& tx, absl::Time now,
                                                       int32_t limit);
// Locks one if it is due (still) and nobody else has locked it.
absl::StatusOr<std::optional<v1::Series>> LockDueSeries(storage::Transaction& tx, SeriesKey key,
                                                        absl::Time now);
// Keeps workers from a due one until then.
absl::Status PostponeSeries(storage::Transaction& tx, SeriesKey key, absl::Time due_time);

}  // namespace mo::channels
