// Which contacts are in which channels.
#pragma once

#include "google/protobuf/empty.pb.h"
#include "libs/events/events.h"
#include "libs/runtime/app.h"
#include "libs/runtime/client.h"
#include "libs/storage/database.h"
#include "messageorganizer/channels/v1/channels.pb.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"

namespace mo::channels {

namespace v1 = messageorganizer::channels::v1;
namespace contacts_v1 = messageorganizer::contacts::v1;

// Subscribes contacts and ends their subscriptions; each change leaves as an event.
class Subscriptions {
 public:
  Subscriptions(App& app, storage::Database& database, events::Outbox& outbox)
      : app_(app), database_(database), outbox_(outbox), contacts_(app) {}

  // CONTACT_NOT_FOUND, CHANNEL_NOT_FOUND.
  absl::StatusOr<v1::Subscription> Subscribe(const Caller& caller,
                                             const v1::SubscribeRequest& request);
  // Idempotent; CHANNEL_NOT_FOUND, CONTACT_NOT_FOUND when there is no such contact to unsubscribe.
  absl::StatusOr<google::protobuf::Empty> Unsubscribe(const Caller& caller,
                                                      const v1::UnsubscribeRequest& request);
  absl::StatusOr<google::protobuf::Empty> UnsubscribeAll(const Caller& caller,
                                                         const v1::UnsubscribeAllRequest& request);
  absl::StatusOr<v1::FindSubscriptionsResponse> Find(const Caller& caller,
                                                     const v1::FindSubscriptionsRequest& request);
  absl::StatusOr<v1::ListSubscriptionsResponse> List(const Caller& caller,
                                                     const v1::ListSubscriptionsRequest& request);

 private:
  // OK, or CONTACT_NOT_FOUND; what contacts fails with.
  absl::Status Known(const Caller& caller, const std::string& contact_id);
  absl::Status PublishDeleted(storage::Transaction& tx, const Caller& caller,
                              const std::string& channel_id, const std::string& contact_id);

  App& app_;
  storage::Database& database_;
  events::Outbox& outbox_;
  Client<contacts_v1::ContactService> contacts_;
};

}  // namespace mo::channels
