#include "services/rules/webhooks.h"

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "libs/runtime/errors.h"
#include "libs/runtime/field_mask.h"
#include "libs/runtime/ids.h"
#include "libs/runtime/status.h"
#include "libs/storage/page.h"
#include "services/rules/errors.h"

namespace mo::rules {
namespace {

constexpr int32_t kReplayed = 10000;
constexpr int32_t kDeleted = 1000;
constexpr int64_t kLast = std::numeric_limits<int64_t>::max();

absl::Status Check(const v1::Webhook& webhook) {
  Problems problems;
  if (webhook.url().empty()) {
    problems.Add("webhook.url", "REQUIRED", "must not be empty");
  } else if (const std::string bad = http::BadUrl(webhook.url(), ForwardPolicy()); !bad.empty()) {
    problems.Add("webhook.url", "NOT_ALLOWED", bad);
  }
  if (webhook.event_types().empty())
    problems.Add("webhook.event_types", "REQUIRED", "must not be empty");
  for (int i = 0; i < webhook.event_types_size(); ++i) {
    if (!IsEventFilter(webhook.event_types(i)))
      problems.Add(absl::StrCat("webhook.event_types[", i, "]"), "UNKNOWN_VALUE",
                   "is neither an event nor a kind of them (\"message.*\") nor \"*\"");
  }
  return problems.ToStatus();
}

}  // namespace

absl::StatusOr<v1::CreateWebhookResponse> Webhooks::Create(
    const Caller& caller, const v1::CreateWebhookRequest& request) {
  MO_RETURN_IF_ERROR(Check(request.webhook()));
  v1::Webhook webhook = request.webhook();
  webhook.set_id(FormatId("whk", app_.ids().Next()));
  if (webhook.state() == v1::WEBHOOK_STATE_UNSPECIFIED)
    webhook.set_state(v1::WEBHOOK_STATE_ENABLED);
  webhook.set_pause_reason(webhook.state() == v1::WEBHOOK_STATE_PAUSED ? "USER" : "");
  *webhook.mutable_create_time() = ToProto(app_.clock().Now());
  *webhook.mutable_update_time() = webhook.create_time();
  webhook.set_etag("1");
  std::string secret;
  // The answer that is kept for a repeated request has no secret in it.
  MO_ASSIGN_OR_RETURN(
      v1::CreateWebhookResponse created,
      database_.Once<v1::CreateWebhookResponse>(
          caller, request,
          [&](storage::Transaction& tx) -> absl::StatusOr<v1::CreateWebhookResponse> {
            MO_RETURN_IF_ERROR(InsertWebhook(tx, webhook));
            MO_ASSIGN_OR_RETURN(secret, secrets_.Rotate(tx, IdOf(webhook.id())));
            v1::CreateWebhookResponse response;
            *response.mutable_webhook() = webhook;
            return response;
          }));
  events_.Watch(caller.account_id);
  if (created.webhook().id() == webhook.id()) created.set_secret(ShownSecret(secret));
  return created;
}

absl::StatusOr<v1::Webhook> Webhooks::Get(const Caller& caller,
                                          const v1::GetWebhookRequest& request) {
  return database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
    return SelectWebhook(tx, IdOf(request.id()));
  });
}

absl::StatusOr<v1::ListWebhooksResponse> Webhooks::List(const Caller& caller,
                                                        const v1::ListWebhooksRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t after, storage::PageKey(request.page_token(), 0));
  MO_ASSIGN_OR_RETURN(std::vector<v1::Webhook> webhooks,
                      database_.ReadAs(caller.account_id, [&](storage::Transaction& tx) {
                        return SelectWebhooks(tx, after, size + 1);
                      }));
  v1::ListWebhooksResponse response;
  if (webhooks.size() > static_cast<size_t>(size)) {
    webhooks.pop_back();
    response.set_next_page_token(storage::PageToken(IdOf(webhooks.back().id())));
  }
  for (v1::Webhook& webhook : webhooks) *response.add_webhooks() = std::move(webhook);
  return response;
}

