#include "services/channels/broadcast_store.h"

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

// Columns in the order that FromRow reads.
#define BROADCAST_COLUMNS                                                                     \
  "id, content, audience, state, send_time, expire_time, create_time, finish_time, version, " \
  "resend_of, series_id, quiet_hours, ignore_quiet_hours, applied_quiet_hours, track_links, " \
  "link_utm"

v1::Broadcast FromRow(const storage::Row& row) {
  v1::Broadcast broadcast;
  broadcast.set_id(FormatId("brd", row.Int(0)));
  broadcast.mutable_content()->ParseFromString(row.String(1));
  broadcast.mutable_audience()->ParseFromString(row.String(2));
  broadcast.set_state(static_cast<v1::BroadcastState>(row.Int(3)));
  if (!row.IsNull(4)) *broadcast.mutable_send_time() = ToProto(row.Time(4));
  if (!row.IsNull(5)) *broadcast.mutable_expire_time() = ToProto(row.Time(5));
  *broadcast.mutable_create_time() = ToProto(row.Time(6));
  if (!row.IsNull(7)) *broadcast.mutable_finish_time() = ToProto(row.Time(7));
  broadcast.set_etag(absl::StrCat(row.Int(8)));
  if (!row.IsNull(9)) broadcast.set_resend_of(FormatId("brd", row.Int(9)));
  if (!row.IsNull(10)) broadcast.set_series_id(FormatId("ser", row.Int(10)));
  if (!row.IsNull(11)) broadcast.mutable_quiet_hours()->ParseFromString(row.String(11));
  broadcast.set_ignore_quiet_hours(row.Bool(12));
  if (!row.IsNull(13)) broadcast.mutable_applied_quiet_hours()->ParseFromString(row.String(13));
  broadcast.set_track_links(row.Bool(14));
  if (!row.IsNull(15)) broadcast.mutable_link_utm()->ParseFromString(row.String(15));
  return broadcast;
}

std::optional<int64_t> IdOrNull(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(IdOf(text));
}

absl::StatusOr<v1::Broadcast> One(const absl::StatusOr<storage::Result>& rows) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return BroadcastNotFound();
  return FromRow((*rows)[0]);
}

absl::Status TakeEtag(const absl::StatusOr<storage::Result>& rows, v1::Broadcast& broadcast) {
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return BroadcastNotFound();
  broadcast.set_etag(absl::StrCat((*rows)[0].Int(0)));
  return absl::OkStatus();
}

std::string QuietHoursOf(const v1::Broadcast& broadcast) {
  return broadcast.has_quiet_hours() ? broadcast.quiet_hours().SerializeAsString() : "";
}

std::optional<storage::Bytes> BytesOrNull(const std::string& bytes) {
  return bytes.empty() ? std::nullopt : std::optional(storage::Bytes{bytes});
}

std::vector<BroadcastKey> Keys(const storage::Result& rows) {
  std::vector<BroadcastKey> keys;
  for (const storage::Row row : rows) keys.push_back({row.Int(0), row.Int(1)});
  return keys;
}

}  // namespace

constexpr char kInsertBroadcast[] =
    "INSERT INTO channels.broadcasts (account_id, id, content, audience, state, send_time, "
    "expire_time, create_time, resend_of, series_id, occurrence_time, quiet_hours, "
    "ignore_quiet_hours, track_links, link_utm) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11, $12, $13, $14, $15)";
constexpr char kInsertProgress[] =
    "INSERT INTO channels.progress (account_id, broadcast_id) VALUES ($1, $2)";
