#include "services/statistics/recount_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/statistics/store.h"

namespace mo::statistics {
namespace {

absl::StatusOr<v1::Recount> Parsed(const absl::StatusOr<storage::Result>& rows) {
  MO_RETURN_IF_ERROR(rows.status());
  v1::Recount run;
  if (!rows->empty()) run.ParseFromString((*rows)[0].String(0));
  return run;
}

}  // namespace

constexpr char kLockRun[] = "SELECT run FROM statistics.recount_runs WHERE id = 1 FOR UPDATE";
absl::StatusOr<v1::Recount> LockRun(storage::Transaction& tx) { return Parsed(tx.Query(kLockRun)); }

constexpr char kSelectRun[] = "SELECT run FROM statistics.recount_runs WHERE id = 1";
absl::StatusOr<v1::Recount> SelectRun(storage::Transaction& tx) {
  return Parsed(tx.Query(kSelectRun));
}

constexpr char kSaveRun[] =
    "INSERT INTO statistics.recount_runs (run) VALUES ($1) ON CONFLICT (id) DO UPDATE SET run = "
    "excluded.run";
void SaveRun(storage::Transaction& tx, const v1::Recount& run) {
  tx.Defer(kSaveRun, storage::Bytes{run.SerializeAsString()});
}

constexpr char kSelectOffsets[] =
    "SELECT source, partition, id FROM statistics.event_offsets WHERE consumer = $1";
absl::StatusOr<OffsetsByPartition> SelectOffsets(storage::Transaction& tx,
                                                 const std::string& consumer) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectOffsets, consumer));
  OffsetsByPartition offsets;
  for (const storage::Row row : rows)
    offsets[{row.String(0), static_cast<int>(row.Int(1))}] = row.Int(2);
  return offsets;
}

constexpr char kClearRecounts[] = "DELETE FROM statistics.recounts";
constexpr char kClearOffsets[] = "DELETE FROM statistics.event_offsets WHERE consumer = $1";
void ClearRecount(storage::Transaction& tx, const std::string& consumer) {
  tx.Defer(kClearRecounts);
  tx.Defer(kClearOffsets, consumer);
}

// $1, $2: from, to; $3: the lengths of the resolutions in seconds; $4: since when they are kept.
// What is missing is 0.
#define PAIRS                                                                                      \
  "WITH pairs AS (SELECT account_id, cube, resolution, metric, start, sim_id, channel_id, "        \
  "broadcast_id, "                                                                                 \
  "link_id, kind, coalesce(r.value, 0) AS kept, coalesce(n.value, 0) AS recounted FROM (SELECT * " \
  "FROM statistics.rollups WHERE start >= $1) r FULL JOIN (SELECT * FROM statistics.recounts "     \
  "WHERE start >= $1) n USING (account_id, cube, resolution, metric, start, sim_id, channel_id, "  \
  "broadcast_id, link_id, kind) WHERE start + ($3::bigint[])[resolution + 1] * interval '1 "       \
  "second' <= $2 AND start >= ($4::timestamptz[])[resolution + 1]) "

constexpr char kCompare[] =
    PAIRS "SELECT count(*), count(*) FILTER (WHERE kept <> recounted) FROM pairs";
constexpr char kSelectDifferences[] = PAIRS
    "SELECT account_id, resolution, metric, start, kept, recounted FROM pairs WHERE kept <> "
    "recounted ORDER BY start, account_id, resolution, metric LIMIT 100";
constexpr char kRepair[] = PAIRS
    "INSERT INTO statistics.rollups AS r (account_id, cube, resolution, metric, start, sim_id, "
    "channel_id, broadcast_id, link_id, kind, value) SELECT account_id, cube, resolution, metric, "
    "start, sim_id, channel_id, broadcast_id, link_id, kind, recounted FROM pairs WHERE kept "
    "<> recounted ON CONFLICT (account_id, cube, resolution, metric, start, sim_id, channel_id, "
    "broadcast_id, link_id, kind) DO UPDATE SET value = excluded.value";

// The parameters of PAIRS.
struct Lengths {
  std::vector<int64_t> seconds;
  std::vector<absl::Time> since;

  explicit Lengths(const Compared& compared) {
    for (int r = 0; r < kResolutions; ++r) {
      const auto resolution = static_cast<Resolution>(r);
      seconds.push_back(absl::ToInt64Seconds(LengthOf(resolution)));
      // Some time before the old ones are deleted.
      const absl::Duration retention = RetentionOf(resolution);
      since.push_back(retention == absl::InfiniteDuration()
                          ? absl::UnixEpoch()
                          : compared.now - retention + absl::Hours(1));
    }
  }
};

absl::StatusOr<v1::Recount> Compare(storage::Transaction& tx, const Compared& compared) {
  const Lengths lengths(compared);
  MO_ASSIGN_OR_RETURN(storage::Result counts, tx.Query(kCompare, compared.from, compared.to,
                                                       lengths.seconds, lengths.since));
  v1::Recount result;
  result.set_compared(counts[0].Int(0));
  result.set_different(counts[0].Int(1));
  if (result.different() == 0) return result;
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDifferences, compared.from, compared.to,
                                                     lengths.seconds, lengths.since));
  for (const storage::Row row : rows) {
    v1::RecountDifference& difference = *result.add_differences();
    difference.set_account_id(FormatId("acc", row.Int(0)));
    difference.set_metric(NameOf(static_cast<Metric>(row.Int(2))));
    difference.set_seconds(absl::ToInt64Seconds(LengthOf(static_cast<Resolution>(row.Int(1)))));
    *difference.mutable_start_time() = ToProto(row.Time(3));
    difference.set_kept(row.Int(4));
    difference.set_recounted(row.Int(5));
  }
  return result;
}

absl::StatusOr<int64_t> Repair(storage::Transaction& tx, const Compared& compared) {
  const Lengths lengths(compared);
  MO_ASSIGN_OR_RETURN(storage::Result repaired, tx.Query(kRepair, compared.from, compared.to,
                                                         lengths.seconds, lengths.since));
  return static_cast<int64_t>(repaired.affected());
}

}  // namespace mo::statistics