absl::StatusOr<v1::Webhook> Webhooks::Update(const Caller& caller,
                                             const v1::UpdateWebhookRequest& request) {
  MO_ASSIGN_OR_RETURN(const std::set<std::string> fields,
                      FieldsToUpdate(request.webhook(), request.update_mask(),
                                     {"display_name", "url", "event_types", "state"}));
  if (request.webhook().id().empty())
    return InvalidField("webhook.id", "REQUIRED", "must not be empty");
  absl::StatusOr<v1::Webhook> updated = database_.Once<v1::Webhook>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::Webhook> {
        const int64_t id = IdOf(request.webhook().id());
        MO_ASSIGN_OR_RETURN(v1::Webhook webhook, SelectWebhook(tx, id, /*lock=*/true));
        MO_RETURN_IF_ERROR(CheckEtag(request.webhook().etag(), webhook.etag()));
        CopyFields(request.webhook(), fields, webhook);
        MO_RETURN_IF_ERROR(Check(webhook));
        if (webhook.state() == v1::WEBHOOK_STATE_UNSPECIFIED)
          return InvalidField("webhook.state", "REQUIRED", "must be set");
        if (webhook.state() == v1::WEBHOOK_STATE_ENABLED) {
          webhook.clear_pause_reason();
          webhook.clear_failing_since();
        } else if (webhook.pause_reason().empty()) {
          webhook.set_pause_reason("USER");
        }
        *webhook.mutable_update_time() = ToProto(app_.clock().Now());
        ReplaceWebhook(tx, webhook);
        return SelectWebhook(tx, id);
      });
  queue_.Kick();
  return updated;
}

absl::StatusOr<google::protobuf::Empty> Webhooks::Delete(const Caller& caller,
                                                         const v1::DeleteWebhookRequest& request) {
  const int64_t id = IdOf(request.id());
  MO_RETURN_IF_ERROR(
      database_
          .Once<google::protobuf::Empty>(
              caller, request,
              [&](storage::Transaction& tx) -> absl::StatusOr<google::protobuf::Empty> {
                MO_RETURN_IF_ERROR(DeleteWebhook(tx, id));
                secrets_.Delete(tx, id);
                return google::protobuf::Empty();
              })
          .status());
  // What is left if this process dies here is given up when it is due.
  for (int64_t deleted = kDeleted; deleted == kDeleted;) {
    MO_ASSIGN_OR_RETURN(deleted, database_.As(caller.account_id, [&](storage::Transaction& tx) {
      return DeleteDeliveries(tx, id, kDeleted);
    }));
  }
  return google::protobuf::Empty();
}

absl::StatusOr<v1::RotateWebhookSecretResponse> Webhooks::Rotate(
    const Caller& caller, const v1::RotateWebhookSecretRequest& request) {
  // Not Once(): its kept answer would hold the secret. One more rotation harms nobody.
  MO_ASSIGN_OR_RETURN(
      const std::string secret,
      database_.As(caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<std::string> {
        MO_RETURN_IF_ERROR(SelectWebhook(tx, IdOf(request.id()), /*lock=*/true).status());
        return secrets_.Rotate(tx, IdOf(request.id()));
      }));
  v1::RotateWebhookSecretResponse response;
  response.set_secret(ShownSecret(secret));
  return response;
}

absl::StatusOr<v1::ReplayWebhookResponse> Webhooks::Replay(
    const Caller& caller, const v1::ReplayWebhookRequest& request) {
  const int64_t to = request.to_sequence() == 0 ? kLast : request.to_sequence();
  if (to < request.from_sequence())
    return InvalidField("to_sequence", "OUT_OF_RANGE", "must not be below from_sequence");
  const absl::Time now = app_.clock().Now();
  absl::StatusOr<v1::ReplayWebhookResponse> replayed = database_.Once<v1::ReplayWebhookResponse>(
      caller, request, [&](storage::Transaction& tx) -> absl::StatusOr<v1::ReplayWebhookResponse> {
        MO_RETURN_IF_ERROR(SelectWebhook(tx, IdOf(request.id())).status());
        MO_ASSIGN_OR_RETURN(const Replayed again,
                            ReplayDeliveries(tx, IdOf(request.id()), request.from_sequence(), to,
                                             now, now + kKeepDeliveries, kReplayed));
        v1::ReplayWebhookResponse response;
        response.set_count(again.count);
        if (again.count == kReplayed) response.set_next_sequence(again.last_sequence + 1);
        return response;
      });
  queue_.Kick();
  return replayed;
}

absl::StatusOr<v1::ListDeliveriesResponse> Webhooks::ListDeliveries(
    const Caller& caller, const v1::ListDeliveriesRequest& request) {
  const int32_t size = storage::PageSize(request.page_size());
  MO_ASSIGN_OR_RETURN(const int64_t before, storage::PageKey(request.page_token(), kLast));
  MO_ASSIGN_OR_RETURN(
      std::vector<Forward> deliveries,
      database_.As(
          caller.account_id, [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<Forward>> {
            MO_RETURN_IF_ERROR(SelectWebhook(tx, IdOf(request.id())).status());
            return SelectDeliveries(tx, IdOf(request.id()), request.state(), before, size + 1);
          }));
  v1::ListDeliveriesResponse response;
  if (deliveries.size() > static_cast<size_t>(size)) {
    deliveries.pop_back();
    response.set_next_page_token(storage::PageToken(deliveries.back().sequence));
  }
  for (const Forward& delivery : deliveries) *response.add_deliveries() = ShownForward(delivery);
  return response;
}

}  // namespace mo::rules
