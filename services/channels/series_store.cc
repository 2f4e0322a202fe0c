#include "services/channels/series_store.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

// Columns in the order that FromRow reads.
#define SERIES_COLUMNS                                                                             \
  "id, definition, state, next_time, last_time, last_broadcast_id, occurrences, missed, version, " \
  "create_time"

v1::Series FromRow(const storage::Row& row) {
  v1::Series series;
  series.ParseFromString(row.String(1));
  series.set_id(FormatId("ser", row.Int(0)));
  series.set_state(static_cast<v1::SeriesState>(row.Int(2)));
  if (!row.IsNull(3)) *series.mutable_next_time() = ToProto(row.Time(3));
  if (!row.IsNull(4)) *series.mutable_last_time() = ToProto(row.Time(4));
  if (!row.IsNull(5)) series.set_last_broadcast_id(FormatId("brd", row.Int(5)));
  series.set_occurrences(row.Int(6));
  series.set_missed(row.Int(7));
  series.set_etag(absl::StrCat(row.Int(8)));
  *series.mutable_create_time() = ToProto(row.Time(9));
  return series;
}

absl::StatusOr<v1::Series> One(const absl::StatusOr<storage::Result>& rows) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return SeriesNotFound();
  return FromRow((*rows)[0]);
}

std::string DefinitionOf(const v1::Series& series) {
  static const auto& fields =
      *new std::set<std::string>(SeriesFields().begin(), SeriesFields().end());
  v1::Series definition;
  CopyFields(series, fields, definition);
  return definition.SerializeAsString();
}

std::optional<int64_t> LastBroadcast(const v1::Series& series) {
  if (series.last_broadcast_id().empty()) return std::nullopt;
  return IdOf(series.last_broadcast_id());
}

}  // namespace

const std::vector<std::string>& SeriesFields() {
  static const auto& fields = *new std::vector<std::string>{
      "display_name", "content",         "audience",         "schedule",    "start_time",
      "end_time",     "max_occurrences", "validity_minutes", "quiet_hours", "ignore_quiet_hours",
      "track_links",  "link_utm"};
  return fields;
}

// The total's row is locked until the commit, so that two at once cannot both be the last one.
constexpr char kCountSeries[] =
    "INSERT INTO channels.totals AS t (account_id, channels, series) VALUES ($1, 0, 1) "
    "ON CONFLICT (account_id) DO UPDATE SET series = t.series + 1 WHERE t.series < $2";
constexpr char kInsertSeries[] =
    "INSERT INTO channels.series (account_id, id, definition, state, next_time, due_time, "
    "create_time) VALUES ($1, $2, $3, $4, $5, $5, $6)";
absl::Status InsertSeries(storage::Transaction& tx, SeriesKey key, v1::Series& series) {
  MO_ASSIGN_OR_RETURN(storage::Result counted,
                      tx.Query(kCountSeries, key.account_id, int32_t{kMaxSeries}));
  if (counted.affected() == 0) return SeriesLimit();
  const std::string definition = DefinitionOf(series);
  tx.Defer(kInsertSeries, key.account_id, key.id, storage::Bytes{definition},
           static_cast<int16_t>(series.state()), FromProto(series.next_time()),
           FromProto(series.create_time()));
  series.set_etag("1");
  return absl::OkStatus();
}

constexpr char kSelectSeries[] =
    "SELECT " SERIES_COLUMNS " FROM channels.series WHERE account_id = $1 AND id = $2";
absl::StatusOr<v1::Series> SelectSeries(storage::Transaction& tx, SeriesKey key) {
  return One(tx.Query(kSelectSeries, key.account_id, key.id));
}

constexpr char kLockSeries[] =
    "SELECT " SERIES_COLUMNS
    " FROM channels.series WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE";
absl::StatusOr<v1::Series> LockSeries(storage::Transaction& tx, SeriesKey key) {
  return One(tx.Query(kLockSeries, key.account_id, key.id));
}