absl::Status InsertBroadcast(storage::Transaction& tx, int64_t id, const v1::Broadcast& broadcast) {
  const std::string content = broadcast.content().SerializeAsString();
  const std::string audience = broadcast.audience().SerializeAsString();
  const std::string quiet_hours = QuietHoursOf(broadcast);
  const std::string link_utm = broadcast.link_utm().SerializeAsString();
  MO_RETURN_IF_ERROR(tx.Run(
      kInsertBroadcast, tx.account_id(), id, storage::Bytes{content}, storage::Bytes{audience},
      static_cast<int16_t>(broadcast.state()), FromProto(broadcast.send_time()),
      FromProto(broadcast.expire_time()), FromProto(broadcast.create_time()),
      IdOrNull(broadcast.resend_of()), IdOrNull(broadcast.series_id()),
      broadcast.series_id().empty() ? absl::InfinitePast() : FromProto(broadcast.send_time()),
      BytesOrNull(quiet_hours), broadcast.ignore_quiet_hours(), broadcast.track_links(),
      BytesOrNull(link_utm)));
  return tx.Run(kInsertProgress, tx.account_id(), id);
}

constexpr char kSelectBroadcast[] =
    "SELECT " BROADCAST_COLUMNS " FROM channels.broadcasts WHERE account_id = $1 AND id = $2";
absl::StatusOr<v1::Broadcast> SelectBroadcast(storage::Transaction& tx, BroadcastKey key) {
  return One(tx.Query(kSelectBroadcast, key.account_id, key.id));
}

constexpr char kLockBroadcast[] =
    "SELECT " BROADCAST_COLUMNS
    " FROM channels.broadcasts WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE";
absl::StatusOr<v1::Broadcast> LockBroadcast(storage::Transaction& tx, BroadcastKey key) {
  return One(tx.Query(kLockBroadcast, key.account_id, key.id));
}

constexpr char kSelectResend[] =
    "SELECT " BROADCAST_COLUMNS
    " FROM channels.broadcasts WHERE account_id = $1 AND resend_of = $2";
absl::StatusOr<std::optional<v1::Broadcast>> SelectResend(storage::Transaction& tx,
                                                          BroadcastKey key) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectResend, key.account_id, key.id));
  if (rows.empty()) return std::nullopt;
  return FromRow(rows[0]);
}

constexpr char kSelectBroadcasts[] =
    "SELECT " BROADCAST_COLUMNS
    " FROM channels.broadcasts WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
constexpr char kSelectOfSeries[] =
    "SELECT " BROADCAST_COLUMNS
    " FROM channels.broadcasts WHERE account_id = $1 AND id < $2 AND series_id = $4 "
    "ORDER BY id DESC LIMIT $3";
absl::StatusOr<std::vector<v1::Broadcast>> SelectBroadcasts(storage::Transaction& tx,
                                                            int64_t before, int32_t limit,
                                                            int64_t series_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      series_id == 0
                          ? tx.Query(kSelectBroadcasts, tx.account_id(), before, limit)
                          : tx.Query(kSelectOfSeries, tx.account_id(), before, limit, series_id));
  std::vector<v1::Broadcast> broadcasts;
  for (const storage::Row row : rows) broadcasts.push_back(FromRow(row));
  return broadcasts;
}

constexpr char kUpdateBroadcast[] =
    "UPDATE channels.broadcasts SET state = $3, send_time = $4, finish_time = $5, "
    "version = version + 1 WHERE account_id = $1 AND id = $2 RETURNING version";
absl::Status UpdateBroadcast(storage::Transaction& tx, BroadcastKey key, v1::Broadcast& broadcast) {
  return TakeEtag(
      tx.Query(kUpdateBroadcast, key.account_id, key.id, static_cast<int16_t>(broadcast.state()),
               FromProto(broadcast.send_time()), FromProto(broadcast.finish_time())),
      broadcast);
}

constexpr char kReplaceBroadcast[] =
    "UPDATE channels.broadcasts SET content = $3, audience = $4, send_time = $5, expire_time = $6, "
    "quiet_hours = $7, ignore_quiet_hours = $8, track_links = $9, link_utm = $10, version = "
    "version + 1 WHERE "
    "account_id = $1 AND id = $2 RETURNING version";
