// What accounts do with their webhooks.
#pragma once

#include "absl/status/statusor.h"
#include "libs/runtime/app.h"
#include "libs/storage/database.h"
#include "messageorganizer/rules/v1/webhooks.pb.h"
#include "services/rules/signing.h"
#include "services/rules/webhook_events.h"

namespace mo::rules {

// What the service does; forward_service.cc only maps RPCs to it.
class Webhooks {
 public:
  Webhooks(App& app, storage::Database& database, SigningSecrets& secrets, WebhookEvents& events,
           ForwardQueue& queue)
      : app_(app), database_(database), secrets_(secrets), events_(events), queue_(queue) {}

  absl::StatusOr<v1::CreateWebhookResponse> Create(const Caller& caller,
                                                   const v1::CreateWebhookRequest& request);
  absl::StatusOr<v1::Webhook> Get(const Caller& caller, const v1::GetWebhookRequest& request);
  absl::StatusOr<v1::ListWebhooksResponse> List(const Caller& caller,
                                                const v1::ListWebhooksRequest& request);
  absl::StatusOr<v1::Webhook> Update(const Caller& caller, const v1::UpdateWebhookRequest& request);
  absl::StatusOr<google::protobuf::Empty> Delete(const Caller& caller,
                                                 const v1::DeleteWebhookRequest& request);
  absl::StatusOr<v1::RotateWebhookSecretResponse> Rotate(
      const Caller& caller, const v1::RotateWebhookSecretRequest& request);
  absl::StatusOr<v1::ReplayWebhookResponse> Replay(const Caller& caller,
                                                   const v1::ReplayWebhookRequest& request);
  absl::StatusOr<v1::ListDeliveriesResponse> ListDeliveries(
      const Caller& caller, const v1::ListDeliveriesRequest& request);

 private:
  App& app_;
  storage::Database& database_;
  SigningSecrets& secrets_;
  WebhookEvents& events_;
  ForwardQueue& queue_;
};

}  // namespace mo::rules
