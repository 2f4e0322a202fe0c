#include "services/channels/channel_store.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

// Columns in the order that FromRow reads.
#define PLAIN_COLUMNS                                                                 \
  "c.id, c.display_name, c.keyword, c.leave_keyword, c.description, c.welcome_text, " \
  "c.leave_text, c.listed, c.create_time, c.version"
#define CHANNEL_COLUMNS                                                              \
  PLAIN_COLUMNS                                                                      \
  ", coalesce((SELECT sum(n.subscribers)::bigint FROM channels.subscriber_counts n " \
  "WHERE n.account_id = c.account_id AND n.channel_id = c.id), 0)"

v1::Channel FromRow(const storage::Row& row) {
  v1::Channel channel;
  channel.set_id(FormatId("chn", row.Int(0)));
  channel.set_display_name(row.String(1));
  channel.set_keyword(row.String(2));
  channel.set_leave_keyword(row.String(3));
  channel.set_description(row.String(4));
  channel.set_welcome_text(row.String(5));
  channel.set_leave_text(row.String(6));
  channel.set_listed(row.Bool(7));
  *channel.mutable_create_time() = ToProto(row.Time(8));
  channel.set_etag(absl::StrCat(row.Int(9)));
  return channel;
}

v1::Channel WithSubscribers(const storage::Row& row) {
  v1::Channel channel = FromRow(row);
  channel.set_subscribers(row.Int(10));
  return channel;
}

}  // namespace

// The total's row is locked until the commit, so that two at once cannot both be the last one.
constexpr char kCountChannel[] =
    "INSERT INTO channels.totals AS t (account_id, channels) VALUES ($1, 1) "
    "ON CONFLICT (account_id) DO UPDATE SET channels = t.channels + 1 WHERE t.channels < $2";
constexpr char kInsertChannel[] =
    "INSERT INTO channels.channels (account_id, id, display_name, keyword, leave_keyword, "
    "description, welcome_text, leave_text, listed, create_time) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
absl::Status InsertChannel(storage::Transaction& tx, int64_t id, const v1::Channel& channel) {
  MO_ASSIGN_OR_RETURN(storage::Result counted,
                      tx.Query(kCountChannel, tx.account_id(), int32_t{kMaxChannels}));
  if (counted.affected() == 0) return ChannelLimit();
  return tx.Run(kInsertChannel, tx.account_id(), id, channel.display_name(), channel.keyword(),
                channel.leave_keyword(), channel.description(), channel.welcome_text(),
                channel.leave_text(), channel.listed(), FromProto(channel.create_time()));
}

constexpr char kSelectChannel[] =
    "SELECT " CHANNEL_COLUMNS
    " FROM channels.channels c WHERE c.account_id = $1 AND c.id = $2 AND c.delete_time IS NULL";
constexpr char kLockChannel[] =
    "SELECT " CHANNEL_COLUMNS
    " FROM channels.channels c WHERE c.account_id = $1 AND c.id = $2 AND c.delete_time IS NULL "
    "FOR UPDATE OF c";
absl::StatusOr<v1::Channel> SelectChannel(storage::Transaction& tx, int64_t id, bool lock) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(lock ? kLockChannel : kSelectChannel, tx.account_id(), id));
  if (rows.empty()) return ChannelNotFound();
  return WithSubscribers(rows[0]);
}

constexpr char kSelectChannels[] =
    "SELECT " CHANNEL_COLUMNS
    " FROM channels.channels c WHERE c.account_id = $1 AND c.id < $2 AND c.delete_time IS NULL "
    "ORDER BY c.id DESC LIMIT $3";
absl::StatusOr<std::vector<v1::Channel>> SelectChannels(storage::Transaction& tx, int64_t before,
                                                        int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSelectChannels, tx.account_id(), before, limit));
  std::vector<v1::Channel> channels;
  for (const storage::Row row : rows) channels.push_back(WithSubscribers(row));
  return channels;
}

// Ids are never used again and versions only grow, so no two states have the same.
constexpr char kSelectEtag[] =
    "SELECT md5(coalesce(string_agg(id || '.' || version, ',' ORDER BY id), '')) "
    "FROM channels.channels WHERE account_id = $1 AND delete_time IS NULL";
constexpr char kSelectAll[] =
    "SELECT " PLAIN_COLUMNS
    " FROM channels.channels c WHERE c.account_id = $1 AND c.delete_time IS NULL "
    "ORDER BY c.id DESC";
absl::StatusOr<AllChannels> SelectAllChannels(storage::Transaction& tx,
                                              absl::string_view known_etag) {
  AllChannels all;
  // The etag first: one that is older than the channels is only asked for once more.
  storage::Pending etag = tx.Ask(kSelectEtag, tx.account_id());
  std::optional<storage::Pending> channels;
  if (known_etag.empty()) channels = tx.Ask(kSelectAll, tx.account_id());
  MO_ASSIGN_OR_RETURN(const storage::Result etag_rows, etag.Get());
  all.etag = etag_rows[0].String(0);
  if (all.etag == known_etag) return all;
  if (!channels) channels = tx.Ask(kSelectAll, tx.account_id());
  MO_ASSIGN_OR_RETURN(const storage::Result rows, channels->Get());
  for (const storage::Row row : rows) all.channels.push_back(FromRow(row));
  return all;
}