absl::Status ReplaceBroadcast(storage::Transaction& tx, BroadcastKey key,
                              v1::Broadcast& broadcast) {
  const std::string content = broadcast.content().SerializeAsString();
  const std::string audience = broadcast.audience().SerializeAsString();
  const std::string quiet_hours = QuietHoursOf(broadcast);
  const std::string link_utm = broadcast.link_utm().SerializeAsString();
  return TakeEtag(
      tx.Query(kReplaceBroadcast, key.account_id, key.id, storage::Bytes{content},
               storage::Bytes{audience}, FromProto(broadcast.send_time()),
               FromProto(broadcast.expire_time()), BytesOrNull(quiet_hours),
               broadcast.ignore_quiet_hours(), broadcast.track_links(), BytesOrNull(link_utm)),
      broadcast);
}

constexpr char kSaveQuietHours[] =
    "UPDATE channels.broadcasts SET applied_quiet_hours = $3 WHERE account_id = $1 AND id = $2";
void SaveQuietHours(storage::Transaction& tx, BroadcastKey key, const v1::Broadcast& broadcast) {
  const std::string applied = broadcast.applied_quiet_hours().SerializeAsString();
  tx.Defer(kSaveQuietHours, key.account_id, key.id, storage::Bytes{applied});
}

constexpr char kDeleteExpansion[] =
    "DELETE FROM channels.expansions WHERE account_id = $1 AND broadcast_id = $2";
constexpr char kDeleteProgress[] =
    "DELETE FROM channels.progress WHERE account_id = $1 AND broadcast_id = $2";
constexpr char kDeleteBroadcast[] =
    "DELETE FROM channels.broadcasts WHERE account_id = $1 AND id = $2";
void DeleteDraft(storage::Transaction& tx, BroadcastKey key) {
  for (const char* statement : {kDeleteExpansion, kDeleteProgress, kDeleteBroadcast}) {
    tx.Defer(statement, key.account_id, key.id);
  }
}

// Whoever changes it pushes it at once; half a second later a worker does, should that one be gone.
constexpr char kSetControl[] =
    "UPDATE channels.broadcasts SET control = $3, control_version = control_version + 1, "
    "control_confirm = false, control_push_time = now() + interval '500 ms' "
    "WHERE account_id = $1 AND id = $2";
absl::Status SetControl(storage::Transaction& tx, BroadcastKey key, sims_v1::GroupControl control) {
  return tx.Run(kSetControl, key.account_id, key.id, static_cast<int16_t>(control));
}

constexpr char kSelectControl[] =
    "SELECT control, control_version FROM channels.broadcasts "
    "WHERE account_id = $1 AND id = $2 AND control_push_time IS NOT NULL";
absl::StatusOr<std::optional<Control>> SelectControl(storage::Transaction& tx, BroadcastKey key) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectControl, key.account_id, key.id));
  if (rows.empty()) return std::nullopt;
  return Control{static_cast<sims_v1::GroupControl>(rows[0].Int(0)), rows[0].Int(1)};
}

// A push of an older control may still be on its way, from a process that died meanwhile; no call
// lasts longer than ten seconds, so a second push after thirty has the last word.
constexpr char kConfirmControl[] =
    "UPDATE channels.broadcasts SET control_confirm = true, control_push_time = "
    "CASE WHEN NOT control_confirm THEN now() + interval '30 s' "
    "WHEN control_push_time > now() THEN control_push_time END "
    "WHERE account_id = $1 AND id = $2 AND control_version = $3";
absl::StatusOr<bool> ConfirmControl(storage::Transaction& tx, BroadcastKey key, int64_t version) {
  MO_ASSIGN_OR_RETURN(storage::Result confirmed,
                      tx.Query(kConfirmControl, key.account_id, key.id, version));
  return confirmed.affected() == 1;
}

constexpr char kSelectUnpushed[] =
    "SELECT account_id, id FROM channels.broadcasts WHERE control_push_time <= now() "
    "ORDER BY control_push_time LIMIT $1";
absl::StatusOr<std::vector<BroadcastKey>> SelectUnpushed(storage::Transaction& tx, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectUnpushed, limit));
  return Keys(rows);
}

constexpr char kTouch[] =
    "UPDATE channels.progress p SET touched = true "
    "FROM unnest((SELECT $1::bigint[]), (SELECT $2::bigint[])) AS t (account_id, id) "
    "WHERE p.account_id = t.account_id AND p.broadcast_id = t.id AND NOT p.touched";
