// The table of subscriptions, and the counts that go with it.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/storage/transaction.h"
#include "messageorganizer/channels/v1/channels.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;

// What InsertSubscription found.
struct Subscribed {
  v1::Subscription subscription;
  bool created = false;  // false: it was there already
};

// Subscribes the contact, or finds it subscribed. CHANNEL_NOT_FOUND.
absl::StatusOr<Subscribed> InsertSubscription(storage::Transaction& tx, int64_t channel_id,
                                              int64_t contact_id, absl::Time now);
// Whether there was one to delete. CHANNEL_NOT_FOUND.
absl::StatusOr<bool> DeleteSubscription(storage::Transaction& tx, int64_t channel_id,
                                        int64_t contact_id);
// Deletes all of a contact's subscriptions and returns their channels.
absl::StatusOr<std::vector<int64_t>> DeleteSubscriptions(storage::Transaction& tx,
                                                         int64_t contact_id);
// Which of the channels each of the contacts is subscribed to; those that are in none are left out.
absl::StatusOr<v1::FindSubscriptionsResponse> SelectChannelsOf(
    storage::Transaction& tx, const v1::FindSubscriptionsRequest& asked);
// A channel's subscriptions of contacts above `after`, by contact. CHANNEL_NOT_FOUND.
absl::StatusOr<std::vector<v1::Subscription>> SelectSubscriptions(storage::Transaction& tx,
                                                                  int64_t channel_id, int64_t after,
                                                                  int32_t limit);

}  // namespace mo::channels