constexpr char kLockSeriesOf[] =
    "SELECT 1 FROM channels.series WHERE account_id = $1 AND id = (SELECT series_id FROM "
    "channels.broadcasts WHERE account_id = $1 AND id = $2) FOR NO KEY UPDATE";
void LockSeriesOf(storage::Transaction& tx, BroadcastKey key) {
  tx.Defer(kLockSeriesOf, key.account_id, key.id);
}

constexpr char kSelectSeriesPage[] =
    "SELECT " SERIES_COLUMNS
    " FROM channels.series WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
absl::StatusOr<std::vector<v1::Series>> SelectSeriesPage(storage::Transaction& tx, int64_t before,
                                                         int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectSeriesPage, tx.account_id(), before, limit));
  std::vector<v1::Series> page;
  for (const storage::Row row : rows) page.push_back(FromRow(row));
  return page;
}

constexpr char kUpdateSeries[] =
    "UPDATE channels.series SET definition = $3, state = $4, next_time = $5, due_time = $5, "
    "last_time = $6, last_broadcast_id = $7, occurrences = $8, missed = $9, version = version + 1 "
    "WHERE account_id = $1 AND id = $2 RETURNING version";
absl::Status UpdateSeries(storage::Transaction& tx, SeriesKey key, v1::Series& series) {
  const std::string definition = DefinitionOf(series);
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kUpdateSeries, key.account_id, key.id, storage::Bytes{definition},
                               static_cast<int16_t>(series.state()), FromProto(series.next_time()),
                               FromProto(series.last_time()), LastBroadcast(series),
                               series.occurrences(), series.missed()));
  if (rows.empty()) return SeriesNotFound();
  series.set_etag(absl::StrCat(rows[0].Int(0)));
  return absl::OkStatus();
}

constexpr char kCountMissed[] =
    "UPDATE channels.series SET missed = missed + 1, version = version + 1 "
    "WHERE account_id = $1 AND id = $2";
void CountMissed(storage::Transaction& tx, SeriesKey key) {
  tx.Defer(kCountMissed, key.account_id, key.id);
}

constexpr char kDeleteSeries[] = "DELETE FROM channels.series WHERE account_id = $1 AND id = $2";
constexpr char kUncountSeries[] =
    "UPDATE channels.totals SET series = series - 1 WHERE account_id = $1";
void DeleteSeries(storage::Transaction& tx, SeriesKey key) {
  tx.Defer(kDeleteSeries, key.account_id, key.id);
  tx.Defer(kUncountSeries, key.account_id);
}

constexpr char kSelectDueSeries[] =
    "SELECT account_id, id FROM channels.series WHERE due_time <= $1 ORDER BY due_time LIMIT $2";
absl::StatusOr<std::vector<SeriesKey>> SelectDueSeries(storage::Transaction& tx, absl::Time now,
                                                       int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDueSeries, now, limit));
  std::vector<SeriesKey> keys;
  for (const storage::Row row : rows) keys.push_back({row.Int(0), row.Int(1)});
  return keys;
}

constexpr char kLockDueSeries[] =
    "SELECT " SERIES_COLUMNS
    " FROM channels.series WHERE account_id = $1 AND id = $2 AND due_time <= $3 "
    "FOR NO KEY UPDATE SKIP LOCKED";
absl::StatusOr<std::optional<v1::Series>> LockDueSeries(storage::Transaction& tx, SeriesKey key,
                                                        absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kLockDueSeries, key.account_id, key.id, now));
  if (rows.empty()) return std::nullopt;
  return FromRow(rows[0]);
}

constexpr char kPostponeSeries[] =
    "UPDATE channels.series SET due_time = $3 "
    "WHERE account_id = $1 AND id = $2 AND due_time IS NOT NULL";
absl::Status PostponeSeries(storage::Transaction& tx, SeriesKey key, absl::Time due_time) {
  return tx.Run(kPostponeSeries, key.account_id, key.id, due_time);
}

}  // namespace mo::channels
