#include "services/rules/webhook_store.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "services/rules/errors.h"

namespace mo::rules {
namespace {

#define WEBHOOK_COLUMNS \
  "w.account_id, w.webhook, w.version, w.state, w.pause_reason, w.last_sequence, w.failing_since"

v1::Webhook WebhookOf(const storage::Row& row) {
  v1::Webhook webhook;
  webhook.ParseFromString(row.String(1));
  webhook.set_etag(absl::StrCat(row.Int(2)));
  webhook.set_state(static_cast<v1::WebhookState>(row.Int(3)));
  webhook.set_pause_reason(row.String(4));
  webhook.set_last_sequence(row.Int(5));
  if (!row.IsNull(6)) *webhook.mutable_failing_since() = ToProto(row.Time(6));
  return webhook;
}

// Without what has columns of its own.
std::string StoredBytes(v1::Webhook webhook) {
  webhook.clear_etag();
  webhook.clear_state();
  webhook.clear_pause_reason();
  webhook.clear_last_sequence();
  webhook.clear_failing_since();
  return webhook.SerializeAsString();
}

// By webhook: whether an attempt succeeded, and whether it is gone.
using Summary = std::map<std::pair<int64_t, int64_t>, WebhookNews>;

Summary Summarize(const std::vector<WebhookNews>& news) {
  Summary summary;
  for (const WebhookNews& one : news) {
    WebhookNews& sum = summary.try_emplace({one.account_id, one.webhook_id}, one).first->second;
    sum.delivered |= one.delivered;
    sum.gone |= one.gone;
  }
  return summary;
}

}  // namespace

// The account's row in rule_sets is locked by nobody here: the count may be passed by one or two
// that are created at the same time, which harms nobody.
constexpr char kInsertWebhook[] =
    "INSERT INTO rules.webhooks AS w (account_id, id, webhook, state, pause_reason) SELECT $1, $2, "
    "$3, $4, $5 WHERE (SELECT count(*) FROM rules.webhooks WHERE account_id = $1) < $6";
absl::Status InsertWebhook(storage::Transaction& tx, const v1::Webhook& webhook) {
  MO_ASSIGN_OR_RETURN(
      const storage::Result inserted,
      tx.Query(kInsertWebhook, tx.account_id(), IdOf(webhook.id()),
               storage::Bytes{StoredBytes(webhook)}, static_cast<int16_t>(webhook.state()),
               webhook.pause_reason(), kMostWebhooks));
  return inserted.affected() == 0 ? TooManyWebhooks() : absl::OkStatus();
}

constexpr char kSelectWebhook[] =
    "SELECT " WEBHOOK_COLUMNS " FROM rules.webhooks w WHERE w.account_id = $1 AND w.id = $2";
constexpr char kLockWebhook[] = "SELECT " WEBHOOK_COLUMNS
                                " FROM rules.webhooks w WHERE w.account_id = $1 AND w.id = $2 FOR "
                                "UPDATE";
absl::StatusOr<v1::Webhook> SelectWebhook(storage::Transaction& tx, int64_t id, bool lock) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(lock ? kLockWebhook : kSelectWebhook, tx.account_id(), id));
  if (rows.empty()) return WebhookNotFound();
  return WebhookOf(rows[0]);
}

constexpr char kSelectWebhooks[] =
    "SELECT " WEBHOOK_COLUMNS
    " FROM rules.webhooks w WHERE w.account_id = $1 AND w.id > $2 ORDER BY w.id LIMIT $3";
absl::StatusOr<std::vector<v1::Webhook>> SelectWebhooks(storage::Transaction& tx, int64_t after,
                                                        int32_t limit) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows,
                      tx.Query(kSelectWebhooks, tx.account_id(), after, limit));
  std::vector<v1::Webhook> webhooks;
  for (const storage::Row row : rows) webhooks.push_back(WebhookOf(row));
  return webhooks;
}

constexpr char kReplaceWebhook[] =
    "UPDATE rules.webhooks SET webhook = $3, version = version + 1, state = $4, pause_reason = $5, "
    "failing_since = CASE WHEN $4 = 1 THEN NULL ELSE failing_since END WHERE account_id = $1 AND "
    "id = $2";
void ReplaceWebhook(storage::Transaction& tx, const v1::Webhook& webhook) {
  tx.Defer(kReplaceWebhook, tx.account_id(), IdOf(webhook.id()),
           storage::Bytes{StoredBytes(webhook)}, static_cast<int16_t>(webhook.state()),
           webhook.pause_reason());
}

