#include "services/channels/subscription_store.h"

#include "libs/runtime/clock.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/channels/errors.h"

namespace mo::channels {
namespace {

constexpr int64_t kShards = 16;

// The counts stay exact because they change with their subscription, in one transaction. A channel
// that thousands join at once would then do one commit at a time, if there were one row to count
// in; with a row per shard of contacts there are 16 at a time, and the commits share their fsyncs.
// Last in the transaction, so that the row is locked for a moment only.
constexpr char kCount[] =
    "INSERT INTO channels.subscriber_counts AS c (account_id, channel_id, shard, subscribers) "
    "SELECT $1, channel_id, $3, $4 FROM unnest((SELECT $2::bigint[])) AS channel_id ORDER BY "
    "channel_id "
    "ON CONFLICT (account_id, channel_id, shard) "
    "DO UPDATE SET subscribers = c.subscribers + excluded.subscribers";
void Count(storage::Transaction& tx, const std::vector<int64_t>& channels, int64_t contact,
           int64_t change) {
  tx.Defer(kCount, tx.account_id(), channels, static_cast<int16_t>(contact % kShards), change);
}

v1::Subscription Make(int64_t channel_id, int64_t contact_id, absl::Time create_time) {
  v1::Subscription subscription;
  subscription.set_channel_id(FormatId("chn", channel_id));
  subscription.set_contact_id(FormatId("con", contact_id));
  *subscription.mutable_create_time() = ToProto(create_time);
  return subscription;
}

}  // namespace

// Shared: subscribers do not wait for one another, the channel's deletion waits for them.
constexpr char kInsertSubscription[] =
    "WITH held AS (SELECT account_id, id FROM channels.channels "
    "WHERE account_id = $1 AND id = $2 AND delete_time IS NULL FOR SHARE), "
    "inserted AS (INSERT INTO channels.subscriptions (account_id, channel_id, contact_id, "
    "create_time) SELECT account_id, id, $3, $4 FROM held ON CONFLICT DO NOTHING RETURNING 1) "
    "SELECT EXISTS (SELECT 1 FROM held), EXISTS (SELECT 1 FROM inserted)";
// By itself: what another transaction has inserted meanwhile, the statement above does not see.
constexpr char kSelectSubscription[] =
    "SELECT create_time FROM channels.subscriptions "
    "WHERE account_id = $1 AND channel_id = $2 AND contact_id = $3";
absl::StatusOr<Subscribed> InsertSubscription(storage::Transaction& tx, int64_t channel_id,
                                              int64_t contact_id, absl::Time now) {
  storage::Pending insert =
      tx.Ask(kInsertSubscription, tx.account_id(), channel_id, contact_id, now);
  storage::Pending select = tx.Ask(kSelectSubscription, tx.account_id(), channel_id, contact_id);
  MO_ASSIGN_OR_RETURN(const storage::Result done, insert.Get());
  if (!done[0].Bool(0)) return ChannelNotFound();
  if (done[0].Bool(1)) {
    Count(tx, {channel_id}, contact_id, 1);
    return Subscribed{Make(channel_id, contact_id, now), true};
  }
  MO_ASSIGN_OR_RETURN(const storage::Result rows, select.Get());
  // Deleted between the two statements: as good as subscribed just before that.
  return Subscribed{Make(channel_id, contact_id, rows.empty() ? now : rows[0].Time(0)), false};
}

constexpr char kChannelExists[] =
    "SELECT 1 FROM channels.channels WHERE account_id = $1 AND id = $2 AND delete_time IS NULL";
constexpr char kDeleteSubscription[] =
    "DELETE FROM channels.subscriptions "
    "WHERE account_id = $1 AND channel_id = $2 AND contact_id = $3";
absl::StatusOr<bool> DeleteSubscription(storage::Transaction& tx, int64_t channel_id,
                                        int64_t contact_id) {
  storage::Pending channel = tx.Ask(kChannelExists, tx.account_id(), channel_id);
  storage::Pending erase = tx.Ask(kDeleteSubscription, tx.account_id(), channel_id, contact_id);
  MO_ASSIGN_OR_RETURN(const storage::Result channels, channel.Get());
  if (channels.empty()) return ChannelNotFound();
  MO_ASSIGN_OR_RETURN(const storage::Result deleted, erase.Get());
  if (deleted.affected() == 0) return false;
  Count(tx, {channel_id}, contact_id, -1);
  return true;
}

constexpr char kDeleteSubscriptions[] =
    "DELETE FROM channels.subscriptions WHERE account_id = $1 AND contact_id = $2 "
    "RETURNING channel_id";
absl::StatusOr<std::vector<int64_t>> DeleteSubscriptions(storage::Transaction& tx,
                                                         int64_t contact_id) {
  MO_ASSIGN_OR_RETURN(storage::Result rows,
                      tx.Query(kDeleteSubscriptions, tx.account_id(), contact_id));
  std::vector<int64_t> channels;
  for (const storage::Row row : rows) channels.push_back(row.Int(0));
  if (!channels.empty()) Count(tx, channels, contact_id, -1);
  return channels;
}

constexpr char kSelectChannelsOf[] =
    "SELECT contact_id, channel_id FROM channels.subscriptions WHERE account_id = $1 "
    "AND contact_id = ANY($2) AND channel_id = ANY($3) ORDER BY contact_id";
absl::StatusOr<v1::FindSubscriptionsResponse> SelectChannelsOf(
    storage::Transaction& tx, const v1::FindSubscriptionsRequest& asked) {
  const std::vector<int64_t> contacts(asked.contact_ids().begin(), asked.contact_ids().end());
  const std::vector<int64_t> channels(asked.channel_ids().begin(), asked.channel_ids().end());
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectChannelsOf, tx.account_id(), contacts, channels));
  v1::FindSubscriptionsResponse found;
  for (const storage::Row row : rows) {
    const int count = found.contacts_size();
    v1::ContactChannels* contact = count == 0 ? nullptr : found.mutable_contacts(count - 1);
    if (contact == nullptr || contact->contact_id() != row.Int(0)) {
      contact = found.add_contacts();
      contact->set_contact_id(row.Int(0));
    }
    contact->add_channel_ids(row.Int(1));
  }
  return found;
}

constexpr char kSelectSubscriptions[] =
    "SELECT contact_id, create_time FROM channels.subscriptions "
    "WHERE account_id = $1 AND channel_id = $2 AND contact_id > $3 ORDER BY contact_id LIMIT $4";
absl::StatusOr<std::vector<v1::Subscription>> SelectSubscriptions(storage::Transaction& tx,
                                                                  int64_t channel_id, int64_t after,
                                                                  int32_t limit) {
  storage::Pending channel = tx.Ask(kChannelExists, tx.account_id(), channel_id);
  storage::Pending page = tx.Ask(kSelectSubscriptions, tx.account_id(), channel_id, after, limit);
  MO_ASSIGN_OR_RETURN(const storage::Result channels, channel.Get());
  if (channels.empty()) return ChannelNotFound();
  MO_ASSIGN_OR_RETURN(const storage::Result rows, page.Get());
  std::vector<v1::Subscription> subscriptions;
  for (const storage::Row row : rows) {
    subscriptions.push_back(Make(channel_id, row.Int(0), row.Time(1)));
  }
  return subscriptions;
}

}  // namespace mo::channels
