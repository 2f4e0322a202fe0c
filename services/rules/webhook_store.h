// The table of webhooks.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/events/events.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/rules/v1/webhooks.pb.h"
#include "services/rules/forward_store.h"

namespace mo::rules {

// An account has no more webhooks.
constexpr int64_t kMostWebhooks = 20;

// TOO_MANY_WEBHOOKS when the account has as many as it may have.
absl::Status InsertWebhook(storage::Transaction& tx, const v1::Webhook& webhook);
// WEBHOOK_NOT_FOUND when there is none. With its etag.
absl::StatusOr<v1::Webhook> SelectWebhook(storage::Transaction& tx, int64_t id, bool lock = false);
// Oldest first, behind an id. In one round trip.
absl::StatusOr<std::vector<v1::Webhook>> SelectWebhooks(storage::Transaction& tx, int64_t after,
                                                        int32_t limit);
// Replaces a webhook that was selected in this transaction; one that is enabled is not failing.
void ReplaceWebhook(storage::Transaction& tx, const v1::Webhook& webhook);
// WEBHOOK_NOT_FOUND when it is not there.
absl::Status DeleteWebhook(storage::Transaction& tx, int64_t id);

// A webhook and whose it is.
struct OwnedWebhook {
  int64_t account_id = 0;
  v1::Webhook webhook;
};
// All webhooks of the accounts, locked, as the system.
absl::StatusOr<std::vector<OwnedWebhook>> LockWebhooks(storage::Transaction& tx,
                                                       const std::vector<int64_t>& accounts);
// Raises last_sequence of a locked webhook.
void RaiseSequence(storage::Transaction& tx, int64_t account_id, int64_t id, int64_t last_sequence);
// The accounts that have webhooks, as the system.
absl::StatusOr<std::vector<int64_t>> SelectWebhookAccounts(storage::Transaction& tx);

// Gives the deliveries among the forwards the URLs that their webhooks have now. As the system.
absl::Status AddressDeliveries(storage::Transaction& tx, std::vector<Forward>& forwards);

// What came of an attempt at a webhook.
struct WebhookNews {
  int64_t account_id = 0;
  int64_t webhook_id = 0;
  bool delivered = false;
  bool gone = false;  // it has answered 410
};
// Notes since when webhooks are failing; pauses those that are gone or have been failing for
// pause_after, with an event. As the system.
absl::Status NoteDeliveries(storage::Transaction& tx, events::Outbox& outbox,
                            const std::vector<WebhookNews>& news, absl::Time now,
                            absl::Duration pause_after);

}  // namespace mo::rules
