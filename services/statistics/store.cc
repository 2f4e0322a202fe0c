#include "services/statistics/store.h"

#include "libs/runtime/status.h"

namespace mo::statistics {

absl::Duration LengthOf(Resolution resolution) {
  switch (resolution) {
    case Resolution::kMinute:
      return absl::Minutes(1);
    case Resolution::kQuarter:
      return absl::Minutes(15);
    case Resolution::kHour:
      return absl::Hours(1);
    case Resolution::kDay:
      return absl::Hours(24);
    case Resolution::kMonth:
      break;
  }
  return absl::Hours(31 * 24);
}

absl::Time FloorOf(absl::Time time, Resolution resolution) {
  if (resolution == Resolution::kMonth) {
    const absl::TimeZone utc = absl::UTCTimeZone();
    return absl::FromCivil(absl::ToCivilMonth(time, utc), utc);
  }
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), LengthOf(resolution));
}

absl::Duration RetentionOf(Resolution resolution) {
  switch (resolution) {
    case Resolution::kMinute:
      return absl::Hours(48);
    case Resolution::kQuarter:
      return 400 * absl::Hours(24);
    case Resolution::kHour:
      return 1100 * absl::Hours(24);
    case Resolution::kDay:
    case Resolution::kMonth:
      break;
  }
  return absl::InfiniteDuration();
}

Subject In(Cube cube, const Subject& subject) {
  if (cube == Cube::kAll) return subject;
  Subject part;
  if (cube == Cube::kWhat) part = subject;
  part.kind = subject.kind;
  part.sim_id = cube == Cube::kSim ? subject.sim_id : 0;
  return part;
}

// In the order of the key, so that two partitions' batches cannot deadlock on their common rows.
#define ADD_ROLLUPS(table)                                                                       \
  "INSERT INTO statistics." table                                                                \
  " AS r (account_id, cube, resolution, metric, start, sim_id, channel_id, broadcast_id, "       \
  "link_id, kind, value) SELECT * FROM unnest((SELECT $1::bigint[]), (SELECT $2::smallint[]), "  \
  "(SELECT $3::smallint[]), (SELECT $4::smallint[]), (SELECT $5::timestamptz[]), (SELECT "       \
  "$6::bigint[]), (SELECT $7::bigint[]), (SELECT $8::bigint[]), (SELECT $9::bigint[]), (SELECT " \
  "$10::int[]), (SELECT $11::bigint[])) ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 ON CONFLICT "     \
  "(account_id, cube, resolution, metric, start, sim_id, channel_id, broadcast_id, link_id, "    \
  "kind) DO UPDATE SET value = r.value + excluded.value"
void AddRollups(storage::Transaction& tx, Ledger ledger, const Rollups& rollups) {
  if (rollups.empty()) return;
  std::vector<int64_t> accounts, sims, channels, broadcasts, links, values;
  std::vector<int16_t> cubes, resolutions, metrics;
  std::vector<int32_t> kinds;
  std::vector<absl::Time> starts;
  for (const auto& [key, value] : rollups) {
    accounts.push_back(key.account_id);
    cubes.push_back(static_cast<int16_t>(key.cube));
    resolutions.push_back(static_cast<int16_t>(key.resolution));
    metrics.push_back(static_cast<int16_t>(key.metric));
    starts.push_back(key.start);
    sims.push_back(key.subject.sim_id);
    channels.push_back(key.subject.channel_id);
    broadcasts.push_back(key.subject.broadcast_id);
    links.push_back(key.subject.link_id);
    kinds.push_back(key.subject.kind);
    values.push_back(value);
  }
  tx.Defer(ledger == Ledger::kLive ? ADD_ROLLUPS("rollups") : ADD_ROLLUPS("recounts"), accounts,
           cubes, resolutions, metrics, starts, sims, channels, broadcasts, links, kinds, values);
}

#define KEEP(table, columns)                                                                      \
  "INSERT INTO statistics." table " (" columns                                                    \
  ") SELECT * FROM unnest((SELECT $1::bigint[]), "                                                \
  "(SELECT $2::bigint[]), (SELECT $3::bigint[])) AS n (a, b, c) ORDER BY 1, 2, 3 ON CONFLICT DO " \
  "NOTHING"
static void Keep(storage::Transaction& tx, const char* sql,
                 const std::vector<Relation>& relations) {
  if (relations.empty()) return;
  std::vector<int64_t> accounts, ids, values;
  for (const Relation& relation : relations) {
    accounts.push_back(relation.account_id);
    ids.push_back(relation.id);
    values.push_back(relation.value);
  }
  tx.Defer(sql, accounts, ids, values);
}

void KeepSims(storage::Transaction& tx, const std::vector<Relation>& sims) {
  Keep(tx, KEEP("sims", "account_id, id, network"), sims);
}

void KeepBroadcastChannels(storage::Transaction& tx, const std::vector<Relation>& channels) {
  Keep(tx, KEEP("broadcast_channels", "account_id, broadcast_id, channel_id"), channels);
}

constexpr int32_t kDeleteBatch = 5000;
// Levels need what lies between a whole longer interval and the oldest that may be asked for.
constexpr absl::Duration kMargin = absl::Hours(24);
constexpr char kDeleteOld[] =
    "DELETE FROM statistics.rollups WHERE ctid = ANY(ARRAY(SELECT ctid FROM statistics.rollups "
    "WHERE resolution = $1 AND resolution < 3 AND start < $2 ORDER BY start LIMIT $3))";
absl::StatusOr<bool> DeleteOldRollups(storage::Transaction& tx, absl::Time now) {
  bool more = false;
  for (const Resolution resolution :
       {Resolution::kMinute, Resolution::kQuarter, Resolution::kHour}) {
    MO_ASSIGN_OR_RETURN(storage::Result deleted,
                        tx.Query(kDeleteOld, static_cast<int32_t>(resolution),
                                 now - RetentionOf(resolution) - kMargin, kDeleteBatch));
    more |= deleted.affected() == kDeleteBatch;
  }
  return more;
}

}  // namespace mo::statistics