constexpr char kSelectExisting[] =
    "SELECT id FROM channels.channels WHERE account_id = $1 AND id = ANY($2) AND delete_time IS "
    "NULL";
absl::StatusOr<std::vector<int64_t>> SelectExisting(storage::Transaction& tx,
                                                    const std::vector<int64_t>& ids) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectExisting, tx.account_id(), ids));
  std::vector<int64_t> existing;
  for (const storage::Row row : rows) existing.push_back(row.Int(0));
  return existing;
}

constexpr char kUpdateChannel[] =
    "UPDATE channels.channels SET display_name = $3, keyword = $4, leave_keyword = $5, "
    "description = $6, welcome_text = $7, leave_text = $8, listed = $9, version = version + 1 "
    "WHERE account_id = $1 AND id = $2 AND delete_time IS NULL";
absl::Status UpdateChannel(storage::Transaction& tx, const v1::Channel& channel) {
  return tx.Run(kUpdateChannel, tx.account_id(), IdOf(channel.id()), channel.display_name(),
                channel.keyword(), channel.leave_keyword(), channel.description(),
                channel.welcome_text(), channel.leave_text(), channel.listed());
}

constexpr char kMarkDeleted[] =
    "UPDATE channels.channels SET delete_time = $3 "
    "WHERE account_id = $1 AND id = $2 AND delete_time IS NULL";
constexpr char kUncountChannel[] =
    "UPDATE channels.totals SET channels = channels - 1 WHERE account_id = $1";
absl::Status MarkDeleted(storage::Transaction& tx, int64_t id, absl::Time now) {
  MO_ASSIGN_OR_RETURN(storage::Result marked, tx.Query(kMarkDeleted, tx.account_id(), id, now));
  if (marked.affected() == 0) return ChannelNotFound();
  MO_RETURN_IF_ERROR(SetKeywords(tx, id, {}));
  return tx.Run(kUncountChannel, tx.account_id());
}

constexpr char kDeleteKeywords[] =
    "DELETE FROM channels.keywords WHERE account_id = $1 AND channel_id = $2";
constexpr char kInsertKeywords[] =
    "INSERT INTO channels.keywords (account_id, form, channel_id) "
    "SELECT $1, form, $2 FROM unnest((SELECT $3::text[])) AS form";
absl::Status SetKeywords(storage::Transaction& tx, int64_t id,
                         const std::vector<std::string>& forms) {
  MO_RETURN_IF_ERROR(tx.Run(kDeleteKeywords, tx.account_id(), id));
  if (forms.empty()) return absl::OkStatus();
  return tx.Run(kInsertKeywords, tx.account_id(), id, forms);
}

constexpr char kSelectDeleted[] =
    "SELECT account_id, id FROM channels.channels WHERE delete_time IS NOT NULL "
    "ORDER BY delete_time LIMIT 1";
absl::StatusOr<DeletedChannel> SelectDeleted(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(storage::Result rows, tx.Query(kSelectDeleted));
  if (rows.empty()) return DeletedChannel();
  return DeletedChannel{rows[0].Int(0), rows[0].Int(1)};
}

// Tells the page from what was deleted: contacts may leave by themselves meanwhile.
constexpr char kSweep[] =
    "WITH page AS MATERIALIZED (SELECT contact_id FROM channels.subscriptions "
    "WHERE account_id = $1 AND channel_id = $2 ORDER BY contact_id LIMIT $3), "
    "deleted AS (DELETE FROM channels.subscriptions WHERE account_id = $1 AND channel_id = $2 "
    "AND contact_id = ANY(ARRAY(SELECT contact_id FROM page)) RETURNING contact_id) "
    "SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM deleted)";
constexpr char kDeleteCounts[] =
    "DELETE FROM channels.subscriber_counts WHERE account_id = $1 AND channel_id = $2";
constexpr char kDeleteChannel[] =
    "DELETE FROM channels.channels WHERE account_id = $1 AND id = $2 AND delete_time IS NOT NULL";
absl::StatusOr<Swept> Sweep(storage::Transaction& tx, const DeletedChannel& channel,
                            int32_t limit) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kSweep, channel.account_id, channel.id, limit));
  const Swept swept{rows[0].Int(1), rows[0].Int(0) < limit};
  if (!swept.complete) return swept;
  // Nobody can have subscribed since: Subscribe holds the channel's row against its deletion.
  MO_RETURN_IF_ERROR(tx.Run(kDeleteCounts, channel.account_id, channel.id));
  MO_RETURN_IF_ERROR(tx.Run(kDeleteChannel, channel.account_id, channel.id));
  return swept;
}

}  // namespace mo::channels