constexpr char kDeleteWebhook[] = "DELETE FROM rules.webhooks WHERE account_id = $1 AND id = $2";
absl::Status DeleteWebhook(storage::Transaction& tx, int64_t id) {
  MO_ASSIGN_OR_RETURN(const storage::Result deleted, tx.Query(kDeleteWebhook, tx.account_id(), id));
  return deleted.affected() == 0 ? WebhookNotFound() : absl::OkStatus();
}

constexpr char kLockWebhooks[] =
    "SELECT " WEBHOOK_COLUMNS
    " FROM rules.webhooks w WHERE w.account_id = ANY($1) ORDER BY w.account_id, w.id FOR UPDATE";
absl::StatusOr<std::vector<OwnedWebhook>> LockWebhooks(storage::Transaction& tx,
                                                       const std::vector<int64_t>& accounts) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kLockWebhooks, accounts));
  std::vector<OwnedWebhook> webhooks;
  for (const storage::Row row : rows) webhooks.push_back({row.Int(0), WebhookOf(row)});
  return webhooks;
}

constexpr char kRaiseSequence[] =
    "UPDATE rules.webhooks SET last_sequence = $3 WHERE account_id = $1 AND id = $2";
void RaiseSequence(storage::Transaction& tx, int64_t account_id, int64_t id,
                   int64_t last_sequence) {
  tx.Defer(kRaiseSequence, account_id, id, last_sequence);
}

constexpr char kSelectAccounts[] = "SELECT DISTINCT account_id FROM rules.webhooks";
absl::StatusOr<std::vector<int64_t>> SelectWebhookAccounts(storage::Transaction& tx) {
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectAccounts));
  std::vector<int64_t> accounts;
  for (const storage::Row row : rows) accounts.push_back(row.Int(0));
  return accounts;
}

constexpr char kSelectUrls[] =
    "SELECT " WEBHOOK_COLUMNS
    ", w.id FROM rules.webhooks w JOIN unnest((SELECT $1::bigint[]), "
    "(SELECT $2::bigint[])) AS n (account_id, id) ON w.account_id = n.account_id AND w.id = n.id";
absl::Status AddressDeliveries(storage::Transaction& tx, std::vector<Forward>& forwards) {
  std::map<std::pair<int64_t, int64_t>, std::string> urls;
  for (const Forward& forward : forwards) {
    if (forward.webhook_id != 0) urls[{forward.account_id, forward.webhook_id}];
  }
  if (urls.empty()) return absl::OkStatus();
  std::vector<int64_t> accounts, ids;
  for (const auto& [key, url] : urls) {
    accounts.push_back(key.first);
    ids.push_back(key.second);
  }
  MO_ASSIGN_OR_RETURN(const storage::Result rows, tx.Query(kSelectUrls, accounts, ids));
  for (const storage::Row row : rows) urls[{row.Int(0), row.Int(7)}] = WebhookOf(row).url();
  for (Forward& forward : forwards) {
    if (forward.webhook_id == 0) continue;
    forward.request.mutable_http()->set_url(urls[{forward.account_id, forward.webhook_id}]);
  }
  return absl::OkStatus();
}

constexpr char kNoteWorking[] =
    "UPDATE rules.webhooks SET failing_since = NULL WHERE account_id = $1 AND id = $2 AND "
    "failing_since IS NOT NULL";
constexpr char kNoteFailing[] =
    "UPDATE rules.webhooks SET failing_since = $3 WHERE account_id = $1 AND id = $2 AND state = 1 "
    "AND failing_since IS NULL";
constexpr char kPause[] =
    "UPDATE rules.webhooks SET state = 2, pause_reason = CASE WHEN $3 THEN 'GONE' ELSE 'FAILING' "
    "END WHERE account_id = $1 AND id = $2 AND state = 1 AND ($3 OR failing_since <= $4) RETURNING "
    "pause_reason";
absl::Status NoteDeliveries(storage::Transaction& tx, events::Outbox& outbox,
                            const std::vector<WebhookNews>& news, absl::Time now,
                            absl::Duration pause_after) {
  for (const auto& [key, sum] : Summarize(news)) {
    if (sum.delivered) {
      tx.Defer(kNoteWorking, sum.account_id, sum.webhook_id);
      continue;
    }
    tx.Defer(kNoteFailing, sum.account_id, sum.webhook_id, now);
    MO_ASSIGN_OR_RETURN(
        const storage::Result paused,
        tx.Query(kPause, sum.account_id, sum.webhook_id, sum.gone, now - pause_after));
    if (paused.empty()) continue;
    v1::WebhookPaused event;
    event.set_webhook_id(FormatId("whk", sum.webhook_id));
    event.set_pause_reason(paused[0].String(0));
    MO_RETURN_IF_ERROR(
        outbox.Append(tx, sum.account_id, absl::StrCat("account/", sum.account_id), event));
  }
  return absl::OkStatus();
}

}  // namespace mo::rules
