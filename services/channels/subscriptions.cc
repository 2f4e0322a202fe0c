#include "services/channels/subscriptions.h"

#include "absl/strings/match.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "messageorganizer/channels/v1/events.pb.h"
#include "services/channels/subscription_store.h"

namespace mo::channels {

absl::Status Subscriptions::Known(const Caller& caller, const std::string& contact_id) {
  // A service that acts by itself does so for a contact that it has seen: rules has its message.
  if (absl::StartsWith(caller.actor, "svc:")) return absl::OkStatus();
  contacts_v1::GetContactRequest request;
  request.set_id(contact_id);
  return WithField(
      contacts_.Call(&contacts_v1::ContactService::Stub::GetContact, caller.WithKey(""), request)
          .status(),
      "contact_id");
}

absl::StatusOr<v1::Subscription> Subscriptions::Subscribe(const Caller& caller,
                                                          const v1::SubscribeRequest& request) {
  // Judged inside Once: what was accepted under an idempotency key stays so.
  const absl::Status known = Known(caller, request.contact_id());
  return database_.Once<v1::Subscription>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Subscription> {
        MO_RETURN_IF_ERROR(known);
        MO_ASSIGN_OR_RETURN(Subscribed subscribed,
                            InsertSubscription(tx, IdOf(request.channel_id()),
                                               IdOf(request.contact_id()), app_.clock().Now()));
        if (subscribed.created) {
          v1::SubscriptionCreated event;
          *event.mutable_subscription() = subscribed.subscription;
          MO_RETURN_IF_ERROR(outbox_.Append(tx, caller.account_id, request.contact_id(), event,
                                            caller.request_id));
        }
        return subscribed.subscription;
      });
}

absl::Status Subscriptions::PublishDeleted(storage::Transaction& tx, const Caller& caller,
                                           const std::string& channel_id,
                                           const std::string& contact_id) {
  v1::SubscriptionDeleted event;
  event.set_channel_id(channel_id);
  event.set_contact_id(contact_id);
  return outbox_.Append(tx, caller.account_id, contact_id, event, caller.request_id);
}

absl::StatusOr<google::protobuf::Empty> Subscriptions::Unsubscribe(
    const Caller& caller, const v1::UnsubscribeRequest& request) {
  const absl::Status known = Known(caller, request.contact_id());
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_ASSIGN_OR_RETURN(const bool deleted, DeleteSubscription(tx, IdOf(request.channel_id()),
                                                                   IdOf(request.contact_id())));
        // What there was to end has ended, whatever contacts says.
        MO_RETURN_IF_ERROR(
            deleted ? PublishDeleted(tx, caller, request.channel_id(), request.contact_id())
                    : known);
        return google::protobuf::Empty();
      });
}

absl::StatusOr<google::protobuf::Empty> Subscriptions::UnsubscribeAll(
    const Caller& caller, const v1::UnsubscribeAllRequest& request) {
  return database_.Once<google::protobuf::Empty>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
        MO_ASSIGN_OR_RETURN(const std::vector<int64_t> channels,
                            DeleteSubscriptions(tx, IdOf(request.contact_id())));
        for (int64_t channel : channels) {
          MO_RETURN_IF_ERROR(
              PublishDeleted(tx, caller, FormatId("chn", channel), request.contact_id()));
        }
        return google::protobuf::Empty();
      });
}

absl::StatusOr<v1::FindSubscriptionsResponse> Subscriptions::Find(
    const Caller& caller, const v1::FindSubscriptionsRequest& request) {
  return database_.ReadAs(caller.account_id,
                          [&](storage::Transaction& tx) { return SelectChannelsOf(tx, request); });
}

absl::StatusOr<v1::ListSubscriptionsResponse> Subscriptions::List(
    const Caller& caller, const v1::ListSubscriptionsRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t after, storage::PageKey(request.page_token(), 0));
  const int64_t channel_id = IdOf(request.channel_id());
  MO_ASSIGN_OR_RETURN(std::vector<v1::Subscription> subscriptions,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectSubscriptions(tx, channel_id, after, size + 1);
                      }));
  v1::ListSubscriptionsResponse response;
  if (subscriptions.size() > static_cast<size_t>(size)) {
    subscriptions.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(subscriptions.back().contact_id())));
  }
  for (v1::Subscription& subscription : subscriptions) {
    *response.add_subscriptions() = std::move(subscription);
  }
  return response;
}

}  // namespace mo::channels