void Touch(storage::Transaction& tx, const std::vector<BroadcastKey>& keys) {
  std::vector<int64_t> accounts;
  std::vector<int64_t> ids;
  for (const BroadcastKey& key : keys) {
    accounts.push_back(key.account_id);
    ids.push_back(key.id);
  }
  tx.Defer(kTouch, accounts, ids);
}

// In the order of the key, so that two batches do not wait for each other.
constexpr char kAddClicks[] =
    "WITH locked AS (SELECT p.account_id, p.broadcast_id, t.clicks, t.bots, t.uniques FROM "
    "unnest((SELECT $1::bigint[]), (SELECT $2::bigint[]), (SELECT $3::bigint[]), (SELECT "
    "$4::bigint[]), (SELECT $5::bigint[])) AS t (account_id, id, clicks, bots, uniques) JOIN "
    "channels.progress p ON p.account_id = t.account_id AND p.broadcast_id = t.id ORDER BY 1, 2 "
    "FOR NO KEY UPDATE OF p) UPDATE channels.progress p SET touched = true, clicks = p.clicks + "
    "l.clicks, bot_clicks = p.bot_clicks + l.bots, unique_clicks = p.unique_clicks + l.uniques "
    "FROM locked l WHERE p.account_id = l.account_id AND p.broadcast_id = l.broadcast_id";
void AddClicks(storage::Transaction& tx, const ClicksByBroadcast& clicks) {
  std::vector<int64_t> accounts, ids, people, bots, uniques;
  for (const auto& [key, totals] : clicks) {
    accounts.push_back(key.first);
    ids.push_back(key.second);
    people.push_back(totals.clicks());
    bots.push_back(totals.bot_clicks());
    uniques.push_back(totals.unique_clicks());
  }
  if (!ids.empty()) tx.Defer(kAddClicks, accounts, ids, people, bots, uniques);
}

constexpr char kSelectClickTotals[] =
    "SELECT clicks, bot_clicks, unique_clicks FROM channels.progress WHERE account_id = $1 AND "
    "broadcast_id = $2";
absl::StatusOr<v1::ClickTotals> SelectClickTotals(storage::Transaction& tx, BroadcastKey key) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectClickTotals, key.account_id, key.id));
  v1::ClickTotals totals;
  if (rows.empty()) return totals;
  totals.set_clicks(rows[0].Int(0));
  totals.set_bot_clicks(rows[0].Int(1));
  totals.set_unique_clicks(rows[0].Int(2));
  return totals;
}

constexpr char kWatch[] =
    "UPDATE channels.progress SET touched = true, watching = $3 "
    "WHERE account_id = $1 AND broadcast_id = $2";
void Watch(storage::Transaction& tx, BroadcastKey key, bool watching) {
  tx.Defer(kWatch, key.account_id, key.id, watching);
}

constexpr char kUnwatch[] =
    "UPDATE channels.progress SET watching = false WHERE account_id = $1 AND broadcast_id = $2";
void Unwatch(storage::Transaction& tx, BroadcastKey key) {
  tx.Defer(kUnwatch, key.account_id, key.id);
}

// The thirty seconds are for what no event tells any more: a report that failed or died half-way,
// until which each is watched.
constexpr char kTakeTouched[] =
    "UPDATE channels.progress p SET touched = false, watching = true, report_time = now() FROM ("
    "SELECT account_id, broadcast_id FROM channels.progress WHERE (touched OR watching) AND "
    "((touched AND report_time <= now() - interval '1 s') OR report_time <= now() - interval '30 "
    "s') ORDER BY report_time LIMIT $1 FOR UPDATE SKIP LOCKED) AS due "
    "WHERE p.account_id = due.account_id AND p.broadcast_id = due.broadcast_id "
    "RETURNING p.account_id, p.broadcast_id";
absl::StatusOr<std::vector<BroadcastKey>> TakeTouched(storage::Transaction& tx, int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kTakeTouched, limit));
  return Keys(rows);
}

}  // namespace mo::channels
