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

OffsetsByPartition OffsetsIn(const storage::Result& rows) {
  OffsetsByPartition offsets;
  for (const storage::Row row : rows)
    offsets[{row.String(0), static_cast<int>(row.Int(1))}] = row.Int(2);
  return offsets;
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
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectOffsets, consumer));
  return OffsetsIn(rows);
}

// Copying may take longer than a statement of ours should.
constexpr char kBePatient[] =
    "SELECT set_config('statement_timeout', '10min', true), set_config('enable_seqscan', 'on', "
    "true), set_config('enable_hashjoin', 'on', true)";
constexpr char kClear[] =
    "WITH counts AS (DELETE FROM statistics.recounts), copies AS (DELETE FROM "
    "statistics.recount_snapshots) DELETE FROM statistics.event_offsets WHERE consumer = $1";
// One statement, so that the offsets are those that the numbers stand for. Of the day and the month
// that $2 is in, the hours and days too: what they are the sum of.
constexpr char kCopy[] =
    "WITH copied AS (INSERT INTO statistics.recount_snapshots SELECT * FROM statistics.rollups "
    "WHERE start >= CASE resolution WHEN 2 THEN date_trunc('day', $2::timestamptz, 'UTC') WHEN 3 "
    "THEN date_trunc('month', $2, 'UTC') WHEN 4 THEN date_trunc('month', $2, 'UTC') ELSE $2 END) "
    "SELECT source, partition, id FROM statistics.event_offsets WHERE consumer = $1";
absl::StatusOr<OffsetsByPartition> TakeSnapshot(storage::Transaction& tx,
                                                const std::string& consumer,
                                                const std::string& live, absl::Time from) {
  MO_RETURN_IF_ERROR(tx.Query(kBePatient).status());
  MO_RETURN_IF_ERROR(tx.Query(kClear, consumer).status());
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kCopy, live, from));
  return OffsetsIn(rows);
}

// $1: from; $2: since when each resolution is kept. A day or month that began before it is the sum
// of its parts, as far as they were not recounted as they were. What is missing is 0.
#define KEY \
  "account_id, cube, resolution, metric, start, sim_id, channel_id, broadcast_id, link_id, kind"
#define SUM_OF(parts, resolution, unit)                                                    \
  "SELECT account_id, cube, " resolution "::smallint, metric, date_trunc('" unit           \
  "', start, 'UTC'), sim_id, channel_id, broadcast_id, link_id, kind, sum(value)::bigint " \
  "FROM " parts
#define PAIRS \
  "WITH hours AS (SELECT * FROM statistics.recounts WHERE resolution = 2 AND start >= $1 UNION "   \
  "ALL SELECT * FROM statistics.recount_snapshots WHERE resolution = 2 AND start < $1), "          \
  "days AS (SELECT * FROM statistics.recounts WHERE resolution = 3 AND start >= $1 UNION ALL "     \
  "SELECT * FROM statistics.recount_snapshots WHERE resolution = 3 AND start < date_trunc('day', " \
  "$1::timestamptz, 'UTC') UNION ALL " SUM_OF("hours", "3", "day")                                 \
  " WHERE date_trunc('day', start, 'UTC') < $1 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), expected " \
  "AS (SELECT * FROM statistics.recounts WHERE resolution < 2 AND start >= $1 UNION ALL SELECT * " \
  "FROM hours UNION ALL SELECT * FROM days UNION ALL " SUM_OF("days", "4", "month")                \
  " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), pairs AS (SELECT " KEY                                \
  ", coalesce(r.value, 0) AS kept, coalesce(n.value, 0) AS recounted FROM "                        \
  "statistics.recount_snapshots r FULL JOIN expected n USING (" KEY                                \
  ") WHERE start >= ($2::timestamptz[])[resolution + 1]) "

constexpr char kCompare[] =
    PAIRS "SELECT count(*), count(*) FILTER (WHERE kept <> recounted) FROM pairs";
constexpr char kSelectDifferences[] = PAIRS
    "SELECT account_id, resolution, metric, start, kept, recounted FROM pairs WHERE kept <> "
    "recounted ORDER BY start, account_id, resolution, metric LIMIT 100";
// A difference is added, not set: whatever came since then stays counted. In the order of the key,
// like all that write there.
constexpr char kRepair[] = PAIRS
    "INSERT INTO statistics.rollups AS r (" KEY ", value) SELECT " KEY
    ", recounted - kept FROM pairs WHERE kept <> recounted ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 "
    "ON CONFLICT (" KEY ") DO UPDATE SET value = r.value + excluded.value";

// Since when numbers are kept, by resolution.
static std::vector<absl::Time> KeptSince(absl::Time now) {
  std::vector<absl::Time> since;
  for (int r = 0; r < kResolutions; ++r) {
    const absl::Duration retention = RetentionOf(static_cast<Resolution>(r));
    // Some time before the old ones are deleted.
    since.push_back(retention == absl::InfiniteDuration() ? absl::UnixEpoch()
                                                          : now - retention + absl::Hours(1));
  }
  return since;
}

absl::StatusOr<v1::Recount> Compare(storage::Transaction& tx, const Compared& compared) {
  const std::vector<absl::Time> since = KeptSince(compared.now);
  MO_RETURN_IF_ERROR(tx.Query(kBePatient).status());
  MO_ASSIGN_OR_RETURN(storage::Result counts, tx.Query(kCompare, compared.from, since));
  v1::Recount result;
  result.set_compared(counts[0].Int(0));
  result.set_different(counts[0].Int(1));
  if (result.different() == 0) return result;
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDifferences, compared.from, since));
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
  MO_ASSIGN_OR_RETURN(storage::Result repaired,
                      tx.Query(kRepair, compared.from, KeptSince(compared.now)));
  return repaired.affected();
}

}  // namespace mo::statistics
